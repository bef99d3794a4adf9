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
from agir.evaluation.drawing import Chart, Curve, Curves, Episodes, Outcomes
from agir.evaluation.floors import Random, Still
from agir.evaluation.latency import Latency, latency
from agir.evaluation.outcomes import Evaluation
from agir.evaluation.report import Origin, Report, SmallPrint, Verdict
from agir.evaluation.rollout import evaluate as roll
from agir.evaluation.scenes import Rollout, Rollouts
from agir.evaluation.tables import Comparison, MethodRow, leaning
from agir.runtime.bundle import one_lane
from agir.training.comparison import Measured, count_parameters
from agir.training.run import Run, now, versions

DRAWN = 4  # episodes of each method in a report's animation


def compared(task: Task, arms: dict[str, Measured], episodes: int) -> Comparison:
    """A row a method, and the floors on the same starts."""
    first = next(iter(arms.values()))
    rows = []
    for name, arm in arms.items():
        timed = latency(one_lane(arm.policies, 0))
        row = method_row(name, arm.evaluation, timed, arm.parameters, arm.run.asked.get("seconds"))
        if arm is not first and "success" in arm.evaluation.columns:
            gap = arm.evaluation.against(first.evaluation)
            row = dataclasses.replace(row, difference=gap)
        rows.append(row)
    for name, floor in (("still", Still(task.spec)), ("random", Random(task.spec))):
        rows.append(floor_row(name, roll(floor, task, episodes)))
    smallest = max((arm.evaluation.summary().detectable_difference or 0.0) for arm in arms.values()) or None
    return Comparison(rows, f"{task.name}", baseline=first.name if len(arms) > 1 else "", smallest_difference=smallest)


def comparison_report(title: str, task: Task, arms: dict[str, Measured], comparison: Comparison) -> Report:
    sections: list[Any] = [comparison, Curves(charts({name: arm.run for name, arm in arms.items()}))]
    if task.scene() is not None:
        drawn = {name: roll(one_lane(arm.policies, 0), task, DRAWN, record=DRAWN) for name, arm in arms.items()}
        sections.append(rollouts(task, drawn))
    with_success = {name: arm.evaluation for name, arm in arms.items() if "success" in arm.evaluation.columns}
    if with_success:
        sections.append(
            Episodes([Outcomes(name, e.columns["success"], np.arange(e.first, e.first + e.episodes)) for name, e in with_success.items()])
        )
    sections.append(SmallPrint([("This page", " ".join(map(shlex.quote, ["agir", *sys.argv[1:]])))]))
    return Report(title, sections, verdict=verdict_of(comparison), origin=origin(task))


def verdict_of(comparison: Comparison) -> Verdict | None:
    """The best method against the baseline, in a sentence."""
    gaps = [row for row in comparison.rows if row.difference is not None]
    if not gaps:
        return None
    best = max(gaps, key=lambda row: row.difference.value)
    return Verdict(f"{best.name} against {comparison.baseline}: {leaning(best.difference)}")


def origin(task: Task) -> Origin:
    found = versions()
    command = " ".join(map(shlex.quote, ["agir", *sys.argv[1:]]))
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    return Origin(task.name, command, now(), found.pop("commit", ""), machine, found)


def lane_rows(name: str, found: Evaluation, policies: Normalized, lanes: list[dict], timed: Latency) -> list[MethodRow]:
    """One row a value of a sweep, over its seeds; one row in all where nothing was swept."""
    groups: dict[str, list[int]] = {}
    for index, lane in enumerate(lanes):
        words = ", ".join(f"{field} {value:g}" for field, value in lane.items() if field != "seed")
        groups.setdefault(f"{name}, {words}" if words else name, []).append(index)
    size = count_parameters(policies.inner) // len(lanes)
    rows = []
    for label, picked in groups.items():
        columns = {column: values[picked] for column, values in found.columns.items()}
        part = dataclasses.replace(found, columns=columns, seeds=tuple(lanes[i]["seed"] for i in picked), recordings=())
        rows.append(method_row(label, part, timed, size))
    return rows


def method_row(
    name: str, found: Evaluation, timed: Latency | None, parameters: int | None = None, training_s: float | None = None
) -> MethodRow:
    summary = found.summary()
    return MethodRow(
        name,
        success=summary.success,
        mean_return=summary.mean_return,
        iqm_return=summary.iqm_return,
        per_call=None if timed is None else timed.per_call,
        per_action=None if timed is None else timed.per_action,
        passes_per_action=summary.passes_per_action,
        parameters=parameters,
        training_s=training_s,
    )


def floor_row(name: str, found: Evaluation) -> MethodRow:
    """Of a policy that nothing was learnt for: there are no training seeds to speak of."""
    row = method_row(name, found, None)
    plain = {
        field: dataclasses.replace(value, note="")
        for field in ("success", "mean_return", "iqm_return")
        if (value := getattr(row, field)) is not None
    }
    return dataclasses.replace(row, floor=True, **plain)


def charts(runs: dict[str, Run]) -> list[Chart]:
    """A chart for each metric that stands in the runs' rows; the held-out one solid, the training one dashed."""
    found: dict[str, list[Curve]] = {}
    for name, run in runs.items():
        rows = run.rows(stage="")
        metrics = dict.fromkeys(itertools.chain.from_iterable(row["metrics"] for row in rows))
        for metric in metrics:
            for split in ("validation", "selection", "training"):
                here = [row for row in rows if row["split"] == split and row["metrics"].get(metric) is not None]
                values = np.array([[np.nan if x is None else x for x in row["metrics"][metric]] for row in here], float)
                if len(here) > 1 and np.isfinite(values).all():
                    dashed = split == "training" and any(row["split"] != "training" and metric in row["metrics"] for row in rows)
                    found.setdefault(metric, []).append(Curve(name, [row["step"] for row in here], values.T, dashed=dashed))
    return [Chart(metric, curves, metric, solid_means="held out", dashed_means="training") for metric, curves in found.items()]


def rollouts(task: Task, found: dict[str, Evaluation]) -> Rollouts:
    """The recorded episodes of each method, side by side."""
    drawn = [
        Rollout(name, recording.index, recording.success, recording.frames)
        for name, evaluation in found.items()
        for recording in evaluation.recordings
    ]
    return Rollouts(task.scene(), drawn, rate_hz=task.spec.meaning.rate_hz or 10.0)
