"""Two-step regression of chunks: the minimal iterative policy, MIP (Pan et al. 2025, arXiv 2512.01809).

    loss     |f(0, 0, context) - a|^2  +  |f(t a + (1 - t) e, t, context) - a|^2 / (1 - t)^2,      e ~ N(0, 1)
    acting   a_0 = f(0, 0, context),   a = f(t a_0, t, context)                                    the same t, 0.9

The noise is there in training alone: nothing is drawn in acting, so each context has one answer. Where that of the first pass, a
mean, lies between two ways, the exact second one would take the likelier; a network with t = 0.9 sees next to nothing between ways
that are far apart, and what it says there is its own interpolation. The second term's weight, of the reference's code (the paper's
equation has none), makes it as large as the first: its error is smaller by 1 - t. The network is told 100 t.

The reference's loss named `mip` gives the second pass a + (1 - t) e and, in acting, a_0, which is the same but for a scale; this
is the paper's form, the reference's `mip_origin`, with a first pass that says a where that one says t a.
"""

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.flow import TOLD
from agir.generators.from_noise import FromNoise


class TwoStep(FromNoise):
    """`network(x [horizon, size], times [1], context) -> [horizon, size]` says the clean chunk."""

    second: Any = 0.9  # t

    @property
    def passes(self) -> int:
        return 2

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The squared errors of each step in both passes, the mean over its entries."""
        chunk, time = self.flat(chunk, mask), jnp.asarray(self.second, jnp.float32)
        first = self.regress(jnp.zeros_like(chunk), jnp.float32(0), context) - chunk
        second = self.regress(time * chunk + (1 - time) * self.noise(key), time, context) - chunk
        return (first**2).mean(-1) + (second**2).mean(-1) / (1 - time) ** 2

    def regress(
        self, x: Float[Array, "horizon size"], time: Float[Array, ""], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        return self.network(x, TOLD * time[None], context)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        time = jnp.asarray(self.second, jnp.float32)
        first = self.regress(jnp.zeros((self.horizon, math.prod(self.shape))), jnp.float32(0), context)
        return self.shaped(self.regress(time * first, time, context))
