"""Networks by name: what a method's field `network` may say."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

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


class AtOnce(eqx.Module):
    """A denoiser that is shown all of its context in one row.

    For chunks that begin now, or are no window's: a network may let an action see no observation that comes later in the window
    (the transformer's masks do), and to such a chunk's first action the present one would be later.
    """

    network: Any

    @classmethod
    def create(
        cls, name: str, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 0, depth: int = 0, *, times: int = 1
    ) -> "AtOnce":
        """As `create_denoiser`."""
        return cls(create_denoiser(name, chunk, (1, context[0] * context[1]), key, width, depth, times=times))

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        return self.network(chunk, times, context.reshape(1, -1))
