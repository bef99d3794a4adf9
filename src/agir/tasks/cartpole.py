"""CartPole (Barto, Sutton & Anderson 1983): a cart pushed left or right keeps a pole upright. The dynamics of Gymnasium's CartPole-v1."""

import dataclasses
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Discrete, Key, Meaning, Spec
from agir.tasks.linear import linearize, lqr
from agir.tasks.native import Native, Timed, World

GRAVITY, CART_KG, POLE_KG, HALF_POLE_M, FORCE_N, STEP_S = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
RAIL_M, LEAN_RAD = 2.4, 12 * 2 * math.pi / 360  # beyond which the episode has failed


def move(state: Float[Array, "4"], force: Float[Array, ""]) -> Float[Array, "4"]:
    """x (m), its speed, the pole's angle from upright (rad), its speed -> the same one Euler step later, under `force` (N)."""
    x, x_dot, angle, angle_dot = state
    total, moment = CART_KG + POLE_KG, POLE_KG * HALF_POLE_M
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    push = (force + moment * angle_dot**2 * sin) / total
    angle_acceleration = (GRAVITY * sin - cos * push) / (HALF_POLE_M * (4.0 / 3.0 - POLE_KG * cos**2 / total))
    acceleration = push - moment * angle_acceleration * cos / total
    return state + STEP_S * jnp.stack([x_dot, acceleration, angle_dot, angle_acceleration])


class CartPoleEnvironment(Timed):
    def begin(self, key: Key) -> Float[Array, "4"]:
        return jax.random.uniform(key, (4,), jnp.float32, -0.05, 0.05)

    def advance(self, physics: Any, action: Int[Array, ""], key: Key) -> tuple[Any, Float[Array, ""], Bool[Array, ""]]:
        physics = move(physics, jnp.where(action == 1, FORCE_N, -FORCE_N).astype(jnp.float32))
        fell = (jnp.abs(physics[0]) > RAIL_M) | (jnp.abs(physics[2]) > LEAN_RAD)
        return physics, jnp.float32(1.0), fell

    def observe(self, physics: Any) -> Float[Array, "4"]:
        return physics

    def info(self, physics: Any, terminated: Any, truncated: Any) -> dict:
        return {"success": truncated}  # it stood to the end


class Balance(Policy):
    """The sign of the linear-quadratic regulator's force."""

    gain: Float[Array, "4"]

    def act(self, observation: Float[Array, "4"], memory: Any, key: Key) -> Act:
        return Act((self.gain @ observation < 0).astype(jnp.int32), memory)


@dataclasses.dataclass(frozen=True)
class CartPole(Native):
    family: ClassVar[str] = "cartpole"
    about: ClassVar[str] = "keep a pole on a cart upright for 500 steps; two actions"
    expert_rate: ClassVar[float] = 1.0

    horizon: int = 500  # steps after which an episode is cut off

    @property
    def spec(self) -> Spec:
        high = (2 * RAIL_M, math.inf, 2 * LEAN_RAD, math.inf)
        return Spec(Box((4,), tuple(-x for x in high), high), Discrete(2), Meaning("choice", rate_hz=1 / STEP_S))

    def environment(self) -> CartPoleEnvironment:
        return CartPoleEnvironment(self.horizon)

    def expert(self) -> Balance:
        a, b = linearize(move, jnp.zeros(4), jnp.zeros(()))
        gain = lqr(a, b[:, None], np.diag([1.0, 0.1, 10.0, 0.1]), np.eye(1) * 0.01)
        return Balance(self.spec, jnp.asarray(gain[0], jnp.float32))

    def scene(self) -> dict:
        rail = {"kind": "line", "points": [[-RAIL_M, 0.0], [RAIL_M, 0.0]], "width": 0.02, "role": "ground"}
        return {"view": "2d", "bounds": [[-RAIL_M, RAIL_M], [-0.5, 1.5]], "shapes": [rail]}

    def shapes(self, state: World) -> list[dict]:
        x, _, angle, _ = (float(value) for value in state.physics)
        corners = [[x - 0.25, -0.12], [x + 0.25, -0.12], [x + 0.25, 0.12], [x - 0.25, 0.12]]
        tip = [x + 2 * HALF_POLE_M * math.sin(angle), 2 * HALF_POLE_M * math.cos(angle)]
        return [
            {"kind": "polygon", "points": corners, "width": 0.02, "role": "agent"},
            {"kind": "line", "points": [[x, 0.0], tip], "width": 0.08, "role": "link"},
        ]
