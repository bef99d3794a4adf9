"""Chunks of actions as frequencies: the cosine transform along time, and FAST's tokens of it (Pertsch et al. 2025, arXiv 2501.09747).

    c = C a,    C_kn = s_k cos(pi (2 n + 1) k / (2 N)),    s_0 = sqrt(1 / N), s_k = sqrt(2 / N)      (orthonormal: a = C^T c)
    integers    q = round(scale c), all entries of the lowest frequency first
    tokens      byte-pair encoding: pairs of neighbours that are frequent in the data become one token, the most frequent first

Rounding is the only loss: |a - a'| over a chunk (root of the sum of squares, of one entry of an action) is at most
sqrt(N) / (2 scale). Entries of actions beyond -1 and 1 may lead to coefficients beyond +-scale sqrt(N), which are clipped.

Without the transform (c = a) and without merges these are plain bins, 2 scale + 1 of them between -1 and 1, one token a number:
what FAST is measured against, with the same bound on the error.
"""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Spec, flat_size


def cosine_matrix(steps: int) -> Float[np.ndarray, "steps steps"]:
    """C (float64): the orthonormal DCT-II; its transpose is its inverse."""
    frequency, step = np.arange(steps)[:, None], np.arange(steps)[None]
    matrix = np.sqrt(2 / steps) * np.cos(np.pi * (2 * step + 1) * frequency / (2 * steps))
    matrix[0] /= math.sqrt(2)
    return matrix


def cosines(chunk: Float[Array, "steps size"]) -> Float[Array, "steps size"]:
    """-> each entry's frequencies, the lowest first."""
    return jnp.asarray(cosine_matrix(chunk.shape[0]), jnp.float32) @ chunk


def from_cosines(frequencies: Float[Array, "steps size"]) -> Float[Array, "steps size"]:
    """The inverse of `cosines`."""
    return jnp.asarray(cosine_matrix(frequencies.shape[0]).T, jnp.float32) @ frequencies


def merged(
    sequence: Int[Array, " length"], count: Int[Array, ""], pair: Int[Array, "2"], token: Int[Array, ""]
) -> tuple[Int[Array, " length"], Int[Array, ""]]:
    """The first `count` entries with every `pair` of neighbours, from the left, replaced by `token` -> sequence, count."""
    index = jnp.arange(len(sequence))
    follows = jnp.roll(sequence, -1)
    match = (sequence == pair[0]) & (follows == pair[1]) & (index + 1 < count)
    run = index - jax.lax.cummax(jnp.where(match, -1, index))  # of a pair of equals, every second match in a row
    taken = match & (run % 2 == 1)
    kept = ~jnp.roll(taken, 1).at[0].set(False) & (index < count)
    place = jnp.where(kept, jnp.cumsum(kept) - 1, len(sequence))
    return jnp.zeros_like(sequence).at[place].set(jnp.where(taken, token, sequence), mode="drop"), kept.sum().astype(jnp.int32)


