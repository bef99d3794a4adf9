"""Methods side by side: trained alike, evaluated on the same starts, and what was measured kept in their runs' folders."""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Collection, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from agir.core import programs, registry
from agir.core.errors import BadCheckpoint, BadSetting, Stopped
from agir.core.nouns import Policy, Task
from agir.core.stages import about_given, needed_names
from agir.data.normalization import Normalized
from agir.evaluation.latency import Latency, latencies, latency
from agir.evaluation.outcomes import Evaluation, write_rows
from agir.evaluation.rollout import evaluate
from agir.runtime.bundle import load_bundle, one_lane
from agir.tasks.find import AND, is_task, recordings
from agir.tasks.find import task as find_task
from agir.training.progress import Reporter, Within
from agir.training.results import Result, Results, load, now
from agir.training.run import Run
from agir.training.train import DEMONSTRATIONS, OPTIONS, check_suits, order, policy_folder, resume, seed_list, train, wanted

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
BOOKKEEPING = ("checkpoint_s", "log_to")  # options that no result depends on
NAMELESS = ("learner", "options", "fields")  # tables of settings that users know by the settings' own names


@dataclasses.dataclass(frozen=True)
class Arm:
    """One side of a comparison: a method with its settings, and where it differs, its own task."""

    method: str
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    task: str | None = None
    brought: dict[str, str] = dataclasses.field(default_factory=dict)  # {given: the earlier arm whose run it is}
    tested: str | None = None  # the task of its evaluation, where that is another than it was trained on


def arms_by_name(methods: Sequence[str]) -> dict[str, Arm]:
    """An arm for each method as it is; one that needs a run is brought that of the nearest method before it that needs none.

    Raises BadSetting where no such method is named.
    """
    arms: dict[str, Arm] = {}
    base = None
    for method in methods:
        learner = registry.find("method", method)()
        needs = needed_names(learner)
        if needs and base is None:
            raise BadSetting(
                f"{method} needs {about_given(learner, needs[0])}: in a comparison, of a method that is named before it, "
                f"as in `agir compare TASK OTHER {method}`."
            )
        arms[method] = Arm(method, {} if learner.updates else {"updates": 0}, brought=dict.fromkeys(needs, base))
        base = base if needs else method
    return arms


@dataclasses.dataclass(frozen=True)
class Measured:
    """An arm after training and evaluation. What was measured elsewhere has no run here but its result and, if it is to be timed anew,
    the first seed's policy.
    """

    name: str
    evaluation: Evaluation
    parameters: int  # numbers in one seed's policy that were learnt
    training_s: float | None
    commit: str | None
    key: str = ""  # of its results
    task: Task | None = None  # that it was evaluated on
    run: Run | None = None
    policies: Normalized | None = None  # [lanes, ...]
    result: Result | None = None

    @classmethod
    def of_run(cls, name: str, run: Run, evaluation: Evaluation, **more: Any) -> "Measured":
        policies, _ = load_bundle(policy_folder(run.folder))
        learnt = count_parameters(policies.inner) // len(evaluation.seeds)
        seconds, commit = run.asked.get("seconds"), run.asked["versions"].get("commit")
        return cls(name, evaluation, learnt, seconds, commit, run=run, policies=policies, **more)

    @classmethod
    def of_result(cls, name: str, result: Result, **more: Any) -> "Measured":
        return cls(name, result.evaluation, result.parameters, result.training_s, result.commit, result.key, result=result, **more)

    def timed(self, spent: Latency) -> Result:
        """What is known of it, with times that were just measured here."""
        if self.run is not None:
            return Result.of_run(self.key, self.name, self.run, self.evaluation, spent, self.parameters)
        return dataclasses.replace(self.result, latency=spent, load=load(), when=now())


def times(arms: dict[str, Measured], results: Results | None = None) -> dict[str, Latency]:
    """One lane of each arm's first seed, in turns; of what was measured elsewhere, what its result says.

    The new ones are added to `results`.
    """
    here = {name: arm for name, arm in arms.items() if arm.policies is not None}
    programs.give_back()
    found = latencies({name: (one_lane(arm.policies, 0), arm.task) for name, arm in here.items()})
    if results is not None:
        results.rewrite(*(arm.timed(found[name]) for name, arm in here.items()))
    return {name: arm.result.latency for name, arm in arms.items() if arm.result} | found


def count_parameters(policy: Policy) -> int:
    return sum(x.size for x in jax.tree.leaves(eqx.filter(policy, eqx.is_inexact_array)))


