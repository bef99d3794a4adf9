"""Memory-consistent outputs: what a network says, held near what was done at the nearest memory (MCNN, Sridhar et al. 2023).

    f(x) = a_m e + L (1 - e) sigma(g(x)),    e = exp(-decay d),    d = |x - m|,   (m, a_m) the memory nearest to x

sigma clips to [-1, 1]. So f(m) = a_m at every memory, and for each entry |f(x) - a_m| <= (1 - e) (L + |a_m|), whatever g is.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.generator import Generator
from agir.generators.nearest import Memories
from agir.objectives.masked import cleared


class Consistent(Generator):
    """`network(context, all of it in one vector) -> horizon * size numbers`. The memories are not trained: put in for each use."""

    network: Any
    memories: Memories | None = None
    decay: Any = 10.0
    reach: Any = 1.0  # L
    leak: Any = 0.0  # the slope of sigma outside of [-1, 1]: a little of it in early training lets gradients through

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The squared error of each step, the mean over its entries."""
        return ((self.sample(context, key) - cleared(chunk, mask)) ** 2).reshape(len(mask), -1).mean(1)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        distance, places = self.memories.nearest(context.ravel())
        memory = self.memories.chunk(places[0])
        held = jnp.exp(-self.decay * distance[0])
        said = self.network(context.ravel()).reshape(memory.shape)
        inside = jnp.clip(said, -1.0, 1.0)
        return held * memory + self.reach * (1 - held) * (inside + self.leak * (said - inside))


def bound(memory: Float[Array, "horizon *shape"], distance: Any, decay: Any, reach: Any) -> Float[Array, "horizon *shape"]:
    """How far from the memory's chunk the output can be, at most, at this distance from it."""
    return (1 - jnp.exp(-decay * distance)) * (reach + jnp.abs(memory))
