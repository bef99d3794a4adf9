"""A planner becomes a policy: what it sees, when it plans, and which of its planned actions are done.

A planner is a Policy that sees the last `history` observations [history, ...] and gives a chunk of actions [horizon, ...], whose
index history - 1 is the action for now (`Window` in core/nouns.py). An executor is a Policy for one observation and one action.
All executors say in `info` whether they `planned` (bool []) and how many `passes` of the network this step paid (int32 []); a
planner that does not say its `passes` pays one a call.
"""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Dict, Key, Space, flatten, zeros
from agir.core.when import when


class Past(NamedTuple):
    """The last observations, oldest first."""

    observations: Any  # [history, ...]
    begun: Any  # bool []: one has been seen in this episode


def no_past(space: Space, history: int) -> Past:
    return Past(zeros(space, history), jnp.bool_(False))


def remember(past: Past, observation: Any) -> Past:
    """The newest last; an episode's first observation stands for those before it."""

    def shifted(olds: Any, new: Any) -> Any:
        follow = jnp.concatenate([olds[1:], new[None]])
        return jnp.where(past.begun, follow, jnp.broadcast_to(new, olds.shape).astype(olds.dtype))

    return Past(jax.tree.map(shifted, past.observations, observation), jnp.bool_(True))


def plan(planner: Policy, observations: Any, inner: Any, key: Key, first: int) -> tuple[Any, Any, Any]:
    """-> the chunk from index `first` (now) on, the planner's memory, the passes of its network (int32 [])."""
    chunk, inner, info = planner.act(observations, inner, key)
    return jax.tree.map(lambda x: x[first:], chunk), inner, jnp.asarray(info.get("passes", 1)).astype(jnp.int32)


class Executor(Policy):
    """A policy for one action that holds a planner of chunks."""

    planner: Policy
    history: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        _check(self.planner, self.history)

    def nothing_planned(self, key: Key) -> tuple[Past, Any, Any]:
        """-> no past, the planner's memory at a start, and zeros in the place of a plan from now on [horizon - history + 1, ...]."""
        past, inner = no_past(self.spec.observation, self.history), self.planner.start(key)
        chunk = eqx.filter_eval_shape(plan, self.planner, past.observations, inner, key, self.history - 1)[0]
        return past, inner, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), chunk)


class Queue(NamedTuple):
    """The memory of `Receding`."""

    past: Past
    actions: Any  # [execute, ...]: those of the last plan
    taken: Any  # int32 []: how many of them are done
    inner: Any


class Receding(Executor):
    """Does `execute` actions of a plan, then plans again. Of lanes under a vmap only those that plan are paid for (`when`)."""

    execute: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        if self.execute < 1:
            raise BadSetting(f"At least one action of a plan is done before the next plan, not {self.execute}.")

    def start(self, key: Key) -> Queue:
        past, actions = no_past(self.spec.observation, self.history), zeros(self.spec.action, self.execute)
        return Queue(past, actions, jnp.int32(self.execute), self.planner.start(key))

    def act(self, observation: Any, memory: Queue, key: Key) -> Act:
        first, execute = self.history - 1, self.execute
        past = remember(memory.past, observation)
        due = memory.taken >= execute

        def next_plan(planner: Policy, observations: Any, inner: Any, key: Key) -> tuple[Any, Any, Any]:
            actions, inner, passes = plan(planner, observations, inner, key, first)
            if (length := len(jax.tree.leaves(actions)[0])) < execute:
                raise BadSetting(
                    f"A plan of {first + length} actions after a history of {first + 1} holds {length} from now on, fewer than "
                    f"execute = {execute}. Set execute to at most {length}, or raise the horizon."
                )
            return jax.tree.map(lambda x: x[:execute], actions), inner, passes

        arguments, old = (past.observations, memory.inner, key), (memory.actions, memory.inner, jnp.int32(0))
        actions, inner, passes = when(due, next_plan, self.planner, arguments, old)
        now = jnp.where(due, 0, memory.taken)
        action = jax.tree.map(lambda x: x[now], actions)
        return Act(action, Queue(past, actions, now + 1, inner), {"planned": due, "passes": passes})


class Streamer(Policy):
    """What `Streaming` drives: a planner whose actions are computed one at a time."""

    @property
    def begin_passes(self) -> int:
        """The passes of the network that `begin` takes."""
        return 0

    def begin(self, observations: Any, last: Any, key: Key) -> Any:
        """-> a plan, from observations [history, ...] and the action done last (zeros before the first), with no action computed yet."""
        raise NotImplementedError

    def follow(self, plan: Any, observation: Any) -> tuple[Any, Any, int]:
        """-> the plan's next action, the plan without it, and the passes of the network that it took.

        `observation` is the present one: a plan may react to it.
        """
        raise NotImplementedError


class Stream(NamedTuple):
    """The memory of `Streaming`."""

    past: Past
    plan: Any
    last: Any  # the action done last
    taken: Any  # int32 []: how many of the plan's actions are done


