"""What the generators share that turn a chunk of noise into a chunk of actions."""

import math
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.generator import Generator
from agir.objectives.masked import cleared


class FromNoise(Generator):
    """`network(x [horizon, size], times, context) -> [horizon, size]`; inside, a chunk is [horizon, size]."""

    network: Any
    horizon: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)  # of one action

    def flat(self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"]) -> Float[Array, "horizon size"]:
        """To the network, padding is zeros (and noise around them)."""
        return cleared(chunk, mask).reshape(self.horizon, -1)

    def noise(self, key: Key) -> Float[Array, "horizon size"]:
        return jax.random.normal(key, (self.horizon, math.prod(self.shape)))

    def shaped(self, x: Float[Array, "horizon size"]) -> Float[Array, "horizon *shape"]:
        return x.reshape(self.horizon, *self.shape)
