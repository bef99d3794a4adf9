"""The ring holds exactly the newest transitions, and only what was written is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Experience, Policy, Step, Task
from agir.core.spaces import Box, Discrete, Meaning, Spec
from agir.methods.online.dqn import DQN
from agir.training.replay import Replay
from agir.training.world import make_world

SPEC = Spec(Box((1,)), Discrete(2), Meaning("choice"))


class Counting:
    """The observation counts a lane's steps; episodes of 7 steps, terminated or truncated by chance."""

    def reset(self, key):
        return (jnp.float32(0), jnp.int32(0)), jnp.zeros(1)

    def step(self, state, action, key):
        total, episode = state
        total = total + 1
        over = total % 7 == 0
        fails = jax.random.bernoulli(key)
        return (total, episode), Step(total[None], total, over & fails, over & ~fails)


class Count(Task):
    name, spec, horizon = "count", SPEC, 7

    def environment(self):
        return Counting()


class Zero(Policy):
    def act(self, observation, memory, key):
        return Act(jnp.int32(0), memory)


LEARNER = DQN(discount=0.5)


@pytest.mark.parametrize("capacity", [24, 40])
def test_the_ring_holds_the_newest_rows_and_nothing_else(capacity):
    source = Replay(batch=64, capacity=capacity, envs=2, collect=3, warm=12).bind(make_world(Count()), LEARNER).tuned(LEARNER)
    policy, feed = Zero(SPEC), None
    feed = source.start(policy, jax.random.key(0))
    assert source.rows == 6 and source.before == 2 and source.places == -(-capacity // 6)
    lanes = [0.0, 0.0]  # the last observation each lane gave, by hand
    rows = []

    def collect():
        for _ in range(3):
            for lane in range(2):
                lanes[lane] += 1
                rows.append(lanes[lane])
            for lane in range(2):
                lanes[lane] = 0.0 if lanes[lane] % 7 == 0 else lanes[lane]

    for _ in range(source.before):
        collect()
    step = jax.jit(lambda feed, step, key: source.next(feed, policy, step, key))
    for i in range(20):
        collect()
        feed, batch = step(feed, jnp.int32(i), jax.random.key(i))
        newest = rows[-source.places * 6 :]
        ring = np.asarray(feed["ring"].reward)
        assert sorted(ring[ring > 0].tolist()) == sorted(newest)
        assert set(np.asarray(batch.reward).tolist()) <= set(newest)
        ended = np.asarray(batch.terminated)
        np.testing.assert_array_equal(np.asarray(batch.discount), np.where(ended, 0.0, 0.5))
        np.testing.assert_array_equal(np.asarray(batch.next_observation)[:, 0], np.asarray(batch.reward))  # the true successor


def test_a_ring_smaller_than_what_it_begins_with_is_refused():
    with pytest.raises(BadSetting, match="--warm"):
        Replay(capacity=10, warm=20).bind(make_world(Count()), LEARNER)


def test_drawn_rows_are_uniform():
    source = Replay(batch=20_000, capacity=8, envs=2, collect=2, warm=4)
    ring = Experience(*(jnp.arange(8.0) for _ in range(7)))
    for step, count in ((0, 8), (5, 8)):
        drawn = np.asarray(source.drawn(ring, jnp.int32(step), jax.random.key(0)).reward)
        found = np.bincount(drawn.astype(int), minlength=8)
        assert (np.abs(found[:count] - 20_000 / count) < 300).all() and found[count:].sum() == 0
