"""An actor does what its policy does, step by step, with nothing compiled after it is made."""

import dataclasses
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import agir
from agir.core.errors import BadData, BadSetting, BadSpec
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Dict, Meaning, Spec
from agir.runtime.actor import Actor
from agir.runtime.guards import Guarded

SPEC = Spec(Dict((("place", Box((2,))), ("camera", Box((4, 4, 3), 0.0, 255.0, "uint8")))), Box((2,), -1.0, 1.0))
SEEN = {"place": np.array([0.1, 0.2]), "camera": np.zeros((4, 4, 3), np.uint8)}  # in doubles, as programs have them
traced = []


class Wanders(Policy):
    """Where it sees itself, by a scale, plus noise of its episode and of its step, plus a tenth of its count of calls."""

    scale: jax.Array

    def start(self, key):
        return jax.random.normal(key), jnp.int32(0)

    def act(self, observation, memory, key):
        traced.append(1)
        begin, count = memory
        noise = 0.01 * jax.random.normal(key, (2,)) + 0.01 * begin
        return Act(self.scale * (observation["place"] + noise + 0.1 * count.astype(jnp.float32)), (begin, count + 1), {"count": count})


class OnHost(Wanders):
    compiled = False


POLICY = Wanders(SPEC, jnp.float32(0.5))


def by_hand(episode: int, steps: int, seed: int = 0) -> list:
    """The actions of the policy itself."""
    memory_key, step_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), episode))
    memory, actions = POLICY.start(memory_key), []
    for step in range(steps):
        action, memory, _ = POLICY.act(SEEN, memory, jax.random.fold_in(step_key, step))
        actions.append(action)
    return actions


@pytest.mark.parametrize("kind", [Wanders, OnHost])
def test_it_does_what_the_policy_does_in_each_episode(kind):
    actor = Actor(kind(SPEC, jnp.float32(0.5)))
    first = [actor(SEEN) for _ in range(3)]
    assert all(isinstance(action, np.ndarray) for action in first) and int(actor.told["count"]) == 2
    actor.begin()
    second = [actor(SEEN) for _ in range(2)]
    np.testing.assert_allclose(first, by_hand(0, 3), rtol=1e-6)
    np.testing.assert_allclose(second, by_hand(1, 2), rtol=1e-6)
    np.testing.assert_array_equal([Actor(kind(SPEC, jnp.float32(0.5)))(SEEN) for _ in range(2)], [first[0]] * 2)
    assert not np.array_equal(Actor(kind(SPEC, jnp.float32(0.5)), seed=1)(SEEN), first[0])


def test_nothing_is_compiled_after_it_is_made():
    actor = Actor(POLICY)
    before = len(traced)
    actor(SEEN)
    actor.begin()
    for place in ([0.1, 0.2], np.float32([1, 2]), np.int64([1, 2])):
        actor(SEEN | {"place": place})
    assert len(traced) == before


def test_what_is_not_finite_stops_the_machine_with_one_warning_an_episode():
    actor, lost = Actor(POLICY), SEEN | {"place": np.array([np.nan, 0.0])}
    actor(SEEN)
    with pytest.warns(UserWarning, match="not finite"):
        stopped = actor(lost)
    assert np.isfinite(stopped).all() and bool(actor.told["stopped"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        actor(lost)
        assert np.isfinite(actor(SEEN)).all() and not bool(actor.told["stopped"])


def test_another_shape_is_refused_by_name_and_nothing_is_lost():
    actor, other = Actor(POLICY), Actor(POLICY)
    first = actor(SEEN)
    with pytest.raises(BadSpec, match=r"observation 'place' is float32\[3\]; its spec says Box\[2\]"):
        actor(SEEN | {"place": np.zeros(3)})
    with pytest.raises(BadSpec, match=r"should have the parts \['place', 'camera'\], not ndarray"):
        actor(np.zeros(2))
    np.testing.assert_array_equal([first, actor(SEEN)], [other(SEEN), other(SEEN)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, bool, np.int64])
def test_a_picture_of_another_kind_is_refused(dtype):
    """As shares of 255 it would be black to the policy, and nothing would say so."""
    with pytest.raises(BadSpec, match=r"'camera' is .*uint8.*0 to 255 as uint8, not a share of 255"):
        Actor(POLICY)(SEEN | {"camera": np.ones((4, 4, 3), dtype)})


@pytest.mark.parametrize("seen, words", [({"x": 1}, "a dict of x"), (None, "None"), ("abc", "'abc'"), ([[1.0], [2.0, 3.0]], "2.0, 3.0")])
def test_what_is_no_array_is_named(seen, words):
    with pytest.raises(BadSpec, match=f"'place' is .*{words}.*its spec says"):
        Actor(POLICY)(SEEN | {"place": seen})


def test_without_an_action_to_hold_none_is_given():
    lost = SEEN | {"place": np.array([np.nan, 0.0])}
    with pytest.raises(BadData, match="rest=ACTION"):
        Actor(POLICY)(lost)
    with pytest.warns(UserWarning, match="last action is repeated"):
        np.testing.assert_allclose(agir.actor(POLICY, rest=[0.3, -0.2])(lost), [0.3, -0.2])
    with pytest.warns(UserWarning, match="zeros are sent"):
        np.testing.assert_array_equal(agir.actor(POLICY, stop="zero")(lost), [0.0, 0.0])
    with pytest.raises(BadSpec, match="to rest by"):
        agir.actor(POLICY, rest=[0.3])


def test_where_nobody_said_what_actions_mean_it_asks_how_to_stop():
    spec = dataclasses.replace(SPEC, meaning=Meaning("unknown"))
    with pytest.warns(UserWarning, match='stop="zero"'):
        Actor(Wanders(spec, jnp.float32(0.5)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Actor(Wanders(spec, jnp.float32(0.5)), stop="hold")


def test_a_rate_limits_its_steps():
    actor = agir.actor(POLICY, rate=0.05)
    first, second = actor(SEEN), actor(SEEN | {"place": np.array([0.9, 0.9])})
    np.testing.assert_allclose(second - first, 0.05, rtol=1e-5)
    assert bool(actor.told["limited"])


def test_what_it_would_not_heed_is_refused():
    with pytest.raises(BadSetting, match="guarded already"):
        Actor(Guarded(SPEC, POLICY, 0.1), rate=0.05)
    with pytest.raises(BadSetting, match="draw_seed"):
        agir.actor(POLICY, 1)
