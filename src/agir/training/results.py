"""What was measured of arms, apart from their runs: a file of text, a line for each arm.

With it a comparison outlives the folders of its runs, and its arms can be trained on several machines: the files are joined by
`cat`. A line: {"key" (a digest of all that was asked), "name" (of the arm; where there is none, its method's), "task", "method", "when",
"commit", "machine", "load" (the system's, when times were measured), "fingerprints" (of the data), "parameters", "training_s",
"success" (to be read), "evaluation" and "latency" (with arrays as [dtype, shape, deflated bytes in base64])}. Of two lines with one
key the later counts.
"""

import base64
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import zlib
from typing import Any

import jax
import numpy as np

from agir.core.arrays import write_atomically
from agir.core.errors import BadData
from agir.evaluation.latency import Latency
from agir.evaluation.outcomes import Evaluation
from agir.evaluation.statistics import success_rate
from agir.training.run import Run, now

NUMBERS = "biuf"  # kinds of arrays that a line may hold
LARGEST_BYTES = 64_000_000  # of an array that a line may hold


@dataclasses.dataclass(frozen=True)
class Result:
    """One arm's line."""

    key: str
    name: str
    method: str
    evaluation: Evaluation
    latency: Latency
    load: float | None
    parameters: int  # of one seed's policy
    training_s: float
    commit: str | None
    fingerprints: dict[str, list[str]]
    machine: str
    when: str

    @property
    def where(self) -> str:
        """On which machine, when, and at which load and commit it was measured."""
        busy = "" if self.load is None else f", timed at a load of {self.load:.1f}"
        return f"{self.machine}; {self.when}{busy}; commit {self.commit or 'unknown'}"

    @classmethod
    def of_run(cls, key: str, name: str, run: Run, evaluation: Evaluation, latency: Latency, parameters: int) -> "Result":
        """What was just measured here."""
        machine = f"{platform.machine()}, {os.cpu_count()} cores, {jax.default_backend()}"
        asked, commit = run.asked, run.asked["versions"].get("commit")
        spent, prints = asked["seconds"], asked["fingerprints"]
        return cls(key, name, asked["method"], evaluation, latency, load(), parameters, spent, commit, prints, machine, now())


def load() -> float | None:
    """How many processes wanted a processor in the last minute: who reads times should know what ran beside."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


class Results:
    """The file at `path`, which need not exist yet; one process at a time writes to it.

    Raises BadData where a line is not a result, or the file can be neither read nor written.
    """

    def __init__(self, path: str | os.PathLike):
        self.path, self.lines = pathlib.Path(path), {}
        try:
            there = self.path.exists()
            text = self.path.read_text() if there else ""
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a"):
                pass  # or hours may be trained before it is known that nothing can be written
            if not there:
                self.path.unlink()  # nothing is measured yet
        except (OSError, UnicodeDecodeError) as error:
            raise BadData(f"{self.path} cannot be read and written as results ({error}): name another file.") from error
        *whole, tail = text.split("\n")
        for number, line in enumerate(whole, 1):
            if line.strip():
                self._keep(self._result(line, number))
        if tail.strip():  # torn by a kill, or whole without its end
            with contextlib.suppress(BadData):  # a fragment: what it began to say was not said
                self._keep(self._result(tail, len(whole) + 1))
            self.rewrite()

    def _result(self, line: str, number: int) -> "Result":
        try:
            return _read(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
            if not self.lines and not line.startswith('{"key"'):
                raise BadData(f"{self.path} is another file, not one of results: name one that is, or that is not there yet.") from error
            raise BadData(
                f"{self.path}, line {number}, is no result ({error!r}): remove it, or what of it comes before the last "
                '{"key" where two files were joined.'
            ) from error

    def _keep(self, result: Result) -> None:
        self.lines.pop(result.key, None)  # the newest of all is the last
        self.lines[result.key] = result

    def get(self, key: str) -> Result | None:
        return self.lines.get(key)

    def add(self, result: Result) -> None:
        self._keep(result)
        with open(self.path, "a") as file:
            file.write(json.dumps(_written(result)) + "\n")

    def rewrite(self, *newer: Result) -> None:
        """One line for each arm, the newer ones among them, instead of one for each time that it was measured."""
        for result in newer:
            self._keep(result)
        lines = "".join(json.dumps(_written(result)) + "\n" for result in self.lines.values())
        write_atomically(self.path, lines.encode())


def _written(result: Result) -> dict:
    told = {f.name: getattr(result, f.name) for f in dataclasses.fields(result) if f.name not in ("evaluation", "latency")}
    evaluation, spent = result.evaluation, result.latency
    rate = None if evaluation.success is None else success_rate(evaluation.success)
    told |= {"task": evaluation.task, "success": None if rate is None else [round(x, 4) for x in (rate.value, rate.low, rate.high)]}
    plain = ("task", "purpose", "first", "seeds", "versions", "seconds")
    columns = {name: _packed(column) for name, column in evaluation.columns.items()}
    told["evaluation"] = {name: getattr(evaluation, name) for name in plain} | {"columns": columns}
    fields = {f.name: getattr(spent, f.name) for f in dataclasses.fields(spent)}
    told["latency"] = {name: _packed(x.astype(np.float32)) if isinstance(x, np.ndarray) else x for name, x in fields.items()}
    return told


def _read(line: dict) -> Result:
    line = {"name": line["method"]} | line
    its, spent = line["evaluation"], line["latency"]
    columns = {name: _unpacked(column) for name, column in its["columns"].items()}
    evaluation = Evaluation(its["task"], its["purpose"], its["first"], tuple(its["seeds"]), columns, (), its["versions"], its["seconds"])
    latency = Latency(**{name: _unpacked(x) if isinstance(x, list) else x for name, x in spent.items()})
    rest = {f.name: line[f.name] for f in dataclasses.fields(Result) if f.name not in ("evaluation", "latency")}
    shapes, episodes = {column.shape for column in columns.values()}, rest["key"].rpartition("/")[2]
    if shapes != {(len(evaluation.seeds), int(episodes))} or evaluation.purpose != rest["key"].split("/")[-2]:
        raise ValueError(f"columns of shape {shapes}, {len(evaluation.seeds)} seeds, and episodes as in {rest['key']}")
    numbers = (rest["parameters"], rest["training_s"], *(() if rest["load"] is None else (rest["load"],)))
    if not all(isinstance(number, int | float) for number in numbers):
        raise ValueError(f"numbers {numbers}")
    return Result(evaluation=evaluation, latency=latency, **rest)


def _packed(array: np.ndarray) -> list:
    array = np.asarray(array)
    if array.dtype.kind not in NUMBERS:
        raise TypeError(f"Results hold numbers, not {array.dtype}.")
    return [array.dtype.str, list(array.shape), base64.b64encode(zlib.compress(array.tobytes(), 9)).decode()]


def _unpacked(packed: Any) -> np.ndarray:
    kind, shape, text = packed
    if np.dtype(kind).kind not in NUMBERS:
        raise ValueError(f"an array of {kind}")
    content = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), LARGEST_BYTES)
    return np.frombuffer(content, np.dtype(kind)).reshape(shape).copy()
