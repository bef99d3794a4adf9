"""Chunks of actions as several codes, each of what the ones before it left: residual vector quantisation, at one or several scales.

    f = encoder(chunk) [places, dim],  r_0 = f
    at level k   z = book[nearest to down_k(r_k-1)]      s_k tokens: the residual's means over s_k parts of the places
                 f_k = f_k-1 + up_k(z),  r_k = f - f_k   drawn out to all places again
    chunk'       decoder(f_K); the decoder sees f_K, and the gradient reaches f as if nothing were rounded (straight through)
    loss         masked mean |chunk' - chunk|^2 + mean_k |sg f - f_k|^2 + commitment |f - sg f_k|^2 + mean_c min_i |book_c - sg r_i|^2

With scales 1, 2, 3, 4 it is CARP's tokeniser (Gong et al. 2024, arXiv 2412.06782: coarse to fine), with scales 1, 1 VQ-BeT's (Lee et
al. 2024, arXiv 2403.03181; after Zeghidour et al. 2021). The last term draws every code to the residual of the batch that is nearest
to it, so that none is left behind unused (after Zheng & Vedaldi 2023); sg stops gradients.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Key, Spec, flat_size

NEAR = 0.25  # weight of what draws codes to residuals


def means(places: int, parts: int) -> Float[np.ndarray, "parts places"]:
    """The matrix that takes the means over `parts` equal parts; parts overlap where the places are no multiple ("area" resizing)."""
    matrix = np.zeros((parts, places), np.float32)
    for part in range(parts):
        begin, end = part * places // parts, -(-(part + 1) * places // parts)
        matrix[part, begin:end] = 1 / (end - begin)
    return matrix


def drawn_out(parts: int, places: int) -> Float[np.ndarray, "places parts"]:
    """The matrix that interpolates linearly between the parts' middles, constant beyond the outer ones."""
    middle = np.clip((np.arange(places) + 0.5) * parts / places - 0.5, 0, parts - 1)
    return np.maximum(0, 1 - np.abs(middle[:, None] - np.arange(parts)[None])).astype(np.float32)


class Quantised(eqx.Module):
    """A latent, level by level."""

    codes: Int[Array, " tokens"]
    asked: Float[Array, "tokens dim"]  # what each code is the nearest to
    sums: Float[Array, "levels places dim"]  # f_k


