"""`evaluate`: policies act in episodes whose starts are theirs alone by index, the same for every policy that is evaluated."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.errors import BadEnvironment, BadPolicy, BadSetting
from agir.core.keys import PURPOSES
from agir.core.nouns import Policy, Task
from agir.evaluation.compiled import POLICY, episode_keys, recorded, roll, roll_seeds
from agir.evaluation.hosted import CompiledActor, CompiledWorld, HostActor, HostWorld, drive, recordings
from agir.evaluation.outcomes import Evaluation, Recording, versions
from agir.runtime.bundle import one_lane

LANES = 512  # of compiled episodes, those of all seeds that run at once
HOST_LANES = 16  # environments on the host
SMALL = 100_000  # numbers in one seed's policy up to which all seeds run at once: above, wider kernels gain nothing on a CPU


def evaluate(
    policies: Policy,
    task: Task,
    episodes: int,
    *,
    seeds: Sequence[int] | None = None,
    purpose: str = "evaluation",
    first: int = 0,
    record: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Episodes `first`, `first` + 1, ... of `purpose`, each from its own start to its end or the task's horizon.

    `policies` is one Policy; with `seeds`, one pytree whose arrays have a leading axis of so many seeds, and every seed gets the
    same episodes. An episode depends on its purpose, its index and its policy alone, not on what runs beside it. The first
    `record` episodes of the first seed are drawn (`Evaluation.recordings`). `report(done, total)` hears of episodes of all seeds.

    Raises BadSpec where the policy and the task disagree, BadPolicy on an action that is none (NaN, a wrong shape) and
    BadEnvironment on an observation or a reward that is not finite, naming seed, episode and step.
    """
    task.spec.require(policies.spec, f"the task {task.name}", "the policy")
    if episodes < 1:
        raise BadSetting(f"--episodes should be above 0, not {episodes}.")
    if not 0 <= record <= episodes:
        raise BadSetting(f"Of {episodes} episodes 0 to {episodes} can be recorded, not {record}.")
    if purpose not in PURPOSES:
        raise BadSetting(f"Episodes have a purpose of {', '.join(PURPOSES)}; '{purpose}' is none.")
    labels, total, done = (0,) if seeds is None else tuple(seeds), episodes * len(seeds or (0,)), 0

    def tell(count: int = 1) -> None:
        nonlocal done
        done += count
        if report is not None:
            report(done, total)

    began = time.monotonic()
    asked = Asked(policies, task, labels, seeds is not None, np.arange(first, first + episodes), purpose, record, tell)
    columns, films = (_compiled if task.compiled and policies.compiled else _hosted)(asked)
    return Evaluation(task.name, purpose, first, labels, columns, tuple(films), versions(task), time.monotonic() - began)


class Asked(NamedTuple):
    policies: Policy
    task: Task
    seeds: tuple[int, ...]
    stacked: bool
    indices: np.ndarray
    purpose: str
    watched: int
    tell: Callable[..., None]

    def each(self) -> Iterator[tuple[int, Policy]]:
        for i, seed in enumerate(self.seeds):
            yield seed, one_lane(self.policies, i) if self.stacked else self.policies

    @property
    def together(self) -> bool:
        numbers = sum(x.size for x in jax.tree.leaves(eqx.filter(self.policies, eqx.is_array))) // len(self.seeds)
        return self.stacked and len(self.seeds) > 1 and numbers < SMALL


def _compiled(asked: Asked) -> tuple[dict[str, np.ndarray], list[Recording]]:
    indices, purpose, task, rows = asked.indices, asked.purpose, asked.task, []
    env, chunks = task.environment(), -(-len(indices) * (len(asked.seeds) if asked.together else 1) // LANES)
    lanes = -(-len(indices) // chunks)
    parts = [(roll_seeds, asked.seeds, asked.policies)] if asked.together else [(roll, (seed,), policy) for seed, policy in asked.each()]
    for function, seeds, policy in parts:
        found = []
        for begin in range(0, len(indices), lanes):
            part = np.resize(indices[begin : begin + lanes], lanes)  # the last one is filled up, so that no other shape is compiled
            keys = episode_keys(purpose, jnp.asarray(part, jnp.int32))
            chunk = jax.device_get(function(env, policy, task.spec, task.horizon, keys))
            chunk = {name: np.atleast_2d(column)[:, : len(indices) - begin] for name, column in chunk.items()}
            _refuse(task, seeds, purpose, indices[begin:], chunk)
            found.append(chunk)
            asked.tell(chunk["return"].size)
        rows.append({name: np.concatenate([chunk[name] for chunk in found], 1) for name in found[0] if name != "fault"})
    columns = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    seed, policy = next(asked.each())
    return columns, recorded(task, policy, seed, purpose, indices[: asked.watched]) if asked.watched else []


def _refuse(task: Task, seeds: tuple[int, ...], purpose: str, indices: np.ndarray, chunk: dict[str, np.ndarray]) -> None:
    faults = chunk["fault"]
    if not faults.any():
        return
    i, lane = np.argwhere(faults)[0]
    where = f"episode {purpose}/{indices[lane]}, step {chunk['length'][i, lane]} ({(faults > 0).sum()} of {faults.size} episodes ended so)"
    if faults[i, lane] == POLICY:
        raise BadPolicy(
            f"{task.name}: the policy of seed {seeds[i]} gave what is no action (not finite, or none of the choices) in {where}. "
            "Look at its training curves; a smaller rate, or `runtime.guards.Guarded`, may mend it."
        )
    raise BadEnvironment(f"{task.name}: an observation or a reward is not finite in {where}. Mend the environment.")


def _hosted(asked: Asked) -> tuple[dict[str, np.ndarray], list[Recording]]:
    task, purpose, indices, rows, films = asked.task, asked.purpose, asked.indices, [], []
    on_host = not asked.policies.compiled
    world = CompiledWorld(task) if task.compiled else HostWorld(task, 1 if on_host else min(HOST_LANES, len(indices)))
    try:
        for seed, policy in asked.each():
            actor = (HostActor if on_host else CompiledActor)(policy)
            columns, watched = drive(world, actor, purpose, indices.tolist(), 0 if films else asked.watched, asked.tell)
            rows.append(columns)
            films = films or recordings(seed, watched)
    finally:
        world.close()
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}, films
