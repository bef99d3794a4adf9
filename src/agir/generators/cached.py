"""Diffusion whose network keeps what its blocks added in earlier passes: Block-wise Adaptive Caching (Ji et al. 2025, arXiv 2506.13456).

    network    x <- x + b_i(x), i = 1 .. blocks                                                     (networks/residual.py)
    pass k     b_i is computed where `schedule[k, i]`; elsewhere x <- x + what b_i added when it was last computed
    S_i[j, k]  the cosine of what b_i adds in passes j and k, when nothing is kept: the mean over calibration
    schedule   of block i: passes 0 = c_1 < ... < c_M that maximise  sum_m sum_{c_m <= k < c_{m + 1}} S_i[c_m, k]
    bubbling   of the n blocks whose additions differ most between passes (mean L1), the last first: block i is also computed in
               every pass in which a feed-forward block behind it is, so that no such block sees new and old together

The inner sum is that of the paper's code; the paper's text adds cosines of neighbouring passes.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.generators.diffusion import Diffusion, Pass
from agir.networks.residual import Residual


class Remembering(eqx.Module):
    """A residual network for one pass; after a call, `added` holds what its blocks added, old or new."""

    network: Residual
    due: Bool[Array, " blocks"]
    kept: Float[Array, "blocks tokens width"]
    added: list = eqx.field(static=True, default_factory=list)

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        x, blocks = self.network.enter(chunk, times, context)
        self.added.clear()
        for i, block in enumerate(blocks):
            add = jax.lax.cond(self.due[i], block, lambda x, i=i: self.kept[i], x)
            self.added.append(add)
            x = x + add
        return self.network.leave(x, chunk, times)


class Cached(Diffusion):
    """Its network is a `Residual`."""

    schedule: Any = None  # bool [passes, blocks]: which blocks are computed; in a sampler's first pass all are

    def __check_init__(self):
        if self.schedule is not None and self.schedule.shape[-2] != self.sampling_passes:
            raise BadSetting(f"What is kept was settled for {self.schedule.shape[-2]} passes, not {self.sampling_passes}: use as many.")

    def denoise(
        self, x: Float[Array, "horizon size"], context: Float[Array, "history features"], key: Key, skip: Any = 0
    ) -> Float[Array, "horizon size"]:
        table, keys = Pass.table(self.steps, self.sampling_passes), jax.random.split(key, self.sampling_passes)

        def one(i: Any, carry: tuple) -> tuple:
            x, kept = carry
            at = jax.tree.map(lambda column: column[i], table)
            return cached_step(self, x, at, context, keys[i], self.schedule[i] | (i == skip), kept)

        return jax.lax.fori_loop(skip, self.sampling_passes, one, (x, nothing_kept(self, x, context)))[0]


def nothing_kept(generator: Diffusion, x: Float[Array, "horizon size"], context: Any) -> Float[Array, "blocks tokens width"]:
    stream = jax.eval_shape(lambda x: generator.network.enter(x, generator.told(jnp.float32(0)), context)[0], x)
    return jnp.zeros((len(generator.network.kinds), *stream.shape))


def cached_step(
    generator: Diffusion, x: Any, at: Pass, context: Any, key: Key, due: Bool[Array, " blocks"], kept: Float[Array, "blocks tokens width"]
) -> tuple[Float[Array, "horizon size"], Float[Array, "blocks tokens width"]]:
    """One pass of the sampler in which the blocks that are `due` are computed -> x, what the blocks added."""
    network = Remembering(generator.network, due, kept)
    return dataclasses.replace(generator, network=network).step(x, at, context, key), jnp.stack(network.added)


class Likeness(eqx.Module):
    """What calibration finds: means over contexts."""

    cosine: Float[Array, "blocks passes passes"]  # S
    change: Float[Array, " blocks"]  # mean L1 between passes


def likeness(generator: Diffusion, context: Float[Array, "history features"], key: Key) -> Likeness:
    """Of one context, in all passes of the sampler."""
    begin, walk = jax.random.split(key)
    x = generator.noise(begin)
    table, keys = Pass.table(generator.steps, generator.sampling_passes), jax.random.split(walk, generator.sampling_passes)
    kept = nothing_kept(generator, x, context)

    def one(x: Array, now: tuple) -> tuple:
        at, key = now
        return cached_step(generator, x, at, context, key, jnp.ones(len(kept), bool), kept)

    _, added = jax.lax.scan(one, x, (table, keys))
    flat = added.reshape(*added.shape[:2], -1).transpose(1, 0, 2)  # [blocks, passes, numbers]
    length = jnp.linalg.norm(flat, axis=-1)
    cosine = jnp.einsum("bjn,bkn->bjk", flat, flat) / jnp.maximum(length[:, :, None] * length[:, None], 1e-12)
    change = jax.vmap(lambda one: jax.lax.map(lambda row: jnp.abs(row[None] - one).mean(), one).mean())(flat)
    return Likeness(cosine, change)


def best_schedule(cosine: Float[Array, "passes passes"], computed: int) -> Bool[Array, " passes"]:
    """The `computed` passes, the first among them, for which what is used instead of the others is the most alike, by dynamic programming.

    best[m][k] is the most that the passes before k can reach in m stretches, the last of which ends before k:
    best[m][k] = max_j best[m - 1][j] + sum_{j <= i < k} S[j, i].
    """
    passes = len(cosine)
    if not 1 <= computed <= passes:
        raise BadSetting(f"Of {passes} passes 1 to {passes} compute a block, not {computed}.")
    sums = jnp.concatenate([jnp.zeros((passes, 1)), jnp.cumsum(jnp.triu(cosine), 1)], 1)  # [j, k]: of S[j, j .. k - 1]
    begin, end = jnp.arange(passes)[:, None], jnp.arange(passes + 1)[None]
    stretch = jnp.where(begin < end, sums, -jnp.inf)

    def add(best: Float[Array, " ends"], _: None) -> tuple:
        total = best[:-1, None] + stretch
        return total.max(0), total.argmax(0)

    start = jnp.full(passes + 1, -jnp.inf).at[0].set(0.0)
    _, came_from = jax.lax.scan(add, start, None, length=computed)

    def back(end: Array, came_from: Array) -> tuple:
        return came_from[end], came_from[end]

    _, chosen = jax.lax.scan(back, jnp.asarray(passes, came_from.dtype), came_from, reverse=True)
    return jnp.zeros(passes, bool).at[chosen].set(True)


def uniform_schedule(passes: int, computed: int) -> Bool[Array, " passes"]:
    """`computed` of the passes, the first among them, as evenly as may be."""
    return jnp.zeros(passes, bool).at[jnp.arange(computed) * passes // computed].set(True)


def bubbled(
    schedule: Bool[Array, "passes blocks"], change: Float[Array, " blocks"], kinds: tuple[str, ...], blocks: int
) -> Bool[Array, "passes blocks"]:
    """The schedule after the bubbling union over the `blocks` that change most."""
    chosen = jnp.argsort(jnp.argsort(-change)) < blocks
    for i in reversed(range(len(kinds))):
        behind = [j for j in range(i + 1, len(kinds)) if kinds[j] == "feed-forward"]
        if behind:
            union = schedule[:, i] | schedule[:, jnp.array(behind)].any(1)
            schedule = schedule.at[:, i].set(jnp.where(chosen[i], union, schedule[:, i]))
    return schedule
