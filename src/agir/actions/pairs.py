"""Byte-pair encoding of integers (Sennrich et al. 2016, after Gage 1994): pairs of neighbours that are frequent become one token.

Compiled throughout, sequences of a fixed length with a count of what is there. Used by FAST's tokens (frequencies.py) and PRISE's
skills (networks/skill_codes.py).
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int


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


class Pairs(eqx.Module):
    """Tokens 0 .. alphabet - 1 are what sequences are made of, the others pairs of tokens, in the order in which they were learnt."""

    merges: Int[Array, "merges 2"]  # -1 where none is learnt
    spelling: Int[Array, "tokens longest"]  # what of the alphabet each token says, 0 behind its end
    lengths: Int[Array, " tokens"]  # how much that is; longer than any sequence where none is learnt
    alphabet: int = eqx.field(static=True)

    @classmethod
    def create(cls, alphabet: int, longest: int, merges: int) -> "Pairs":
        """Nothing merged yet; `longest` is the longest sequence there is."""
        spelling = jnp.zeros((alphabet + merges, longest), jnp.int32).at[:alphabet, 0].set(jnp.arange(alphabet))
        lengths = jnp.where(jnp.arange(alphabet + merges) < alphabet, 1, longest + 1).astype(jnp.int32)
        return cls(jnp.full((merges, 2), -1, jnp.int32), spelling, lengths, alphabet)

    @property
    def vocabulary(self) -> int:
        return self.alphabet + self.merges.shape[0]

    @property
    def longest(self) -> int:
        return self.spelling.shape[1]

    def merge(self, sequence: Int[Array, " longest"], count: Int[Array, ""]) -> tuple[Int[Array, " longest"], Int[Array, ""]]:
        """The first `count` entries as tokens -> tokens, and how many they are: always the earliest learnt pair, until none is there."""
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

        if not len(known) or self.longest < 2:
            return sequence, count
        begin = (sequence, count, ranks(sequence, count).min())
        return jax.lax.while_loop(lambda carry: carry[2] < len(known), once, begin)[:2]

    def write(
        self, written: Int[Array, " longest"], at: Int[Array, ""], token: Int[Array, ""]
    ) -> tuple[Int[Array, " longest"], Int[Array, ""]]:
        """What a token says, at place `at` of what is written so far -> and where the next begins."""
        index = jnp.arange(self.longest) - at
        inside: Bool[Array, " longest"] = (index >= 0) & (index < self.lengths[token])
        return jnp.where(inside, self.spelling[token][jnp.clip(index, 0, self.longest - 1)], written), at + self.lengths[token]

    def spell(self, tokens: Int[Array, " longest"], count: Int[Array, ""]) -> Int[Array, " longest"]:
        """The inverse of `merge`; 0 behind the end."""
        one = lambda i, carry: self.write(*carry, tokens[i])
        return jax.lax.fori_loop(0, count, one, (jnp.zeros(self.longest, jnp.int32), jnp.int32(0)))[0]

    def learn(self, sequences: Int[Array, "batch longest"], counts: Int[Array, " batch"], at: Int[Array, ""]) -> "Pairs":
        """With the pair that is most frequent in merged sequences as merge number `at`; as it is, where none comes twice or is kept."""
        if not len(self.merges):
            return self
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
