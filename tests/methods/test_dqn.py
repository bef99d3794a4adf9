"""DQN finds values that are known, tells terminated from truncated, and refuses what it cannot choose from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSpec
from agir.core.nouns import Step, Task
from agir.core.spaces import Box, Discrete, Meaning, Spec
from agir.methods.online.dqn import DQN
from agir.training.loop import run_block, setup
from agir.training.replay import Replay
from agir.training.world import make_world

KEYS = jax.vmap(jax.random.key)(np.arange(2, dtype=np.uint32))


class Chain:
    """Two places. In the first, action 1 moves on (reward 0) and action 0 ends with 0.3; in the second the episode ends with 1.

    `cut`: the end in the second place is a truncation there, after which the same reward would come for ever.
    """

    def __init__(self, cut):
        self.cut = cut

    def reset(self, key):
        return jnp.int32(0), jnp.array([1.0, 0.0])

    def step(self, state, action, key):
        second = state == 1
        ends = second | (action == 0)
        reward = jnp.where(second, 1.0, jnp.where(action == 0, 0.3, 0.0))
        truncated = second & self.cut
        return jnp.int32(1), Step(jnp.array([0.0, 1.0]), reward, ends & ~truncated, truncated)


class ChainTask(Task):
    spec = Spec(Box((2,)), Discrete(2), Meaning("choice"))
    name, horizon = "chain", 2

    def __init__(self, cut):
        self.cut = cut

    def environment(self):
        return Chain(self.cut)


def learnt(cut, discount, updates=400, **settings):
    """-> Q [seeds, places, actions]."""
    task = ChainTask(cut)
    world = make_world(task)
    source = Replay(batch=64, capacity=2000, envs=4, collect=2, warm=64)
    learner = DQN(
        width=32,
        rate=3e-3,
        target_period=10,
        epsilon=0.3,
        discount=discount,
        learns_from=source,
        updates=updates,
        spec=world.spec,
        **settings,
    )
    axes = jax.tree.map(lambda _: None, learner)
    fixed, carry = setup(learner, axes, source.bind(world, learner), KEYS)
    (state, _), _ = run_block(fixed, carry, 0, updates)
    return np.asarray(jax.vmap(lambda network: network(jnp.eye(2)))(state.trained.model))


@pytest.mark.parametrize("double", [True, False])
def test_values_of_a_chain_that_terminates(double):
    np.testing.assert_allclose(learnt(False, 0.9, double=double), np.broadcast_to([[0.3, 0.9], [1.0, 1.0]], (2, 2, 2)), atol=0.05)


def test_a_truncated_end_has_a_value_after_it():
    """V = 1 + 0.5 V = 2 in the second place, although every episode is cut there."""
    np.testing.assert_allclose(learnt(True, 0.5, updates=800), np.broadcast_to([[0.3, 1.0], [2.0, 2.0]], (2, 2, 2)), atol=0.1)


def test_actions_that_are_numbers_are_refused():
    learner = DQN(spec=Spec(Box((2,)), Box((1,), -1.0, 1.0)))
    with pytest.raises(BadSpec, match="Use ppo"):
        learner.init(jax.random.key(0))
