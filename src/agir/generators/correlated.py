"""Flow matching from noise that is correlated as the actions are, and inpainting that knows of it.

    noise       e ~ N(0, S),   S = b R + (1 - b) 1,   R the correlations of the entries of a flat chunk in the data
    path, loss  those of flow matching (flow.py), with this e
                of whole chunks: behind an episode's end the last action is held and learnt, as R has it (what the noise of an entry
                that is not learnt is would tell that of its neighbours)
    inpainting  the first entries O of the chunk are known, a_O. After each Euler step to time t <= `until`
                x_O <- (1 - t) e_O + t a_O,   x_U <- x_U + S_UO S_OO^-1 (the change of x_O)
                that is, U moves as the conditional mean of a Gaussian with covariance S does. "hard": x_O alone is set.

Larchenko et al. 2025 (arXiv 2512.06951, first place of the BEHAVIOR challenge; code IliaLarchenko/behavior-1k-solution, whose time runs
the other way). There as here a change of U by more than 1 in some entry is not made, and past `until` the flow is free.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from agir.core.spaces import Key
from agir.generators.flow import Flow
from agir.objectives.masked import held, in_shares

LARGEST = 1.0  # change of an entry that is not known, in one step
SMALL = 1e-6  # added to the variances of what is known


class Correlation(eqx.Module):
    """The correlations of the entries of a flat chunk [horizon, size]."""

    matrix: Float[Array, "entries entries"]
    horizon: int = eqx.field(static=True)


class Moments(eqx.Module):
    """Sums over whole chunks, from which correlations are made."""

    count: Float[Array, ""]
    total: Float[Array, " entries"]
    product: Float[Array, "entries entries"]

    @classmethod
    def nothing(cls, entries: int) -> "Moments":
        return cls(jnp.float32(0), jnp.zeros(entries), jnp.zeros((entries, entries)))

    def add(self, chunks: Float[Array, "batch entries"], whole: Float[Array, " batch"]) -> "Moments":
        """With more chunks, of which those count whose `whole` is 1."""
        chunks = jnp.where(whole[:, None] > 0, chunks, 0.0)
        return Moments(self.count + whole.sum(), self.total + chunks.sum(0), self.product + chunks.T @ chunks)

    def correlations(self) -> Float[Array, "entries entries"]:
        """Of entries that never change 0, but with themselves 1."""
        count = jnp.maximum(self.count, 1.0)
        mean = self.total / count
        covariance = self.product / count - mean[:, None] * mean[None]
        variance = jnp.maximum(jnp.diagonal(covariance), 0.0)
        scale = jnp.where(variance > SMALL, jax.lax.rsqrt(jnp.maximum(variance, SMALL)), 0.0)
        return jnp.where(jnp.eye(len(mean), dtype=bool), 1.0, covariance * scale[:, None] * scale[None])


def shrunk(correlation: Float[Array, "entries entries"], share: Any) -> Float[Array, "entries entries"]:
    """S: `share` (b) of the correlations are left."""
    return share * correlation + (1 - share) * jnp.eye(len(correlation))


def cholesky(covariance: Float[Array, "entries entries"]) -> Float[Array, "entries entries"]:
    """The lower factor L, L L^T = covariance. By columns in plain operations: see networks/columns.py on LAPACK in compiled programs."""
    size = len(covariance)

    def column(j: Any, factor: Array) -> Array:
        left = covariance[:, j] - factor @ factor[j]
        below = left * jax.lax.rsqrt(jnp.maximum(left[j], 1e-12))
        return factor.at[:, j].set(jnp.where(jnp.arange(size) >= j, below, 0.0))

    return jax.lax.fori_loop(0, size, column, jnp.zeros_like(covariance))


def propagation(factor: Float[Array, "entries entries"], known: int) -> Float[Array, "entries known"]:
    """[1; S_UO S_OO^-1] = L_:O L_OO^-1: what a change of the first `known` entries does to all. By substitution from the last column."""
    inside = factor[:known, :known]

    def column(i: Any, rows: Array) -> Array:
        j = known - 1 - i
        now = (factor[:, j] - rows @ inside[:, j]) / inside[j, j]
        return rows.at[:, j].set(now)

    return jax.lax.fori_loop(0, known, column, jnp.zeros((len(factor), known)))


class CorrelatedFlow(Flow):
    """`factor` is the lower factor of S; the first `known` actions of a chunk can be told."""

    factor: Any = None  # float32 [entries, entries]; put in for each use, because what lies in a model is trained
    known: int = eqx.field(static=True, default=0)
    propagates: bool = eqx.field(static=True, default=True)  # False: "hard"
    until: Any = 0.7

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """Of the whole chunk, in equal shares of the steps that count."""
        return in_shares(super().loss(held(chunk, mask), jnp.ones_like(mask), context, key).mean(), mask)

    def noise(self, key: Key) -> Float[Array, "horizon size"]:
        entries = self.horizon * math.prod(self.shape)
        return (self.factor @ jax.random.normal(key, (entries,))).reshape(self.horizon, -1)

    def inpaint(
        self, told: Float[Array, "horizon size"], given: Bool[Array, ""], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, "horizon size"]:
        """A chunk whose first `known` actions are drawn towards those of `told`, where something is `given`."""
        noise, passes = self.noise(key), self.sampling_passes
        size = noise.shape[1]
        spread = propagation(self.factor, self.known * size)[self.known * size :] if self.propagates and self.known else None
        first, until = slice(0, self.known), jnp.asarray(self.until, jnp.float32)

        def step(x: Array, time: Float[Array, ""]) -> tuple[Array, None]:
            x = x + self.velocity(x, time, context) / passes
            later = time + 1 / passes
            change = (1 - later) * noise[first] + later * told[first] - x[first]
            moved = x.at[first].add(change)
            if spread is not None:
                others = (spread @ change.ravel()).reshape(-1, size)
                moved = moved.at[self.known :].add(jnp.where(jnp.abs(others).max() <= LARGEST, others, 0.0))
            return jnp.where(given & (later <= until + 1e-6), moved, x), None

        return jax.lax.scan(step, noise, jnp.arange(passes, dtype=jnp.float32) / passes)[0]
