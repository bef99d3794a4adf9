"""Windows, transitions and segments against slow loops over episodes held as lists."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Dict, Discrete, Spec
from agir.data.dataset import Dataset
from agir.data.normalization import Normalization, normalize
from agir.data.windows import foresight, segment, tabulate, transition, window, window_horizon

SPEC = Spec(Dict((("place", Box((2,))), ("token", Discrete(1000)))), Box((3,)))


def make(seed, lengths):
    """Episodes as dicts (observation of steps + 1) and their Table; every entry is a number of its own."""
    random, episodes = np.random.default_rng(seed), []
    for number, steps in enumerate(lengths):
        observation = {"place": random.normal(size=(steps + 1, 2)).astype(np.float32), "token": random.integers(0, 1000, steps + 1)}
        terminated = np.zeros(steps, bool)
        terminated[-1] = number % 2 == 0
        episodes.append(
            {
                "observation": observation,
                "action": random.normal(size=(steps, 3)).astype(np.float32),
                "reward": random.normal(size=steps).astype(np.float32),
                "terminated": terminated,
                "cost": random.normal(size=steps).astype(np.float32),
            }
        )
    data = Dataset.from_episodes(SPEC, episodes)
    nothing = Normalization({"place": None, "token": None}, None)
    return episodes, tabulate(normalize(data, nothing), data.ends)


CASES = [(0, [7, 1, 4, 2, 9]), (1, [1]), (2, [3, 1, 1, 5])]


@pytest.mark.parametrize("seed, lengths", CASES)
@pytest.mark.parametrize("history, horizon", [(1, 1), (2, 5), (3, 3), (4, 12)])
def test_window_is_the_slow_loop(seed, lengths, history, horizon):
    episodes, table = make(seed, lengths)
    got = jax.jit(jax.vmap(lambda row: window(table, row, history, horizon)))(jnp.arange(table.rows))
    row = 0
    for episode in episodes:
        steps = len(episode["reward"])
        for time in range(steps):
            for h in range(history):
                seen = max(0, time - history + 1 + h)
                for part in ("place", "token"):
                    np.testing.assert_array_equal(got.observation[part][row, h], episode["observation"][part][seen])
            for h in range(horizon):
                at = time - history + 1 + h
                assert got.mask[row, h] == float(0 <= at < steps)
                np.testing.assert_array_equal(got.action[row, h], episode["action"][min(max(at, 0), steps - 1)])
            np.testing.assert_array_equal(got.action[row, history - 1], episode["action"][time])
            assert got.mask[row, history - 1] == 1
            row += 1
    assert row == table.rows and got.mask.dtype == jnp.float32


def test_the_horizon_of_a_chunk_that_begins_at_the_last_observation():
    _, table = make(0, [9])
    for history, coming in ((1, 1), (1, 4), (3, 4)):
        found = window(table, jnp.int32(4), history, window_horizon(history, coming))
        np.testing.assert_array_equal(found.action[history - 1 :], table.columns["action"][4 : 4 + coming])


@pytest.mark.parametrize("seed, lengths", CASES)
@pytest.mark.parametrize("frames, every", [(1, 1), (3, 2)])
def test_what_is_seen_later_is_the_slow_loop(seed, lengths, frames, every):
    episodes, table = make(seed, lengths)
    got = jax.jit(jax.vmap(lambda row: foresight(table, row, 2, 3, frames, every)))(jnp.arange(table.rows))
    plain = jax.jit(jax.vmap(lambda row: window(table, row, 2, 3)))(jnp.arange(table.rows))
    jax.tree.map(np.testing.assert_array_equal, (got.observation, got.action, got.mask), (plain.observation, plain.action, plain.mask))
    row = 0
    for episode in episodes:
        steps = len(episode["reward"])
        for time in range(steps):
            for frame in range(frames):
                at = time + every * (frame + 1)
                assert got.ahead_mask[row, frame] == float(at <= steps)
                for part in ("place", "token"):
                    np.testing.assert_array_equal(got.ahead[part][row, frame], episode["observation"][part][min(at, steps)])
            row += 1
    with pytest.raises(BadSetting, match="0 frames 1 apart"):
        foresight(table, jnp.int32(0), 1, 1, 0)


@pytest.mark.parametrize("seed, lengths", CASES)
@pytest.mark.parametrize("steps, discount", [(1, 0.9), (3, 0.5), (20, 0.99), (3, 0.0), (2, 1.0)])
def test_transition_is_the_slow_loop(seed, lengths, steps, discount):
    episodes, table = make(seed, lengths)
    got = jax.jit(jax.vmap(lambda row, discount: transition(table, row, discount, steps), (0, None)))(jnp.arange(table.rows), discount)
    row = 0
    for episode in episodes:
        for time in range(len(episode["reward"])):
            reward, weight, terminated, after = 0.0, 1.0, False, time
            while after < len(episode["reward"]) and after < time + steps:
                reward += weight * float(episode["reward"][after])
                weight *= discount
                terminated = bool(episode["terminated"][after])
                after += 1
            for part in ("place", "token"):
                np.testing.assert_array_equal(got.observation[part][row], episode["observation"][part][time])
                np.testing.assert_array_equal(got.next_observation[part][row], episode["observation"][part][after])
            np.testing.assert_array_equal(got.action[row], episode["action"][time])
            np.testing.assert_allclose(got.reward[row], reward, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(got.discount[row], 0.0 if terminated else weight, rtol=1e-6)
            assert bool(got.terminated[row]) == terminated
            assert bool(got.truncated[row]) == (after == len(episode["reward"]) and not terminated)
            assert got.info["cost"][row] == episode["cost"][time]
            row += 1
    assert set(got.info) == {"cost"}


def test_segment_is_its_transitions_and_stays_in_the_episode():
    episodes, table = make(3, [4, 6])
    got = jax.jit(jax.vmap(lambda row: segment(table, row, 5, 0.9)))(jnp.arange(table.rows))
    each = jax.jit(jax.vmap(lambda row: transition(table, row, 0.9)))(jnp.arange(table.rows))
    for row in range(table.rows):
        last = 3 if row < 4 else 9
        for step in range(5):
            assert got.mask[row, step] == float(row + step <= last)
            for mine, its in zip(jax.tree.leaves(got.experience), jax.tree.leaves(each)):
                np.testing.assert_array_equal(mine[row, step], its[min(row + step, last)])
    whole = jax.jit(lambda row: segment(table, table.first[row], 6, 0.9))(7)
    np.testing.assert_array_equal(whole.experience.reward, episodes[1]["reward"])


def test_settings_out_of_range_are_refused():
    _, table = make(0, [3])
    with pytest.raises(BadSetting, match="history = 3, horizon = 2"):
        window(table, jnp.int32(0), 3, 2)
    with pytest.raises(BadSetting, match="at least 1 step"):
        transition(table, jnp.int32(0), 0.9, 0)
    with pytest.raises(BadSetting, match="at least 1 step"):
        segment(table, jnp.int32(0), 0, 0.9)


def test_actions_that_were_not_recorded_are_masked():
    _, table = make(0, [4, 3])
    table.columns["recorded"] = jnp.array([True, False, True, True, False, False, True])
    got = jax.vmap(lambda row: window(table, row, 1, 3))(jnp.arange(table.rows))
    wanted = [[1, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]
    np.testing.assert_array_equal(got.mask, wanted)
