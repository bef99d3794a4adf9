"""A transformer over a sequence of vectors that attends to a context: what generators build on that take a chunk piece by piece.

The layers are those of transformer.py (self-attention, attention to the context, two linear layers; pre-norm), with learnt places.
Who may look at whom is the caller's mask. With `advance` the pieces come one after the other, and what earlier ones said is kept
(keys and values of every layer), so that a piece costs a pass over itself alone; it gives what the whole would give at once.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from agir.core.spaces import Key
from agir.networks.layers import Draw, LayerNorm, Linear, grown
from agir.networks.transformer import DEVIATION, DecoderLayer


class Kept(NamedTuple):
    """What `advance` keeps of the earlier pieces."""

    own: Float[Array, "layers length twice"]  # keys and values of the sequence so far
    context: Float[Array, "layers history twice"]


class Sequence(eqx.Module):
    """Vectors [length, width] that attend to one another and to a context [history, features]."""

    place: Float[Array, "length width"]
    context_in: Linear
    context_place: Float[Array, "history width"]
    layers: list[DecoderLayer]
    norm: LayerNorm

    def __init__(self, length: int, context: tuple[int, int], draw: Draw, width: int = 64, depth: int = 3):
        """`context` is (history, features); 4 heads where the width allows it."""
        self.place = draw.normal((length, width), DEVIATION)
        self.context_in = Linear(context[1], width, draw)
        self.context_place = draw.normal((context[0], width), DEVIATION)
        self.layers = [DecoderLayer(width, math.gcd(width, 4), draw) for _ in range(depth)]
        self.norm = LayerNorm(width)

    def __call__(
        self, x: Float[Array, "length width"], context: Float[Array, "history features"], mask: Bool[Array, "length length"]
    ) -> Float[Array, "length width"]:
        """`mask` [i, j] is true where i may look at j."""
        memory = self.memory(context)
        everywhere = jnp.ones((x.shape[0], memory.shape[0]), bool)
        x = x + self.place
        for layer in self.layers:
            x = layer(x, memory, mask, everywhere)
        return self.norm(x)

    def memory(self, context: Float[Array, "history features"]) -> Float[Array, "history width"]:
        return self.context_in(context) + self.context_place

    def begin(self, context: Float[Array, "history features"]) -> Kept:
        """Nothing of the sequence, and the context."""
        memory = self.memory(context)
        length, width = self.place.shape
        return Kept(jnp.zeros((len(self.layers), length, 2 * width)), jnp.stack([layer.memory.key_value(memory) for layer in self.layers]))

    def advance(self, x: Float[Array, "new width"], at: Int[Array, ""], kept: Kept) -> tuple[Float[Array, "new width"], Kept]:
        """The vectors from index `at` on, which look at all before them and at one another -> what comes of them, what is kept."""
        new, length = x.shape[0], self.place.shape[0]
        mask = jnp.broadcast_to(jnp.arange(length)[None] < at + new, (new, length))
        everywhere = jnp.ones((new, kept.context.shape[1]), bool)
        x = x + jax.lax.dynamic_slice_in_dim(self.place, at, new)
        own = []
        for layer, before, context in zip(self.layers, kept.own, kept.context):
            y = layer.norms[0](x)
            now = jax.lax.dynamic_update_slice_in_dim(before, layer.itself.key_value(y), at, 0)
            x = layer.rest(x + layer.itself.attend(layer.itself.query(y), now, mask), context, everywhere)
            own.append(now)
        return self.norm(x), Kept(jnp.stack(own), kept.context)


def causal(blocks: Int[Array, " length"]) -> Bool[Array, "length length"]:
    """Each looks at those of its own block and of earlier ones; blocks [0, 1, 2, ...] are a plain sequence."""
    return blocks[:, None] >= blocks[None]


class TokenTransformer(eqx.Module):
    """Logits of each token, given the tokens before it and a context."""

    embedding: Float[Array, "tokens width"]
    first: Float[Array, " width"]  # stands where the token before the first would
    body: Sequence
    head: Linear

    @classmethod
    def create(cls, tokens: int, length: int, context: tuple[int, int], key: Key, width: int = 64, depth: int = 3) -> "TokenTransformer":
        """`tokens` are how many there are, `length` how many a sequence holds."""
        build = lambda draw: cls(
            embedding=draw.normal((tokens, width), 1.0),
            first=draw.normal((width,), 1.0),
            body=Sequence(length, context, draw, width, depth),
            head=Linear(width, tokens, draw, deviation=DEVIATION),
        )
        return grown(build, key)

    def __call__(self, tokens: Int[Array, " length"], context: Float[Array, "history features"]) -> Float[Array, "length tokens"]:
        """Row i is of token i, and sees those before it."""
        x = jnp.concatenate([self.first[None], self.embedding[tokens[:-1]]])
        return self.head(self.body(x, context, causal(jnp.arange(len(tokens)))))

    def next(self, last: Int[Array, ""], at: Int[Array, ""], kept: Kept) -> tuple[Float[Array, " tokens"], Kept]:
        """The logits of token `at`, given the one before it (any, where `at` is 0) -> and what is kept."""
        x = jnp.where(at == 0, self.first, self.embedding[last])
        y, kept = self.body.advance(x[None], at, kept)
        return self.head(y[0]), kept


class MaskedTransformer(eqx.Module):
    """Logits of every token of a sequence of which some are hidden; all look at all."""

    embedding: Float[Array, "all width"]  # the last row is what stands for a hidden token
    body: Sequence
    head: Linear

    @classmethod
    def create(cls, tokens: int, length: int, context: tuple[int, int], key: Key, width: int = 64, depth: int = 3) -> "MaskedTransformer":
        """`tokens` are how many there are, `length` how many a sequence holds."""
        build = lambda draw: cls(
            embedding=draw.normal((tokens + 1, width), 1.0),
            body=Sequence(length, context, draw, width, depth),
            head=Linear(width, tokens, draw, deviation=DEVIATION),
        )
        return grown(build, key)

    @property
    def tokens(self) -> int:
        return self.head.weight.shape[1]

    def __call__(
        self, tokens: Int[Array, " length"], hidden: Bool[Array, " length"], context: Float[Array, "history features"]
    ) -> Float[Array, "length tokens"]:
        x = self.embedding[jnp.where(hidden, self.tokens, tokens)]
        return self.head(self.body(x, context, jnp.ones((len(tokens), len(tokens)), bool)))
