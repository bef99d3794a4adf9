"""Times against policies that are known to take a while."""

import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy, Step, Task
from agir.core.spaces import Box, Spec
from agir.evaluation.latency import SEEN, _summed, latencies, latency
from agir.evaluation.rollout import evaluate
from agir.runtime.executors import Receding

SPEC = Spec(Box((3,)), Box((2,)))
PLAN_S = 0.01
STEPS = 16


class Clock(eqx.Module):
    """What is seen is the time and a random number of the episode's, which say when it ends."""

    first: Any  # an environment may hold arrays

    def reset(self, key):
        return (jnp.int32(0), jax.random.randint(key, (), 0, 2)), self.first

    def step(self, state, action, key):
        time, odd = state[0] + 1, state[1]
        seen = jnp.stack([time, odd, 0]).astype(jnp.float32)
        return (time, odd), Step(seen, jnp.float32(0), (odd == 1) & (time >= STEPS // 2), time >= STEPS, {"success": time < 0})


class Tick(Task):
    name, spec, horizon = "tick", SPEC, STEPS

    def environment(self):
        return Clock(jnp.zeros(3))


TASK = Tick()


def nap(x):
    time.sleep(PLAN_S)
    return np.asarray(x)


class Slow(Policy):
    """A plan of 5 takes 10 ms, of 4 passes."""

    def act(self, observation, memory, key):
        noise = jax.random.uniform(key, (5, 2))
        return Act(jax.pure_callback(nap, noise, noise, vmap_method="sequential"), memory, {"passes": jnp.int32(4)})


class SlowOnHost(Policy):
    compiled = False

    def act(self, observation, memory, key):
        return Act(nap(observation[:2]), memory)


def test_a_plan_is_paid_once_and_its_actions_share_it():
    """Dispatch returns at once; only a clock that waits for the result sees the 10 ms."""
    found = latency(Receding(SPEC, Slow(SPEC), 1, 4), TASK, calls=52, episodes=5)  # episodes end where a plan does
    assert len(found.planning_ms) == 13 and found.planning_ms.min() >= 1000 * PLAN_S
    assert found.first_ms.min() >= 1000 * PLAN_S
    assert 1000 * PLAN_S / 4 <= found.per_action.median_ms < 0.7 * found.per_call.median_ms
    assert found.passes_per_action == pytest.approx(4 / 4)
    np.testing.assert_allclose(found.pass_ms, found.planning_ms / 4)
    assert found.per_pass.median_ms <= found.per_pass.p95_ms <= found.per_pass.p99_ms
    assert found.compile_s > found.per_call.median_ms / 1000
    assert "executed action" in str(found)


def test_a_policy_on_the_host_without_plans():
    found = latency(SlowOnHost(SPEC), TASK, calls=4, episodes=2)
    assert len(found.planning_ms) == 4 and len(found.executed_ms) == 3 and found.executed_ms.min() >= 1000 * PLAN_S
    assert found.passes_per_action is None and found.per_pass is None


def test_plans_by_hand():
    """Plans of 2 and 3 calls; what comes before the first and after the last is not a whole plan."""
    planned = [False, True, False, True, False, False, True]
    told = [{"planned": p, "passes": 6 * p} for p in planned]
    found = _summed(1.0, np.array([1.0, 10.0, 2.0, 12.0, 3.0, 3.0, 14.0]), told, np.array([20.0]))
    assert found.planning_ms.tolist() == [10.0, 12.0, 14.0] and found.executed_ms.tolist() == [6.0, 6.0]
    assert found.passes_per_action == pytest.approx(12 / 5) and found.pass_ms.tolist() == pytest.approx([10 / 6, 2.0, 14 / 6])


def test_several_policies_take_turns_and_a_slow_second_is_slow_for_all(monkeypatch):
    """A machine that turns three times as slow half way: one after the other, the second policy would look three times as slow."""
    clock, fast_s = [0.0], np.inf

    class Waits(Policy):
        compiled = False

        def act(self, observation, memory, key):
            clock[0] += 0.001 if clock[0] < fast_s else 0.003
            return Act(np.zeros(2, np.float32), memory)

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    both = {"a": (Waits(SPEC), TASK), "b": (Waits(SPEC), TASK)}
    latencies(both, calls=2, episodes=1, rounds=1)
    clock[0], fast_s = 0.0, 0.1 + clock[0] - 6 * 0.001  # the episodes in which they look around come first
    found = latencies(both, calls=50, episodes=5, rounds=10)
    assert len(found["a"].planning_ms) == len(found["b"].planning_ms) == 50 and len(found["a"].first_ms) == 5
    assert found["a"].planning_ms.mean() == pytest.approx(found["b"].planning_ms.mean(), rel=0.15)
    assert {1.0, 3.0} == set(found["a"].planning_ms.round(6)) == set(found["b"].planning_ms.round(6))
    assert np.diff(found["a"].planning_ms).min() > -1e-6  # in the order they were made


class Reads(Policy):
    """As many passes as what is seen says."""

    def act(self, observation, memory, key):
        return Act(observation[:2], memory, {"passes": 1 + observation[0].astype(jnp.int32)})


def test_what_depends_on_what_is_seen_is_timed_as_it_is_in_the_task():
    """The passes of the same pilot episodes, whole; on anything else that its bounds allow they would be others."""
    found = latency(Reads(SPEC), TASK, calls=10 * SEEN)
    columns = evaluate(Reads(SPEC), TASK, 60, purpose="pilot").columns
    lengths = columns["length"][0].cumsum()
    episodes = 1 + int(np.argmax(lengths >= SEEN))
    wanted = columns["passes"][0, :episodes].sum() / lengths[episodes - 1]
    assert set(columns["length"][0]) == {STEPS // 2, STEPS}
    assert found.passes_per_action == pytest.approx(wanted, rel=0.01)


def test_memory_is_fresh_where_an_episode_begins():
    class Counts(Policy):
        def start(self, key):
            return jnp.int32(0)

        def act(self, observation, memory, key):
            return Act(
                observation[:2],
                memory + 1,
                {"planned": memory % 8 == 0, "passes": jnp.where(memory == observation[0].astype(jnp.int32), 0, 99)},
            )

    assert latency(Counts(SPEC), TASK, calls=1000).passes_per_action == 0


def test_time_runs_out():
    assert len(latency(SlowOnHost(SPEC), TASK, calls=1000, episodes=1000, seconds=0.1).planning_ms) < 20
    with pytest.raises(BadSetting, match="no plan was done"):
        latency(Receding(SPEC, Slow(SPEC), 1, 5), TASK, calls=3)
    with pytest.raises(BadSetting, match="At least two calls"):
        latency(SlowOnHost(SPEC), TASK, calls=1)
