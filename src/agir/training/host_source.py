"""Rollouts in environments that live on the host: the same batches as `Rollout`, all seeds at once."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.errors import BadSetting
from agir.core.host import HostLanes, stack
from agir.core.keys import SEEDS_EACH, episode_seed
from agir.core.lanes import choose
from agir.core.nouns import Experience, Learner, Policy, Source, Task, bound
from agir.core.spaces import Key, Space
from agir.data.normalization import Normalization, clip
from agir.training.loop import LANES
from agir.training.world import World


class Live:
    """Where a source keeps its open environments: not a list, which a tree's map would copy."""

    lanes: HostLanes | None = None

    def open(self, task: Task, lanes: int) -> None:
        if self.lanes is not None:
            self.lanes.close()
        self.lanes = HostLanes(task, lanes)


class HostRollout(Source):
    """`length` steps of `envs` lanes for every seed -> Experience [seeds, length, envs, ...], in the learner's terms.

    Actions are recorded as the policy gave them, and decoded and clipped only for the environment. An episode's start is a
    function of (seed, lane, count of that lane's episodes), from the seeds of purpose "training".

    A simulator on the host keeps its state to itself, so a checkpoint cannot hold it: a resumed run begins new episodes, and its
    bits differ from those of a run that was never stopped.
    """

    compiled = False
    envs: int = 8
    length: int = 16
    discount: Any = bound(1.0)
    task: Task | None = bound()
    normalization: Normalization | None = bound()
    live: Live | None = bound()

    def bind(self, world: World, learner: Learner, split: str = "training") -> "HostRollout":
        return dataclasses.replace(self, task=world.task, normalization=world.normalization, live=Live())

    def tuned(self, learner: Learner) -> "HostRollout":
        return dataclasses.replace(self, discount=getattr(learner, "discount", 1.0))

    def start(self, policy: Policy, key: Key) -> dict:
        """-> feed: of each lane the number of its episode, whether that is yet to begin, and the policy's memory."""
        if policy is None or not policy.compiled:
            raise BadSetting(f"{self.task.name} is rolled out with a compiled policy, not {type(policy).__name__}.")
        self.live.open(self.task, len(key) * self.envs)
        lanes = (len(key), self.envs)
        memory = begin_memory(policy, key, self.envs)
        return {"seed": jax.random.key_data(key), "episode": jnp.zeros(lanes, jnp.int32), "due": jnp.ones(lanes, bool), "memory": memory}

    def resumed(self, feed: dict) -> dict:
        """The episodes that were under way are given up: the next ones begin."""
        return feed | {"episode": feed["episode"] + jnp.where(feed["due"], 0, 1), "due": jnp.ones_like(feed["due"])}

    def next(self, feed: dict, policy: Policy, step: Any, key: Key) -> tuple[dict, Experience]:
        lanes, live, rows = feed["due"].shape, self.live.lanes, []
        seed, episode, due, memory, before = (
            np.asarray(feed["seed"]),
            np.array(feed["episode"]),
            np.array(feed["due"]),
            feed["memory"],
            None,
        )
        by_seed = lambda tree: jax.tree.map(lambda x: x.reshape(*lanes, *x.shape[1:]), tree)
        for t in range(self.length):
            for place in np.argwhere(due).tolist():
                live.reset(place[0] * self.envs + place[1], training_seed(seed[place[0]], place[1], int(episode[tuple(place)])))
            observation = by_seed(live.observation)
            acted = act_lanes(policy, self.normalization, self.task.spec.action, (observation, memory, due), key, jnp.int32(t))
            memory, before = acted["after"], acted["memory"] if before is None else before
            action, raw, act_info = jax.device_get((acted["action"], acted["raw"], acted["info"]))
            after = live.step(jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), raw))
            successor, reward, terminated, truncated, info = by_seed(after)
            due = terminated | truncated
            episode += due
            rows.append((observation, action, reward, successor, terminated, truncated, info, act_info))
        feed = feed | {"episode": jnp.asarray(episode), "due": jnp.asarray(due), "memory": memory}
        return feed, self._batch(rows, before)

    def _batch(self, rows: list[tuple], memory: Any) -> Experience:
        columns = jax.tree.map(lambda x: jnp.asarray(np.swapaxes(x, 0, 1)), stack(rows))
        observation, action, reward, successor, terminated, truncated, info, act_info = columns
        observation, successor = observe(self.normalization, observation), observe(self.normalization, successor)
        discount = jnp.broadcast_to(jnp.float32(self.discount).reshape(-1, 1, 1), reward.shape)  # one, or one a seed in a sweep
        discount = jnp.where(terminated, jnp.float32(0), discount)
        return Experience(observation, action, reward, discount, successor, terminated, truncated, info, act_info, memory)


def training_seed(seed: np.ndarray, lane: int, episode: int) -> int:
    """The start of one episode of training; `seed` is the key data of the run's seed."""
    return episode_seed("training", int(np.random.default_rng([*seed.tolist(), lane, episode]).integers(SEEDS_EACH)))


@eqx.filter_jit
def begin_memory(policy: Policy, keys: Key, lanes: int) -> Any:
    one = lambda policy, key: jax.vmap(policy.start)(jax.random.split(key, lanes))
    return eqx.filter_vmap(one, in_axes=(LANES, 0))(policy, keys)


@eqx.filter_jit
def act_lanes(policy: Policy, normalization: Normalization, space: Space, lanes: tuple, keys: Key, step: Any) -> dict:
    """One act in every lane of every seed, [seeds, envs, ...] all; where an episode is due the memory is a fresh one.

    -> action (the learner's), raw (the environment's), memory (before), after, info.
    """

    def one(policy: Policy, lanes: tuple, key: Key) -> dict:
        observation, memory, due = lanes
        act, start = jax.random.split(jax.random.fold_in(key, step), (2, due.shape[0]))
        memory = choose(due, jax.vmap(policy.start)(start), memory)
        action, after, info = jax.vmap(policy.act)(normalization.observe(observation), memory, act)
        raw = clip(space, normalization.decode(action))
        return {"action": action, "raw": raw, "memory": memory, "after": after, "info": info}

    return eqx.filter_vmap(one, in_axes=(LANES, 0, 0))(policy, lanes, keys)


@eqx.filter_jit
def observe(normalization: Normalization, observation: Any) -> Any:
    return normalization.observe(observation)
