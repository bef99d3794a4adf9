"""Pendulum: a torque too weak to lift it at once swings it up and holds it there. The dynamics of Gymnasium's Pendulum-v1.

`pendulum/hidden` shows the angle alone, so that the speed must be remembered or estimated.
"""

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Key, Meaning, Spec
from agir.tasks.linear import linearize, lqr
from agir.tasks.native import Native, Timed, World

GRAVITY, STEP_S, FASTEST, TORQUE = 10.0, 0.05, 8.0, 2.0  # a rod of 1 m and 1 kg
UPRIGHT_RAD, HOLD = 0.2, 50  # success: so near to upright for so many steps on end


def wrap(angle: Any) -> Any:
    """To [-pi, pi)."""
    return jnp.mod(angle + math.pi, 2 * math.pi) - math.pi


def move(state: Float[Array, "2"], torque: Float[Array, ""]) -> Float[Array, "2"]:
    """Angle from upright (rad), speed (rad/s) -> the same one step later."""
    angle, speed = state
    speed = jnp.clip(speed + (1.5 * GRAVITY * jnp.sin(angle) + 3.0 * torque) * STEP_S, -FASTEST, FASTEST)
    return jnp.stack([angle + speed * STEP_S, speed])


class Physics(NamedTuple):
    state: Float[Array, "2"]
    held: Int[Array, ""]  # steps upright on end


class PendulumEnvironment(Timed):
    hidden: bool = eqx.field(static=True)

    def begin(self, key: Key) -> Physics:
        high = jnp.array([math.pi, 1.0], jnp.float32)
        return Physics(jax.random.uniform(key, (2,), jnp.float32, -high, high), jnp.zeros((), jnp.int32))

    def advance(self, physics: Physics, action: Float[Array, "1"], key: Key) -> tuple[Physics, Float[Array, ""], Bool[Array, ""]]:
        torque = jnp.clip(action[0], -TORQUE, TORQUE)
        angle, speed = physics.state
        cost = wrap(angle) ** 2 + 0.1 * speed**2 + 0.001 * torque**2
        state = move(physics.state, torque)
        held = jnp.where(jnp.abs(wrap(state[0])) < UPRIGHT_RAD, physics.held + 1, 0)
        return Physics(state, held), -cost, jnp.zeros((), bool)

    def observe(self, physics: Physics) -> Float[Array, "size"]:
        angle, speed = physics.state
        seen = [jnp.cos(angle), jnp.sin(angle)] + ([] if self.hidden else [speed])
        return jnp.stack(seen)

    def info(self, physics: Physics, terminated: Any, truncated: Any) -> dict:
        return {"success": physics.held >= HOLD}


class SwingUp(Policy):
    """Pumps energy until the linear-quadratic regulator can catch it. Where the speed is hidden, it is the angle's last difference."""

    gain: Float[Array, "2"]

    def start(self, key: Key) -> Any:
        return jnp.zeros(()), jnp.zeros((), bool)  # the angle before, and whether there was one

    def act(self, observation: Float[Array, "size"], memory: Any, key: Key) -> Act:
        before, seen = memory
        angle = jnp.arctan2(observation[1], observation[0])
        difference = jnp.where(seen, wrap(angle - before) / STEP_S, 0.0)
        speed = observation[2] if observation.shape[0] == 3 else difference
        # Energy over the rod's moment of inertia; 1.5 g stands for upright and still (Astrom & Furuta 2000).
        missing = 1.5 * GRAVITY - (speed**2 / 2 + 1.5 * GRAVITY * jnp.cos(angle))
        pump = jnp.where(speed >= 0, 1.0, -1.0) * missing
        hold = -(self.gain @ jnp.stack([angle, speed]))
        torque = jnp.where((jnp.abs(angle) < 0.5) & (jnp.abs(hold) < 2 * TORQUE), hold, pump)
        return Act(jnp.clip(torque, -TORQUE, TORQUE)[None], (angle, jnp.ones((), bool)))


@dataclasses.dataclass(frozen=True)
class Pendulum(Native):
    family: ClassVar[str] = "pendulum"
    variants: ClassVar[tuple[str, ...]] = ("full", "hidden")
    about: ClassVar[str] = "swing a pendulum up and hold it; pendulum/hidden does not show the speed"

    variant: str = "full"
    horizon: int = 200  # steps after which an episode is cut off

    @property
    def expert_rate(self) -> float:
        return {"full": 1.0, "hidden": 1.0}[self.variant]

    @property
    def spec(self) -> Spec:
        high = (1.0, 1.0) if self.variant == "hidden" else (1.0, 1.0, FASTEST)
        meaning = Meaning("torque", "N m", "joint", 1 / STEP_S)
        return Spec(Box((len(high),), tuple(-x for x in high), high), Box((1,), -TORQUE, TORQUE), meaning)

    def environment(self) -> PendulumEnvironment:
        return PendulumEnvironment(self.horizon, self.variant == "hidden")

    def expert(self) -> SwingUp:
        a, b = linearize(move, jnp.zeros(2), jnp.zeros(()))
        return SwingUp(self.spec, jnp.asarray(lqr(a, b[:, None], np.diag([1.0, 0.1]), np.eye(1) * 0.01)[0], jnp.float32))

    def scene(self) -> dict:
        goal = {"kind": "circle", "points": [[0.0, 1.0]], "radius": 0.08, "role": "goal"}
        return {"view": "2d", "bounds": [[-1.3, 1.3], [-1.3, 1.3]], "shapes": [goal]}

    def shapes(self, state: World) -> list[dict]:
        angle = float(state.physics.state[0])
        return [{"kind": "line", "points": [[0.0, 0.0], [math.sin(angle), math.cos(angle)]], "width": 0.12, "role": "agent"}]
