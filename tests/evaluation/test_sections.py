"""Evaluations become sections."""

import dataclasses

import numpy as np
import pytest

from agir.core.errors import BadSetting, UnknownName
from agir.evaluation.floors import Random
from agir.evaluation.outcomes import Evaluation
from agir.evaluation.report import Report, write_report
from agir.evaluation.rollout import evaluate
from agir.evaluation.sections import comparison, episodes, rollouts
from agir.evaluation.tables import Times
from agir.tasks.find import task


def evaluation(rate: float, seeds: int = 3, count: int = 200, first: int = 0) -> Evaluation:
    won = np.random.default_rng(int(1000 * rate)).uniform(size=(seeds, count)) < rate
    columns = {
        "return": won.astype(np.float32),
        "length": np.full((seeds, count), 10),
        "success": won,
        "passes": np.full((seeds, count), 5),
    }
    return Evaluation("forks", "evaluation", first, tuple(range(seeds)), columns, (), {}, 1.0)


def test_a_comparison_of_evaluations():
    found = {"flow": evaluation(0.9), "regression": evaluation(0.5), "random": evaluation(0.05, 1)}
    made = comparison(found, ["random"], "regression", {"flow": {"per_call": Times(1.0, 2.0, 3.0), "parameters": 7}}, title="Methods")
    flow, regression, random = made.rows
    assert flow.success == found["flow"].summary().success and flow.passes_per_action == 0.5 and flow.parameters == 7
    assert flow.difference == found["flow"].against(found["regression"]) and flow.difference.low > 0.2
    assert regression.difference is None and random.floor and not flow.floor and made.title == "Methods"
    least = [found[name].summary().detectable_difference for name in ("flow", "regression")]
    assert made.smallest_difference == (min(least), max(least))


def test_what_cannot_be_compared_is_refused():
    found = {"flow": evaluation(0.9), "regression": evaluation(0.5, first=200)}
    with pytest.raises(BadSetting, match="not the same starts"):
        comparison(found, baseline="regression")
    with pytest.raises(UnknownName, match="Did you mean regression"):
        comparison(found, baseline="regresion")


def test_without_success_there_is_no_strip_and_no_difference():
    bare = dataclasses.replace(evaluation(0.5), columns={k: v for k, v in evaluation(0.5).columns.items() if k != "success"})
    found = {"a": bare, "b": bare}
    assert episodes(found) is None and rollouts(task("pendulum"), found) is None
    made = comparison(found, baseline="b")
    assert made.rows[0].success is None and made.rows[0].difference is None and made.smallest_difference is None


def test_a_task_evaluated_is_a_report(tmp_path):
    """The whole way, from policies of a real task to a page."""
    pendulum = task("pendulum")
    found = {
        "expert": evaluate(pendulum.expert(), pendulum, 4, record=2),
        "random": evaluate(Random(pendulum.spec), pendulum, 4, record=1),
    }
    sections = [comparison(found, ["random"]), rollouts(pendulum, found, title="Swing up"), episodes(found)]
    assert sections[1].rate_hz == pendulum.spec.meaning.rate_hz and [r.start_index for r in sections[1].rollouts] == [0, 1, 0]
    assert sections[2].outcomes[0].start_index.tolist() == [0, 1, 2, 3]
    assert [r.success for r in sections[1].rollouts] == [r.success for e in found.values() for r in e.recordings]
    text = write_report(tmp_path / "report.html", Report("Pendulum", [*sections, None])).read_text()
    assert "Swing up" in text and "start 0" in text