class Streaming(Policy):
    """Does each action of a plan as soon as it is computed, and begins a new plan after `execute` of them.

    So the first action waits for one action's passes, and each later one as well. A new plan goes on from the action done last.
    """

    streamer: Streamer
    history: int = eqx.field(static=True, default=1)
    execute: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        _check(self.streamer, self.history)
        if self.execute < 1:
            raise BadSetting(f"At least one action of a plan is done before the next plan, not {self.execute}.")

    def start(self, key: Key) -> Stream:
        past, last = no_past(self.spec.observation, self.history), zeros(self.spec.action)
        plan = eqx.filter_eval_shape(lambda *x: self.streamer.begin(*x), past.observations, last, key)
        return Stream(past, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), plan), last, jnp.int32(self.execute))

    def act(self, observation: Any, memory: Stream, key: Key) -> Act:
        past, due = remember(memory.past, observation), memory.taken >= self.execute
        begin = lambda streamer, *arguments: streamer.begin(*arguments)
        plan = when(due, begin, self.streamer, (past.observations, memory.last, key), memory.plan)
        action, plan, passes = self.streamer.follow(plan, observation)
        kept = Stream(past, plan, action, jnp.where(due, 0, memory.taken) + 1)
        passes = passes + jnp.where(due, self.streamer.begin_passes, 0)
        return Act(action, kept, {"planned": due, "passes": passes.astype(jnp.int32)})


class Overlap(NamedTuple):
    """The memory of `Ensembled`."""

    past: Past
    average: Any  # [horizon - history + 1, ...]: of what all plans so far say for now, the next step, ...
    weight: Any  # float32 of the same length: that of the average, where the next plan's is 1
    inner: Any


class Ensembled(Executor):
    """Plans at every step and averages what all plans say for now (temporal ensembling; ACT, Zhao et al. 2023, algorithm 2).

    The i-th oldest plan weighs exp(-decay * i): larger is more trust in old plans, 0 all alike, below 0 more in new ones.
    """

    decay: Any = 0.01  # ACT's; a number, or float32 []

    def __check_init__(self):
        _check_averages(self.spec.action)

    def start(self, key: Key) -> Overlap:
        past, inner, average = self.nothing_planned(key)
        return Overlap(past, average, jnp.zeros(len(jax.tree.leaves(average)[0]), jnp.float32), inner)

    def act(self, observation: Any, memory: Overlap, key: Key) -> Act:
        past = remember(memory.past, observation)
        chunk, inner, passes = plan(self.planner, past.observations, memory.inner, key, self.history - 1)
        share = 1 / (memory.weight + 1)  # of the newest plan
        average, weight = (
            jax.tree.map(partial(_mixed, share), memory.average, chunk),
            (memory.weight + 1) * jnp.exp(jnp.asarray(self.decay, jnp.float32)),
        )
        later = lambda x: jnp.concatenate([x[1:], jnp.zeros_like(x[:1])])
        kept = Overlap(past, jax.tree.map(later, average), later(weight), inner)
        return Act(jax.tree.map(lambda x: x[0], average), kept, {"planned": jnp.bool_(True), "passes": passes})


class Recent(NamedTuple):
    """The memory of `Agreeing`."""

    past: Past
    plans: Any  # [plans, horizon - history + 1, ...]: the newest first, each as it was made
    count: Any  # int32 []: how many of them there are
    inner: Any


class Agreeing(Executor):
    """Plans at every step and averages what the last `plans` plans say for now, by how much each agrees with the newest.

    A plan weighs exp(alpha * c), c the cosine between its action for now and the newest's (adaptive action ensemble; CogACT, Li et al.
    2024, section 3.4). With alpha 0 all weigh alike; the larger it is, the less a plan counts that goes another way.
    """

    plans: int = eqx.field(static=True, default=7)  # CogACT: 7 for a slow robot, 2 for a fast one
    alpha: Any = 0.1  # CogACT's; a number, or float32 []

    def __check_init__(self):
        _check_averages(self.spec.action)
        if self.plans < 1:
            raise BadSetting(f"At least one plan, the newest, is asked: plans >= 1, not {self.plans}.")

    def start(self, key: Key) -> Recent:
        past, inner, chunk = self.nothing_planned(key)
        if (length := len(jax.tree.leaves(chunk)[0])) < self.plans:
            raise BadSetting(
                f"A plan holds {length} actions from now on, so that of the last {self.plans} plans only {length} say anything of now. "
                f"Set plans to at most {length}, or raise the horizon."
            )
        plans = jax.tree.map(lambda x: jnp.zeros((self.plans, *x.shape), x.dtype), chunk)
        return Recent(past, plans, jnp.int32(0), inner)

    def act(self, observation: Any, memory: Recent, key: Key) -> Act:
        past = remember(memory.past, observation)
        chunk, inner, passes = plan(self.planner, past.observations, memory.inner, key, self.history - 1)
        plans = jax.tree.map(lambda new, old: jnp.concatenate([new[None], old[:-1]]), chunk, memory.plans)
        age, count = jnp.arange(self.plans), jnp.minimum(memory.count + 1, self.plans)
        now = jax.tree.map(lambda x: x[age, age], plans)
        said = jax.vmap(lambda action: flatten(self.spec.action, action))(now)
        lengths = jnp.linalg.norm(said, axis=-1)
        cosine = said @ said[0] / (lengths * lengths[0] + 1e-7)
        weight = jnp.where(age < count, jnp.exp(jnp.asarray(self.alpha, jnp.float32) * cosine), 0.0)
        action = jax.tree.map(lambda x: jnp.tensordot(weight / weight.sum(), x, 1), now)
        return Act(action, Recent(past, plans, count, inner), {"planned": jnp.bool_(True), "passes": passes})


