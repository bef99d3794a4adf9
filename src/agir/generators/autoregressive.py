"""Chunks as sequences of tokens, one after the other: log p(a | context) = sum_i log p(token_i | tokens before it, context).

A tokeniser says which tokens a chunk is (`encode`), how many numbers of the chunk each token says (`lengths`), and what numbers
they are (`write`, `read`): see FastTokens in actions/frequencies.py. A token that would say more than is left is never drawn, in
training as in acting, so that every sequence is a chunk, there is no token for the end, and probabilities sum to one.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from agir.core.spaces import Key
from agir.generators.generator import FromNow
from agir.generators.heads import tempered
from agir.networks.sequence import TokenTransformer


class Autoregressive(FromNow):
    """`network(tokens [longest], context) -> logits [longest, vocabulary]`, row i given the tokens before i."""

    network: TokenTransformer
    tokens: Any = None  # the tokeniser: a given part, in its place when used
    temperature: Any = 1.0  # of the tokens drawn; towards 0: the likeliest one

    @property
    def passes(self) -> int:
        """At most: one a token, each over that token alone."""
        return self.tokens.longest

    def fitting(self, logits: Float[Array, " vocabulary"], left: Int[Array, ""]) -> Float[Array, " vocabulary"]:
        """The logits of tokens that say no more numbers than are left, the others' at minus infinity."""
        return jnp.where(self.tokens.lengths <= left, logits, -jnp.inf)

    def whole_loss(self, chunk: Float[Array, "coming size"], context: Float[Array, "history features"], key: Key) -> Float[Array, ""]:
        """The negative log-likelihood of the chunk's tokens."""
        return -self.log_prob(*self.tokens.encode(chunk), context)

    def log_prob(
        self, tokens: Int[Array, " longest"], count: Int[Array, ""], context: Float[Array, "history features"]
    ) -> Float[Array, ""]:
        """Of the first `count` tokens, which say a whole chunk."""
        counts = jnp.arange(self.tokens.longest) < count
        said = jnp.cumsum(jnp.where(counts, self.tokens.lengths[tokens], 0))
        left = self.tokens.longest - jnp.concatenate([jnp.zeros(1, jnp.int32), said[:-1]])
        logits = jax.vmap(self.fitting)(self.network(tokens, context), jnp.where(counts, left, self.tokens.longest))
        likely = jnp.take_along_axis(jax.nn.log_softmax(logits), tokens[:, None], 1)[:, 0]
        return jnp.where(counts, likely, 0.0).sum()

    def whole(self, context: Float[Array, "history features"], key: Key) -> tuple[Float[Array, "coming size"], Int[Array, ""]]:
        longest = self.tokens.longest

        def one(carry: tuple) -> tuple:
            count, last, written, at, kept = carry
            logits, kept = self.network.next(last, count, kept)
            logits = tempered(self.fitting(logits, longest - at), self.temperature)
            token = jax.random.categorical(jax.random.fold_in(key, count), logits).astype(jnp.int32)
            return count + 1, token, *self.tokens.write(written, at, token), kept

        nothing = jnp.int32(0)
        begin = (nothing, nothing, jnp.zeros(longest, jnp.int32), nothing, self.network.body.begin(context))
        count, _, written, _, _ = jax.lax.while_loop(lambda carry: carry[3] < longest, one, begin)
        return self.tokens.read(written), count
