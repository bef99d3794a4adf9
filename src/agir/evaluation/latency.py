"""How long a policy takes, with its result on the host: per call that plans, to the first action, per executed action, per pass.

How much some policies compute depends on what they see (how many tokens say a chunk, when a skill ends), and so would their times on
observations that never occur: a policy first acts in pilot episodes of its task, and the clock runs while it sees these once more.
"""

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from agir.core.errors import BadSetting
from agir.core.keys import episode_key, stream
from agir.core.nouns import Policy, Task
from agir.core.spaces import Key
from agir.evaluation.hosted import CompiledWorld, HostWorld, of_step
from agir.evaluation.tables import Times
from agir.runtime.actor import bound

PURPOSE = "pilot"  # of the episodes that are seen: none that is evaluated
SEEN = 256  # steps of whole episodes that are seen, two episodes at least
STARTS = 16  # first observations of as many episodes


@dataclasses.dataclass(frozen=True)
class Latency:
    """Measured times of one lane, in ms unless they say seconds. Compilation is in `compile_s` alone."""

    compile_s: float  # the first call of all, with its tracing
    planning_ms: np.ndarray  # of each call that planned: every call, unless the policy's info says `planned`
    first_ms: np.ndarray  # from the first observation of an episode to its action, with the start of the memory
    executed_ms: np.ndarray  # of each plan that was done to its end: its calls' time by its number of actions
    pass_ms: np.ndarray  # of each call that planned, by the passes of the network it said; empty where it says none
    passes_per_action: float | None
    device: str

    @property
    def per_call(self) -> Times:
        return times(self.planning_ms)

    @property
    def to_first_action(self) -> Times:
        return times(self.first_ms)

    @property
    def per_action(self) -> Times:
        return times(self.executed_ms)

    @property
    def per_pass(self) -> Times | None:
        return times(self.pass_ms) if len(self.pass_ms) else None

    def __str__(self) -> str:
        rows = (
            ("call", self.per_call),
            ("first action", self.to_first_action),
            ("executed action", self.per_action),
            ("pass", self.per_pass),
        )
        said = [f"{name} {t.median_ms:.3g} ms (p95 {t.p95_ms:.3g}, p99 {t.p99_ms:.3g})" for name, t in rows if t]
        return "; ".join([*said, f"compiled in {self.compile_s:.1f} s on {self.device}"])


def times(samples_ms: np.ndarray) -> Times:
    return Times(*(float(x) for x in np.percentile(samples_ms, [50, 95, 99])))


def latency(policy: Policy, task: Task, calls: int = 500, episodes: int = 50, seconds: float = 20.0) -> Latency:
    """Times `calls` calls in a row, then the begins of `episodes`, on what the policy sees in the task; observations come from the host.

    Each part ends early after half of `seconds`, but not before two plans are done to their end.
    """
    return latencies({"": (policy, task)}, calls, episodes, seconds, rounds=1)[""]