def trained(folder: pathlib.Path, task: str | Task, arm: Arm, reporter: Reporter, **asked: Any) -> Run:
    """The arm's run in `folder`: begun, gone on with, or as it stands if it is finished.

    Data are for those that learn from them. Raises BadSetting where the folder holds a run of other settings: its figures would pass
    for those of this arm.
    """
    its_task, how = find_task(task) if isinstance(task, str) else task, asked | arm.settings
    learner, brought, told = order(its_task, arm.method, **how)
    if DEMONSTRATIONS not in wanted(learner, brought):
        how["data"] = told["data"] = None
    if not (folder / "run.json").exists():
        run = train(task, arm.method, run=folder, reporter=reporter, **how)
    else:
        run = Run.open(folder)
        if other := [
            line for name, now in asked_of(json.loads(json.dumps(told))).items() for line in unlike(name, asked_of(run.asked)[name], now)
        ]:
            raise BadSetting(
                f"The run in {folder} was asked for otherwise: {'; '.join(other)}. Remove it, or name another folder with --folder."
            )
        if run.asked["state"] != "finished":
            run = resume(run, task=task if isinstance(task, Task) else None, data=how.get("data"), reporter=reporter)
    if run.asked["state"] == "interrupted":
        raise Stopped
    return run


def asked_of(run: dict[str, Any]) -> dict[str, Any]:
    """What of a run.json makes the run this one and no other."""
    return {name: run.get(name) for name in ASKED} | {"options": run["options"] | {name: OPTIONS[name] for name in BOOKKEEPING}}


def unlike(name: str, was: Any, now: Any) -> list[str]:
    """What differs between two settings, or two tables of them, each as "NAME was THIS, now THAT"."""
    if isinstance(was, dict) and isinstance(now, dict):
        inner = [line for key in was | now for line in unlike(key, was.get(key), now.get(key))]
        return [line if name in NAMELESS else f"{name}.{line}" for line in inner]
    return [] if was == now else [f"{name} was {was}, now {now}"]


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
    with (reporter or Reporter()).task("evaluate", episodes * lanes) as bar:
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
    digest: str  # of all that is asked of its run

    def key(self, episodes: int, purpose: str) -> str:
        """Of its results: the run's digest, and where it was tested."""
        return f"{self.arm.method}-{self.digest}/{self.arm.tested or self.task.name}/{purpose}/{episodes}"


def places(folder: pathlib.Path, task: str | Task, arms: dict[str, Arm], *, shared: bool = False, **asked: Any) -> dict[str, Place]:
    """Where each arm's run belongs, all trained with the same `asked` (seeds, data, updates, ...).

    That is a folder of its name or, `shared`, one named by all that is asked of it, so that equal arms are one run.
    """
    found: dict[str, Place] = {}
    for name, arm in arms.items():
        its_task = arm.task or task
        its_task = find_task(its_task) if isinstance(its_task, str) else its_task
        digest = _digest(its_task, arm, asked, found)
        arm = dataclasses.replace(arm, settings=arm.settings | {given: found[other].folder for given, other in arm.brought.items()})
        found[name] = Place(pathlib.Path(folder) / (f"{arm.method}-{digest}" if shared else name), its_task, arm, asked, digest)
    return found


def united(groups: dict[str, dict[str, Arm]]) -> dict[str, Arm]:
    """The arms of several groups that are on no task of their own; equal ones once, and unlike ones of one name told apart by their group.

    Each is tested where it was trained.
    """
    found: dict[str, Arm] = {}
    for group, arms in groups.items():
        called: dict[str, str] = {}
        for name, arm in arms.items():
            if arm.task is None:
                brought = {given: called[other] for given, other in arm.brought.items()}
                arm = dataclasses.replace(arm, brought=brought, tested=None)
                own = f"{name}, {group}" if name in found else name
                called[name] = next((other for other, its in found.items() if its == arm), own)
                found.setdefault(called[name], arm)
    return found


