"""A run: a folder with what was asked (run.json), what was measured (metrics.jsonl), checkpoints, policies and a report."""

import datetime
import functools
import importlib.metadata
import json
import math
import os
import pathlib
import platform
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

from agir.core.arrays import write_atomically
from agir.core.errors import AgirError, BadSetting
from agir.training.checkpoints import Checkpoints

FORMAT = 1
STAMPED = ("agir", "jax", "equinox", "optax", "numpy", "gymnasium", "mujoco", "metaworld", "gym-pusht", "gymnasium-robotics")


def runs_in(folder: pathlib.Path, most: int = 8) -> str:
    """A sentence, after a space, that names the newest runs within three folders' depth; nothing where there are none."""
    found = {path.parent: path.stat().st_mtime for depth in ("*", "*/*", "*/*/*") for path in folder.glob(f"{depth}/run.json")}
    newest = sorted(found, key=lambda path: -found[path])
    more = f" and {len(newest) - most} more" if len(newest) > most else ""
    return f" The newest runs in {folder} are {', '.join(map(str, newest[:most]))}{more}." if newest else ""


class Run:
    """Paths and files of one run; knows nothing of learning."""

    def __init__(self, folder: pathlib.Path, asked: dict):
        self.folder, self.asked = folder, asked
        self.task: Any = None  # the Task itself, where this program has it
        self.listeners: list[Callable[[dict], None]] = []  # told of every logged row

    def __repr__(self) -> str:
        asked = self.asked
        return f"Run({str(self.folder)!r}: {asked.get('method')} on {asked.get('task')}, seeds {asked.get('seeds')}, {asked.get('state')})"

    @classmethod
    def create(cls, folder: str | os.PathLike, asked: dict) -> "Run":
        """A new folder; raises BadSetting where it exists and AgirError where it cannot be written."""
        folder = pathlib.Path(folder)
        if (folder / "run.json").exists():
            raise BadSetting(f"There is a run in {folder} already: `agir resume {folder}` goes on with it; --run OTHER starts another.")
        if folder.exists() and not folder.is_dir():
            raise BadSetting(f"{folder} is a file, where a run's folder should be: name another with --run.")
        if folder.exists() and any(folder.iterdir()):
            raise BadSetting(f"{folder} exists and is not empty: name another with --run.")
        asked = {"format": FORMAT} | asked | {"created": now(), "versions": versions()}
        run = cls(folder, asked)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            run.write("run.json", asked)
        except OSError as error:
            raise AgirError(f"{folder} cannot be written ({error.strerror}): name another folder with --run.") from error
        return run

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "Run":
        """An existing one; raises BadSetting where there is none."""
        folder = pathlib.Path(folder)
        try:
            asked = json.loads((folder / "run.json").read_text())
        except (FileNotFoundError, NotADirectoryError) as error:
            hint = runs_in(folder) or runs_in(folder.parent) or " `agir train` makes one."
            raise BadSetting(f"There is no run in {folder}.{hint}") from error
        except ValueError as error:
            raise BadSetting(f"{folder / 'run.json'} is not JSON ({error}): it was edited or torn.") from error
        if asked.get("format") != FORMAT:
            raise BadSetting(f"{folder} has format {asked.get('format')}; this version of agir reads format {FORMAT}.")
        return cls(folder, asked)

    @property
    def name(self) -> str:
        return self.folder.name

    def checkpoints(self, stage: str = "") -> Checkpoints:
        return Checkpoints(self.folder / "checkpoints" / stage if stage else self.folder / "checkpoints")

    def write(self, name: str, content: dict) -> None:
        write_atomically(self.folder / name, (json.dumps(content, indent=1) + "\n").encode())

    def amend(self, **changes: Any) -> None:
        self.asked |= changes
        self.write("run.json", self.asked)

    @property
    def learnt(self) -> bool:
        """Whether there is a checkpoint, of any stage."""
        return any(path.is_file() for path in (self.folder / "checkpoints").rglob("*"))

    def remove_if_nothing_learnt(self) -> None:
        """Of a run that was refused: a folder without a checkpoint would only be offered as a run."""
        if not self.learnt:
            shutil.rmtree(self.folder)

    @property
    def metrics_path(self) -> pathlib.Path:
        return self.folder / "metrics.jsonl"

    def log(self, row: dict) -> None:
        """One line of JSON; a number that is not finite stands as null, which JSON has and NaN it has not."""
        with open(self.metrics_path, "a") as file:
            file.write(json.dumps(_finite(row)) + "\n")
        for listener in self.listeners:
            listener(_finite(row))

    def rows(self, **where: Any) -> list[dict]:
        """The logged rows whose fields are as asked: `run.rows(split="validation", stage="")`. A torn last line is not a row."""
        if not self.metrics_path.exists():
            return []
        rows = []
        for line in self.metrics_path.read_text().split("\n")[:-1]:
            rows.append(json.loads(line))
        return [row for row in rows if all(row.get(name) == value for name, value in where.items())]

    def forget_after(self, stage: str, step: int) -> None:
        """Drops the rows that a resumed stage will write again."""
        if self.metrics_path.exists():
            kept = [row for row in self.rows() if row["stage"] != stage or row["step"] <= step]
            write_atomically(self.metrics_path, "".join(json.dumps(row) + "\n" for row in kept).encode())


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(x) for name, x in value.items()}
    if isinstance(value, list):
        return [_finite(x) for x in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """What the figures depend on: Python, agir, JAX, the simulators that are installed, and agir's commit where there is one."""
    found = {"python": platform.python_version()}
    for package in STAMPED:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if commit := source_commit():
        found["commit"] = commit
    return found


@functools.cache  # what runs is what was there when it began
def source_commit() -> str | None:
    """The git commit of agir's own checkout, or None for an installed one."""
    here = pathlib.Path(__file__).resolve().parent
    if not (here.parents[2] / ".git").exists():
        return None
    answer = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None
