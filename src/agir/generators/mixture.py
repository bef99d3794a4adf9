"""Mixtures of Gaussians over a whole chunk, with robomimic's conventions (Mandlekar et al. 2021, its GMM actor)."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.chunks import ChunkHead
from agir.generators.gaussian import normal_log_prob
from agir.objectives.masked import cleared, in_shares


class Mixture(ChunkHead):
    """`modes` Gaussians over the chunk: one mode is drawn for all its steps, so that a chunk never mixes two ways.

    Deviations are softplus(number) + `least`; with `squash` means go through tanh (actions normalised to [-1, 1]). robomimic:
    5 modes, least 1e-4, squashed, and acting with a drawn mode but (almost) no noise within it: here, `noise` = 0.
    """

    horizon: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)  # of one action
    modes: int = eqx.field(static=True, default=5)
    least: float = eqx.field(static=True, default=1e-4)
    squash: bool = eqx.field(static=True, default=True)

    @property
    def size(self) -> int:
        return self.modes * (2 * self.horizon * math.prod(self.shape) + 1)

    def split(
        self, numbers: Float[Array, " size"]
    ) -> tuple[Float[Array, " modes"], Float[Array, "modes horizon *shape"], Float[Array, "modes horizon *shape"]]:
        """-> the modes' log-weights, means and deviations."""
        mean, deviation = numbers[self.modes :].reshape(2, self.modes, self.horizon, *self.shape)
        mean = jnp.tanh(mean) if self.squash else mean
        return jax.nn.log_softmax(numbers[: self.modes]), mean, jax.nn.softplus(deviation) + self.least

    def log_prob(
        self, numbers: Float[Array, " size"], chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"]
    ) -> Float[Array, ""]:
        """Of the chunk's steps whose mask is 1, together."""
        weight, mean, deviation = self.split(numbers)
        each = normal_log_prob(jnp.broadcast_to(chunk[None], mean.shape), mean, deviation)
        each = each.reshape(self.modes, self.horizon, -1).sum(-1)
        return jax.nn.logsumexp(weight + (each * mask[None]).sum(-1))

    def loss(
        self, numbers: Float[Array, " size"], chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"]
    ) -> Float[Array, " horizon"]:
        """The chunk's negative log-likelihood in equal shares of its steps."""
        return in_shares(-self.log_prob(numbers, cleared(chunk, mask), mask), mask)

    def sample(self, numbers: Float[Array, " size"], key: Key, noise: Any = 1.0) -> Float[Array, "horizon *shape"]:
        """`noise` scales the deviations; the mode is always drawn by its weight."""
        weight, mean, deviation = self.split(numbers)
        choose, within = jax.random.split(key)
        mode = jax.random.categorical(choose, weight)
        return mean[mode] + noise * deviation[mode] * jax.random.normal(within, mean.shape[1:])
