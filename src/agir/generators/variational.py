"""A conditional variational autoencoder of chunks, as in ACT (Zhao et al. 2023, arXiv 2304.13705; Sohn et al. 2015).

    encoder   q(z | a, o) = N(mean, diag variance)                 in training alone
    decoder   a' = network(z, o)
    loss      |a' - a|_1 (the mean over entries) + beta KL(q(z | a, o) || N(0, 1)) (the sum over z's entries)
    acting    z = 0, so each context has one answer

The decoder is a denoiser's network, given zeros for the noisy chunk (for a transformer: its queries are the places of the actions)
and z as one more observation, the first; all of them in one row, so that every action sees all (`AtOnce`). Padding is zeros to the
encoder, which is told the mask.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.from_noise import FromNoise
from agir.networks.layers import Linear


class Variational(FromNoise):
    """`network(zeros [horizon, size], times [1], [z; context] [1 + history, features]) -> [horizon, size]`."""

    encoder: Any  # chunk, mask and context, all in one vector -> means and logarithms of variances
    project: Linear  # z -> features
    latent: int = eqx.field(static=True, default=32)
    beta: Any = 10.0

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """Each step's absolute error, the mean over its entries, and the chunk's divergence in equal shares of its steps."""
        chunk = self.flat(chunk, mask)
        mean, log_variance = self.encode(chunk, mask, context)
        z = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
        error = jnp.abs(self.decode(z, context) - chunk).mean(-1)
        return error + jnp.asarray(self.beta, jnp.float32) * divergence(mean, log_variance)

    def encode(
        self, chunk: Float[Array, "horizon size"], mask: Float[Array, " horizon"], context: Float[Array, "history features"]
    ) -> tuple[Float[Array, " latent"], Float[Array, " latent"]]:
        """-> mean and logarithm of the variance of z."""
        return tuple(jnp.split(self.encoder(jnp.concatenate([chunk.ravel(), mask, context.ravel()])), 2))

    def decode(self, z: Float[Array, " latent"], context: Float[Array, "history features"]) -> Float[Array, "horizon size"]:
        empty = jnp.zeros((self.horizon, math.prod(self.shape)))
        return self.network(empty, jnp.zeros(1), jnp.concatenate([self.project(z)[None], context]))

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        return self.shaped(self.decode(jnp.zeros(self.latent), context))


def divergence(mean: Float[Array, " size"], log_variance: Float[Array, " size"]) -> Float[Array, ""]:
    """KL(N(mean, variance) || N(0, 1)), summed over independent entries."""
    return 0.5 * (mean**2 + jnp.exp(log_variance) - 1 - log_variance).sum()
