"""Chunks from low frequencies to high, with continuous tokens (FreqPolicy, Zhong et al. 2025, arXiv 2506.01583; after MAR, Li et al. 2024).

    low(a, m)   the chunk a with its m lowest frequencies alone (cosine transform along time)
    training    m uniform in 0 .. H, a share of the steps hidden;  z = trunk(low(a, m), hidden, m, context),  one z for each step
                min |noise - e(sqrt(A_k) a_t + sqrt(1 - A_k) noise, k, z_t)|^2   the head e denoises each step alone, k its own
    acting      x = nothing, all hidden;  for m_1 = 0 < m_2 < .. < m_n = H: a' = what the head draws from trunk(x, hidden, m_i),
                x = low(a', m_i+1), and floor(H cos(pi i / 2 n)) steps stay hidden;  a' of the last level is the chunk

Order "time" is what low to high is measured against: the same trunk and head, but each round decides the next H / n steps, and the trunk
sees in their places those of the round before. Each looks at its own round's places and at earlier ones, so that training asks for all
rounds of a chunk at once (with m drawn and the rest hidden, the first steps would be asked for in one window of H).
"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.actions.frequencies import cosines, from_cosines
from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.generators.diffusion import Apart
from agir.generators.generator import Generator
from agir.networks.layers import Draw, Linear, grown
from agir.networks.mlp import DenoisingMLP
from agir.networks.sequence import Sequence, causal
from agir.networks.transformer import DEVIATION
from agir.objectives.masked import held, in_shares

ORDERS = ("frequency", "time")
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
        level: Float[Array, " horizon"],
        context: Float[Array, "history features"],
        mask: Bool[Array, "horizon horizon"],
    ) -> Float[Array, "horizon width"]:
        """`level` is what is kept, from 0 to 1; `mask` [i, j] is true where step i may look at j."""
        x = jnp.where(hidden[:, None], self.hidden[None], self.step_in(chunk)) + self.level_in(level[:, None])
        return self.body(x, context, mask)


class StepDenoiser(eqx.Module):
    """Denoises each step by itself: `network(x [horizon, size], times [horizon], z [horizon, width]) -> [horizon, size]`."""

    one: DenoisingMLP

    @classmethod
    def create(cls, size: int, seen: int, key: Key, width: int = 128, depth: int = 2) -> "StepDenoiser":
        """`seen` is the width of z."""
        return cls(DenoisingMLP.create((1, size), (1, seen), key, width, depth))

    def __call__(
        self, x: Float[Array, "horizon size"], times: Float[Array, " horizon"], z: Float[Array, "horizon width"]
    ) -> Float[Array, "horizon size"]:
        return jax.vmap(self.one)(x[:, None], times[:, None], z[:, None])[:, 0]


class FrequencyAutoregression(Generator):
    """`trunk(chunk, hidden, level, context, mask) -> z [horizon, width]`, `head` draws a chunk [horizon, size] with z as its context."""

    trunk: Any
    head: Apart
    levels: int = eqx.field(static=True, default=4)
    order: str = eqx.field(static=True, default="frequency")

    def __check_init__(self):
        if self.order not in ORDERS:
            raise BadSetting(f"The order is one of {', '.join(ORDERS)}, not '{self.order}'.")
        if not 1 <= self.levels <= self.head.horizon:
            raise BadSetting(f"There are 1 to {self.head.horizon} levels (the horizon), not {self.levels}.")
        if self.order == "time" and self.head.horizon % self.levels:
            raise BadSetting(f"In the order of time the levels divide the horizon of {self.head.horizon}; {self.levels} do not.")

    @property
    def passes(self) -> int:
        """The trunk's and the head's, which is smaller."""
        return self.levels * (1 + self.head.passes)

    @property
    def kept(self) -> np.ndarray:
        """m_1 .. m_n."""
        return np.arange(self.levels) * self.head.horizon // max(self.levels - 1, 1)

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The squared error of all steps, those that repeat the last one that counts too, shared by those that count."""
        whole = held(chunk, mask).reshape(self.head.horizon, -1)
        show, denoise = jax.random.split(key)
        if self.order == "time":
            z = self.after_rounds(whole, context)
        else:
            low_ones, hidden, kept = self.shown(whole, show)
            z = self.of_frequencies(low_ones, hidden, kept, context)
        errors = self.head.loss(whole, jnp.ones_like(mask), z, denoise)
        return in_shares(errors.sum(), mask)

    def shown(
        self, whole: Float[Array, "horizon size"], key: Key
    ) -> tuple[Float[Array, "horizon size"], Bool[Array, " horizon"], Int[Array, ""]]:
        """What training shows of a chunk -> what is seen of it, which steps are hidden, and m."""
        cut, share, order = jax.random.split(key, 3)
        horizon = self.head.horizon
        kept = jax.random.randint(cut, (), 0, horizon + 1)
        fewer = SPREAD * jax.random.truncated_normal(share, (LEAST_HIDDEN - 1) / SPREAD, 0.0)
        hidden = jax.random.permutation(order, jnp.arange(horizon)) < jnp.ceil(horizon * (1 + fewer)).astype(jnp.int32)
        return low(whole, kept), hidden, kept

    def of_frequencies(
        self, chunk: Float[Array, "horizon size"], hidden: Bool[Array, " horizon"], kept: Any, context: Float[Array, "history features"]
    ) -> Float[Array, "horizon width"]:
        """z of a chunk of which the lowest `kept` frequencies are seen, in the steps that are not hidden."""
        horizon = self.head.horizon
        level = jnp.full(horizon, jnp.float32(kept) / horizon)
        return self.trunk(chunk, hidden, level, context, jnp.ones((horizon, horizon), bool))

    def after_rounds(self, chunk: Float[Array, "horizon size"], context: Float[Array, "history features"]) -> Float[Array, "horizon width"]:
        """In the order of time, z of every step, which sees the rounds before its own."""
        horizon, each = self.head.horizon, self.head.horizon // self.levels
        steps, rounds = np.arange(horizon), np.arange(horizon) // each
        level = jnp.asarray(rounds * each / horizon, jnp.float32)
        return self.trunk(jnp.roll(chunk, each, 0), jnp.asarray(steps < each), level, context, causal(jnp.asarray(rounds)))

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        shuffle, key = jax.random.split(key)
        draw = lambda z, level: self.head.sample(z, jax.random.fold_in(key, level)).reshape(self.head.horizon, -1)
        nothing = jnp.zeros((self.head.horizon, math.prod(self.head.shape)))
        chunk = self.in_time(nothing, context, draw) if self.order == "time" else self.in_frequency(nothing, context, draw, shuffle)
        return chunk.reshape(self.head.horizon, *self.head.shape)

    def in_time(self, chunk: Float[Array, "horizon size"], context: Float[Array, "history features"], draw: Callable) -> Any:
        rounds = np.arange(self.head.horizon) // (self.head.horizon // self.levels)
        for now in range(self.levels):
            chunk = jnp.where((rounds == now)[:, None], draw(self.after_rounds(chunk, context), now), chunk)
        return chunk

    def in_frequency(
        self, chunk: Float[Array, "horizon size"], context: Float[Array, "history features"], draw: Callable, key: Key
    ) -> Float[Array, "horizon size"]:
        horizon, levels = self.head.horizon, self.levels
        place = jax.random.permutation(key, jnp.arange(horizon))
        for level, kept in enumerate(self.kept):
            hidden = place < math.floor(horizon * math.cos(0.5 * math.pi * level / levels))
            chunk = draw(self.of_frequencies(low(chunk, jnp.int32(kept)), hidden, kept, context), level)
        return chunk
