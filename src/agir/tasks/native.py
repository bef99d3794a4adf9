"""What the tasks in JAX share: an environment that counts its steps, and demonstrations by a scripted expert."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp

from agir.core.nouns import Environment, Policy, Step
from agir.core.spaces import Key
from agir.data.dataset import Dataset
from agir.tasks.demonstrations import collect
from agir.tasks.options import Optioned


class World(NamedTuple):
    """The state of a `Timed` environment."""

    physics: Any
    time: Any  # int32 []: steps since the start


class Timed(eqx.Module):
    """An environment that truncates itself at its horizon. Subclasses say how the physics begin, move and look."""

    horizon: int = eqx.field(static=True)

    def begin(self, key: Key) -> Any:
        """-> the physics at the start, a function of the key alone."""
        raise NotImplementedError

    def advance(self, physics: Any, action: Any, key: Key) -> tuple[Any, Any, Any]:
        """-> the next physics, reward (float32 []), terminated (bool [])."""
        raise NotImplementedError

    def observe(self, physics: Any) -> Any:
        """-> the observation, as the spec says."""
        raise NotImplementedError

    def info(self, physics: Any, terminated: Any, truncated: Any) -> dict:
        """-> what else is known after a step; `success` (bool []) at least."""
        return {"success": terminated}

    def reset(self, key: Key) -> tuple[World, Any]:
        physics = self.begin(key)
        return World(physics, jnp.zeros((), jnp.int32)), self.observe(physics)

    def step(self, state: World, action: Any, key: Key) -> tuple[World, Step]:
        physics, reward, terminated = self.advance(state.physics, action, key)
        time = state.time + 1
        truncated = (time >= self.horizon) & ~terminated
        return World(physics, time), Step(self.observe(physics), reward, terminated, truncated, self.info(physics, terminated, truncated))


class Native(Optioned):
    """A task in JAX whose demonstrations come from its own scripted expert."""

    def environment(self) -> Environment:
        raise NotImplementedError

    def expert(self) -> Policy:
        """-> the scripted policy that the demonstrations are made with; `expert_rate` is its measured success."""
        raise NotImplementedError

    def demonstrations(self, episodes: int, first: int = 0) -> Dataset:
        """Successful episodes of the expert, from starts "demonstrations" `first`, `first` + 1, ... (failures are left out)."""
        return collect(self, self.expert(), episodes, first)
