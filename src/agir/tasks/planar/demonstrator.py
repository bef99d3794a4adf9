"""Planar's demonstrator: a scene's `drive`, with noise, at a speed, by one of several ways. It is shown the state, not the observation."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.nouns import Act, Policy
from agir.core.spaces import Key
from agir.tasks.native import World
from agir.tasks.planar.scenes import Plan
from agir.tasks.planar.world import RATE_HZ, STRIDE_M, Physics


def bounded(stride: Float[Array, "3"], longest: Any) -> Float[Array, "3"]:
    """A stride no longer than `longest`, in the same direction."""
    long = jnp.sqrt(jnp.maximum((stride**2).sum(), 1e-18))
    return stride * jnp.minimum(1.0, longest / long)


class Demonstrator(Policy):
    """Strides of `speed` times the longest (times a factor from 1 - `uneven` to 1, drawn at each step), plus `noise` (m).

    Where it takes care the factor is 1 and the noise a tenth. Which of `modes` ways it takes is drawn at its start.
    """

    task: Any = eqx.field(static=True)

    def see(self, state: World) -> Physics:
        return state.physics

    def start(self, key: Key) -> Plan:
        way, turn = jax.random.split(key)
        sides = jnp.linspace(-1.0, 1.0, self.task.of.modes) if self.task.of.modes > 1 else jnp.zeros(1)
        side = sides[jax.random.randint(way, (), 0, len(sides))]
        return Plan(side, jnp.zeros((), jnp.int32), jnp.where(jax.random.bernoulli(turn), 1.0, -1.0))

    def act(self, observation: Physics, memory: Plan, key: Key) -> Act:
        of, task = self.task.of, self.task
        meant = task.stage.drive(observation, memory)
        shake, pace = jax.random.split(key)
        care = jnp.asarray(meant.precise)
        pace = jnp.where(care, 1.0, jax.random.uniform(pace, (), jnp.float32, 1 - of.uneven, 1.0))
        stride = bounded(meant.stride, of.speed * STRIDE_M * pace)
        stride = stride + jnp.where(care, 0.1, 1.0) * of.noise * jax.random.normal(shake, (3,), jnp.float32)
        stride = (stride - of.inertia / RATE_HZ * observation.velocity) / (1 - of.inertia)  # what leads there in spite of it
        return Act(task.say(observation, bounded(stride, STRIDE_M), jnp.asarray(meant.closing, jnp.float32)), meant.plan)
