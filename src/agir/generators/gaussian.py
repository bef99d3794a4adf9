"""Chunks of numbers by regression, and by Gaussians with independent entries."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.chunks import ChunkHead
from agir.generators.heads import LOG_2_PI
from agir.objectives.masked import cleared


def normal_log_prob(x: Float[Array, "..."], mean: Float[Array, "..."], deviation: Float[Array, "..."]) -> Float[Array, "..."]:
    """Of each entry by itself; the three arguments have one shape."""
    return -0.5 * (((x - mean) / deviation) ** 2 + LOG_2_PI) - jnp.log(deviation)


class Regression(ChunkHead):
    """One chunk and no randomness: the loss is the squared error, the mean over a step's entries."""

    horizon: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)  # of one action

    @property
    def size(self) -> int:
        return self.horizon * math.prod(self.shape)

    def loss(
        self, numbers: Float[Array, " size"], chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"]
    ) -> Float[Array, " horizon"]:
        return ((numbers.reshape(chunk.shape) - cleared(chunk, mask)) ** 2).reshape(self.horizon, -1).mean(-1)

    def sample(self, numbers: Float[Array, " size"], key: Key, noise: Any = 0.0) -> Float[Array, "horizon *shape"]:
        return numbers.reshape(self.horizon, *self.shape)


class Gaussian(ChunkHead):
    """A mean and a deviation for each entry: softplus(number) + `least`, or `fixed` for all.

    The loss of a step is its negative log-likelihood (robomimic's Gaussian actor has `least` = 0.01).
    """

    horizon: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)  # of one action
    least: float = eqx.field(static=True, default=0.01)
    fixed: float | None = eqx.field(static=True, default=None)

    @property
    def size(self) -> int:
        return self.horizon * math.prod(self.shape) * (2 if self.fixed is None else 1)

    def split(self, numbers: Float[Array, " size"]) -> tuple[Float[Array, "horizon *shape"], Float[Array, "horizon *shape"]]:
        """-> mean, deviation."""
        parts = numbers.reshape(-1, self.horizon, *self.shape)
        if self.fixed is not None:
            return parts[0], jnp.full_like(parts[0], self.fixed)
        return parts[0], jax.nn.softplus(parts[1]) + self.least

    def log_prob(self, numbers: Float[Array, " size"], chunk: Float[Array, "horizon *shape"]) -> Float[Array, " horizon"]:
        return normal_log_prob(chunk, *self.split(numbers)).reshape(self.horizon, -1).sum(-1)

    def loss(
        self, numbers: Float[Array, " size"], chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"]
    ) -> Float[Array, " horizon"]:
        return -self.log_prob(numbers, cleared(chunk, mask))

    def sample(self, numbers: Float[Array, " size"], key: Key, noise: Any = 1.0) -> Float[Array, "horizon *shape"]:
        mean, deviation = self.split(numbers)
        return mean + noise * deviation * jax.random.normal(key, mean.shape)
