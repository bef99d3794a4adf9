"""Nothing that is not finite, out of bounds or too sudden gets through, and the guard counts how often it stepped in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Dict, Discrete, Meaning, MultiBinary, MultiDiscrete, Spec
from agir.runtime.executors import Receding
from agir.runtime.guards import Guarded

KEY = jax.random.key(0)


class Script(Policy):
    """Does what the observation says; its memory remembers a NaN for ever."""

    def start(self, key):
        return jnp.float32(0)

    def act(self, observation, memory, key):
        memory = memory + observation.sum()
        return Act(observation + 0 * memory, memory, {"value": memory})


def spec_of(kind="absolute", low=-1.0, high=1.0):
    return Spec(Box((2,)), Box((2,), low, high), Meaning(kind))


def through(policy, *said):
    """-> actions and infos of the steps, the last memory."""
    memory, actions, infos = policy.start(KEY), [], []
    act = jax.jit(lambda *x: policy.act(*x))
    for x in said:
        action, memory, info = act(jnp.float32(x), memory, KEY)
        actions.append(np.asarray(action).tolist())
        infos.append({name: bool(value) for name, value in info.items() if name != "value"})
    return np.array(actions), infos, memory


def counts(memory):
    return int(memory.stopped), int(memory.clipped), int(memory.limited)


def test_what_is_safe_passes_untouched():
    policy = Guarded(spec_of(), Script(spec_of()), 0.5)
    actions, infos, memory = through(policy, [0.9, -1.0], [0.5, -0.6])
    np.testing.assert_array_equal(actions, np.float32([[0.9, -1.0], [0.5, -0.6]]))
    assert counts(memory) == (0, 0, 0) and not any(any(info.values()) for info in infos)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind, held", [("absolute", [0.5, 0.4]), ("velocity", [0.0, 0.0]), ("torque", [0.0, 0.0])])
def test_nan_stops_the_machine_and_never_poisons_what_follows(bad, kind, held):
    policy = Guarded(spec_of(kind), Script(spec_of(kind)), 0.2)
    actions, infos, memory = through(policy, [0.5, 0.4], [bad, 0.0], [bad, bad], [1.0, 0.4])
    assert np.isfinite(actions).all() and np.isfinite(memory.inner)  # the policy began afresh: its memory is finite again
    np.testing.assert_allclose(actions[1:3], [held, held])
    assert [info["stopped"] for info in infos] == [False, True, True, False]
    np.testing.assert_allclose(actions[3], np.array(held) + [0.2, 0.0 if kind == "absolute" else 0.2])  # from where it stopped
    assert counts(memory)[0] == 2


def test_a_nan_at_the_very_start():
    nan = [np.nan, 0.0]
    assert through(Guarded(spec_of(), Script(spec_of())), nan)[0].tolist() == [[0.0, 0.0]]
    assert through(Guarded(spec_of(low=0.5), Script(spec_of())), nan)[0].tolist() == [[0.5, 0.5]]  # zeros are out of bounds
    rested = Guarded(spec_of(), Script(spec_of()), 0.25, rest=jnp.float32([0.5, -0.5]))
    np.testing.assert_allclose(through(rested, nan, [1.0, -0.4])[0], [[0.5, -0.5], [0.75, -0.4]])


def test_bounds():
    actions, infos, memory = through(Guarded(spec_of(), Script(spec_of())), [3.0, -2.0], [0.5, 0.5])
    assert actions.tolist() == [[1.0, -1.0], [0.5, 0.5]]
    assert counts(memory) == (0, 1, 0) and [info["clipped"] for info in infos] == [True, False]


def test_rate_for_all_and_for_each_entry():
    actions, _, memory = through(Guarded(spec_of(), Script(spec_of()), 0.25), [1.0, 0.0], [-1.0, 0.1], [-1.0, 0.2])
    np.testing.assert_allclose(actions, [[1.0, 0.0], [0.75, 0.1], [0.5, 0.2]], atol=1e-6)  # the first is free
    assert counts(memory) == (0, 0, 2)
    actions, _, _ = through(Guarded(spec_of(), Script(spec_of()), (0.5, 9.0)), [1.0, 1.0], [-1.0, -1.0])
    np.testing.assert_allclose(actions[1], [0.5, -1.0])


def test_choices_and_dicts():
    space = Dict((("grip", Discrete(3)), ("arm", Box((1,), -1.0, 1.0)), ("keys", MultiBinary(2)), ("mode", MultiDiscrete((2, 5)))))
    spec = Spec(Box((1,)), space)

    class Wild(Policy):
        def act(self, observation, memory, key):
            action = {"grip": jnp.int32(7), "arm": 4 * observation, "keys": jnp.int32([-1, 1]), "mode": jnp.int32([1, 9])}
            return Act(action, memory)

    action, memory, _ = Guarded(spec, Wild(spec), 0.5).act(jnp.float32([1.0]), Guarded(spec, Wild(spec)).start(KEY), KEY)
    assert jax.tree.map(lambda x: x.tolist(), action) == {"grip": 2, "arm": [1.0], "keys": [0, 1], "mode": [1, 4]}
    assert counts(memory) == (0, 1, 0)


def test_a_plan_with_nan_is_thrown_away():
    """Fresh memory means a fresh plan: an executor does not go on through a queue of NaN."""
    spec = spec_of()

    class Planner(Policy):
        def act(self, observation, memory, key):
            return Act(jnp.broadcast_to(observation, (4, 2)), memory)

    policy = Guarded(spec, Receding(spec, Planner(spec), 1, 4))
    actions, infos, _ = through(policy, [np.nan, 0.0], [0.3, 0.3], [0.4, 0.4])
    np.testing.assert_allclose(actions, [[0.0, 0.0], [0.3, 0.3], [0.3, 0.3]])
    assert [info["planned"] for info in infos] == [True, True, False]


def test_lanes_are_guarded_each_by_itself():
    policy = Guarded(spec_of(), Script(spec_of()))
    memory = jax.vmap(policy.start)(jax.random.split(KEY, 3))
    begin = jax.tree.map(lambda x: (x.shape, x.dtype), memory)
    said = jnp.float32([[0.1, 0.1], [np.nan, 0.1], [2.0, 0.1]])
    action, memory, _ = jax.jit(jax.vmap(lambda *x: policy.act(*x)))(said, memory, jax.random.split(KEY, 3))
    np.testing.assert_allclose(action, [[0.1, 0.1], [0.0, 0.0], [1.0, 0.1]])
    assert memory.stopped.tolist() == [0, 1, 0] and memory.clipped.tolist() == [0, 0, 1]
    assert jax.tree.map(lambda x: (x.shape, x.dtype), memory) == begin


def test_a_policy_on_the_host():
    class Plain(Policy):
        compiled = False

        def start(self, key):
            return ["began"]

        def act(self, observation, memory, key):
            return Act(np.asarray(observation), [*memory, "acted"])

    policy = Guarded(spec_of(), Plain(spec_of()))
    assert not policy.compiled
    action, memory, _ = policy.act(np.float32([5.0, 0.0]), policy.start(KEY), KEY)
    assert action.tolist() == [1.0, 0.0] and memory.inner == ["began", "acted"]
    action, memory, info = policy.act(np.float32([np.nan, 0.0]), memory, KEY)
    assert action.tolist() == [1.0, 0.0] and memory.inner == ["began"] and bool(info["stopped"])


def test_settings_that_do_not_fit():
    script = Script(spec_of())
    for wrong, why in (({"rate": 0.0}, "above 0"), ({"rate": (1.0, 1.0, 1.0)}, "3 numbers"), ({"stop": "brake"}, "'brake'")):
        with pytest.raises(BadSetting, match=why):
            Guarded(spec_of(), script, **wrong)
    assert through(Guarded(spec_of(), script, stop="zero"), [0.5, 0.5], [np.nan, 0.0])[0].tolist()[1] == [0.0, 0.0]
