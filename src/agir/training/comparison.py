"""Methods side by side: trained alike, evaluated on the same starts, and what was measured kept in their runs' folders."""

import dataclasses
import hashlib
import json
import pathlib
from typing import Any

import equinox as eqx
import jax
import numpy as np

from agir.core.errors import BadSetting
from agir.core.nouns import Policy, Task
from agir.data.normalization import Normalized
from agir.evaluation.latency import Latency, latencies
from agir.evaluation.outcomes import Evaluation, write_rows
from agir.evaluation.rollout import evaluate
from agir.runtime.bundle import load_bundle, one_lane
from agir.tasks.find import task as find_task
from agir.training.progress import Reporter
from agir.training.run import Run
from agir.training.train import order, policy_folder, resume, train

NOT_COLUMNS = ("task", "seed", "index", "start", "truncated", "versions")
ASKED = (
    "task",
    "method",
    "learner",
    "seeds",
    "sweep",
    "data",
    "other_data",
    "brought",
    "options",
)  # what makes a run this one and no other


@dataclasses.dataclass(frozen=True)
class Arm:
    """One side of a comparison: a method with its settings, and where it differs, its own task."""

    method: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    task: str | None = None
    brought: dict[str, str] = dataclasses.field(default_factory=dict)  # {given: the earlier arm whose run it is}
    tested: str | None = None  # the task of its evaluation, where that is another than it was trained on


@dataclasses.dataclass(frozen=True)
class Measured:
    """An arm after training and evaluation."""

    name: str
    run: Run
    policies: Normalized  # [lanes, ...]
    evaluation: Evaluation

    @property
    def parameters(self) -> int:
        """Numbers in one seed's policy that were learnt."""
        return count_parameters(self.policies.inner) // len(self.evaluation.seeds)


def times(arms: dict[str, Measured]) -> dict[str, Latency]:
    """One lane of each arm's first seed, in turns."""
    return latencies({name: one_lane(arm.policies, 0) for name, arm in arms.items()})


def count_parameters(policy: Policy) -> int:
    return sum(x.size for x in jax.tree.leaves(eqx.filter(policy, eqx.is_inexact_array)))


def trained(folder: pathlib.Path, task: str | Task, arm: Arm, reporter: Reporter, **asked: Any) -> Run:
    """The arm's run in `folder`: begun, gone on with, or as it stands if it is finished.

    Raises BadSetting where the folder holds a run of other settings: its figures would pass for those of this arm.
    """
    if not (folder / "run.json").exists():
        run = train(task, arm.method, run=folder, reporter=reporter, **(asked | arm.settings))
    else:
        run = Run.open(folder)
        its_task = find_task(task) if isinstance(task, str) else task
        wanted = json.loads(json.dumps(order(its_task, arm.method, **(asked | arm.settings))[2]))
        if other := [name for name in ASKED if wanted[name] != run.asked.get(name)]:
            raise BadSetting(f"The run in {folder} was asked for with another {', '.join(other)}: remove it, or name another folder.")
        if run.asked["state"] != "finished":
            given = (asked | arm.settings).get("data")
            run = resume(run, task=task if isinstance(task, Task) else None, data=given, reporter=reporter)
    if run.asked["state"] == "interrupted":
        raise KeyboardInterrupt
    return run


def evaluated(
    run: Run,
    task: Task,
    episodes: int,
    *,
    which: str = "last",
    purpose: str = "evaluation",
    record: int = 0,
    reporter: Reporter | None = None,
    anew: bool = False,
) -> Evaluation:
    """All lanes' policies of a run in the same episodes; the rows are kept in the run's folder and read from there the next time."""
    folder = policy_folder(run.folder, which)
    name = task.name.replace("/", "-") if task.name != run.asked["task"] else ""
    path = run.folder / "evaluations" / ("-".join(part for part in (name, which, purpose, str(episodes)) if part) + ".jsonl")
    if not anew and not record and path.exists() and path.stat().st_mtime >= (folder / "policy.json").stat().st_mtime:
        return read_rows(path)
    policies, text = load_bundle(folder)
    lanes = len(text["lanes"])
    with (reporter or Reporter()).task(f"evaluate {run.asked['method']}", episodes * lanes) as bar:
        labels = [lane["seed"] for lane in text["lanes"]]
        found = evaluate(policies, task, episodes, seeds=labels, purpose=purpose, record=record, report=bar.move)
    path.parent.mkdir(exist_ok=True)
    write_rows(path, found)
    return found


def read_rows(path: pathlib.Path) -> Evaluation:
    """An Evaluation from the rows that `write_rows` wrote (without recordings)."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    first = min(row["index"] for row in rows)
    episodes = len({row["index"] for row in rows})
    seeds = tuple(row["seed"] for row in rows[::episodes])
    columns = {name: np.array([row[name] for row in rows]).reshape(len(seeds), episodes) for name in rows[0] if name not in NOT_COLUMNS}
    purpose = rows[0]["start"].split("/")[0]
    return Evaluation(rows[0]["task"], purpose, first, seeds, columns, (), rows[0]["versions"], 0.0)


@dataclasses.dataclass(frozen=True)
class Place:
    """An arm, ready to be trained: where, on which task, with the runs it is brought, and what is asked of all alike."""

    folder: pathlib.Path
    task: Task
    arm: Arm
    asked: dict[str, Any]


def places(folder: pathlib.Path, task: str | Task, arms: dict[str, Arm], *, shared: bool = False, **asked: Any) -> dict[str, Place]:
    """Where each arm's run belongs, all trained with the same `asked` (seeds, data, updates, ...).

    That is a folder of its name or, `shared`, one named by all that is asked of it, so that equal arms are one run.
    """
    found: dict[str, Place] = {}
    for name, arm in arms.items():
        its_task = arm.task or task
        its_task = find_task(its_task) if isinstance(its_task, str) else its_task
        arm = dataclasses.replace(arm, settings=arm.settings | {given: found[other].folder for given, other in arm.brought.items()})
        own = name
        if shared:
            wanted = order(its_task, arm.method, **(asked | arm.settings))[2]
            told = json.dumps({key: wanted[key] for key in ASKED}, sort_keys=True)
            own = f"{arm.method}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
        found[name] = Place(pathlib.Path(folder) / own, its_task, arm, asked)
    return found


def measure(
    arms: dict[str, Place], *, episodes: int, purpose: str = "evaluation", record: int = 0, reporter: Reporter | None = None
) -> dict[str, Measured]:
    """Trains every arm where it belongs and evaluates all in the same episodes.

    What is finished in its folder already is not done again, so a comparison goes on where it was stopped.
    """
    reporter, found = reporter or Reporter(), {}
    for name, place in arms.items():
        run = trained(place.folder, place.task, place.arm, reporter, **place.asked)
        tested = find_task(place.arm.tested) if place.arm.tested else place.task
        evaluation = evaluated(run, tested, episodes, purpose=purpose, record=record, reporter=reporter)
        policies, _ = load_bundle(policy_folder(run.folder))
        found[name] = Measured(name, run, policies, evaluation)
    return found
