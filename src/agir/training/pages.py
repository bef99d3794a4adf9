"""Tables and pages from what was trained and evaluated: rows, curves, animations, one report."""

import dataclasses
import itertools
import os
import platform
import shlex
import sys
from typing import Any

import numpy as np

from agir.core.nouns import Task
from agir.data.normalization import Normalized
from agir.evaluation import sections
from agir.evaluation.drawing import Chart, Curve, Curves, Frontier
from agir.evaluation.floors import Random, Still
from agir.evaluation.latency import Latency, latency
from agir.evaluation.outcomes import Evaluation
from agir.evaluation.report import Origin, Report, SmallPrint, Verdict
from agir.evaluation.rollout import evaluate
from agir.evaluation.tables import Comparison, leaning
from agir.runtime.bundle import one_lane
from agir.training.comparison import Measured, count_parameters, times
from agir.training.results import Results, load
from agir.training.run import Run, now, versions

ALONE = 1.5  # a system's load up to which a process that is timed had its cores for itself
DRAWN = 4  # episodes of each method in a report's animation
OWN_LOSS = "Each method has its own loss: a curve says how that one learns, and not which of two unlike methods is better."
FLOORS = {"still": Still, "random": Random}


def compared(task: Task, arms: dict[str, Measured], episodes: int, results: Results | None = None) -> Comparison:
    """A row a method, the first being the baseline of the differences, and the floors on the same starts."""
    found = {name: arm.evaluation for name, arm in arms.items()}
    spent = times(arms, results)
    measured = {name: timed(spent[name]) | {"parameters": arm.parameters, "training_s": arm.training_s} for name, arm in arms.items()}
    floors = {name: evaluate(floor(task.spec), task, episodes) for name, floor in FLOORS.items()}
    baseline = next(iter(arms)) if len(arms) > 1 else ""
    made = sections.comparison(found | floors, list(floors), baseline, measured, title=task.name)
    return dataclasses.replace(made, rows=[_unseeded(row) if row.floor else row for row in made.rows])


def _unseeded(row: Any) -> Any:
    """A floor's figures without a word on seeds: nothing was learnt for it."""
    plain = {
        name: dataclasses.replace(value, note="") for name in ("success", "mean_return", "iqm_return") if (value := getattr(row, name))
    }
    return dataclasses.replace(row, **plain)


def timed(found: Latency) -> dict:
    """What a table's row says of times."""
    return {name: getattr(found, name) for name in ("per_pass", "per_call", "to_first_action", "per_action")}


def comparison_report(
    title: str, task: Task, arms: dict[str, Measured], comparison: Comparison, left_out: dict[str, str] | None = None
) -> Report:
    """The table, success against latency, the curves, rollouts of the first seeds on the same starts, and every episode."""
    here = {name: arm for name, arm in arms.items() if arm.policies is not None}
    drawn = {name: evaluate(one_lane(arm.policies, 0), task, DRAWN, record=DRAWN) for name, arm in here.items()} if task.scene() else {}
    parts = [
        comparison,
        Frontier(comparison.rows) if len(arms) > 2 else None,
        Curves(charts({name: arm.run for name, arm in here.items()}), about=OWN_LOSS if len(here) > 1 else ""),
        sections.rollouts(task, drawn),
        sections.episodes({name: arm.evaluation for name, arm in arms.items()}),
        SmallPrint(
            [("This page", command()), *busy(), *elsewhere(arms), *((f"Left out: {name}", why) for name, why in (left_out or {}).items())]
        ),
    ]
    return Report(title, [part for part in parts if part is not None], verdict=verdict_of(comparison), origin=origin(task))


def busy() -> list[tuple[str, str]]:
    """Of times that were measured just now: that other work may have run beside. A load is a minute's, with what was trained in it."""
    if (found := load()) is None or found <= ALONE:
        return []
    return [("Times", f"measured at a load of {found:.1f}, so they may be too long; the same command again, alone, measures them anew")]


