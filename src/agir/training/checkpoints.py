"""Checkpoints of one learner: whole files or none, checked when they are read; the one before a bad one is offered."""

import errno
import pathlib
from typing import Any

from agir.core.arrays import read_arrays, write_arrays
from agir.core.errors import AgirError, BadCheckpoint

KEPT = 2  # the newest, and one to go back to


class Checkpoints:
    """`folder` holds NNNNNNNNNN.safetensors, named by the step, and best.safetensors."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    @property
    def steps(self) -> list[int]:
        """The steps there are checkpoints of, ascending."""
        return sorted(int(path.stem) for path in self.folder.glob("*.safetensors") if path.stem.isdigit())

    def path(self, step: int) -> pathlib.Path:
        return self.folder / f"{step:010d}.safetensors"

    @property
    def best(self) -> pathlib.Path:
        return self.folder / "best.safetensors"

    def save(self, step: int, carry: Any) -> None:
        """Writes (state, feed) at `step`, and lets go of all but the newest; raises AgirError where the disk refuses."""
        self._write(self.path(step), carry, {"step": step})
        for old in self.steps[:-KEPT]:
            self.path(old).unlink()

    def save_best(self, state: Any, score: list[float], step: list[int]) -> None:
        self._write(self.best, state, {"score": score, "step": step})

    def _write(self, path: pathlib.Path, tree: Any, about: dict) -> None:
        try:
            write_arrays(path, tree, about)
        except OSError as error:
            cause = "the disk is full" if error.errno == errno.ENOSPC else str(error)
            last = f"The last whole one is of step {self.steps[-1]}." if self.steps else "There is none before it."
            raise AgirError(f"No checkpoint could be written to {path}: {cause}. {last} Mend that, then `agir resume` goes on.") from error

    def load(self, like: Any) -> tuple[Any, int] | None:
        """-> the newest (state, feed) and its step, or None where there is none.

        A torn or edited one is refused by name; the message says which one before it is whole and how to go back to it.
        """
        if not self.steps:
            return None
        step = self.steps[-1]
        try:
            carry, about = read_arrays(self.path(step), like)
        except BadCheckpoint as error:
            before = [earlier for earlier in self.steps[:-1] if self._whole(earlier, like)]
            way = (
                f"The one before it, step {before[-1]}, is whole: delete {self.path(step)} to go on from there."
                if before
                else ("There is no whole one before it: start the run again in another folder.")
            )
            raise BadCheckpoint(f"{error} {way}") from error
        if about.get("step") != step:
            raise BadCheckpoint(f"{self.path(step)} says that it is of step {about.get('step')}: it was renamed.")
        return carry, step

    def _whole(self, step: int, like: Any) -> bool:
        try:
            read_arrays(self.path(step), like)
        except BadCheckpoint:
            return False
        return True
