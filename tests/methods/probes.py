"""Probe tasks whose values and best actions are known (after Ecoffet's and rejax's): a broken discount, end or sign shows at once.

What is seen is -1 or 1 (or for Numbers: anything). The probes with two actions are tables in the arrays of one environment, so a
learner is compiled once for all of them.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.nouns import Step, Task
from agir.core.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Spec

DISCOUNT = 0.5
SEEN = Box((1,), -1.0, 1.0)


class World(NamedTuple):
    seen: Any  # int32 []: 0 or 1
    time: Any


class ProbeEnvironment(eqx.Module):
    chance: Any  # of seeing 1 at the start
    follows: Any  # [2]: what is seen after each
    horizon: Any
    truncates: Any

    def look(self, seen):
        return jnp.where(seen == 1, 1.0, -1.0)[None]

    def reset(self, key):
        seen = jax.random.bernoulli(key, self.chance).astype(jnp.int32)
        return World(seen, jnp.int32(0)), self.look(seen)

    def reward(self, world, action):
        raise NotImplementedError

    def step(self, world, action, key):
        over, seen = world.time + 1 >= self.horizon, self.follows[world.seen]
        ends = (over & ~self.truncates, over & self.truncates)
        return World(seen, world.time + 1), Step(self.look(seen), self.reward(world, action), *ends, {"success": over})


class Table(ProbeEnvironment):
    rewards: Any  # [seen, time, action]

    def reward(self, world, action):
        return self.rewards[world.seen, jnp.minimum(world.time, 1), action]


class Formula(ProbeEnvironment):
    rule: Any = eqx.field(static=True)

    def reward(self, world, action):
        return self.rule(self.look(world.seen)[0], action)


class Probe(Task):
    """`known` is [(what is seen, its value or None, the best action or None), ...]."""

    name = "probe"

    def __init__(self, known, rewards, chance=1.0, follows=(0, 1), horizon=1, truncates=False, action=None):
        self.known, self.horizon, self.spec = known, horizon, Spec(SEEN, action or Discrete(2))
        fields = (jnp.float32(chance), jnp.array(follows), jnp.int32(horizon), jnp.bool_(truncates))
        if callable(rewards):
            self.env = Formula(*fields, rewards)
        else:
            self.env = Table(*fields, jnp.broadcast_to(jnp.float32(rewards), (2, 2, 2)))

    def environment(self):
        return self.env


def signed(good):
    return jnp.where(good, 1.0, -1.0)


TWO_ACTIONS = {
    "constant": Probe([(1, 1.0, None)], 1.0),
    # Cut and not ended: the value goes on, 1 + 1/2 + 1/4 + ...
    "truncated": Probe([(1, 1 / (1 - DISCOUNT), None)], 1.0, truncates=True),
    # Cut in the middle of a rollout, where another episode begins in the next row.
    "truncated later": Probe([(1, 1 / (1 - DISCOUNT), None)], 1.0, truncates=True, horizon=5),
    # Cut, and what is seen last is worth -2, what is seen first in the next episode 1 - 1.
    "truncated elsewhere": Probe(
        [(1, 1 + DISCOUNT * -2, None)], [[[-1.0]], [[1.0]]], follows=(0, 0), truncates=True, horizon=1, chance=0.5
    ),
    "what is seen": Probe([(-1, -1.0, None), (1, 1.0, None)], [[[-1.0]], [[1.0]]], chance=0.5),
    "later": Probe([(-1, DISCOUNT, None), (1, 1.0, None)], [[[0.0], [1.0]]], chance=0.0, follows=(1, 1), horizon=2),
    "two actions": Probe([(1, None, 1)], [[[-1.0, 1.0]]]),
    "match": Probe([(-1, None, 0), (1, None, 1)], [[[1.0, -1.0]], [[-1.0, 1.0]]], chance=0.5),
}

MANY_ACTIONS = {
    "several choices": Probe(
        [(-1, None, [2, 0]), (1, None, [2, 1])],
        lambda seen, action: signed(action[0] == 2) + signed((action[1] == 1) == (seen > 0)),
        chance=0.5,
        action=MultiDiscrete((3, 2)),
    ),
    "bits": Probe(
        [(-1, None, [1, 0]), (1, None, [1, 1])],
        lambda seen, action: signed(action[0] == 1) + signed((action[1] == 1) == (seen > 0)),
        chance=0.5,
        action=MultiBinary(2),
    ),
    "numbers": Probe(
        [(-1, None, [-0.5]), (1, None, [0.5])],
        lambda seen, action: -((action[0] - 0.5 * seen) ** 2),
        chance=0.5,
        action=Box((1,), -1.0, 1.0),
    ),
}
