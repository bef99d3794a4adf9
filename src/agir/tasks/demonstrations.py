"""Demonstrations: a policy rolled out from the starts of purpose "demonstrations", its successful episodes kept.

Of compiled tasks whole episodes are compiled, all lanes at once; on the host one episode follows the other.
"""

import importlib.metadata
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.errors import BadEnvironment, BadSetting
from agir.core.host import HostLanes, stack
from agir.core.keys import episode_key, episode_seed, stream
from agir.core.lanes import begin_lanes, move_lanes
from agir.core.nouns import Environment, Policy, Task
from agir.data.dataset import Dataset

LANES = 256  # episodes at once, however few are asked for, so that a task and its expert are compiled once
PATIENCE = 50  # episodes tried for each one kept, before a policy that does not succeed is given up


def collect(task: Task, policy: Policy, episodes: int, first: int = 0, successful: bool = True) -> Dataset:
    """A Dataset of `episodes` episodes of `policy`, from the starts "demonstrations" `first`, `first` + 1, ...

    Only episodes in which `success` was true at some step are kept (all, unless `successful`); further starts are tried until
    there are enough. An episode is a function of its start's index alone. The environment's info stands in the columns;
    `about["rate"]` is the share of the tried episodes that succeeded.

    Raises BadEnvironment where fewer than one episode in PATIENCE succeeds.
    """
    _check_count(task, episodes)
    env, kept, indices, tried, successes = task.environment(), [], [], 0, 0
    while len(kept) < episodes:
        batch = np.arange(first + tried, first + tried + LANES)
        rows = jax.device_get(_roll(env, policy, task.horizon, jnp.asarray(batch, jnp.int32)))
        for lane, index in enumerate(batch):
            episode, success = _cut(rows, lane)
            tried, successes = tried + 1, successes + success
            if success or not successful:
                kept.append(episode)
                indices.append(int(index))
            if len(kept) == episodes:
                break
        _check_patience(task, policy, len(kept), successes, tried)
    return Dataset.from_episodes(task.spec, kept, _about(task, policy, successes / tried, indices, ("agir", "jax")))


def collect_on_host(
    task: Task,
    policy: Policy,
    episodes: int,
    first: int = 0,
    *,
    see: Callable[[Any], Any] | None = None,
    packages: tuple[str, ...] = (),
) -> Dataset:
    """The same for a task on the host: the successful episodes from index `first`.

    `see(env)` is what the policy is shown, where that is not the task's own observation (a scripted expert of a task that shows
    images). The columns hold the task's `infos`; `packages` are those whose versions are remembered.
    """
    _check_count(task, episodes)
    kept, indices, tried = [], [], 0
    with HostLanes(task, 1) as lane:
        while len(kept) < episodes:
            episode = _episode_on_host(lane, policy, first + tried, see)
            if episode["success"].any():
                kept.append(episode)
                indices.append(first + tried)
            tried += 1
            _check_patience(task, policy, len(kept), len(kept), tried)
    return Dataset.from_episodes(task.spec, kept, _about(task, policy, len(kept) / tried, indices, ("agir", *packages)))


def _episode_on_host(lane: HostLanes, policy: Policy, index: int, see: Callable[[Any], Any] | None) -> dict[str, Any]:
    """One whole episode in the only lane, with its last successor."""
    lane.reset(0, episode_seed("demonstrations", index))
    start, acts = jax.random.split(episode_key("demonstrations", index))
    memory = policy.start(start)
    alone = lambda tree: jax.tree.map(lambda x: x[0], tree)
    observations, rows = [alone(lane.observation)], []
    for key in jax.random.split(acts, lane.task.horizon):  # in chunks: a key taken out by its index costs as much as a step
        action, memory, _ = policy.act(see(lane.envs[0]) if see else observations[-1], memory, key)
        after = alone(lane.step(jax.tree.map(lambda x: np.asarray(x)[None], action)))
        observations.append(after.observation)
        rows.append(after.info | {"action": action, "reward": after.reward, "terminated": after.terminated})
        if not lane.running[0]:
            break
    return stack(rows) | {"observation": stack(observations)}


def _check_count(task: Task, episodes: int) -> None:
    if episodes < 1:
        raise BadSetting(f"{task.name}: at least one demonstration must be asked for, not {episodes}.")


def _check_patience(task: Task, policy: Policy, kept: int, successes: int, tried: int) -> None:
    if tried >= PATIENCE * (kept + 1):
        raise BadEnvironment(f"{type(policy).__name__} succeeded in {successes} of {tried} episodes of {task.name}: no expert for it.")


def _about(task: Task, policy: Policy, rate: float, indices: list[int], packages: tuple[str, ...]) -> dict[str, Any]:
    return {
        "source": f"{type(policy).__name__} in {task.name}",
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "rate": rate,
        "start_index": indices,
    }


@eqx.filter_jit
def _roll(env: Environment, policy: Policy, horizon: int, indices: Any) -> dict[str, Any]:
    """Columns [episodes, horizon, ...] and `successor`; what follows an episode's end is to be cut off."""

    def episode(index):
        key = episode_key("demonstrations", index)
        # One lane each, so that the randomness of an episode does not depend on how many are rolled out together.
        lanes = begin_lanes(env, policy, key[None], stream(key, "memory")[None])

        def one(lanes, step):
            observation = lanes[1]
            lanes, (action, _, after) = move_lanes(env, policy, lanes, jax.random.fold_in(stream(key, "steps"), step))
            row = after.info | {"observation": observation, "action": action, "successor": after.observation, "reward": after.reward}
            row |= {"terminated": after.terminated, "truncated": after.truncated}
            return lanes, jax.tree.map(lambda x: x[0], row)

        return jax.lax.scan(one, lanes, jnp.arange(horizon))[1]

    return jax.vmap(episode)(indices)


def _cut(rows: dict[str, Any], lane: int) -> tuple[dict[str, Any], bool]:
    """One lane up to its end -> the episode with its last successor, and whether it succeeded."""
    ended = rows["terminated"][lane] | rows["truncated"][lane]
    steps = int(np.argmax(ended)) + 1
    episode = {name: jax.tree.map(lambda x: x[lane, :steps], column) for name, column in rows.items()}
    last = jax.tree.map(lambda x: x[-1:], episode.pop("successor"))
    episode["observation"] = jax.tree.map(lambda x, end: np.concatenate([x, end]), episode["observation"], last)
    del episode["truncated"]
    return episode, bool(episode["success"].any())