def elsewhere(arms: dict[str, Measured]) -> list[tuple[str, str]]:
    """Of each arm that was not measured anew, being in a file of results: where and when it was."""
    return [(f"Measured before: {name}", arm.result.where) for name, arm in arms.items() if arm.policies is None]


def verdict_of(comparison: Comparison) -> Verdict | None:
    """What can be said of each method against the baseline, in a sentence."""
    gaps = [row for row in comparison.rows if row.difference is not None and not row.floor]
    if not gaps:
        return None
    words: dict[str, list[str]] = {}
    for row in sorted(gaps, key=lambda row: -row.difference.value):
        words.setdefault(leaning(row.difference), []).append(row.name)
    some = lambda names: ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return Verdict(f"Against {comparison.baseline}: " + "; ".join(f"{some(names)} {word}" for word, names in words.items()))


def command() -> str:
    """What the user typed."""
    return " ".join(map(shlex.quote, ["agir", *sys.argv[1:]]))


def origin(task: Task) -> Origin:
    found = versions()
    return Origin(task.name, command(), now(), found.pop("commit", ""), f"{platform.machine()}, {os.cpu_count()} cores", found)


def lane_table(name: str, task: Task, found: Evaluation, policies: Normalized, lanes: list[dict], **words: Any) -> Comparison:
    """One row a value of a sweep, over its seeds; one row in all where nothing was swept."""
    parts = by_value(name, found, lanes)
    rest = timed(latency(one_lane(policies, 0), task)) | {"parameters": count_parameters(policies.inner) // len(lanes)}
    return sections.comparison(parts, measured=dict.fromkeys(parts, rest), **words)


def by_value(name: str, found: Evaluation, lanes: list[dict]) -> dict[str, Evaluation]:
    """The evaluation of each value of a sweep; of all lanes, under `name`, where nothing was swept."""
    groups: dict[str, list[int]] = {}
    for index, lane in enumerate(lanes):
        said = ", ".join(f"{field} {value:g}" for field, value in lane.items() if field != "seed")
        groups.setdefault(f"{name}, {said}" if said else name, []).append(index)
    parts = {}
    for label, picked in groups.items():
        columns = {column: values[picked] for column, values in found.columns.items()}
        parts[label] = dataclasses.replace(found, columns=columns, seeds=tuple(lanes[i]["seed"] for i in picked), recordings=())
    return parts


def charts(runs: dict[str, Run]) -> list[Chart]:
    """A chart for each metric that stands in the runs' rows; the held-out one solid, the training one dashed.

    A loss that is always positive is drawn by its logarithm, so that the charts of a page can be read side by side.
    """
    found: dict[str, list[Curve]] = {}
    for name, run in runs.items():
        rows = run.rows(stage="")
        for metric in dict.fromkeys(itertools.chain.from_iterable(row["metrics"] for row in rows)):
            apart = any(row["split"] != "training" and metric in row["metrics"] for row in rows)
            for split in ("validation", "selection", "training"):
                here = [row for row in rows if row["split"] == split and row["metrics"].get(metric) is not None]
                values = np.array([[np.nan if x is None else x for x in row["metrics"][metric]] for row in here], float)
                if len(here) > 1:
                    steps = [row["step"] for row in here]
                    found.setdefault(metric, []).append(Curve(name, steps, values.T, dashed=apart and split == "training"))
    words = {"solid_means": "held out", "dashed_means": "training"}
    return [Chart(metric, curves, "", logarithmic=by_factors(metric, curves), **words) for metric, curves in found.items()]


def by_factors(metric: str, curves: list[Curve]) -> bool | None:
    """Whether a metric falls by factors, as a loss does that is always positive; None: the chart decides."""
    positive = all(bool((curve.y[np.isfinite(curve.y)] > 0).all()) for curve in curves)
    return True if metric.endswith("loss") and positive else None
