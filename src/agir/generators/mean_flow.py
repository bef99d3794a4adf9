"""MeanFlow (Geng et al. 2025, arXiv 2505.13447): the average velocity of a flow over an interval of time; one pass goes all the way.

    path      z_t = (1 - t) a + t e,   v = e - a,     e ~ N(0, 1),   t from 0 (the chunk) to 1 (noise)
    average   u(z_t, r, t) = 1 / (t - r)  integral of the velocity from r to t
    identity  u = v - (t - r) (v du/dz + du/dt)                                    one Jacobian-vector product, along (v, 0, 1)
    loss      w |u(z_t, r, t, context) - target|^2,   target = v' - (t - r) (v' du/dz + du/dt), no gradient through it
              v' = g v + (1 - g) u(z_t, t, t, context),    w = 1 / (|error|^2 + c)^p
    sampling  a = e - u(e, 0, 1, context)

t and r are the larger and the smaller of two draws of sigmoid(N(-0.4, 1)), but r = t in a share of the windows: there the loss is
that of flow matching. Settings as MP1's (Sheng et al. 2025, arXiv 2507.10543, and its code): share 1/2, p = 1/2, c = 1e-3 with
the mean over a window's entries, g = 2. The network is told t and r. In that code as here, the velocity that guides has the same
context as the one that is guided, so that g moves no fixed point: it is the gradient's scale where r = t, and the noise of the
tangent elsewhere.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.from_noise import FromNoise
from agir.networks.mlp import MLP
from agir.objectives.masked import masked_mean

SMALL = 1e-3  # c
TOLD = 4.0  # what the network is told of time 1: few turns of the sinusoids, because the target holds the derivative by the time


def draw_times(key: Key, share: Float[Array, ""]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """-> r, t; equal in a `share` of the draws."""
    draw, choose = jax.random.split(key)
    first, second = jax.nn.sigmoid(-0.4 + jax.random.normal(draw, (2,)))
    late = jnp.maximum(first, second)
    return jnp.where(jax.random.bernoulli(choose, share), late, jnp.minimum(first, second)), late


class MeanFlow(FromNoise):
    """`network(x [horizon, size], times [2], embedded context) -> [horizon, size]` says the average velocity."""

    embedding: MLP | None  # of each observation's features; None: as they are
    share: Any = 0.5  # of the windows with r = t
    guidance: Any = 2.0  # g
    power: Any = 0.5  # p

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The weighted squared error of each step, the mean over its entries."""
        chunk, context = self.flat(chunk, mask), self.embed(context)
        times, disturb = jax.random.split(key)
        (r, t), noise = draw_times(times, jnp.asarray(self.share, jnp.float32)), self.noise(disturb)
        z, velocity = (1 - t) * chunk + t * noise, noise - chunk
        target = fixed(self).target(z, velocity, r, t, jax.lax.stop_gradient(context))
        error = ((self.average(z, r, t, context) - target) ** 2).mean(-1)
        return error * jax.lax.stop_gradient((masked_mean(error, mask) + SMALL) ** -jnp.asarray(self.power, jnp.float32))

    def target(
        self,
        z: Float[Array, "horizon size"],
        velocity: Float[Array, "horizon size"],
        r: Float[Array, ""],
        t: Float[Array, ""],
        context: Float[Array, "history width"],
    ) -> Float[Array, "horizon size"]:
        """What the identity says that the average velocity is, given the velocity at z of one sample (or of all)."""
        guidance = jnp.asarray(self.guidance, jnp.float32)
        velocity = guidance * velocity + (1 - guidance) * self.average(z, t, t, context)
        change = jax.jvp(lambda z, t: self.average(z, r, t, context), (z, t), (velocity, jnp.ones_like(t)))[1]
        return velocity - (t - r) * change

    def average(
        self, z: Float[Array, "horizon size"], r: Float[Array, ""], t: Float[Array, ""], context: Float[Array, "history width"]
    ) -> Float[Array, "horizon size"]:
        """u, given an embedded context."""
        return self.network(z, TOLD * jnp.stack([t, r]), context)

    def embed(self, context: Float[Array, "history features"]) -> Float[Array, "history width"]:
        return context if self.embedding is None else self.embedding(context)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        noise = self.noise(key)
        return self.shaped(noise - self.average(noise, jnp.float32(0), jnp.float32(1), self.embed(context)))


def fixed(model: Any) -> Any:
    """The model with weights that no gradient reaches."""
    return jax.tree.map(lambda x: jax.lax.stop_gradient(x) if eqx.is_inexact_array(x) else x, model)


def dispersive(embeddings: Float[Array, "batch size"], temperature: float = 1.0) -> Float[Array, ""]:
    """log mean_ij exp(-d_ij / (temperature max d)), d_ij the squared distance: smaller where embeddings are spread evenly.

    Wang & He 2025 (arXiv 2506.09027), with MP1's division by the largest distance, which makes it a matter of shape, not of size.
    """
    square = (embeddings**2).sum(-1)
    distance = jnp.maximum(square[:, None] + square[None] - 2 * embeddings @ embeddings.T, 0.0)
    return jnp.log(jnp.exp(-distance / (temperature * jnp.maximum(distance.max(), 1e-8))).mean())
