"""The smallest task whose episodes differ in length, end both ways, and succeed in the middle."""

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.nouns import Act, Policy, Step, Task
from agir.core.spaces import Box, Spec
from agir.runtime.executors import Receding

SPEC = Spec(Box((2,)), Box((2,), -2.0, 2.0))


class Walk(eqx.Module):
    """A place walks by its action and noise. Even lengths terminate, odd ones are cut; success is to be near 0 at some step."""

    longest: int = eqx.field(static=True)
    poison: float = eqx.field(static=True, default=2.0)  # a start beyond which the observation turns to NaN at step 3

    def reset(self, key):
        place = jax.random.uniform(key, (2,), jnp.float32, -1.0, 1.0)
        length = jax.random.randint(jax.random.fold_in(key, 1), (), 2, self.longest)
        return (place, jnp.int32(0), length, place[0]), place

    def step(self, state, action, key):
        place, time, length, start = state
        place = place + 0.3 * action + 0.05 * jax.random.uniform(key, (2,), jnp.float32, -1.0, 1.0)
        time = time + 1
        seen = jnp.where((start > self.poison) & (time == 3), jnp.nan, place)
        over, cut = (time >= length) & (length % 2 == 0), (time >= length) & (length % 2 == 1)
        info = {"success": jnp.abs(place).sum() < 0.3, "start": start, "far": jnp.abs(place).max(), "vector": place}
        return (place, time, length, start), Step(seen, -jnp.abs(place).sum(), over, cut, info)


@dataclasses.dataclass(frozen=True)
class WalkTask(Task):
    name: ClassVar[str] = "walk"
    spec: ClassVar[Spec] = SPEC
    horizon: int = 12
    poison: float = 2.0

    def environment(self):
        return Walk(12, self.poison)

    def scene(self):
        return {"view": "2d", "bounds": [[-2, 2], [-2, 2]], "shapes": []}

    def shapes(self, state):
        return [{"kind": "circle", "points": [[float(x) for x in state[0]]], "radius": 0.1, "role": "agent"}]


class Home(Policy):
    """Goes home by a gain that its memory counts up, with noise; `bad` says after how many steps it breaks."""

    gain: jax.Array
    bad: int = eqx.field(static=True, default=1000)

    def start(self, key):
        return jnp.float32(0), jax.random.uniform(key)

    def act(self, observation, memory, key):
        count, offset = memory
        action = -self.gain * (1 + 0.1 * count + offset) * observation + 0.1 * jax.random.uniform(key, (2,))
        action = jnp.where(count >= self.bad, jnp.nan, action)
        return Act(action, (count + 1, offset), {"passes": jnp.int32(2), "planned": jnp.bool_(True)})


class HomeOnHost(Policy):
    """The same in plain Python: its memory is a dict."""

    gain: float
    compiled = False

    def start(self, key):
        return {"said": [], "offset": float(jax.random.uniform(key))}

    def act(self, observation, memory, key):
        assert isinstance(observation, np.ndarray)
        noise = np.asarray(0.1 * jax.random.uniform(key, (2,)))
        action = -self.gain * (1 + 0.1 * len(memory["said"]) + memory["offset"]) * observation + noise
        memory["said"].append(action)
        return Act(np.float32(action), memory, {"passes": 2, "planned": True})


def home(*gains, **more):
    """One policy, or several stacked."""
    one = lambda gain: Home(SPEC, jnp.float32(gain), **more)
    return one(gains[0]) if len(gains) == 1 else eqx.filter_vmap(one)(jnp.float32(gains))


class Plan(Policy):
    """A planner: it sees the last two places and plans five actions from the older one's time on."""

    gain: jax.Array

    def act(self, observation, memory, key):
        home = -self.gain * observation[1]
        return Act(home[None] * jnp.float32([0, 1, 0.5, 0.25, 0.1])[:, None], memory, {"passes": jnp.int32(3)})


def receding(*gains):
    """Two actions of each plan, for several seeds."""
    return eqx.filter_vmap(lambda gain: Receding(SPEC, Plan(SPEC, gain), history=2, execute=2))(jnp.float32(gains))
