"""The head over chunks for a space of actions."""

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Dict, Space
from agir.generators.chunks import ChunkHead, Product, Steps
from agir.generators.gaussian import Gaussian, Regression
from agir.generators.heads import head_of
from agir.generators.mixture import Mixture

KINDS = ("mse", "gaussian", "mixture")


def chunk_head(space: Space, kind: str, horizon: int, modes: int = 5) -> ChunkHead:
    """Numbers by `kind` ("mse", "gaussian" or "mixture"), choices always by their probabilities, a Dict part by part.

    Means of a mixture are squashed where the space is [-1, 1]. Raises BadSetting on an unknown kind, BadSpec on images.
    """
    if kind not in KINDS:
        raise BadSetting(f"A head is one of {', '.join(KINDS)}, not '{kind}'.")
    if isinstance(space, Dict):
        return Product({name: chunk_head(part, kind, horizon, modes) for name, part in space.parts})
    if not isinstance(space, Box) or space.image:
        return Steps(head_of(space), horizon)
    if kind == "mixture":
        return Mixture(horizon, space.shape, modes, squash=(space.low, space.high) == (-1.0, 1.0))
    return (Regression if kind == "mse" else Gaussian)(horizon, space.shape)
