"""The ring holds exactly the newest transitions, and only what was written is drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Experience, Policy, Step, Task
from agir.core.spaces import Box, Discrete, Meaning, Spec
from agir.methods.online.dqn import DQN
from agir.training.replay import Replay, at
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


def test_several_steps_are_those_of_the_lane_up_to_its_end_or_the_newest_row():
    source = Replay(batch=4, capacity=24, envs=2, collect=3, warm=6, steps=3).bind(make_world(Count()), LEARNER).tuned(LEARNER)
    policy = Zero(SPEC)
    feed = source.start(policy, jax.random.key(3))
    step = jax.jit(lambda feed, step, key: source.next(feed, policy, step, key)[0])
    spanning = jax.jit(lambda ring, step: source.spanning(ring, jnp.arange(24), step))
    history = [at(feed["ring"], i) for i in range(6)]  # every row since the begin: a lane's next stands two on
    for i in range(9):  # past the ring's end twice
        feed = step(feed, jnp.int32(i), jax.random.key(i))
        place = (source.before + i) % source.places * 6
        history += [at(feed["ring"], place + j) for j in range(6)]
        found = spanning(feed["ring"], jnp.int32(i))
        for row in range(max(0, len(history) - 24), len(history)):
            reward, discount, last = 0.0, 1.0, row
            for k in range(row, min(row + 6, len(history)), 2):
                reward, discount, last = reward + discount * float(history[k].reward), discount * float(history[k].discount), k
                if history[k].terminated | history[k].truncated:
                    break
            one = at(found, row % 24)
            assert (float(one.reward), float(one.discount)) == (reward, discount)
            assert one.observation == history[row].observation and one.next_observation == history[last].next_observation
            assert one.terminated == history[last].terminated and one.truncated == history[last].truncated
