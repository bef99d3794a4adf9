"""Simulators on the host in lockstep: equal to stepping by hand, and what breaks its word is refused by name."""

import gymnasium
import numpy as np
import pytest

from agir.core.errors import BadEnvironment, BadSpec
from agir.core.host import HostLanes, cast, misfit
from agir.core.nouns import Task
from agir.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Spec

SPEC = Spec(Dict((("place", Box((2,))), ("gear", Discrete(3)))), Discrete(4))


class Walk(gymnasium.Env):
    """Counts up to its length (seed % 10 + 2) and ends; breaks at a given step as it is told."""

    def __init__(self, breaks: dict, broken_from: int):
        self.breaks, self.broken_from, self.open = breaks, broken_from, True

    def reset(self, *, seed=None, options=None):
        self.now, self.length = 0, seed % 10 + 2
        return self.seen(), {}

    def seen(self):
        return {"place": np.array([self.now, self.length], np.float64), "gear": np.int64(self.now % 3)}

    def step(self, action):
        self.now += 1
        if self.now >= self.broken_from and "raises" in self.breaks:
            raise RuntimeError(self.breaks["raises"])
        outcome = {"observation": self.seen(), "reward": float(action), "info": {"success": self.now == self.length, "cost": 2 * self.now}}
        if self.now >= self.broken_from:
            outcome |= self.breaks
        return outcome["observation"], outcome["reward"], self.now >= self.length, False, outcome["info"]

    def close(self):
        self.open = False


class Walking(Task):
    name, spec, horizon, compiled, infos = "walk", SPEC, 6, False, ("success", "cost")

    def __init__(self, breaks=None, broken_from=3):
        self.breaks, self.broken_from, self.made = breaks or {}, broken_from, []

    def make(self):
        self.made.append(Walk(self.breaks, self.broken_from))
        return self.made[-1]


def test_lanes_run_end_rest_and_begin_again():
    task = Walking()
    with HostLanes(task, 3) as lanes:
        for lane, seed in enumerate((0, 1, 9)):  # lengths 2, 3, 11
            lanes.reset(lane, seed)
        first = lanes.step(np.array([3, 2, 1]))
        np.testing.assert_array_equal(first.observation["place"], np.array([[1, 2], [1, 3], [1, 11]], np.float32))
        assert first.observation["place"].dtype == np.float32 and first.observation["gear"].dtype == np.int32
        np.testing.assert_array_equal(first.reward, np.array([3, 2, 1], np.float32))
        assert lanes.running.all() and first.info["cost"].tolist() == [2, 2, 2] and first.info["cost"].dtype == np.int32
        second = lanes.step(np.array([0, 0, 0]))
        assert second.terminated.tolist() == [True, False, False] and second.info["success"].tolist() == [True, False, False]
        third = lanes.step(np.array([1, 1, 1]))  # lane 0 rests: its last observation, and zeros
        assert lanes.running.tolist() == [False, False, True] and third.terminated.tolist() == [False, True, False]
        np.testing.assert_array_equal(third.observation["place"][0], np.float32([2, 2]))
        assert third.reward.tolist() == [0, 1, 1] and third.info["cost"].tolist() == [0, 6, 6]
        lanes.reset(0, 5)
        np.testing.assert_array_equal(lanes.observation["place"][0], np.float32([0, 7]))
        for _ in range(3):
            last = lanes.step(np.array([1, 1, 1]))
        assert last.truncated.tolist() == [False, False, True] and not last.terminated[2], "cut at the task's horizon of 6"
        assert lanes.steps.tolist() == [3, 3, 6] and lanes.running.tolist() == [True, False, False]
    assert not any(env.open for env in task.made)


NAN = {"place": np.array([np.nan, 0.0]), "gear": 0}


@pytest.mark.parametrize(
    "breaks, says",
    [
        ({"observation": NAN}, r"lane 1, step 3: the observation 'place' has nan at \[0\]"),
        ({"observation": {"place": np.zeros(3), "gear": 0}}, r"step 3: the observation 'place' is float32\[3\]; its spec says Box\[2\]"),
        ({"observation": {"place": np.zeros(2), "gear": 3}}, "step 3: the observation 'gear' is 3, outside 0 to 2"),
        ({"observation": {"place": np.zeros(2)}}, r"step 3: the observation should have the parts \['place', 'gear'\]"),
        ({"observation": np.zeros(2)}, "not ndarray"),
        ({"reward": np.nan}, "lane 1, step 3: the reward is nan"),
        ({"reward": np.zeros(1)}, r"the reward is \[0.0\]"),
        ({"info": {}}, "step 3: info lacks success, cost; it has nothing"),
        ({"info": {"success": True, "cost": "dear"}}, "info's cost should be numbers"),
        ({"info": {"success": True, "cost": np.zeros(2)}}, r"info's cost has shape \[2\], before \[\]"),
        ({"raises": "motor"}, r"lane 1, step 3: step\(\) raised RuntimeError: motor"),
    ],
)
def test_what_breaks_its_word_is_refused_by_lane_and_step(breaks, says):
    task = Walking(breaks)
    with pytest.raises(BadEnvironment, match=says), HostLanes(task, 2) as lanes:
        lanes.reset(0, 0)
        lanes.reset(1, 8)
        for _ in range(3):
            lanes.step(np.array([1, 1]))
    assert not any(env.open for env in task.made), "closed all the same"


@pytest.mark.parametrize("action, says", [(np.array([1, 4]), "lane 1, step 1 is 4, outside 0 to 3"), (np.float32([1, 1]), "is float32")])
def test_actions_outside_the_spec_are_refused(action, says):
    with HostLanes(Walking(), 2) as lanes:
        lanes.reset(0, 0)
        lanes.reset(1, 0)
        with pytest.raises(BadSpec, match=says):
            lanes.step(action)


def test_a_factory_that_fails_leaves_nothing_open():
    task = Walking()
    make = task.make
    task.make = lambda: make() if len(task.made) < 2 else 1 / 0
    with pytest.raises(ZeroDivisionError):
        HostLanes(task, 3)
    assert len(task.made) == 2 and not any(env.open for env in task.made)


@pytest.mark.parametrize(
    "space, value, wrong",
    [
        (Box((2,)), [1, 2], ""),
        (Box((2,)), np.array([1e300, 0]), "has inf at [0]"),
        (Box((2, 2, 3), 0.0, 255.0, "uint8"), np.zeros((2, 2, 3), np.uint8), ""),
        (
            Box((2, 2, 3), 0.0, 255.0, "uint8"),
            np.zeros((2, 2, 3)),
            "is float64[2, 2, 3]; its spec says Box[2, 2, 3] uint8: the camera's own numbers, 0 to 255 as uint8, not a share of 255",
        ),
        (Discrete(2), True, ""),
        (Discrete(2), 0.5, "is float64[]; its spec says Discrete(2)"),
        (MultiDiscrete((2, 3)), [1, 2], ""),
        (MultiDiscrete((2, 3)), [2, 0], "is [2, 0], outside 0 to 2"),
        (MultiBinary(2), [True, False], ""),
        (MultiBinary(2), [1, -1], "is [1, -1], outside 0 to 1"),
    ],
)
def test_what_a_value_of_a_space_is(space, value, wrong):
    assert misfit(space, cast(space, value)) == wrong
