"""Gymnasium's environments as tasks: every kind of space there and back, and CartPole equal to stepping it by hand."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from agir.core.errors import BadEnvironment, BadSetting, BadSpec, UnknownName
from agir.core.host import HostLanes, misfit
from agir.core.spaces import Box, Dict, Discrete, Meaning, MultiBinary, MultiDiscrete
from agir.evaluation.floors import Random
from agir.evaluation.rollout import evaluate
from agir.tasks.find import task
from agir.tasks.gym import from_gymnasium, from_gymnasium_value, space_from_gymnasium, space_to_gymnasium, to_gymnasium_value

KINDS = [
    (spaces.Box(-1.0, 2.0, (3,), np.float32), Box((3,), -1.0, 2.0)),
    (spaces.Box(np.float64([0, -2]), np.float64([np.inf, 2]), dtype=np.float64), Box((2,), (0.0, -2.0), (np.inf, 2.0))),
    (spaces.Box(-np.inf, np.inf, (2, 2), np.float64), Box((2, 2))),
    (spaces.Box(0, 255, (4, 5, 3), np.uint8), Box((4, 5, 3), 0.0, 255.0, "uint8")),
    (spaces.Discrete(5), Discrete(5)),
    (spaces.Discrete(5, start=-2), Discrete(5)),
    (spaces.MultiDiscrete([2, 3, 4]), MultiDiscrete((2, 3, 4))),
    (spaces.MultiDiscrete([2, 3], start=[1, -1]), MultiDiscrete((2, 3))),
    (spaces.MultiBinary(4), MultiBinary(4)),
    (
        spaces.Dict({"arm": spaces.Dict({"joint": spaces.Box(-1, 1, (2,), np.float64)}), "gear": spaces.Discrete(3, start=1)}),
        Dict((("arm", Dict((("joint", Box((2,), -1.0, 1.0)),))), ("gear", Discrete(3)))),
    ),
]


@pytest.mark.parametrize("theirs, ours", KINDS, ids=[str(theirs)[:40] for theirs, _ in KINDS])
def test_every_kind_of_space_goes_there_and_back(theirs, ours):
    assert space_from_gymnasium(theirs) == ours
    assert space_from_gymnasium(space_to_gymnasium(ours)) == ours
    theirs.seed(0)
    for _ in range(20):
        value = theirs.sample()
        inside = from_gymnasium_value(theirs, value)
        assert misfit(ours, inside) == "" and space_to_gymnasium(ours).contains(inside)
        back = to_gymnasium_value(theirs, inside)
        assert theirs.contains(back)
        for a, b in zip(leaves(value), leaves(back)):
            np.testing.assert_array_equal(np.float32(a), np.float32(b))
            assert np.asarray(a).dtype == np.asarray(b).dtype


def test_a_bound_beyond_float32_is_none():
    assert space_from_gymnasium(spaces.Box(-1e300, 1e300, (2,), np.float64)) == Box((2,))


def leaves(value):
    return [leaf for part in value.values() for leaf in leaves(part)] if isinstance(value, dict) else [value]


@pytest.mark.parametrize(
    "space, mend",
    [
        (spaces.Text(5), "FilterObservation"),
        (spaces.Tuple((spaces.Discrete(2), spaces.Discrete(2))), "FlattenObservation"),
        (spaces.Box(0, 9, (2,), np.int64), "DtypeObservation"),
        (spaces.MultiDiscrete(np.full((2, 2), 3)), "one axis"),
        (spaces.MultiBinary((2, 2)), "one axis"),
        (spaces.Sequence(spaces.Discrete(2)), "boxes and choices"),
    ],
)
def test_what_has_no_form_is_refused_by_name(space, mend):
    with pytest.raises(BadSpec, match=f"seen.inner.part is {type(space).__name__}.*{mend}"):
        space_from_gymnasium(spaces.Dict({"inner": spaces.Dict({"part": space})}), "seen")


def test_cartpole_in_lanes_equals_cartpole_by_hand():
    cartpole = task("gym/CartPole-v1")
    assert cartpole.spec.action == Discrete(2) and cartpole.horizon == 500 and not cartpole.compiled
    assert cartpole.spec.meaning == Meaning("choice") and "return only" in cartpole.about
    by_hand, choices = gymnasium.make("CartPole-v1"), np.random.default_rng(0)
    with HostLanes(cartpole, 2) as lanes:
        for lane, seed in enumerate((7, 8)):
            lanes.reset(lane, seed)
        observation, _ = by_hand.reset(seed=8)
        np.testing.assert_array_equal(lanes.observation[1], observation)
        for seed in range(9, 14):
            ended = False
            while not ended:
                action = choices.integers(0, 2, 2)
                after = lanes.step(np.int32(action))
                observation, reward, terminated, truncated, _ = by_hand.step(action[1])
                np.testing.assert_array_equal(after.observation[1], observation)
                assert (after.reward[1], after.terminated[1], after.truncated[1]) == (reward, terminated, truncated)
                ended = terminated or truncated
                if not lanes.running[0]:
                    lanes.reset(0, seed + 100)
            lanes.reset(1, seed)
            observation, _ = by_hand.reset(seed=seed)
            np.testing.assert_array_equal(lanes.observation[1], observation)
    by_hand.close()


class Shelf(gymnasium.Env):
    """Actions counted from 3; success under the other name."""

    observation_space, action_space = spaces.Discrete(4, start=10), spaces.Discrete(2, start=3)
    start = 11

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.start, {}

    def step(self, action):
        assert type(action) is np.int64 and action in (3, 4)
        return 10 + action - 3, 0.5, False, False, {"is_success": action == 4, "cost": 1.5}


def test_a_task_of_the_callers_own():
    shelf = from_gymnasium(Shelf, name="shelf", horizon=3, infos=("cost",))
    assert shelf.name == "shelf" and "environment says it" in shelf.about
    with HostLanes(shelf, 1) as lanes:
        lanes.reset(0, 0)
        assert lanes.observation[0] == 1
        after = lanes.step(np.int32([1]))
        assert after.observation[0] == 1 and after.info["success"][0] and after.info["cost"][0] == 1.5
        lanes.step(np.int32([0]))
        assert lanes.step(np.int32([0])).truncated[0] and not lanes.running[0]


class Late(Shelf):
    """Says its success in its last step alone, the second."""

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return super().reset(seed=seed)

    def step(self, action):
        self.time += 1
        return 10, 0.0, self.time == 2, False, {"success": True} if self.time == 2 else {}


def test_success_is_said_only_where_the_environment_says_it():
    silent = from_gymnasium("Pendulum-v1")
    assert silent.infos == () and "says no success" in silent.about
    found = evaluate(Random(silent.spec), silent, 1)
    assert found.success is None and "success" not in str(found)
    with HostLanes(from_gymnasium(Late, name="late", horizon=3), 1) as lanes:
        lanes.reset(0, 0)
        assert lanes.step(np.int32([0])).info == {}
        with pytest.raises(BadEnvironment, match=r'give from_gymnasium infos=\("success",\)'):
            lanes.step(np.int32([1]))
    with HostLanes(from_gymnasium(Late, name="late", horizon=3, infos=("success",)), 1) as lanes:
        lanes.reset(0, 0)
        assert not lanes.step(np.int32([0])).info["success"][0] and lanes.step(np.int32([1])).info["success"][0]


class Forgetful(Shelf):
    """Its start is not a function of the seed."""

    def reset(self, *, seed=None, options=None):
        self.start = 10 + (self.start - 9) % 4
        return super().reset(seed=seed)


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda: from_gymnasium(Shelf), BadSetting, "horizon=STEPS"),
        (lambda: from_gymnasium(Forgetful, horizon=3), BadEnvironment, "two different starts"),
        (lambda: from_gymnasium(object, horizon=3), BadEnvironment, "gives a object"),
        (lambda: from_gymnasium(Shelf, horizon=3, gravity=1), BadSetting, "gravity"),
        (lambda: task("gym/CartPol-v1"), UnknownName, "CartPole-v1"),
        (lambda: task("gym"), BadSetting, "gym/CartPole-v1"),
        (lambda: task("gym/CartPole-v1,horizon=soon"), BadSetting, "number of steps"),
        (lambda: task("gym/Blackjack-v1"), BadSpec, "The observation of gym/Blackjack-v1 is Tuple"),
    ],
)
def test_what_cannot_be_a_task_is_refused_by_name(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_options_reach_the_environment():
    pendulum = task("gym/Pendulum-v1,horizon=250,g=1.5")
    assert pendulum.name == "gym/Pendulum-v1,g=1.5,horizon=250" and pendulum.horizon == 250
    assert pendulum.spec.meaning == Meaning("torque", "N m", "joint", 20.0)
    env = pendulum.make()
    assert env.unwrapped.g == 1.5 and env.spec.max_episode_steps == 250
    env.close()
