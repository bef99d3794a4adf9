"""The verbs beside `train` and `resume`: evaluate, compare, study, report, inspect, load, actor, save; the command line is their coat."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
from rich.console import Console

from agir.core import registry
from agir.core.arrays import write_atomically
from agir.core.errors import BadSetting, Missing
from agir.core.nouns import Policy, Task
from agir.data.dataset import Dataset
from agir.data.lerobot_write import write_lerobot
from agir.data.normalization import Normalized
from agir.data.show import Inspection, inspected, show
from agir.evaluation import sections
from agir.evaluation.data_page import data_page
from agir.evaluation.outcomes import Evaluation
from agir.evaluation.report import Report, write_report
from agir.evaluation.rollout import evaluate as roll
from agir.evaluation.tables import spreadsheet, terminal_table
from agir.runtime.actor import Actor
from agir.runtime.bundle import load_bundle, one_lane, save_bundle
from agir.tasks.find import is_task, named_task, recordings, task_of
from agir.training.budget import arms_of, family, make_budget, shipped, write_budget
from agir.training.comparison import Measured, Place, arms_by_name, evaluated, measure, places, united
from agir.training.pages import DRAWN, busy, by_value, compared, comparison_report, elsewhere, lane_table
from agir.training.progress import Reporter, Terminal, Within, line
from agir.training.results import Results
from agir.training.run import Run, versions
from agir.training.train import policy_folder


def load(path: str | os.PathLike | Run, seed: int | None = None, checkpoint: str = "last") -> Normalized:
    """The policy of a run or a bundle: raw observations in, raw actions out.

    `seed` picks one of several (default: the first). The golden pairs are replayed first; raises BadCheckpoint on a mismatch.
    """
    policies, text = load_bundle(policy_folder(_folder(path), checkpoint))
    seeds = [lane["seed"] for lane in text["lanes"]]
    if seed is not None and seed not in seeds:
        raise BadSetting(f"There is no policy of seed {seed} in {_folder(path)}; there are those of {', '.join(map(str, seeds))}.")
    return one_lane(policies, 0 if seed is None else seeds.index(seed))


def actor(
    what: str | os.PathLike | Run | Policy,
    seed: int | None = None,
    *,
    checkpoint: str = "last",
    rate: float | tuple[float, ...] | None = None,
    rest: Any = None,
    stop: str = "",
    draw_seed: int = 0,
) -> Actor:
    """A policy at work, of a run, a bundle, or as it is: `begin()` at an episode's begin, then `actor(observation) -> action`.

    `seed` and `checkpoint` are as in `load` (the first seed's, the last), `rate` is the largest step from one action to the next that is
    let through, `rest` an action that is safe to begin from, `stop` "zero" or "hold" where something is not finite (default: as the
    actions' meaning says), and `draw_seed` that of its random numbers. Guarded, and compiled before it is given back: see `Actor`.
    """
    if isinstance(what, Policy) and seed is not None:
        raise BadSetting("A policy is one already: seed picks one of a run's, and draw_seed is that of its random numbers.")
    return Actor(what if isinstance(what, Policy) else load(what, seed, checkpoint), draw_seed, rate, rest, stop)


def save(policy: Normalized | Run, folder: str | os.PathLike, task: str = "", *, overwrite: bool = False) -> pathlib.Path:
    """Writes a policy that `load` gave, or all those of a run, as a bundle of its own -> the folder.

    `task` is the name of the task that it is evaluated on by default (its own, where none is given). Raises BadSetting where there is
    a policy already, unless it may be written over.
    """
    folder = pathlib.Path(folder)
    if (folder / "policy.json").exists() and not overwrite:
        raise BadSetting(f"There is a policy in {folder} already: name another folder, or say overwrite=True.")
    if isinstance(policy, Run):
        policies, text = load_bundle(policy_folder(policy.folder))
        lanes, about = text["lanes"], {"task": task or text["task"], "method": text["method"]}
    else:
        policies = jax.tree.map(lambda x: x[None] if eqx.is_array(x) else x, policy)
        lanes, about = [{"seed": 0}], {"task": task or policy.task, "method": "policy"}
    save_bundle(folder, policies, lanes, about | {"versions": versions()})
    return folder


def evaluate(
    what: str | os.PathLike | Run | Policy,
    *,
    task: str | Task | None = None,
    episodes: int = 100,
    checkpoint: str = "last",
    video: bool = False,
    tell: bool = False,
) -> Evaluation:
    """Acts in `episodes` unseen episodes with each seed's policy of a run, a bundle, or with one policy.

    A run's rows are kept in its folder `evaluations`. `tell` prints the table, with the latency; `video` writes an animation.
    """
    if isinstance(what, Policy):
        return roll(what, _its_task(task, getattr(what, "task", ""), "This policy"), episodes)
    folder = _folder(what)
    record, reporter = min(DRAWN, episodes) if video else 0, _reporter(tell)
    policies, text = load_bundle(policy_folder(folder, checkpoint))
    task = _its_task(task or (what.task if isinstance(what, Run) else None), text["task"], str(folder))
    if (folder / "run.json").exists():
        found = evaluated(Run.open(folder), task, episodes, which=checkpoint, record=record, reporter=reporter, anew=True)
    else:
        with reporter.task("evaluate", episodes * len(text["lanes"])) as bar:
            found = roll(policies, task, episodes, seeds=[lane["seed"] for lane in text["lanes"]], record=record, report=bar.move)
    if tell:
        console = Console()
        title = f"{folder.name}, {checkpoint} checkpoint, on {task.name}"
        console.print(terminal_table(lane_table(text["method"], task, found, policies, text["lanes"], title=title)))
        for label, part in by_value(text["method"], found, text["lanes"]).items():
            for name, interval in part.summary().measures.items():
                console.print(f"  {label}: {name} {interval} (mean over episodes)", style="dim", highlight=False)
    if video:
        drawn = sections.rollouts(task, {text["method"]: found})
        if drawn is None:
            raise BadSetting(f"{task.name} cannot be drawn, so there is no --video of it.")
        path = write_report(folder / "rollouts.html", Report(f"{text['method']} on {task.name}", [drawn]))
        if tell:
            line(f"Wrote {path}")
    return found


def _its_task(task: str | Task | None, named: str, whose: str) -> Task:
    """`task`, or the one whose name a run, a bundle or a policy holds; raises BadSetting where that is none that can be found."""
    if not (task or named):
        raise BadSetting(f"{whose} does not say what its task is: name it with --task NAME (task=... from Python).")
    return task_of(task) if task else named_task(named, whose)


def budget(
    task: str | Task,
    methods: Sequence[str] = (),
    seconds: float = 60.0,
    *,
    output: str | os.PathLike | None = None,
    tell: bool = False,
    **asked: Any,
) -> pathlib.Path:
    """Times updates of the methods (all of imitation where none is named), which an idle machine should do -> the file's path.

    `asked` goes to `train` (data, demonstrations, ...); `seconds` are those of one seed's training. See training/budget.py.
    """
    task = task_of(task)
    found = make_budget(task, list(methods) or family("imitation"), seconds, reporter=_reporter(tell), **asked)
    if not found["methods"]:
        why = "; ".join(f"{name}: {why}" for name, why in found["left_out"].items())
        raise BadSetting(f"{task.name} suits none of these methods, so there is no budget to write. {why}")
    path = pathlib.Path(output or f"runs/budget-{task.name.replace('/', '-')}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_budget(path, found)
    if tell:
        console = Console()
        for name, updates in found["methods"].items():
            spent = ", ".join(f"{ms:g} ms" for ms in found["update_ms"][name].values())
            flags = ", ".join(f"--{flag} {count}" for flag, count in updates.items())
            console.print(f"  {name}: {f'{flags} ({spent} an update)' if updates else 'nothing is learnt'}", highlight=False)
        for name, why in found["left_out"].items():
            console.print(f"  left out: {name}: {why}", style="dim", highlight=False, markup=False)
        line(f"Wrote {path}")
    return path


def compare(
    task: str | Task,
    methods: Sequence[str] = (),
    *,
    episodes: int = 100,
    folder: str | os.PathLike | None = None,
    budget: str | os.PathLike | None = None,
    results: str | os.PathLike | None = None,
    tell: bool = False,
    **asked: Any,
) -> pathlib.Path:
    """Trains each method with the same seeds and data, evaluates all on the same starts -> the report's path.

    `asked` goes to `train` for all alike (seeds, of which there are 5, updates, data, demonstrations, ...). The first method is the
    baseline of the paired differences; one that needs a run (rti-dp, say) is brought that of the nearest before it that needs none.
    What is finished in `folder` is not done again; only latencies are measured anew. With a `budget` (a file that `agir budget` wrote) each
    method makes the updates that stand there, and all methods of the file are compared if none is named; "shipped" is the one that comes
    with agir for this task. `results` is a file to which what was measured of each method is added: what stands in it is not trained again,
    so it may be gathered from several machines (training/results.py).
    """
    task, left_out = task_of(task), {}
    if budget:
        budget = shipped(task) if budget == "shipped" else budget
        chosen, left_out = arms_of(budget, task, tuple(methods))
    else:
        chosen = arms_by_name(methods)
    if len(chosen) < 2 or len(chosen) < len(methods):
        raise BadSetting("Name two or more different methods to compare.")
    names = ", ".join(chosen) if len(chosen) < 6 else f"{len(chosen)} methods"
    folder = pathlib.Path(folder or f"runs/compare-{task.name.replace('/', '-')}-{names.replace(', ', '-').replace(' ', '-')}")
    return _side_by_side(places(folder, task, chosen, **(_usual(task, 5) | asked)), names, episodes, left_out, tell, results)


def study(
    task: str | Task,
    claims: str | Sequence[str],
    *,
    episodes: int = 100,
    updates: int | None = None,
    folder: str | os.PathLike | None = None,
    results: str | os.PathLike | None = None,
    tell: bool = False,
    **asked: Any,
) -> pathlib.Path:
    """The arms of a claim, or of several, on a task of the caller's: trained alike, side by side -> the report's path.

    `updates` are those of each arm (default: the claim's), `asked` goes to `train` (seeds, of which there are 3, data, ...), and `results`
    is as in `compare`. Nothing is judged and the ledger is left alone: a claim's thresholds were set for its own task. Arms that a claim
    has on another task besides its own are left out.
    """
    task, found = task_of(task), [registry.find("claim", slug) for slug in ((claims,) if isinstance(claims, str) else claims)]
    if not found:
        raise BadSetting("Name one or more claims whose arms are to be studied.")
    learns = lambda arm: updates is not None and registry.find("method", arm.method)().updates
    more = lambda arm: dataclasses.replace(arm, settings=arm.settings | {"updates": updates}) if learns(arm) else arm
    arms = {name: more(arm) for name, arm in united({claim.slug: claim.arms for claim in found}).items()}
    title = ", ".join(dict.fromkeys(claim.slug for claim in found))
    folder = pathlib.Path(folder or f"runs/study-{task.name.replace('/', '-')}-{title.replace(', ', '-')}")
    return _side_by_side(places(folder, task, arms, **(_usual(task, 3) | asked)), title, episodes, {}, tell, results)


def _side_by_side(
    arms: dict[str, Place], title: str, episodes: int, left_out: dict[str, str], tell: bool, results: str | os.PathLike | None = None
) -> pathlib.Path:
    """Trains and evaluates the arms, and says how they compare -> the report's path."""
    first = next(iter(arms.values()))
    folder, task = first.folder.parent, first.task
    if tell:
        line(f"In {folder}: what is finished there is kept, and the same command goes on.", Console(stderr=True))
    kept = Results(results) if results is not None else None
    measured = measure(arms, episodes=episodes, reporter=_reporter(tell), results=kept)
    comparison = compared(task, measured, episodes, kept)
    page = comparison_report(f"{title} on {task.name}", task, measured, comparison, left_out)
    path = write_report(folder / "report.html", page)
    write_atomically(folder / "comparison.csv", spreadsheet(comparison).encode())
    if tell:
        Console().print(terminal_table(comparison))
        for what, why in (*busy(), *elsewhere(measured), *((f"Left out: {name}", why) for name, why in left_out.items())):
            line(f"{what}: {why}", style="dim")
        line(f"Wrote {path} and comparison.csv beside it")
    return path


def report(runs: Sequence[str | os.PathLike | Run], output: str | os.PathLike | None = None, tell: bool = False) -> pathlib.Path:
    """One page from runs of one task: curves, the comparison of their evaluations, an animation -> its path.

    Of several runs those without a policy yet are left out, which `tell` says. What is not evaluated in 100 episodes yet is.
    """
    runs = [_run_of(run) for run in runs]
    ready = [run for run in runs if (run.folder / "policies" / "last" / "policy.json").exists()] or runs[:1]
    if not runs:
        raise BadSetting("Name one or more runs: agir report runs/...")
    for run in runs if tell else ():
        if run not in ready:
            line(f"Left out: {run.folder} has no policy yet; `agir resume {run.folder}` goes on.", Console(stderr=True))
    runs, tasks = ready, {run.asked["task"] for run in ready}
    if len(tasks) != 1:
        raise BadSetting(f"A report is about one task; these runs are about {', '.join(sorted(tasks))}: name those of one.")
    task = runs[0].task or named_task(tasks.pop(), str(runs[0].folder))
    names = _unlike([run.asked["method"] for run in runs], [run.name for run in runs])
    arms = {}
    for name, run in zip(names, runs, strict=True):
        evaluation = evaluated(run, task, 100, reporter=Within(_reporter(tell), name))
        arms[name] = Measured.of_run(name, run, evaluation, task=task)
    page = comparison_report(f"{', '.join(names)} on {task.name}", task, arms, compared(task, arms, 100))
    path = write_report(output or runs[0].folder / "report.html", page)
    if tell:
        line(f"Wrote {path}")
    return path


def inspect(
    what: str | os.PathLike | Dataset | Task,
    *,
    task: str | Task | None = None,
    demonstrations: int | None = None,
    replay: int = 0,
    page: str | os.PathLike | None = None,
    save: str | os.PathLike | None = None,
    lerobot: str | os.PathLike | None = None,
    tell: bool = False,
) -> Inspection:
    """Looks a dataset over (or a path of one, or a task's demonstrations): findings, and how far it disagrees with itself.

    `tell` prints it; `page` is where a page with charts is written, `save` and `lerobot` where the data are, in those formats. Raises
    BadSetting where episodes are to be replayed and cannot be.
    """
    task = task_of(task) if task is not None else None
    if isinstance(what, Task) or (isinstance(what, str) and is_task(what)):
        task = task_of(what)
        if demonstrations is not None and demonstrations < 1:
            raise BadSetting(f"--demonstrations should be 1 or more, not {demonstrations}.")
        try:
            what = task.demonstrations(demonstrations or task.usual_demonstrations)
        except (Missing, BadSetting) as error:
            raise Missing(f"{error} To look at a file: `agir inspect FILE --task {task.name}`.") from error
    dataset = what if isinstance(what, Dataset) else recordings(what, task)
    found = inspected(dataset, task, replay)
    if tell:
        show(found)
    written = [dataset.save(save)] if save is not None else []
    written += [write_lerobot(dataset, lerobot, task.about if task else "")] if lerobot is not None else []
    written += [write_report(page, data_page(found))] if page is not None else []
    for path in written if tell else ():
        line(f"Wrote {path}")
    return found


def _unlike(names: list[str], fallback: list[str]) -> list[str]:
    return names if len(set(names)) == len(names) else fallback


def _folder(path: str | os.PathLike | Run) -> pathlib.Path:
    return path.folder if isinstance(path, Run) else pathlib.Path(path)


def _run_of(what: str | os.PathLike | Run) -> Run:
    return what if isinstance(what, Run) else Run.open(what)


def _usual(task: Task, seeds: int) -> dict[str, Any]:
    """What is asked of all arms where nothing is said; written out, so that saying the same is the same."""
    return {"seeds": seeds, "demonstrations": task.usual_demonstrations}


def _reporter(tell: bool) -> Reporter:
    return Terminal() if tell else Reporter()