def latencies(
    policies: Mapping[str, tuple[Policy, Task]], calls: int = 500, episodes: int = 50, seconds: float = 20.0, rounds: int = 5
) -> dict[str, Latency]:
    """As `latency`, of several policies that are to be compared: each takes its turn in every round.

    So a machine that is slower for some seconds, as shared ones are, is so for all of them.
    """
    if calls < 2 or episodes < 1:
        raise BadSetting(f"At least two calls and one episode are timed, not {calls} and {episodes}.")
    runs = {name: _Timed(policy, task, seconds) for name, (policy, task) in policies.items()}
    for done in range(1, rounds + 1):
        for run in runs.values():
            run.in_a_row(calls * done // rounds, seconds / 2 / rounds, last=done == rounds)
            run.begins(episodes * done // rounds, seconds / 2 / rounds)
    return {name: run.latency() for name, run in runs.items()}


class _Call(NamedTuple):
    """What a call is asked: `begin` is the key of a fresh memory where an episode begins, else None."""

    begin: Key | None
    observation: Any
    key: Key


class _Timed:
    """One policy under the clock: what was measured of it so far."""

    def __init__(self, policy: Policy, task: Task, seconds: float):
        self.start, self.act = _functions(policy)
        self.memory: Any = None
        self.call_ms: list[float] = []
        self.told: list[dict] = []  # of plans and passes, by each call
        self.first_ms: list[float] = []

        world = CompiledWorld(task) if task.compiled else HostWorld(task, 1)
        try:
            self.starts = [_begin(world, index) for index in range(STARTS)]
            began = time.perf_counter()
            self._first(self.starts[0])
            self.compile_s = time.perf_counter() - began
            self.feed = self._lived(world, seconds)
        finally:
            world.close()

    def _lived(self, world: CompiledWorld | HostWorld, seconds: float) -> list[_Call]:
        """The calls of whole episodes, one after the other; after two of them no further one begins once `seconds` are over."""
        calls: list[_Call] = []
        end, index = time.perf_counter() + seconds, 0
        while index < 2 or (len(calls) < SEEN and time.perf_counter() < end):
            calls += self._episode(world, index)
            index += 1
        return calls

    def _episode(self, world: CompiledWorld | HostWorld, index: int) -> list[_Call]:
        calls, key = [_begin(world, index)], episode_key(PURPOSE, index)
        memory = self.start(calls[0].begin)
        while True:
            action, memory, _ = _done(self.act(calls[-1].observation, memory, calls[-1].key))
            after = world.step(jax.tree.map(lambda x: np.asarray(x)[None], action))
            if after.terminated[0] or after.truncated[0]:
                return calls
            calls.append(_Call(None, _lane(world.observation), _act_key(key, np.int32(len(calls)))))

    def in_a_row(self, until: int, seconds: float, last: bool) -> None:
        """Calls that go on where the ones before ended, up to `until` of them in all."""
        clock = time.perf_counter
        end = clock() + seconds
        while len(self.told) < until:
            call = self.feed[len(self.told) % len(self.feed)]
            if call.begin is not None:
                self.memory = jax.block_until_ready(self.start(call.begin))
            began = clock()
            _, self.memory, said = _done(self.act(call.observation, self.memory, call.key))
            self.call_ms.append(1000 * (clock() - began))
            self.told.append(said)
            if clock() > end and (not last or sum(bool(t.get("planned", True)) for t in self.told) > 2):
                break  # not before: the last plan is not done

    def begins(self, until: int, seconds: float) -> None:
        clock = time.perf_counter
        end = clock() + seconds
        while len(self.first_ms) < until:
            call = self.starts[len(self.first_ms) % len(self.starts)]
            began = clock()
            self._first(call)
            self.first_ms.append(1000 * (clock() - began))
            if clock() > end:
                break

    def _first(self, call: _Call) -> None:
        _done(self.act(call.observation, self.start(call.begin), call.key))

    def latency(self) -> Latency:
        return _summed(self.compile_s, np.array(self.call_ms), self.told, np.array(self.first_ms))


def _begin(world: CompiledWorld | HostWorld, index: int) -> _Call:
    world.begin(0, PURPOSE, index)
    key = episode_key(PURPOSE, index)
    return _Call(stream(key, "memory"), _lane(world.observation), _act_key(key, np.int32(0)))


@jax.jit
def _act_key(key: Key, step: Any) -> Key:
    return of_step(key, step)[0]


def _lane(observation: Any) -> Any:
    """The one lane's, as it is: a world may write the next one into the same array."""
    return jax.tree.map(lambda x: np.array(x[0]), observation)


def _functions(policy: Policy) -> tuple[Any, Any]:
    """-> start(key), act(observation, memory, key) -> action, memory, and what is told of plans and passes."""
    keep = lambda info: {name: info[name] for name in ("planned", "passes") if name in info}
    if not policy.compiled:
        plain = lambda act: (act.action, act.memory, keep(act.info))
        return policy.start, lambda observation, memory, key: plain(policy.act(observation, memory, key))

    def act(policy: Policy, observation: Any, memory: Any, key: Key) -> tuple[Any, Any, dict]:
        action, memory, info = policy.act(observation, memory, key)
        return action, memory, keep(info)

    return bound(lambda policy, key: policy.start(key), policy), bound(act, policy)


def _done(out: tuple) -> tuple:
    """Waits until the action is on the host and the memory is there."""
    for leaf in jax.tree.leaves(out[0]):
        np.asarray(leaf)
    jax.block_until_ready(out[1])
    return out


def _summed(compile_s: float, call_ms: np.ndarray, told: list[dict], first_ms: np.ndarray) -> Latency:
    planned = np.array([bool(t.get("planned", True)) for t in told])
    passes = np.array([float(t["passes"]) for t in told]) if "passes" in told[0] else None
    begins = np.flatnonzero(planned)
    if len(begins) < 2:
        raise BadSetting(f"Of {len(told)} calls {len(begins)} planned: no plan was done to its end. Time more calls.")
    whole = np.diff(begins)  # calls of each plan
    executed_ms = np.add.reduceat(call_ms[: begins[-1]], begins[:-1]) / whole
    per_action = pass_ms = None
    if passes is not None:
        paid = passes[begins]
        pass_ms = call_ms[begins][paid > 0] / paid[paid > 0]
        per_action = float(passes[begins[0] : begins[-1]].sum() / whole.sum())
    device = jax.devices()[0]
    return Latency(
        compile_s,
        call_ms[planned],
        first_ms,
        executed_ms,
        np.zeros(0) if pass_ms is None else pass_ms,
        per_action,
        f"{device.platform} ({device.device_kind})" if device.platform != "cpu" else "cpu",
    )