class ResidualCodec(eqx.Module):
    """Chunks [horizon, size] to sum(scales) codes, coarse first, and back."""

    encoder: eqx.nn.MLP
    decoder: eqx.nn.MLP
    books: Float[Array, "books codes dim"]  # one for each level, or one for all
    horizon: int = eqx.field(static=True)
    scales: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def create(
        cls, spec: Spec, key: Key, horizon: int, scales: tuple[int, ...], codes: int, *, dim: int = 8, width: int = 128, shared: bool = True
    ) -> "ResidualCodec":
        """`shared`: one book for all levels. Raises BadSetting where actions are not numbers, or there are no scales or codes."""
        if not isinstance(spec.action, Box):
            raise BadSetting("A codec of chunks needs actions that are numbers (a Box).")
        if min(scales, default=0) < 1 or min(codes, dim) < 1:
            raise BadSetting(f"--scales should be 1 or more each, such as 1,2,3,4, and codes and dim too, not {scales}, {codes} and {dim}.")
        into, out, draw = jax.random.split(key, 3)
        size, places = horizon * flat_size(spec.action), max(scales)
        encoder = eqx.nn.MLP(size, places * dim, width, 2, jax.nn.gelu, key=into)
        decoder = eqx.nn.MLP(places * dim, size, width, 2, jax.nn.gelu, key=out)
        books = 0.1 * jax.random.normal(draw, (1 if shared else len(scales), codes, dim))
        return cls(encoder, decoder, books, horizon, scales)

    @property
    def codes(self) -> int:
        return self.books.shape[1]

    @property
    def dim(self) -> int:
        return self.books.shape[2]

    @property
    def places(self) -> int:
        return max(self.scales)

    @property
    def levels(self) -> np.ndarray:
        """The level of each token."""
        return np.repeat(np.arange(len(self.scales)), self.scales)

    def book(self, level: int) -> Float[Array, "codes dim"]:
        return self.books[level % len(self.books)]

    def latent(self, chunk: Float[Array, "horizon size"]) -> Float[Array, "places dim"]:
        return self.encoder(chunk.ravel()).reshape(self.places, self.dim)

    def quantise(self, latent: Float[Array, "places dim"]) -> Quantised:
        codes, asked, sums, total = [], [], [], jnp.zeros_like(latent)
        for level, parts in enumerate(self.scales):
            rest = jax.lax.stop_gradient(jnp.asarray(means(self.places, parts)) @ (latent - total))
            code = jnp.argmin(((rest[:, None] - self.book(level)[None]) ** 2).sum(-1), axis=1).astype(jnp.int32)
            total = total + self.said(level, code)
            codes, asked, sums = [*codes, code], [*asked, rest], [*sums, total]
        return Quantised(jnp.concatenate(codes), jnp.concatenate(asked), jnp.stack(sums))

    def said(self, level: int, codes: Int[Array, " parts"]) -> Float[Array, "places dim"]:
        """What the codes of one level add."""
        return jnp.asarray(drawn_out(self.scales[level], self.places)) @ self.book(level)[codes]

    def seen(self, level: int, total: Float[Array, "places dim"]) -> Float[Array, "parts dim"]:
        """The sum of the levels before, as long as this level has tokens."""
        return jnp.asarray(means(self.places, self.scales[level])) @ total

    def encode(self, chunk: Float[Array, "horizon size"]) -> Int[Array, " tokens"]:
        return self.quantise(self.latent(chunk)).codes

    def sums(self, codes: Int[Array, " tokens"]) -> Float[Array, "levels places dim"]:
        """f_1 .. f_K of the codes."""
        each = jnp.split(codes, np.cumsum(self.scales)[:-1])
        return jnp.cumsum(jnp.stack([self.said(level, own) for level, own in enumerate(each)]), axis=0)

    def rebuild(self, total: Float[Array, "places dim"]) -> Float[Array, "horizon size"]:
        return self.decoder(total.ravel()).reshape(self.horizon, -1)

    def decode(self, codes: Int[Array, " tokens"]) -> Float[Array, "horizon size"]:
        return self.rebuild(self.sums(codes)[-1])

    def loss(
        self, chunks: Float[Array, "batch horizon size"], masks: Float[Array, "batch horizon"], commitment: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Of a batch, since codes are drawn to its residuals."""
        latents = jax.vmap(self.latent)(chunks)
        found = jax.vmap(self.quantise)(latents)
        passed = latents + jax.lax.stop_gradient(found.sums[:, -1] - latents)
        error = ((jax.vmap(self.rebuild)(passed) - chunks) ** 2).mean(-1)
        rebuilt = (error * masks).sum() / jnp.maximum(masks.sum(), 1.0)
        fixed = jax.lax.stop_gradient(found.sums)
        books = ((found.sums - jax.lax.stop_gradient(latents)[:, None]) ** 2).mean()
        committed = ((fixed - latents[:, None]) ** 2).mean()
        return rebuilt + books + commitment * committed + NEAR * self.left_behind(found.asked)

    def left_behind(self, asked: Float[Array, "batch tokens dim"]) -> Float[Array, ""]:
        """Each code's squared distance from the nearest residual that its book is asked for in the batch; the mean over codes."""
        near = []
        for book in range(len(self.books)):
            mine = asked[:, np.flatnonzero(self.levels % len(self.books) == book)].reshape(-1, 1, self.dim)
            near.append(((mine - self.books[book][None]) ** 2).mean(-1).min(axis=0))
        return jnp.stack(near).mean()


class ResidualTokens(eqx.Module):
    """A codec's codes one after the other, as autoregression wants them: each token says one code."""

    codec: ResidualCodec

    @property
    def vocabulary(self) -> int:
        return self.codec.codes

    @property
    def longest(self) -> int:
        return len(self.codec.levels)

    @property
    def lengths(self) -> Int[Array, " vocabulary"]:
        return jnp.ones(self.vocabulary, jnp.int32)

    def encode(self, chunk: Float[Array, "horizon size"]) -> tuple[Int[Array, " tokens"], Int[Array, ""]]:
        return self.codec.encode(chunk), jnp.int32(self.longest)

    def write(
        self, written: Int[Array, " tokens"], at: Int[Array, ""], token: Int[Array, ""]
    ) -> tuple[Int[Array, " tokens"], Int[Array, ""]]:
        return written.at[at].set(token), at + 1

    def read(self, written: Int[Array, " tokens"]) -> Float[Array, "horizon size"]:
        return self.codec.decode(written)
