"""Flows whose time is the time of execution (Jiang et al. 2025, arXiv 2505.21851): what is generated is one action after the other.

    path      xi(s), the demonstrated actions, linear between them: xi(0) the last one done, xi(i) the i-th from now on, s in [0, H]
    flow      a(0) ~ N(xi(0), sigma^2),   da/ds = u(a, s) = xi'(s) - (k / H) (a - xi(s))
    marginal  a(s) ~ N(xi(s), sigma^2 exp(-2 k s / H))
    loss      |v(a, s, context) - H u(a, s)|^2      s uniform in [0, H], a from the marginal
    acting    a <- a + v(a, s, context) / H, s <- s + 1, and this a is done at once: one pass an action (or `passes` shorter Euler steps)

The paper's t is s / H, and v its velocity: the network says numbers of the size of the whole way, not of a step, a fifteenth of it.
(When it said steps, a pilot went four ways in 0.29 of the episodes, and so in 0.83.) In the marginal many demonstrations from one
observation add up: v is their mean where their tubes overlap and keeps them apart where they do not. Before an episode's first action
stands 0, the middle of the actions' normalised range. The network is told 100 t.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.flow import TOLD
from agir.generators.generator import Generator
from agir.objectives.masked import cleared


class StreamingFlow(Generator):
    """`network(action [1, size], times [1], context) -> [1, size]` says v; a chunk of the data is [horizon, *shape]."""

    network: Any
    horizon: int = eqx.field(static=True)  # of a window, which begins with its first observation
    history: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)  # of one action
    step_passes: int = eqx.field(static=True, default=1)  # for an action
    spread: Any = 0.1  # sigma
    gain: Any = 2.5  # k

    @property
    def actions(self) -> int:
        """H: how many actions a window holds from now on."""
        return self.horizon - self.history + 1

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The window's mean squared error, in shares that make every action's the same."""
        knots = self.knots(cleared(chunk, mask).reshape(self.horizon, -1))
        count = mask[self.history - 1 :].sum()  # of the actions from now on that are in the episode: the first so many
        return jnp.full(self.horizon, self.error(knots, count, context, key) * count / jnp.maximum(mask.sum(), 1.0))

    def knots(self, chunk: Float[Array, "horizon size"]) -> Float[Array, "knots size"]:
        """xi(0), ..., xi(H)."""
        before = chunk[self.history - 2] if self.history > 1 else jnp.zeros_like(chunk[0])
        return jnp.concatenate([before[None], chunk[self.history - 1 :]])

    def error(
        self, knots: Float[Array, "knots size"], count: Float[Array, ""], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, ""]:
        draw, disturb = jax.random.split(key)
        time = jax.random.uniform(draw) * count
        action, velocity = self.point(knots, time, jax.random.normal(disturb, knots.shape[1:]))
        return ((self.velocity(action, time, context) - self.actions * velocity) ** 2).mean()

    def point(
        self, knots: Float[Array, "knots size"], time: Float[Array, ""], noise: Float[Array, " size"]
    ) -> tuple[Float[Array, " size"], Float[Array, " size"]]:
        """-> the action at `time` of the path that began `noise` deviations off, and how far it goes in one action."""
        spread, gain = jnp.asarray(self.spread, jnp.float32), jnp.asarray(self.gain, jnp.float32) / self.actions
        begin = jnp.clip(time.astype(jnp.int32), 0, self.actions - 1)
        slope = knots[begin + 1] - knots[begin]
        off = spread * jnp.exp(-gain * time) * noise
        return knots[begin] + (time - begin.astype(jnp.float32)) * slope + off, slope - gain * off

    def velocity(
        self, action: Float[Array, " size"], time: Float[Array, ""], context: Float[Array, "history features"]
    ) -> Float[Array, " size"]:
        """v: how far a whole path would go at this speed."""
        return self.network(action[None], (TOLD / self.actions) * time[None], context)[0]

    def begin(self, last: Float[Array, "*shape"], key: Key) -> Float[Array, "*shape"]:
        """Near the last action done."""
        return last + jnp.asarray(self.spread, jnp.float32) * jax.random.normal(key, last.shape)

    def move(self, action: Float[Array, "*shape"], step: Any, context: Float[Array, "history features"]) -> Float[Array, "*shape"]:
        """From the action number `step` to the next."""
        length = 1 / self.step_passes

        def euler(i: Any, a: Float[Array, " size"]) -> Float[Array, " size"]:
            time = step.astype(jnp.float32) + length * jnp.asarray(i, jnp.float32)
            return a + length / self.actions * self.velocity(a, time, context)

        return jax.lax.fori_loop(0, self.step_passes, euler, action.ravel()).reshape(self.shape)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        """A whole chunk at once, from an episode's begin; the steps before now are 0. (`Streaming` computes one action at a time.)"""

        def once(action: Array, step: Array) -> tuple[Array, Array]:
            action = self.move(action, step, context)
            return action, action

        begin = self.begin(jnp.zeros(self.shape), key)
        chunk = jax.lax.scan(once, begin, jnp.arange(self.actions, dtype=jnp.int32))[1]
        return jnp.concatenate([jnp.zeros((self.history - 1, *self.shape)), chunk])
