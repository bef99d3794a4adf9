"""Where batches come from: rows, windows and segments of a dataset, rollouts in a compiled environment, mixtures."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from agir.core.errors import BadSetting
from agir.core.keys import stream
from agir.core.lanes import begin_lanes, step_lanes
from agir.core.nouns import Experience, Foresight, Learner, Policy, Source, Window, bound, fixed
from agir.core.scans import lean_scan
from agir.core.spaces import Key
from agir.data.windows import Segment, Table, foresight, segment, transition, window
from agir.training.host_source import HostRollout
from agir.training.loop import LANES, for_lanes
from agir.training.world import World


class FromData(Source):
    """Draws `batch` rows of a dataset, uniformly and with replacement, and cuts each as `cut` says."""

    batch: int = 256  # rows of an update
    dataset: str = fixed("demonstrations")
    table: Table | None = bound()

    def wants(self) -> tuple[str, ...]:
        return (self.dataset,)

    def bind(self, world: World, learner: Learner, split: str = "training") -> "FromData":
        return dataclasses.replace(self, table=world.table(self.dataset, split))

    def next(self, feed: Any, policy: Policy | None, step: Any, key: Key) -> tuple[Any, Any]:
        return feed, jax.vmap(self.cut)(self.rows(key))

    def rows(self, key: Key) -> Int[Array, " batch"]:
        return jax.random.randint(key, (self.batch,), 0, self.table.rows)

    def cut(self, row: Any) -> Any:
        raise NotImplementedError


class Transitions(FromData):
    """-> Experience [batch, ...] of `steps` steps each, with the learner's discount."""

    steps: int = 1  # of each transition (n-step)
    discount: Any = bound(1.0)

    def tuned(self, learner: Learner) -> "Transitions":
        return dataclasses.replace(self, discount=getattr(learner, "discount", 1.0))

    def cut(self, row: Any) -> Experience:
        return transition(self.table, row, self.discount, self.steps)


class Windows(FromData):
    """-> Window [batch, ...] of the learner's `history` of observations and `horizon` of actions."""

    batch: int = 64  # windows of an update
    history: int = bound(0)
    horizon: int = bound(0)

    def bind(self, world: World, learner: Learner, split: str = "training") -> "Windows":
        bound = super().bind(world, learner, split)
        return dataclasses.replace(bound, history=learner.history, horizon=learner.horizon)

    def cut(self, row: Any) -> Window:
        return window(self.table, row, self.history, self.horizon)


class Foresights(Windows):
    """-> Foresight [batch, ...]: windows, and the learner's `frames` observations after them, `every` steps apart (1, if unsaid)."""

    balance: bool = True  # half of a batch with actions, where not all were recorded; False: as they come (UWM's code has both)
    frames: int = bound(0)
    every: int = bound(1)
    known: Int[Array, " known"] | None = bound()  # the rows whose action is recorded, where some are not
    unknown: Int[Array, " unknown"] | None = bound()

    def bind(self, world: World, learner: Learner, split: str = "training") -> "Foresights":
        source = dataclasses.replace(super().bind(world, learner, split), frames=learner.frames, every=getattr(learner, "every", 1))
        recorded = np.asarray(source.table.columns.get("recorded", True))
        if not self.balance or recorded.all() or not recorded.any():
            return source
        return dataclasses.replace(source, known=jnp.flatnonzero(recorded), unknown=jnp.flatnonzero(~recorded))

    def rows(self, key: Key) -> Int[Array, " batch"]:
        if self.known is None:
            return super().rows(key)
        one, other = jax.random.split(key)
        half = (self.batch + 1) // 2
        return jnp.concatenate([jax.random.choice(one, self.known, (half,)), jax.random.choice(other, self.unknown, (self.batch - half,))])

    def cut(self, row: Any) -> Foresight:
        return foresight(self.table, row, self.history, self.horizon, self.frames, self.every)


