"""A claim: one sentence of a paper as a check that anyone can run.

Its arms are trained alike and evaluated on the same starts; each part of the sentence is one comparison of two arms, with a
threshold that was fixed before the run, and a verdict only where the whole 95% interval is on one side of it.
"""

import dataclasses
import hashlib
import json
from typing import Any, Literal

import numpy as np

from agir.evaluation.latency import Latency
from agir.evaluation.statistics import Interval, difference, ratio, success_rate, verdict
from agir.evaluation.tables import Times
from agir.training.comparison import Arm, Measured

Quantity = Literal["success", "return", "ms_per_call", "ms_to_first_action", "ms_per_action", "passes_per_action"]
DECIDES = ("task", "arms", "parts", "asked", "seeds", "episodes")  # fields of a claim
SAMPLES = {"ms_per_call": "planning_ms", "ms_to_first_action": "first_ms", "ms_per_action": "executed_ms"}  # of a Latency


@dataclasses.dataclass(frozen=True)
class Part:
    """`ours` against `theirs` in one quantity.

    Of success and return the paired difference (in points, where success), of times and passes the ratio; the sentence holds
    where it is above `threshold` (below, for `below=True`). "Not worse by more than 5 points" is a difference above -0.05.
    """

    sentence: str
    ours: str  # arms' names
    theirs: str
    quantity: Quantity
    threshold: float
    below: bool = False

    def judge(self, arms: dict[str, Measured], times: dict[str, Latency]) -> dict:
        """-> the part's entry in the ledger."""
        interval = self.interval(arms, times)
        return {
            "sentence": self.sentence,
            "quantity": f"{self.ours} {'less' if self.quantity in ('success', 'return') else 'over'} {self.theirs}: {self.quantity}",
            "verdict": verdict(interval, self.threshold, above=not self.below),
            "figure": round(interval.value, 4),
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
            "threshold": self.threshold,
            "below": self.below,
            "n": interval.count,
        }

    def interval(self, arms: dict[str, Measured], times: dict[str, Latency]) -> Interval:
        ours, theirs = arms[self.ours].evaluation, arms[self.theirs].evaluation
        if self.quantity == "success":
            return difference(ours.columns["success"], theirs.columns["success"])
        if self.quantity == "return":
            return difference(ours.columns["return"].astype(float), theirs.columns["return"].astype(float))
        if self.quantity == "passes_per_action":
            each = lambda e: (e.columns["passes"] / e.columns["length"]).astype(float)
            return ratio(each(ours), each(theirs))
        each = lambda name: np.atleast_2d(getattr(times[name], SAMPLES[self.quantity]))
        return ratio(each(self.ours), each(self.theirs))


@dataclasses.dataclass(frozen=True)
class Claim:
    """A sentence, how it is decided, and what it costs. The defaults are the design's for compiled tasks."""

    slug: str
    sentence: str
    source: str  # the paper
    method: str  # whose page the verdict stands on
    task: str
    arms: dict[str, Arm]
    parts: tuple[Part, ...]
    asked: dict[str, Any]  # of `train`, for all arms alike: updates, demonstrations, ...
    budget_s: int  # on two idle cores
    seeds: int = 5
    episodes: int = 500  # a seed
    note: str = ""  # what the reader should know: how the difficulty was set, what could not be shown

    @property
    def form(self) -> str:
        """A digest of all that decides it: between two runs of one form no arm, setting, threshold, task or number was changed."""
        told = {name: value for name, value in dataclasses.asdict(self).items() if name in DECIDES}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]

    def figures(self, arms: dict[str, Measured], times: dict[str, Latency]) -> dict[str, dict]:
        """Each arm's own figures, for the ledger: ms are of one lane (median, p95, p99), passes of the evaluated episodes."""
        found = {}
        for name, arm in arms.items():
            evaluation = arm.evaluation
            rate = success_rate(evaluation.columns["success"]) if "success" in evaluation.columns else None
            found[name] = {
                "success": None if rate is None else [round(x, 4) for x in (rate.value, rate.low, rate.high)],
                "return": round(float(evaluation.columns["return"].mean()), 3),
                "parameters": arm.parameters,
                "training_s": arm.training_s,
                "ms_per_call": told(times[name].per_call),
                "ms_to_first_action": told(times[name].to_first_action),
                "ms_per_action": told(times[name].per_action),
                "passes_per_action": evaluation.summary().passes_per_action,
                "commit": arm.commit,
            }
            if arm.policies is None:  # its times were measured elsewhere
                found[name]["load"] = arm.result.load
        return found


def told(times: Times) -> list[float]:
    return [round(x, 4) for x in (times.median_ms, times.p95_ms, times.p99_ms)]
