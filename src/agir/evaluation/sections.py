"""From evaluations to a report's sections, so that a command says which methods there are and nothing more.

found = {"flow": evaluate(...), "regression": evaluate(...), "random": evaluate(...)}
Report("...", [comparison(found, floors=["random"], baseline="regression"), rollouts(task, found), episodes(found), SmallPrint()])
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from agir.core.errors import UnknownName
from agir.core.nouns import Task
from agir.evaluation.drawing import Episodes, Outcomes
from agir.evaluation.outcomes import Evaluation
from agir.evaluation.scenes import Rollout, Rollouts
from agir.evaluation.tables import Comparison, MethodRow

UNTIMED_HZ = 20.0  # how fast a task is shown whose actions are not a matter of time


def comparison(
    evaluations: Mapping[str, Evaluation],
    floors: Sequence[str] = (),
    baseline: str = "",
    measured: Mapping[str, dict] | None = None,
    **words: Any,
) -> Comparison:
    """One row for each evaluation, by its method's name; differences are against the evaluation called `baseline`.

    `measured` has further fields of `MethodRow` for each method (`about`, `per_call`, `per_action`, `parameters`, `training_s`);
    `words` are the section's `title` and `about`. The smallest differences are those of the surest and of the least sure method. Raises
    UnknownName where a floor, the baseline or a measured method was not evaluated, and BadSetting where starts differ.
    """
    measured = measured or {}
    for name in (*floors, *measured, *([baseline] if baseline else ())):
        if name not in evaluations:
            raise UnknownName("evaluated method", name, evaluations)
    rows = []
    for name, evaluation in evaluations.items():
        summary, paired = evaluation.summary(), None
        if baseline and name != baseline and evaluation.success is not None:
            paired = evaluation.against(evaluations[baseline])
        figures = {"success": summary.success, "mean_return": summary.mean_return, "iqm_return": summary.iqm_return}
        figures |= {"measures": summary.measures, "passes_per_action": summary.passes_per_action}
        figures |= {"difference": paired, "floor": name in floors}
        rows.append(MethodRow(name, **(figures | measured.get(name, {}))))
    least = [found for name, e in evaluations.items() if name not in floors and (found := e.summary().detectable_difference) is not None]
    return Comparison(rows, baseline=baseline, smallest_difference=(min(least), max(least)) if least else None, **words)


def rollouts(task: Task, evaluations: Mapping[str, Evaluation], **words: Any) -> Rollouts | None:
    """The recorded episodes of all methods side by side; None where there are none, or the task cannot be drawn."""
    made = [
        Rollout(name, recording.index, recording.success, recording.frames)
        for name, evaluation in evaluations.items()
        for recording in evaluation.recordings
        if recording.frames
    ]
    scene = task.scene()
    return Rollouts(scene, made, task.spec.meaning.rate_hz or UNTIMED_HZ, **words) if scene and made else None


def episodes(evaluations: Mapping[str, Evaluation], **words: Any) -> Episodes | None:
    """A strip for each method that has successes; None where the task does not say what success is."""
    made = [
        Outcomes(name, evaluation.success, np.arange(evaluation.first, evaluation.first + evaluation.episodes))
        for name, evaluation in evaluations.items()
        if evaluation.success is not None
    ]
    return Episodes(made, **words) if made else None
