"""Diffusion with classifier-free guidance (Ho & Salimans 2022): away from what would be done without having seen anything.

    training   in a share `drop` of the windows the context is replaced by `absent`, which is learnt
    sampling   out(x, k, absent) + g (out(x, k, context) - out(x, k, absent))       g = 1: the context's alone; two passes each

With g > 1 what the context makes likelier is made likelier still, at the price of variety.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.diffusion import Diffusion


class Guided(Diffusion):
    """Chunks [horizon, *shape] from contexts [history, features]; `drop` and `guidance` are numbers, or float32 []."""

    absent: Any = None  # float32 [history, features]: stands for every context at once
    drop: Any = 0.1
    guidance: Any = 1.5  # g

    @property
    def passes(self) -> int:
        return 2 * self.sampling_passes

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        choose, key = jax.random.split(key)
        dropped = jax.random.bernoulli(choose, jnp.asarray(self.drop, jnp.float32))
        return super().loss(chunk, mask, jnp.where(dropped, self.absent, context), key)

    def ask(
        self, x: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        seen, unseen = jax.vmap(lambda context: self.network(x, times, context))(jnp.stack([context, self.absent]))
        return unseen + jnp.asarray(self.guidance, jnp.float32) * (seen - unseen)