class Segments(FromData):
    """-> Segment [batch, ...] of `length` consecutive steps: for recurrent learners."""

    batch: int = 64  # segments of an update
    length: int = 10  # consecutive steps of a segment
    discount: Any = bound(1.0)

    def tuned(self, learner: Learner) -> "Segments":
        return dataclasses.replace(self, discount=getattr(learner, "discount", 1.0))

    def cut(self, row: Any) -> Segment:
        return segment(self.table, row, self.length, self.discount)


class Rollout(Source):
    """`length` steps of `envs` lanes in a compiled environment -> Experience [length, envs, ...].

    Bound to a task on the host it is a `HostRollout`, so that a method need not know where its environment lives.
    """

    envs: int = 8
    length: int = 128
    env: Any = bound()
    discount: Any = bound(1.0)

    def bind(self, world: World, learner: Learner, split: str = "training") -> "Rollout | HostRollout":
        if not world.task.compiled:
            return HostRollout(self.envs, self.length).bind(world, learner, split)
        return dataclasses.replace(self, env=world.environment())

    def tuned(self, learner: Learner) -> "Rollout":
        return dataclasses.replace(self, discount=getattr(learner, "discount", 1.0))

    def start(self, policy: Policy, key: Key) -> Any:
        return begin_lanes(self.env, policy, *jax.random.split(key, (2, self.envs)))

    def next(self, feed: Any, policy: Policy, step: Any, key: Key) -> tuple[Any, Experience]:
        one = lambda lanes, key: step_lanes(self.env, policy, lanes, key, self.discount)
        lanes, batch = lean_scan(one, feed, jax.random.split(key, self.length), unroll=4)
        return lanes, dataclasses.replace(batch, memory=feed[2])


class Mixture(Source):
    """Several sources at once, as a dict of batches: offline and online, expert and own."""

    parts: dict

    @property
    def compiled(self) -> bool:
        return all(part.compiled for part in self.parts.values())

    def wants(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for part in self.parts.values() for name in part.wants()))

    def sized(self, world: World) -> "Mixture":
        return Mixture({name: part.sized(world) for name, part in self.parts.items()})

    def bind(self, world: World, learner: Learner, split: str = "training") -> "Mixture":
        return Mixture({name: part.bind(world, learner, split) for name, part in self.parts.items()})

    def tuned(self, learner: Learner) -> "Mixture":
        return Mixture({name: part.tuned(learner) for name, part in self.parts.items()})

    def start(self, policy: Policy | None, key: Key) -> dict:
        return {name: self._ask(part, "start", (LANES, 0), policy, stream(key, name)) for name, part in self.parts.items()}

    def next(self, feed: dict, policy: Policy | None, step: Any, key: Key) -> tuple[dict, dict]:
        axes = (LANES, LANES, None, 0)
        both = {name: self._ask(part, "next", axes, feed[name], policy, step, stream(key, name)) for name, part in self.parts.items()}
        return {name: feed for name, (feed, _) in both.items()}, {name: batch for name, (_, batch) in both.items()}

    def resumed(self, feed: dict) -> dict:
        return {name: part.resumed(feed[name]) for name, part in self.parts.items()}

    def receive(self, feed: dict, feedback: dict) -> dict:
        """`feedback` is a dict by the parts' names; a part without any receives nothing."""
        return {name: part.receive(feed[name], feedback[name]) if name in feedback else feed[name] for name, part in self.parts.items()}

    def _ask(self, part: Source, name: str, axes: tuple, *arguments: Any) -> Any:
        """A compiled part of a mixture that lives on the host serves all seeds at once, like the mixture."""
        if part.compiled and not self.compiled:
            return for_lanes(len(arguments[-1]), part, name, None, axes, *arguments)
        return getattr(part, name)(*arguments)


def only_data(source: Source) -> bool:
    """Whether nothing but recordings is learnt from."""
    return isinstance(source, FromData) or (isinstance(source, Mixture) and all(map(only_data, source.parts.values())))


class Nothing(Source):
    """For a method that has nothing to learn of its own: its parts are all given."""

    def bind(self, world: World, learner: Learner, split: str = "training") -> "Nothing":
        return self

    def next(self, feed: Any, policy: Policy | None, step: Any, key: Key) -> tuple[Any, Any]:
        raise BadSetting("This method learns nothing of its own: leave --updates at 0.")