class FastTokens(eqx.Module):
    """Chunks to sequences of at most `longest` tokens and back; `learn` adds a merge.

    `transform` is "cosine", or "none" for the numbers themselves. Tokens 0 .. alphabet - 1 are the integers -limit .. limit, the
    others pairs of tokens, in the order in which they were learnt.
    """

    merges: Int[Array, "merges 2"]  # -1 where none is learnt
    spelling: Int[Array, "tokens longest"]  # each token's integers (as tokens of the alphabet), 0 behind its end
    lengths: Int[Array, " tokens"]  # how many they are; longer than any sequence where none is learnt
    horizon: int = eqx.field(static=True)
    size: int = eqx.field(static=True)  # numbers in an action
    scale: int = eqx.field(static=True)
    transform: str = eqx.field(static=True, default="cosine")

    @classmethod
    def create(cls, spec: Spec, horizon: int, scale: int = 10, merges: int = 0, transform: str = "cosine") -> "FastTokens":
        """Nothing merged yet. Raises BadSetting where actions are not numbers, or a setting is none that there is."""
        if not isinstance(spec.action, Box):
            raise BadSetting("Tokens of frequencies need actions that are numbers (a Box).")
        if min(horizon, scale) < 1:
            raise BadSetting(f"A chunk's horizon and --scale are at least 1, not {horizon} and {scale}.")
        if transform not in ("cosine", "none"):
            raise BadSetting(f"The transform is cosine or none, not '{transform}'.")
        size = flat_size(spec.action)
        alphabet = 2 * reach(horizon, scale, transform) + 1
        spelling = jnp.zeros((alphabet + merges, horizon * size), jnp.int32).at[:alphabet, 0].set(jnp.arange(alphabet))
        lengths = jnp.where(jnp.arange(alphabet + merges) < alphabet, 1, horizon * size + 1).astype(jnp.int32)
        return cls(jnp.full((merges, 2), -1, jnp.int32), spelling, lengths, horizon, size, scale, transform)

    @property
    def limit(self) -> int:
        return reach(self.horizon, self.scale, self.transform)

    @property
    def alphabet(self) -> int:
        return 2 * self.limit + 1

    @property
    def vocabulary(self) -> int:
        return self.alphabet + self.merges.shape[0]

    @property
    def longest(self) -> int:
        return self.horizon * self.size

    def integers(self, chunk: Float[Array, "horizon size"]) -> Int[Array, "horizon size"]:
        """The rounded frequencies, within -limit and limit."""
        numbers = cosines(chunk) if self.transform == "cosine" else chunk
        return jnp.clip(jnp.round(self.scale * numbers), -self.limit, self.limit).astype(jnp.int32)

    def rebuild(self, integers: Int[Array, "horizon size"]) -> Float[Array, "horizon size"]:
        numbers = integers.astype(jnp.float32) / self.scale
        return from_cosines(numbers) if self.transform == "cosine" else numbers

    def encode(self, chunk: Float[Array, "horizon size"]) -> tuple[Int[Array, " longest"], Int[Array, ""]]:
        """-> tokens, and how many they are (0 behind them)."""
        return self.merge(self.integers(chunk).ravel() + self.limit)

    def merge(self, integers: Int[Array, " longest"]) -> tuple[Int[Array, " longest"], Int[Array, ""]]:
        """Byte-pair encoding: always the earliest learnt pair that is there, until none is."""
        many = self.vocabulary
        known = jnp.where(self.merges[:, 0] < 0, many * many, self.merges[:, 0] * many + self.merges[:, 1])
        order = jnp.argsort(known)
        ordered = known[order]

        def ranks(sequence: Array, count: Array) -> Array:
            """Of each neighbouring pair, which merge it is; as many as there are where it is none."""
            pair = sequence[:-1] * many + sequence[1:]
            place = jnp.minimum(jnp.searchsorted(ordered, pair), len(ordered) - 1)
            there = (ordered[place] == pair) & (jnp.arange(1, len(sequence)) < count)
            return jnp.where(there, order[place], len(ordered)).astype(jnp.int32)

        def once(carry: tuple) -> tuple:
            sequence, count, first = carry
            sequence, count = merged(sequence, count, self.merges[first], self.alphabet + first)
            return sequence, count, ranks(sequence, count).min()

        count = jnp.int32(self.longest)
        if not len(known) or self.longest < 2:
            return integers, count
        begin = (integers, count, ranks(integers, count).min())
        return jax.lax.while_loop(lambda carry: carry[2] < len(known), once, begin)[:2]

    def write(
        self, written: Int[Array, " longest"], at: Int[Array, ""], token: Int[Array, ""]
    ) -> tuple[Int[Array, " longest"], Int[Array, ""]]:
        """A token's integers at place `at` of those written so far (as tokens of the alphabet) -> and where the next begin."""
        index = jnp.arange(self.longest) - at
        inside: Bool[Array, " longest"] = (index >= 0) & (index < self.lengths[token])
        return jnp.where(inside, self.spelling[token][jnp.clip(index, 0, self.longest - 1)], written), at + self.lengths[token]

    def read(self, written: Int[Array, " longest"]) -> Float[Array, "horizon size"]:
        """All integers, as tokens of the alphabet -> the chunk."""
        return self.rebuild((written - self.limit).reshape(self.horizon, self.size))

    def decode(self, tokens: Int[Array, " longest"], count: Int[Array, ""]) -> Float[Array, "horizon size"]:
        """The inverse of `encode`, but for the rounding."""

        def one(i: Array, carry: tuple) -> tuple:
            return self.write(*carry, tokens[i])

        return self.read(jax.lax.fori_loop(0, count, one, (jnp.full(self.longest, self.limit, jnp.int32), jnp.int32(0)))[0])

    def learn(self, sequences: Int[Array, "batch longest"], counts: Int[Array, " batch"], at: Int[Array, ""]) -> "FastTokens":
        """With the pair that is most frequent in encoded chunks as merge number `at`; as it is, where no pair comes twice."""
        many = self.vocabulary
        pair = sequences[:, :-1] * many + sequences[:, 1:]
        there = jnp.arange(1, self.longest)[None] < counts[:, None]
        seen = jnp.zeros(many * many + 1, jnp.int32).at[jnp.where(there, pair, many * many)].add(1)[:-1]
        best = jnp.argmax(seen).astype(jnp.int32)
        left, right, token = best // many, best % many, self.alphabet + at
        spelt, end = self.write(self.spelling[left], self.lengths[left], right)
        fresh = dataclasses.replace(
            self,
            merges=self.merges.at[at].set(jnp.stack([left, right])),
            spelling=self.spelling.at[token].set(spelt),
            lengths=self.lengths.at[token].set(end),
        )
        return jax.tree.map(lambda new, old: jnp.where(seen[best] > 1, new, old), fresh, self)


def reach(horizon: int, scale: int, transform: str = "cosine") -> int:
    """The largest integer that a chunk within -1 and 1 can lead to."""
    return math.ceil(scale * math.sqrt(horizon)) if transform == "cosine" else scale
