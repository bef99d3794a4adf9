"""What came of an evaluation: a row for each episode, and the figures with their intervals."""

import dataclasses
import functools
import importlib.metadata
import json
import os
import pathlib
import sys
from typing import Any

import numpy as np

from agir.core.arrays import write_atomically
from agir.core.errors import BadSetting
from agir.core.nouns import Task
from agir.evaluation.statistics import Interval, detectable, difference, interquartile_mean, mean, success_rate

SIMULATORS = ("gymnasium", "mujoco", "metaworld", "gymnasium-robotics", "gym-pusht", "pymunk", "ale-py", "minigrid", "highway-env")


@dataclasses.dataclass(frozen=True)
class Recording:
    """One episode of the first seed, to be drawn: `frames[t]` is `task.shapes(...)` before step t, the last one at the end.

    There are no frames where the task cannot be drawn (`task.scene()` is None).
    """

    seed: int
    index: int
    success: bool
    rewards: list[float]
    frames: list[list[dict]]


@dataclasses.dataclass(frozen=True)
class Summary:
    """The figures of an evaluation. None: the task says nothing of it."""

    success: Interval | None
    mean_return: Interval
    iqm_return: Interval
    mean_length: Interval
    detectable_difference: float | None  # of success: what a comparison with as many episodes shows in 80% of cases
    passes_per_action: float | None
    measures: dict[str, Interval]  # the means of `best_reward`, and of the last and the largest of the task's other numbers

    def __str__(self) -> str:
        lines = [f"success {self.success}"] if self.success else []
        lines += [f"return {self.mean_return}; interquartile {self.iqm_return}", f"length {self.mean_length}"]
        lines += [f"{name} {interval}" for name, interval in self.measures.items()]
        if self.detectable_difference is not None:
            lines.append(f"a difference of success below {self.detectable_difference:.3f} could not be shown with so many episodes")
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Episodes `first`, `first` + 1, ... of `purpose`, the same for every seed.

    `columns`, each [seeds, episodes]: `return`, `length`, `terminated`, `best_reward`; `success` (at any step) where the task
    says it; `final_NAME` and `max_NAME` of its other scalar infos; `plans` and `passes` where the policy says them.
    """

    task: str
    purpose: str
    first: int
    seeds: tuple[int, ...]
    columns: dict[str, np.ndarray]
    recordings: tuple[Recording, ...]
    versions: dict[str, str]
    seconds: float

    @property
    def success(self) -> np.ndarray | None:
        return self.columns.get("success")

    @property
    def episodes(self) -> int:
        return self.columns["return"].shape[1]

    def rows(self) -> list[dict]:
        """One dict an episode: its seed, its start, what came of it, and the versions it was made with."""
        plain = {name: column.tolist() for name, column in self.columns.items()}
        return [
            {"task": self.task, "seed": seed, "index": self.first + j, "start": f"{self.purpose}/{self.first + j}"}
            | {name: column[i][j] for name, column in plain.items()}
            | {"truncated": not plain["terminated"][i][j], "versions": self.versions}
            for i, seed in enumerate(self.seeds)
            for j in range(self.episodes)
        ]

    @functools.cached_property
    def _summary(self) -> Summary:
        returns, passes = self.columns["return"].astype(float), self.columns.get("passes")
        return Summary(
            success=None if self.success is None else success_rate(self.success),
            mean_return=mean(returns),
            iqm_return=interquartile_mean(returns),
            mean_length=mean(self.columns["length"].astype(float)),
            detectable_difference=None if self.success is None else detectable(self.success),
            passes_per_action=None if passes is None else float(passes.sum() / self.columns["length"].sum()),
            measures={
                name: mean(column.astype(float))
                for name, column in self.columns.items()
                if name == "best_reward" or name.startswith(("final_", "max_"))
            },
        )

    def summary(self) -> Summary:
        return self._summary

    def against(self, other: "Evaluation", column: str = "success") -> Interval:
        """The paired difference, this one minus `other`, of a column; raises BadSetting where the starts are not the same."""
        mine, its = ((e.task, e.purpose, e.first, e.episodes) for e in (self, other))
        if mine != its:
            told = (f"{purpose}/{first} to {first + count - 1} of {task}" for task, purpose, first, count in (mine, its))
            raise BadSetting(f"These evaluations have not the same starts: {' and '.join(told)}. Evaluate both alike.")
        return difference(
            *(e.columns[column] if e.columns[column].dtype == bool else e.columns[column].astype(float) for e in (self, other))
        )

    def __str__(self) -> str:
        return str(self.summary())


def write_rows(path: str | os.PathLike, evaluation: Evaluation) -> None:
    """Writes the rows as JSON lines: all of them or, if anything goes wrong, none."""
    lines = "".join(json.dumps(row) + "\n" for row in evaluation.rows())
    write_atomically(pathlib.Path(path), lines.encode())


def versions(task: Task) -> dict[str, str]:
    """Of agir, and of the simulator: JAX itself, or for a task on the host all simulators that this process has imported."""
    known: Any = ("jax",) if task.compiled else (name for name in SIMULATORS if name.replace("-", "_") in sys.modules)
    return {name: importlib.metadata.version(name) for name in ("agir", *known)}
