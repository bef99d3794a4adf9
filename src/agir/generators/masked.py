"""Masked discrete diffusion of chunks: tokens that are hidden are said, the surest first (Chang et al. 2022, MaskGIT; Austin et al. 2021).

    training   a share cos(pi u / 2), u ~ U(0, 1), of the tokens is hidden;  max sum_hidden log p(token_i | those not hidden, context)
    acting     all are hidden; in round k of K all tokens that are hidden are drawn at once, and the surest of them stay, so that
               floor(N cos(pi k / 2 K)) are hidden after it
    again      a token that stays is looked at again in every later round: it is hidden again where it is less sure than the
               threshold, which rises from 0 to `threshold`, or among the `reopened` that have become less sure by most
               (secondary re-masking; Liang et al. 2025, arXiv 2508.20072); never in the last round
    order      by log(how sure) + disorder (1 - k / K) g,  g standard Gumbel (Liang et al.'s code: disorder 1; MaskGIT's 4.5). Without
               disorder the likelier way is taken nearly always: of many tokens drawn, those that took it are the surer ones

How sure: the probability of the token drawn, or with "gap" that less the largest of any other token. What p says of a token that
is not hidden has to be learnt too, if it is to be gone by: a share `checked` of these count in the loss, half of them replaced by
tokens drawn at random.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from agir.actions.frequencies import FastTokens
from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.generators.generator import FromNow
from agir.generators.heads import tempered

MEASURES = ("confidence", "gap")


class Board(NamedTuple):
    """A sequence on its way."""

    tokens: Int[Array, " length"]
    hidden: Bool[Array, " length"]
    sure: Float[Array, " length"]  # of each token that is not hidden, when it was decided


class Masked(FromNow):
    """`network(tokens [length], hidden [length], context) -> logits [length, tokens]`; a token says one number of the chunk."""

    network: Any
    tokens: FastTokens  # without merges
    rounds: int = eqx.field(static=True, default=12)
    measure: str = eqx.field(static=True, default="confidence")
    reopened: int = eqx.field(static=True, default=1)
    temperature: Any = 1.0
    threshold: Any = 0.0
    disorder: Any = 0.0
    checked: Any = 0.1

    def __check_init__(self):
        if self.measure not in MEASURES:
            raise BadSetting(f"The measure is one of {', '.join(MEASURES)}, not '{self.measure}'.")
        if self.rounds < 1 or self.reopened < 0:
            raise BadSetting(f"There is at least 1 round, and 0 or more are reopened, not {self.rounds} and {self.reopened}.")

    @property
    def passes(self) -> int:
        return self.rounds

    def whole_loss(self, chunk: Float[Array, "coming size"], context: Float[Array, "history features"], key: Key) -> Float[Array, ""]:
        """The negative log-likelihood of what counts, as if all tokens did."""
        tokens = self.tokens.integers(chunk).ravel() + self.tokens.limit
        share, order, check, spoil, other = jax.random.split(key, 5)
        length = self.tokens.longest
        count = jnp.ceil(length * jnp.cos(0.5 * math.pi * jax.random.uniform(share))).astype(jnp.int32)
        hidden = jax.random.permutation(order, length) < jnp.maximum(count, 1)
        checked = ~hidden & jax.random.bernoulli(check, jnp.asarray(self.checked, jnp.float32), (length,))
        spoilt = checked & jax.random.bernoulli(spoil, 0.5, (length,))
        seen = jnp.where(spoilt, jax.random.randint(other, (length,), 0, self.tokens.vocabulary), tokens)
        likely = jnp.take_along_axis(jax.nn.log_softmax(self.network(seen, hidden, context)), tokens[:, None], 1)[:, 0]
        counts = (hidden | checked).astype(jnp.float32)
        return -length * (counts * likely).sum() / counts.sum()

    def whole(self, context: Float[Array, "history features"], key: Key) -> tuple[Float[Array, "coming size"], int]:
        length = self.tokens.longest
        begin = Board(jnp.zeros(length, jnp.int32), jnp.ones(length, bool), jnp.zeros(length))
        board = jax.lax.fori_loop(0, self.rounds, lambda i, board: self.round(board, i, context, jax.random.fold_in(key, i)), begin)
        return self.tokens.read(board.tokens), self.rounds

    def round(self, board: Board, number: Int[Array, ""], context: Float[Array, "history features"], key: Key) -> Board:
        """Round `number` (from 0): draws, decides the surest, and reopens what has become unsure."""
        logits = self.network(board.tokens, board.hidden, context)
        draw, shake = jax.random.split(key)
        drawn = jax.random.categorical(draw, tempered(logits, self.temperature)).astype(jnp.int32)
        tokens = jnp.where(board.hidden, drawn, board.tokens)
        sure = self.sureness(jax.nn.softmax(logits), tokens)
        last, done = number + 1 == self.rounds, (number + 1).astype(jnp.float32) / self.rounds
        leave = jnp.floor(self.tokens.longest * jnp.cos(0.5 * math.pi * done) + 1e-4).astype(jnp.int32)
        noise = self.disorder * (1 - done) * jax.random.gumbel(shake, sure.shape)
        order = jnp.log(jnp.maximum(sure, 1e-9)) + noise
        ranked = jnp.argsort(jnp.argsort(jnp.where(board.hidden, order, jnp.inf)))  # the least sure first
        stays = board.hidden & ((ranked >= leave) | last)
        fallen = jnp.where(board.hidden, -jnp.inf, board.sure - sure)
        most = (jnp.argsort(jnp.argsort(-fallen)) < self.reopened) & (fallen > 0)
        unsure = sure < jnp.asarray(self.threshold, jnp.float32) * done
        again = ~board.hidden & (most | unsure) & ~last
        return Board(tokens, (board.hidden & ~stays) | again, jnp.where(stays, sure, board.sure))

    def sureness(self, chance: Float[Array, "length tokens"], chosen: Int[Array, " length"]) -> Float[Array, " length"]:
        own = jnp.take_along_axis(chance, chosen[:, None], 1)[:, 0]
        if self.measure == "confidence":
            return own
        is_own = jnp.arange(chance.shape[1])[None] == chosen[:, None]
        return own - jnp.where(is_own, -jnp.inf, chance).max(-1)
