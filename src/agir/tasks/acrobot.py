"""Acrobot (Sutton 1996): a double pendulum with a motor at the elbow only swings its tip up. The dynamics of Gymnasium's Acrobot-v1."""

import dataclasses
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Discrete, Key, Meaning, Spec
from agir.tasks.native import Native, Timed, World

GRAVITY, STEP_S = 9.8, 0.2  # links of 1 m and 1 kg, centres of mass at 0.5 m, moments of inertia 1 kg m^2
FASTEST = (4 * math.pi, 9 * math.pi)  # rad/s, of each joint


def acceleration(state: Float[Array, "4"], torque: Float[Array, ""]) -> Float[Array, "4"]:
    """d/dt of (angle of link 1 from hanging, of link 2 from link 1, their speeds); Sutton & Barto's book, section 11.3."""
    first, second, first_dot, second_dot = state
    sin, cos = jnp.sin(second), jnp.cos(second)
    d1, d2 = 0.25 + (1.25 + cos) + 2.0, (0.25 + 0.5 * cos) + 1.0
    phi2 = 0.5 * GRAVITY * jnp.cos(first + second - math.pi / 2)
    phi1 = -0.5 * second_dot**2 * sin - second_dot * first_dot * sin + 1.5 * GRAVITY * jnp.cos(first - math.pi / 2) + phi2
    second_acceleration = (torque + d2 / d1 * phi1 - 0.5 * first_dot**2 * sin - phi2) / (1.25 - d2**2 / d1)
    return jnp.stack([first_dot, second_dot, -(d2 * second_acceleration + phi1) / d1, second_acceleration])


def move(state: Float[Array, "4"], torque: Float[Array, ""]) -> Float[Array, "4"]:
    """One Runge-Kutta step of fourth order; angles wrapped to [-pi, pi], speeds bounded."""
    k1 = acceleration(state, torque)
    k2 = acceleration(state + STEP_S / 2 * k1, torque)
    k3 = acceleration(state + STEP_S / 2 * k2, torque)
    k4 = acceleration(state + STEP_S * k3, torque)
    state = state + STEP_S / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    angles = jnp.mod(state[:2] + math.pi, 2 * math.pi) - math.pi
    limits = jnp.array(FASTEST, jnp.float32)
    return jnp.concatenate([angles, jnp.clip(state[2:], -limits, limits)])


class AcrobotEnvironment(Timed):
    def begin(self, key: Key) -> Float[Array, "4"]:
        return jax.random.uniform(key, (4,), jnp.float32, -0.1, 0.1)

    def advance(self, physics: Any, action: Int[Array, ""], key: Key) -> tuple[Any, Float[Array, ""], Bool[Array, ""]]:
        physics = move(physics, (action - 1).astype(jnp.float32))
        up = -jnp.cos(physics[0]) - jnp.cos(physics[0] + physics[1]) > 1.0
        return physics, jnp.where(up, 0.0, -1.0).astype(jnp.float32), up

    def observe(self, physics: Any) -> Float[Array, "6"]:
        first, second, *speeds = physics
        return jnp.stack([jnp.cos(first), jnp.sin(first), jnp.cos(second), jnp.sin(second), *speeds])


class Pump(Policy):
    """Torque along the elbow's speed: the power that the motor gives, torque times speed, is always the most there is."""

    def act(self, observation: Float[Array, "6"], memory: Any, key: Key) -> Act:
        return Act(jnp.where(observation[5] >= 0, 2, 0).astype(jnp.int32), memory)


@dataclasses.dataclass(frozen=True)
class Acrobot(Native):
    family: ClassVar[str] = "acrobot"
    about: ClassVar[str] = "swing a two-link arm's tip above the bar by the elbow's motor; three actions"
    expert_rate: ClassVar[float] = 0.995

    horizon: int = 500  # steps after which an episode is cut off

    @property
    def spec(self) -> Spec:
        high = (1.0, 1.0, 1.0, 1.0, *FASTEST)
        return Spec(Box((6,), tuple(-x for x in high), high), Discrete(3), Meaning("choice", rate_hz=1 / STEP_S))

    def environment(self) -> AcrobotEnvironment:
        return AcrobotEnvironment(self.horizon)

    def expert(self) -> Pump:
        return Pump(self.spec)

    def scene(self) -> dict:
        bar = {"kind": "line", "points": [[-2.2, 1.0], [2.2, 1.0]], "width": 0.02, "role": "goal"}
        return {"view": "2d", "bounds": [[-2.2, 2.2], [-2.2, 2.2]], "shapes": [bar]}

    def shapes(self, state: World) -> list[dict]:
        first, second = float(state.physics[0]), float(state.physics[1])
        elbow = [math.sin(first), -math.cos(first)]
        tip = [elbow[0] + math.sin(first + second), elbow[1] - math.cos(first + second)]
        return [
            {"kind": "line", "points": [[0.0, 0.0], elbow], "width": 0.12, "role": "link"},
            {"kind": "line", "points": [elbow, tip], "width": 0.12, "role": "link"},
        ]
