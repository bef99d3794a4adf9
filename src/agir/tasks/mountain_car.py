"""Mountain Car (Moore 1990): an engine too weak for the hill must swing back first. The dynamics of Gymnasium's MountainCar-v0."""

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Discrete, Key, Meaning, Spec
from agir.tasks.native import Native, Timed, World

LEFT, RIGHT, GOAL, FASTEST, ENGINE, GRAVITY = -1.2, 0.6, 0.5, 0.07, 0.001, 0.0025


class MountainCarEnvironment(Timed):
    def begin(self, key: Key) -> Float[Array, "2"]:
        return jnp.stack([jax.random.uniform(key, (), jnp.float32, -0.6, -0.4), jnp.float32(0.0)])

    def advance(self, physics: Any, action: Int[Array, ""], key: Key) -> tuple[Any, Float[Array, ""], Bool[Array, ""]]:
        position, velocity = physics
        velocity = velocity + (action - 1).astype(jnp.float32) * ENGINE - GRAVITY * jnp.cos(3 * position)
        velocity = jnp.clip(velocity, -FASTEST, FASTEST)
        position = jnp.clip(position + velocity, LEFT, RIGHT)
        velocity = jnp.where((position == LEFT) & (velocity < 0), 0.0, velocity)
        return jnp.stack([position, velocity]), jnp.float32(-1.0), (position >= GOAL) & (velocity >= 0)

    def observe(self, physics: Any) -> Float[Array, "2"]:
        return physics


class Swing(Policy):
    """Pushes the way it is moving."""

    def act(self, observation: Float[Array, "2"], memory: Any, key: Key) -> Act:
        return Act(jnp.where(observation[1] >= 0, 2, 0).astype(jnp.int32), memory)


@dataclasses.dataclass(frozen=True)
class MountainCar(Native):
    family: ClassVar[str] = "mountain-car"
    about: ClassVar[str] = "swing a weak car up a hill within 200 steps; three actions, no reward before the top"
    expert_rate: ClassVar[float] = 1.0

    horizon: int = 200  # steps after which an episode is cut off

    @property
    def spec(self) -> Spec:
        return Spec(Box((2,), (LEFT, -FASTEST), (RIGHT, FASTEST)), Discrete(3), Meaning("choice"))

    def environment(self) -> MountainCarEnvironment:
        return MountainCarEnvironment(self.horizon)

    def expert(self) -> Swing:
        return Swing(self.spec)

    def scene(self) -> dict:
        hill = [[float(x), _height(x)] for x in np.linspace(LEFT, RIGHT, 80)]
        flag = [[GOAL, _height(GOAL)], [GOAL, _height(GOAL) + 0.2]]
        shapes = [
            {"kind": "line", "points": hill, "width": 0.01, "role": "ground"},
            {"kind": "line", "points": flag, "width": 0.02, "role": "goal"},
        ]
        return {"view": "2d", "bounds": [[LEFT, RIGHT], [0.0, 1.3]], "shapes": shapes}

    def shapes(self, state: World) -> list[dict]:
        x = float(state.physics[0])
        return [{"kind": "circle", "points": [[x, _height(x) + 0.04]], "radius": 0.04, "role": "agent"}]


def _height(x: float) -> float:
    return float(np.sin(3 * x) * 0.45 + 0.55)
