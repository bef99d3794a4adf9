"""Replay: a ring of past transitions on the device, filled by the behaviour policy, sampled uniformly (Lin 1992; Mnih et al. 2015)."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.nouns import Experience, Learner, Policy, Source, bound
from agir.core.spaces import Key
from agir.training.host_source import HostRollout
from agir.training.loop import LANES
from agir.training.sources import Rollout
from agir.training.world import World


class Replay(Source):
    """Before each update `collect` steps of `envs` lanes are written to a ring of `capacity` -> Experience [batch, ...] drawn from it.

    Where a step's rows stand follows from the update's number, which is the same for all seeds, so that under a vmap writing is
    still one slice. The ring begins with at least `warm` transitions. It lives in the feed, so a resumed run has it whole.
    """

    batch: int = 128
    capacity: int = 50_000  # transitions; rounded up to whole updates' rows
    envs: int = 4
    collect: int = 4  # steps of each lane before an update
    warm: int = 1000  # transitions before the first update
    steps: int = 1  # of each transition drawn: its rewards are summed with the learner's discount
    inner: Any = bound()  # the rollout that collects, one update's steps at a time

    def bind(self, world: World, learner: Learner, split: str = "training") -> "Replay | HostReplay":
        """Raises BadSetting where the ring would not hold what it begins with."""
        if self.warm > self.capacity or min(self.batch, self.envs, self.collect, self.warm, self.steps) < 1:
            raise BadSetting(
                f"--warm ({self.warm}) should be 1 to --capacity ({self.capacity}), and --batch, --envs, --collect, --steps 1 or more."
            )
        inner = Rollout(self.envs, self.collect).bind(world, learner, split)
        kind = Replay if inner.compiled else HostReplay
        own = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "inner"}
        return kind(**own, inner=inner)

    def tuned(self, learner: Learner) -> "Replay":
        return dataclasses.replace(self, inner=self.inner.tuned(learner))

    @property
    def rows(self) -> int:
        """Transitions an update adds."""
        return self.envs * self.collect

    @property
    def places(self) -> int:
        """Updates' rows that the ring holds."""
        return -(-self.capacity // self.rows)

    @property
    def before(self) -> int:
        """Updates' rows that are there before the first update."""
        return -(-self.warm // self.rows)

    def start(self, policy: Policy, key: Key) -> dict:
        begin, draw = jax.random.split(key)
        inner = self.inner.start(policy, begin)

        def gather(inner: Any, key: Key) -> tuple[Any, Experience]:
            inner, batch = self.inner.next(inner, policy, jnp.int32(0), key)
            return inner, self.flat(batch)

        inner, first = jax.lax.scan(gather, inner, jax.random.split(draw, self.before))
        first = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), first)
        return {"inner": inner, "ring": jax.tree.map(self.empty, first)}

    def empty(self, first: Any) -> Any:
        """A ring that begins with these rows."""
        return jnp.zeros((self.places * self.rows, *first.shape[1:]), first.dtype).at[: first.shape[0]].set(first)

    def next(self, feed: dict, policy: Policy, step: Any, key: Key) -> tuple[dict, Experience]:
        act, draw = jax.random.split(key)
        inner, batch = self.inner.next(feed["inner"], policy, step, act)
        ring = self.written(feed["ring"], self.flat(batch), step)
        return {"inner": inner, "ring": ring}, self.drawn(ring, step, draw)

    def flat(self, batch: Experience) -> Experience:
        """[collect, envs, ...] -> rows; what only the collecting policy knew is not kept."""
        plain = dataclasses.replace(batch, info={}, act_info={}, memory=None)
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), plain)

    def written(self, ring: Experience, rows: Experience, step: Any) -> Experience:
        place = (self.before + step) % self.places * self.rows
        return jax.tree.map(lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new, place, 0), ring, rows)

    def drawn(self, ring: Experience, step: Any, key: Key) -> Experience:
        count = jnp.minimum(self.before + step + 1, self.places) * self.rows
        picked = jax.random.randint(key, (self.batch,), 0, count)
        return at(ring, picked) if self.steps == 1 else self.spanning(ring, picked, step)

    def spanning(self, ring: Experience, picked: Any, step: Any) -> Experience:
        """The transitions over up to `steps` steps from the rows `picked` on; fewer where the episode ends or the newest row is reached.

        A lane's next step stands `envs` rows on. Fewer steps are right too: what follows is the value of the true successor.
        """
        size = self.places * self.rows
        written = (self.before + step + 1) * self.rows % size  # where the next row will stand: behind the newest, at the oldest
        left = (written - picked - 1) % size // self.envs  # how many newer rows of its lane there are
        whole = now = at(ring, picked)
        for k in range(1, self.steps):
            goes_on = (k <= left) & ~(now.terminated | now.truncated)
            picked = jnp.where(goes_on, (picked + self.envs) % size, picked)
            now = at(ring, picked)
            reward = whole.reward + jnp.where(goes_on, whole.discount * now.reward, 0.0)
            discount = whole.discount * jnp.where(goes_on, now.discount, 1.0)
            whole = dataclasses.replace(now, observation=whole.observation, action=whole.action, reward=reward, discount=discount)
        return whole


def at(ring: Experience, rows: Any) -> Experience:
    return jax.tree.map(lambda x: x[rows], ring)


class HostReplay(Replay):
    """The same with environments on the host: every seed's ring is on the device, and one call writes and draws for all.

    What the environments hold is not saved (see HostRollout); the rings are.
    """

    compiled = False
    inner: HostRollout = bound()

    def start(self, policy: Policy, key: Key) -> dict:
        inner, parts = self.inner.start(policy, key), []
        for i in range(self.before):
            inner, batch = self.inner.next(inner, policy, jnp.int32(0), fold(key, jnp.int32(i)))
            parts.append(flat_seeds(self, batch))
        first = jax.tree.map(lambda *x: jnp.concatenate(x, 1), *parts)
        return {"inner": inner, "ring": jax.vmap(lambda rows: jax.tree.map(self.empty, rows))(first)}

    def next(self, feed: dict, policy: Policy, step: Any, key: Key) -> tuple[dict, Experience]:
        inner, batch = self.inner.next(feed["inner"], policy, step, key)
        ring, drawn = write_and_draw((dataclasses.replace(self, inner=None), batch, step, fold(key, jnp.int32(0))), feed["ring"])
        return {"inner": inner, "ring": ring}, drawn

    def resumed(self, feed: dict) -> dict:
        return feed | {"inner": self.inner.resumed(feed["inner"])}


@jax.jit
def fold(keys: Key, number: Any) -> Key:
    return jax.vmap(lambda key: jax.random.fold_in(jax.random.split(key, 3)[2], number))(keys)


@eqx.filter_jit
def flat_seeds(source: Replay, batch: Experience) -> Experience:
    return eqx.filter_vmap(source.flat, in_axes=LANES)(batch)


@eqx.filter_jit(donate="all-except-first")
def write_and_draw(kept: tuple, ring: Experience) -> tuple[Experience, Experience]:
    """`kept` is (source, batch, step, keys); the ring's buffers are given up."""
    source, batch, step, keys = kept

    def one(ring: Experience, batch: Experience, key: Key) -> tuple[Experience, Experience]:
        ring = source.written(ring, source.flat(batch), step)
        return ring, source.drawn(ring, step, key)

    return jax.vmap(one)(ring, batch, keys)