def _digest(task: Task, arm: Arm, asked: dict[str, Any], earlier: dict[str, Place]) -> str:
    """Of all that is asked of an arm's run. Folders are left out of it, for they differ from machine to machine: data that are recordings
    are known by their contents, and what is brought from another arm by that arm's digest.
    """
    told = asked_of(order(task, arm.method, **(asked | arm.settings))[2])
    told["brought"] |= {given: earlier[other].digest for given, other in arm.brought.items()}
    data = {name: (asked | arm.settings)[f"{name}_data"] for name in told["other_data"]}
    told["other_data"] = {name: _contents(value, task) for name, value in data.items()}
    told["data"] = _contents((asked | arm.settings).get("data"), task)
    if not is_task(task.name):  # the program's own: its name alone does not tell what it is
        told["spec"] = [repr(task.spec), task.horizon]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _contents(data: Any, task: Task) -> Any:
    """Of recordings a fingerprint; the address of what a task's expert or a hub gives."""
    if data is None or isinstance(data, str | os.PathLike):
        parts = [part.strip() for part in str(data).split(AND)] if data is not None else []
        return " + ".join(_fingerprint(part, task) if pathlib.Path(part).exists() else part for part in parts) or None
    return data.fingerprint()


@functools.lru_cache(maxsize=4)
def _fingerprint(path: str, task: Task) -> str:
    return recordings(path, task).fingerprint()


def measure(
    arms: dict[str, Place],
    *,
    episodes: int,
    purpose: str = "evaluation",
    record: int = 0,
    reporter: Reporter | None = None,
    results: Results | None = None,
    here: Collection[str] = (),
) -> dict[str, Measured]:
    """Trains every arm where it belongs and evaluates all in the same episodes.

    What is finished in its folder already is not done again, so a comparison goes on where it was stopped; nor is an arm that stands in
    `results`, unless another one is brought its run. Of such an arm that is to be timed `here` the first seed alone is trained, in a
    folder beside its own. What is measured is added as it comes. Raises BadCheckpoint on policies that do not act as recorded, unless
    what was measured of them is known already: then that is said.
    """
    if episodes < 1:
        raise BadSetting(f"--episodes should be 1 or more, not {episodes}.")
    reporter, found = reporter or Reporter(), {}
    known = {name: results.get(place.key(episodes, purpose)) for name, place in arms.items()} if results is not None else {}
    known = {name: result for name, result in known.items() if result is not None}
    forms: dict[str, Any] = {}
    for name, place in arms.items():  # before any of them is trained
        if name not in known and not (place.folder / "run.json").exists():
            brought = {given: forms.get(other) for given, other in place.arm.brought.items()}
            forms[name] = check_suits(place.task, place.arm.method, forms=brought, **(place.asked | place.arm.settings))
    needed: set[pathlib.Path] = set()  # the runs that others are brought
    for name, place in reversed(arms.items()):
        if name not in known or place.folder in needed:
            needed |= {place.arm.settings[given] for given in place.arm.brought}
    for number, (name, place) in enumerate(arms.items(), 1):
        telling, tested = Within(reporter, f"{number}/{len(arms)} {name}"), find_task(place.arm.tested) if place.arm.tested else place.task
        programs.give_back()
        if name in known and place.folder not in needed and not (place.folder / "policies").exists():
            alone = {"policies": first_seeds_policy(place, arms, telling), "task": tested} if name in here else {}
            found[name] = Measured.of_result(name, known[name], **alone)
            continue
        run = trained(place.folder, place.task, place.arm, telling, **place.asked)
        try:
            evaluation = evaluated(run, tested, episodes, purpose=purpose, record=record, reporter=telling)
            found[name] = Measured.of_run(name, run, evaluation, key=place.key(episodes, purpose), task=tested)
        except BadCheckpoint as error:  # of another version of agir, say
            if name not in known or place.folder in needed:
                raise
            reporter.say(f"{name}: {error} What was measured of it stands.")
            found[name] = Measured.of_result(name, known[name])
            continue
        if results is not None and name not in known:
            spent = latency(one_lane(found[name].policies, 0), tested)  # alone: in turns with the others when all are there
            results.add(found[name].timed(spent))
    return found


def first_seeds_policy(place: Place, arms: dict[str, Place], reporter: Reporter) -> Normalized:
    """Of an arm that is not trained here, the policy of its first seed [1, ...], trained in a folder beside that of all its seeds."""
    policies, _ = load_bundle(policy_folder(_of_first_seed(place, arms, reporter).folder))
    return policies


def _of_first_seed(place: Place, arms: dict[str, Place], reporter: Reporter) -> Run:
    brought = {given: arms[other] for given, other in place.arm.brought.items()}
    own = {given: _of_first_seed(base, arms, reporter).folder for given, base in brought.items() if not (base.folder / "policies").exists()}
    arm = dataclasses.replace(place.arm, settings=place.arm.settings | own)
    asked = place.asked | {"seeds": seed_list(place.asked.get("seeds", 1))[:1]}
    return trained(place.folder.with_name(f"{place.folder.name}-first-seed"), place.task, arm, reporter, **asked)
