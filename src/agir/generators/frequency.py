"""Chunks from low frequencies to high, with continuous tokens (FreqPolicy, Zhong et al. 2025, arXiv 2506.01583; after MAR, Li et al. 2024).

    low(a, m)   the chunk a with its m lowest frequencies alone (cosine transform along time)
    training    m uniform in 0 .. H, a share of the steps hidden;  z = trunk(low(a, m), hidden, m, context),  one z for each step
                min |noise - e(sqrt(A_k) a_t + sqrt(1 - A_k) noise, k, z_t)|^2       the head e denoises each step of a by itself
    acting      x = nothing, all hidden;  for m_1 = 0 < m_2 < .. < m_n = H: a' = what the head draws from trunk(x, hidden, m_i),
                x = low(a', m_i+1), and floor(H cos(pi i / 2 n)) steps stay hidden;  a' of the last level is the chunk

Order "time" is what low to high is measured against: the same trunk and head, but of the chunk itself the first m steps are seen,
and each level decides the next H / n of them.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.actions.frequencies import cosines, from_cosines
from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.generators.diffusion import Diffusion
from agir.generators.generator import Generator
from agir.networks.layers import Draw, Linear, grown, mish
from agir.networks.mlp import FilmLayer, TimeEmbedding
from agir.networks.sequence import Sequence
from agir.networks.transformer import DEVIATION
from agir.objectives.masked import held, in_shares, masked_mean

ORDERS = ("frequency", "time")
EMBEDDING = 32  # of the head's step numbers
LEAST_HIDDEN, SPREAD = 0.7, 0.25  # the share hidden in training: 1 less half a normal, at least LEAST_HIDDEN (the code's)


def low(chunk: Float[Array, "horizon size"], kept: Int[Array, ""]) -> Float[Array, "horizon size"]:
    """The chunk with its `kept` lowest frequencies alone."""
    inside = (jnp.arange(chunk.shape[0]) < kept)[:, None]
    return from_cosines(jnp.where(inside, cosines(chunk), 0.0))


class Trunk(eqx.Module):
    """One vector for each step of a chunk of which some are hidden; all look at all, and at the context."""

    step_in: Linear
    hidden: Float[Array, " width"]
    level_in: Linear
    body: Sequence

    @classmethod
    def create(cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 64, depth: int = 3) -> "Trunk":
        """`chunk` is (horizon, size)."""

        def build(draw: Draw) -> Trunk:
            body = Sequence(chunk[0], context, draw, width, depth)
            return cls(Linear(chunk[1], width, draw), draw.normal((width,), DEVIATION), Linear(1, width, draw), body)

        return grown(build, key)

    def __call__(
        self,
        chunk: Float[Array, "horizon size"],
        hidden: Bool[Array, " horizon"],
        level: Float[Array, ""],
        context: Float[Array, "history features"],
    ) -> Float[Array, "horizon width"]:
        """`level` is what is kept, from 0 to 1."""
        x = jnp.where(hidden[:, None], self.hidden[None], self.step_in(chunk)) + self.level_in(level[None])[None]
        return self.body(x, context, jnp.ones((len(hidden), len(hidden)), bool))


class StepDenoiser(eqx.Module):
    """Denoises each step by itself: `network(x [horizon, size], times [1], z [horizon, width]) -> [horizon, size]`."""

    time: TimeEmbedding
    condition: Linear
    first: Linear
    layers: list[FilmLayer]
    last: Linear
    straight: Linear

    @classmethod
    def create(cls, size: int, seen: int, key: Key, width: int = 128, depth: int = 2) -> "StepDenoiser":
        """`seen` is the width of z."""

        def build(draw: Draw) -> StepDenoiser:
            return cls(
                time=TimeEmbedding(EMBEDDING, draw),
                condition=Linear(seen, EMBEDDING, draw),
                first=Linear(size + seen, width, draw),
                layers=[FilmLayer(width, EMBEDDING, draw) for _ in range(depth)],
                last=Linear(width, size, draw),
                straight=Linear(EMBEDDING, size, draw),
            )

        return grown(build, key)

    def __call__(
        self, x: Float[Array, "horizon size"], times: Float[Array, " times"], z: Float[Array, "horizon width"]
    ) -> Float[Array, "horizon size"]:
        time = self.time(times)
        return jax.vmap(lambda step, seen: self.one(step, time, seen))(x, z)

    def one(self, step: Float[Array, " size"], time: Float[Array, " embedding"], seen: Float[Array, " width"]) -> Float[Array, " size"]:
        told = mish(time + self.condition(seen))
        y = self.first(jnp.concatenate([step, seen]))
        for layer in self.layers:
            y = layer(y, told)
        return self.last(y) + self.straight(told) * step


class FrequencyAutoregression(Generator):
    """`trunk(chunk, hidden, level, context) -> z [horizon, width]`, `head` draws a chunk [horizon, size] with z as its context."""

    trunk: Any
    head: Diffusion
    levels: int = eqx.field(static=True, default=4)
    order: str = eqx.field(static=True, default="frequency")

    def __check_init__(self):
        if self.order not in ORDERS:
            raise BadSetting(f"The order is one of {', '.join(ORDERS)}, not '{self.order}'.")
        if not 1 <= self.levels <= self.head.horizon:
            raise BadSetting(f"There are 1 to {self.head.horizon} levels (the horizon), not {self.levels}.")

    @property
    def passes(self) -> int:
        """The trunk's and the head's, which is smaller."""
        return self.levels * (1 + self.head.passes)

    @property
    def kept(self) -> np.ndarray:
        """m_1 .. m_n and, in the order of time, the horizon behind them."""
        horizon, levels = self.head.horizon, self.levels
        if self.order == "time":
            return np.arange(levels + 1) * horizon // levels
        return np.arange(levels) * horizon // max(levels - 1, 1)

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The squared error of all steps, those that repeat the last one that counts too, shared by those that count.

        In the order of time nothing is asked of the steps that are shown as they are, and as much of the others as of all.
        """
        whole = held(chunk, mask).reshape(self.head.horizon, -1)
        show, denoise = jax.random.split(key)
        seen, hidden, kept = self.shown(whole, show)
        z = self.trunk(seen, hidden, kept.astype(jnp.float32) / self.head.horizon, context)
        asked = hidden.astype(jnp.float32) if self.order == "time" else jnp.ones_like(mask)  # a frequency is of all steps
        errors = self.head.loss(whole, jnp.ones_like(mask), z, denoise)
        return in_shares(self.head.horizon * masked_mean(errors, asked), mask)

    def shown(
        self, whole: Float[Array, "horizon size"], key: Key
    ) -> tuple[Float[Array, "horizon size"], Bool[Array, " horizon"], Int[Array, ""]]:
        """What training shows of a chunk -> what is seen of it, which steps are hidden, and m."""
        cut, share, order = jax.random.split(key, 3)
        horizon, steps = self.head.horizon, jnp.arange(self.head.horizon)
        kept = jax.random.randint(cut, (), 0, horizon + 1)
        if self.order == "time":
            return whole, steps >= kept, kept
        fewer = SPREAD * jax.random.truncated_normal(share, (LEAST_HIDDEN - 1) / SPREAD, 0.0)
        hidden = jax.random.permutation(order, steps) < jnp.ceil(horizon * (1 + fewer)).astype(jnp.int32)
        return low(whole, kept), hidden, kept

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        shuffle, key = jax.random.split(key)
        horizon, steps, kept = self.head.horizon, jnp.arange(self.head.horizon), self.kept
        place = jax.random.permutation(shuffle, steps)
        chunk, hidden = jnp.zeros((horizon, math.prod(self.head.shape))), jnp.ones(horizon, bool)
        for level in range(self.levels):
            z = self.trunk(chunk, hidden, jnp.float32(kept[level] / horizon), context)
            drawn = self.head.sample(z, jax.random.fold_in(key, level)).reshape(horizon, -1)
            if self.order == "time":
                chunk, hidden = jnp.where(hidden[:, None], drawn, chunk), steps >= int(kept[level + 1])
            elif level + 1 < self.levels:
                chunk = low(drawn, jnp.int32(kept[level + 1]))
                hidden = place < math.floor(horizon * math.cos(0.5 * math.pi * (level + 1) / self.levels))
            else:
                chunk = drawn
        return chunk.reshape(horizon, *self.head.shape)