class Aligned(NamedTuple):
    """The memory of `EndEnsembled`."""

    past: Past
    average: Any  # [horizon, ...]: of what all plans say for the step that is so many before their end
    weight: Any  # float32 of the same length: that of the average, where the next plan's is 1
    begun: Any  # bool []: an action was done on the way to this end
    left: Any  # float32 [size]: from that action to its plan's end
    inner: Any


class EndEnsembled(Executor):
    """Plans at every step and averages what all plans say that end in the same way (reverse temporal ensemble, Chain-of-Action).

    Plans differ in length, and say it (`length` in their info). Plans are laid together at their ends: a plan's action for now is
    averaged with the earlier plans' actions that are as far before their ends; the i-th oldest plan weighs exp(-decay * i). Actions
    are places: each has to be nearer to its plan's end than the last one was, by more than `nearer`, and on the same side of it, so
    that what is done goes on along the plan until it is (a plan that still thinks itself further back would call the hand back).
    With a plan's last action its end is reached, and nothing from before counts. Nor does it where a plan fills the whole chunk:
    that one is cut off before its end, and followed by itself.
    """

    decay: Any = 0.01  # Chain-of-Action's; a number, or float32 []
    nearer: Any = 0.002  # in the units of plans, which are shares of a range in Chain-of-Action's code too; a number, or float32 []

    def __check_init__(self):
        _check_averages(self.spec.action)

    def start(self, key: Key) -> Aligned:
        past, inner, average = self.nothing_planned(key)
        nothing = flatten(self.spec.action, jax.tree.map(lambda x: x[0], average))
        return Aligned(past, average, jnp.zeros(len(jax.tree.leaves(average)[0]), jnp.float32), jnp.bool_(False), nothing, inner)

    def act(self, observation: Any, memory: Aligned, key: Key) -> Act:
        past = remember(memory.past, observation)
        chunk, inner, info = self.planner.act(past.observations, memory.inner, key)
        length = info["length"].astype(jnp.int32)
        before = jnp.arange(memory.weight.shape[0])  # steps before the end
        here = jnp.clip(self.history - 1 + length - 1 - before, 0, None)  # where the plan says what to do so long before its end
        cut = length == len(before)
        old, begun = jnp.where(cut, 0.0, memory.weight), memory.begun & ~cut
        share = jnp.where(before < length, 1 / (old + 1), 0.0)  # of the newest plan
        average = jax.tree.map(lambda old, new: _mixed(share, old, new[here]), memory.average, chunk)
        weight = (old + (before < length).astype(jnp.float32)) * jnp.exp(jnp.asarray(self.decay, jnp.float32))
        said = jax.vmap(lambda action: flatten(self.spec.action, action))(average)
        left = flatten(self.spec.action, jax.tree.map(lambda x: x[here[0]], chunk))[None] - said
        ahead = (jnp.linalg.norm(memory.left) > jnp.linalg.norm(left, axis=-1) + self.nearer) & (left @ memory.left > 0)
        now = jnp.where(begun, jnp.max(jnp.where(ahead & (before < length), before, 0)), length - 1)
        goes_on = (now > 0) & ~cut
        kept = Aligned(past, average, jnp.where(goes_on, weight, 0.0), goes_on, left[now], inner)
        passes = jnp.asarray(info.get("passes", 1)).astype(jnp.int32)
        return Act(jax.tree.map(lambda x: x[now], average), kept, {"planned": jnp.bool_(True), "passes": passes})


def _check(planner: Policy, history: int) -> None:
    if history < 1:
        raise BadSetting(f"A planner sees at least the present observation: history >= 1, not {history}.")
    if not planner.compiled:
        raise BadSetting(f"{type(planner).__name__} lives on the host, and an executor's planner is compiled: let it keep its own queue.")


def _mixed(share: Float[Array, " steps"], old: Float[Array, "steps *shape"], new: Float[Array, "steps *shape"]) -> Array:
    """The average in which `new` has this share of each step."""
    return old + share.reshape(-1, *(1,) * (new.ndim - 1)) * (new - old)


def _check_averages(space: Space) -> None:
    if not _averages(space):
        raise BadSetting("Only actions that are numbers can be averaged over plans: use `Receding` for choices.")


def _averages(space: Space) -> bool:
    return (
        all(_averages(part) for _, part in space.parts) if isinstance(space, Dict) else isinstance(space, Box) and space.dtype == "float32"
    )
