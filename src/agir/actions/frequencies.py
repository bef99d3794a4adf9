"""Chunks of actions as frequencies: the cosine transform along time, and FAST's tokens of it (Pertsch et al. 2025, arXiv 2501.09747).

    c = C a,    C_kn = s_k cos(pi (2 n + 1) k / (2 N)),    s_0 = sqrt(1 / N), s_k = sqrt(2 / N)      (orthonormal: a = C^T c)
    integers    q = round(scale c), all entries of the lowest frequency first
    tokens      byte-pair encoding (pairs.py): pairs of neighbours that are frequent in the data become one token

Rounding is the only loss: |a - a'| over a chunk (root of the sum of squares, of one entry of an action) is at most
sqrt(N) / (2 scale). Entries of actions beyond -1 and 1 may lead to coefficients beyond +-scale sqrt(N), which are clipped.

Without the transform (c = a) and without merges these are plain bins, 2 scale + 1 of them between -1 and 1, one token a number:
what FAST is measured against, with the same bound on the error.
"""

import dataclasses
import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from agir.actions.pairs import Pairs
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


class FastTokens(eqx.Module):
    """Chunks to sequences of at most `longest` tokens and back; `learn` adds a merge.

    `transform` is "cosine", or "none" for the numbers themselves. Tokens 0 .. 2 limit are the integers -limit .. limit, the others
    pairs of tokens (pairs.py).
    """

    pairs: Pairs
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
        pairs = Pairs.create(2 * reach(horizon, scale, transform) + 1, horizon * size, merges)
        return cls(pairs, horizon, size, scale, transform)

    @property
    def limit(self) -> int:
        return reach(self.horizon, self.scale, self.transform)

    @property
    def vocabulary(self) -> int:
        return self.pairs.vocabulary

    @property
    def longest(self) -> int:
        return self.pairs.longest

    @property
    def lengths(self) -> Int[Array, " tokens"]:
        """How many integers each token says."""
        return self.pairs.lengths

    def integers(self, chunk: Float[Array, "horizon size"]) -> Int[Array, "horizon size"]:
        """The rounded frequencies, within -limit and limit."""
        numbers = cosines(chunk) if self.transform == "cosine" else chunk
        return jnp.clip(jnp.round(self.scale * numbers), -self.limit, self.limit).astype(jnp.int32)

    def rebuild(self, integers: Int[Array, "horizon size"]) -> Float[Array, "horizon size"]:
        numbers = integers.astype(jnp.float32) / self.scale
        return from_cosines(numbers) if self.transform == "cosine" else numbers

    def encode(self, chunk: Float[Array, "horizon size"]) -> tuple[Int[Array, " longest"], Int[Array, ""]]:
        """-> tokens, and how many they are (0 behind them)."""
        return self.pairs.merge(self.integers(chunk).ravel() + self.limit, jnp.int32(self.longest))

    def write(
        self, written: Int[Array, " longest"], at: Int[Array, ""], token: Int[Array, ""]
    ) -> tuple[Int[Array, " longest"], Int[Array, ""]]:
        """A token's integers (from 0) at place `at` of those written so far -> and where the next begin."""
        return self.pairs.write(written, at, token)

    def read(self, written: Int[Array, " longest"]) -> Float[Array, "horizon size"]:
        """All integers (from 0) -> the chunk."""
        return self.rebuild((written - self.limit).reshape(self.horizon, self.size))

    def decode(self, tokens: Int[Array, " longest"], count: Int[Array, ""]) -> Float[Array, "horizon size"]:
        """The inverse of `encode`, but for the rounding."""
        return self.read(self.pairs.spell(tokens, count))

    def learn(self, sequences: Int[Array, "batch longest"], counts: Int[Array, " batch"], at: Int[Array, ""]) -> "FastTokens":
        """With the pair that is most frequent in encoded chunks as merge number `at`; as it is, where no pair comes twice."""
        return dataclasses.replace(self, pairs=self.pairs.learn(sequences, counts, at))


def reach(horizon: int, scale: int, transform: str = "cosine") -> int:
    """The largest integer that a chunk within -1 and 1 can lead to."""
    return math.ceil(scale * math.sqrt(horizon)) if transform == "cosine" else scale
