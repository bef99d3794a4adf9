"""Stepping lanes: equal to a loop that does each lane by itself, whatever ends when."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.lanes import begin_lanes, choose, move_lanes, step_lanes
from agir.core.nouns import Act, Policy, Step
from agir.core.spaces import Box, Spec

SPEC = Spec(Box((2,)), Box((2,)))
LANES, STEPS = 5, 12


class Walk:
    """Ends at a length of 2 to 5 steps: half of the lanes terminate, half are truncated."""

    def reset(self, key):
        place, rest = jax.random.normal(key, (2,)), jax.random.fold_in(key, 1)
        state = {"place": place, "left": jax.random.randint(rest, (), 2, 6), "terminates": jax.random.bernoulli(rest)}
        return state, {"seen": place}

    def step(self, state, action, key):
        place = state["place"] + 0.1 * action + 0.01 * jax.random.normal(key, (2,))
        left = state["left"] - 1
        over = left == 0
        state = {"place": place, "left": left, "terminates": state["terminates"]}
        return state, Step({"seen": place}, place[0], over & state["terminates"], over & ~state["terminates"], {"left": left})


class Seen(Walk):
    """The same, with an image of where it is."""

    def look(self, observation):
        level = jnp.clip(128 + 40 * observation["seen"], 0, 255).astype(jnp.uint8)
        return observation | {"image": jnp.broadcast_to(level[:1], (3, 2, 3))}

    def reset(self, key):
        state, observation = super().reset(key)
        return state, self.look(observation)

    def step(self, state, action, key):
        state, after = super().step(state, action, key)
        return state, after._replace(observation=self.look(after.observation))


class Counting(Policy):
    """Its memory counts the steps since it began, from a random number."""

    def start(self, key):
        return {"time": jnp.int32(0), "luck": jax.random.uniform(key)}

    def act(self, observation, memory, key):
        action = observation["seen"] * memory["luck"] + jax.random.normal(key, (2,))
        return Act(action, memory | {"time": memory["time"] + 1}, {"time": memory["time"]})


ENV, POLICY = Walk(), Counting(SPEC)


def slow(env, key):
    """The same with Python loops: one lane at a time, an episode's end handled by `if`."""
    resets, starts = jax.random.split(key, (2, LANES))
    lanes = [(*env.reset(resets[lane]), POLICY.start(starts[lane])) for lane in range(LANES)]
    rows = []
    for time in range(STEPS):
        moving, reset, start = jax.random.split(jax.random.fold_in(key, time), 3)
        act, move = jax.random.split(moving, (2, LANES))
        resets, starts = jax.random.split(reset, LANES), jax.random.split(start, LANES)
        for lane, (state, observation, memory) in enumerate(lanes):
            action, memory, info = POLICY.act(observation, memory, act[lane])
            state, after = env.step(state, action, move[lane])
            discount = 0.0 if after.terminated else 0.9
            rows.append((observation, action, after, discount, info))
            over = bool(after.terminated | after.truncated)
            lanes[lane] = (*env.reset(resets[lane]), POLICY.start(starts[lane])) if over else (state, after.observation, memory)
    return lanes, rows


@pytest.mark.parametrize("env", [ENV, Seen()])
def test_lanes_walk_as_each_would_alone(env):
    """Images are drawn for the lanes that begin again alone; what comes of it is the same."""
    key = jax.random.key(3)
    lanes = begin_lanes(env, POLICY, *jax.random.split(key, (2, LANES)))
    advance = jax.jit(lambda lanes, key: step_lanes(env, POLICY, lanes, key, 0.9))
    experience = []
    for time in range(STEPS):
        lanes, row = advance(lanes, jax.random.fold_in(key, time))
        experience += [jax.tree.map(lambda x, lane=lane: x[lane], row) for lane in range(LANES)]
    slow_lanes, slow_rows = slow(env, key)
    close = lambda a, b: jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6), a, b)
    for mine, (observation, action, after, discount, info) in zip(experience, slow_rows):
        close(
            (mine.observation, mine.action, mine.next_observation, mine.reward, mine.info, mine.act_info),
            (observation, action, after.observation, after.reward, after.info, info),
        )
        assert (bool(mine.terminated), bool(mine.truncated)) == (bool(after.terminated), bool(after.truncated))
        np.testing.assert_allclose(mine.discount, discount)
    close(lanes, jax.tree.map(lambda *x: jnp.stack(x), *slow_lanes))
    ends = np.array([[bool(row.terminated), bool(row.truncated)] for row in experience])
    assert ends[:, 0].any() and ends[:, 1].any() and not ends.all(1).any()


def test_move_lanes_begins_nothing_again():
    key = jax.random.key(0)
    lanes = begin_lanes(ENV, POLICY, *jax.random.split(key, (2, LANES)))
    for time in range(8):
        lanes, _ = move_lanes(ENV, POLICY, lanes, jax.random.fold_in(key, time))
    assert (lanes[0]["left"] < 0).all() and (lanes[2]["time"] == 8).all()


def test_choose_takes_whole_lanes():
    new, old = {"a": jnp.ones((3, 2, 2)), "b": jnp.ones(3)}, {"a": jnp.zeros((3, 2, 2)), "b": jnp.zeros(3)}
    chosen = choose(jnp.array([True, False, True]), new, old)
    assert chosen["b"].tolist() == [1, 0, 1] and chosen["a"].sum((1, 2)).tolist() == [4, 0, 4]
