"""Networks by name: what a method's field `network` may say."""

from typing import Any

from agir.core import registry
from agir.core.errors import BadSetting
from agir.core.names import NETWORKS
from agir.core.spaces import Key


def create_denoiser(
    name: str, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 0, depth: int = 0, *, times: int = 1
) -> Any:
    """-> `network(chunk [horizon, size], times [times], context [history, features]) -> [horizon, size]`.

    `chunk` is (horizon, size), `context` (history, features); `times` are how many step numbers it is told (one for diffusion);
    a `width` or `depth` of 0 is the network's own.
    Raises UnknownName on an unknown name, BadSetting on a network of another role.
    """
    network = registry.find("network", name)
    if getattr(network, "role", None) != "denoiser":
        known = [other for other in NETWORKS if registry.find("network", other).role == "denoiser"]
        raise BadSetting(f"The network '{name}' cannot denoise a chunk of actions. Those that can: {', '.join(known)}.")
    sizes = {name: value for name, value in (("width", width), ("depth", depth)) if value}
    return network.create(chunk, context, key, times=times, **sizes)
