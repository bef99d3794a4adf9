"""Chunks of actions as single codes: finite scalar quantisation (Mentzer et al. 2023, arXiv 2309.15505).

    z = encoder(chunk),  z_i -> round(bound(z_i)) with L_i levels,  code = the mixed-radix number of the levels
    the gradient passes the rounding unchanged (straight through); loss = masked mean |decoder(quantised) - chunk|^2

No codebook is learnt, so none can collapse: every code is a point of a fixed grid.
"""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSetting
from agir.core.nouns import Window
from agir.core.spaces import Box, Key, Spec, flat_size


class Codec(eqx.Module):
    """Chunks [horizon, action] to codes 0 .. codes - 1 and back."""

    horizon: eqx.AbstractVar[int]
    codes: eqx.AbstractVar[int]

    @abc.abstractmethod
    def encode(self, chunk: Float[Array, "horizon action"]) -> Int[Array, ""]: ...

    @abc.abstractmethod
    def decode(self, code: Int[Array, ""]) -> Float[Array, "horizon action"]: ...


class ScalarCodec(Codec):
    """A small autoencoder with a grid of prod(levels) points between its halves."""

    encoder: eqx.nn.MLP
    decoder: eqx.nn.MLP
    horizon: int = eqx.field(static=True)
    levels: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def create(cls, spec: Spec, key: Key, horizon: int, levels: tuple[int, ...] = (5, 5, 5), width: int = 128) -> "ScalarCodec":
        """Raises BadSetting where actions are not a box of numbers or a dimension has fewer than two levels."""
        if not isinstance(spec.action, Box):
            raise BadSetting("A codec of chunks needs actions that are numbers (a Box).")
        if min(levels, default=0) < 2:
            raise BadSetting(f"--levels should be two or more in each dimension, such as 5,5,5, not {levels}.")
        into, out = jax.random.split(key)
        size = horizon * flat_size(spec.action)
        encoder = eqx.nn.MLP(size, len(levels), width, 2, jax.nn.gelu, key=into)
        decoder = eqx.nn.MLP(len(levels), size, width, 2, jax.nn.gelu, key=out)
        return cls(encoder, decoder, horizon, levels)

    @property
    def codes(self) -> int:
        return math.prod(self.levels)

    def latent(self, chunk: Float[Array, "horizon action"]) -> Float[Array, "dims"]:
        """Bounded so that rounding gives exactly `levels` values a dimension; an even number of levels is shifted by a half."""
        levels = jnp.array(self.levels, jnp.float32)
        half = (levels - 1) * (1 + 1e-3) / 2
        offset = jnp.where(levels % 2 == 0, 0.5, 0.0)
        return jnp.tanh(self.encoder(chunk.ravel()) + jnp.arctanh(offset / half)) * half - offset

    def encode(self, chunk: Float[Array, "horizon action"]) -> Int[Array, ""]:
        return self.code(jnp.round(self.latent(chunk)))

    def code(self, grid: Float[Array, "dims"]) -> Int[Array, ""]:
        """A point of the grid -> its code."""
        code = jnp.int32(0)
        for i, levels in enumerate(self.levels):
            code = code * levels + jnp.int32(grid[i]) + levels // 2
        return code

    def grid(self, code: Int[Array, ""]) -> Float[Array, "dims"]:
        """The inverse of `code`."""
        places = []
        for levels in reversed(self.levels):
            places.append(code % levels - levels // 2)
            code = code // levels
        return jnp.stack(places[::-1]).astype(jnp.float32)

    def rebuild(self, grid: Float[Array, "dims"]) -> Float[Array, "horizon action"]:
        scale = jnp.array([levels // 2 for levels in self.levels], jnp.float32)
        return self.decoder(grid / scale).reshape(self.horizon, -1)

    def decode(self, code: Int[Array, ""]) -> Float[Array, "horizon action"]:
        return self.rebuild(self.grid(code))

    def loss(self, window: Window, key: Key) -> Float[Array, ""]:
        """Of one window whose chunk begins at its last observation: padding never counts."""
        chunk, mask = window.action.reshape(self.horizon, -1), window.mask
        latent = self.latent(chunk)
        rounded = latent + jax.lax.stop_gradient(jnp.round(latent) - latent)
        error = jnp.mean((self.rebuild(rounded) - chunk) ** 2, axis=1)
        return jnp.sum(error * mask) / jnp.maximum(jnp.sum(mask), 1.0)
