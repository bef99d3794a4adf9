"""Datasets from files, by whichever reader recognises them: `read("demos.npz", task)`, `read("hub:lerobot/pusht_image", task)`."""

from pathlib import Path
from typing import Protocol

import jax
import numpy as np

from agir.core.errors import BadData, Missing
from agir.core.nouns import Task
from agir.core.registry import find, names
from agir.core.spaces import Spec
from agir.data.dataset import Dataset

HUB = "hub:"


class Reader(Protocol):
    """A row of READERS names a class of this form; it is made without arguments."""

    def recognises(self, path: Path) -> bool:
        """Cheaply, from names alone."""

    def read(self, path: Path, task: Task | None) -> Dataset:
        """-> the Dataset, with `task`'s spec where a task is given. Raises BadData, BadSpec or Missing."""


def read(path: str | Path, task: Task | None = None) -> Dataset:
    """The dataset at `path`: a file or folder of a known format, or `hub:ORG/NAME[@REVISION]` on the Hugging Face hub.

    Formats that do not say what their columns mean need the `task` they belong to. Raises Missing where there is nothing, BadData
    where the format is unknown or the contents are wrong, BadSpec where the dataset does not fit the task.
    """
    said = str(path)
    local = download(said.removeprefix(HUB)) if said.startswith(HUB) else Path(path).expanduser()
    if not local.exists():
        raise Missing(f"There is no file or folder '{path}'. Give the path of a dataset, or {HUB}ORG/NAME for one on the Hugging Face hub.")
    reader = next((made for name in names("reader") if (made := find("reader", name)()).recognises(local)), None)
    if reader is None:
        known = "\n".join(f"  {name}: {about}" for name, about in names("reader").items())
        raise BadData(
            f"'{path}' is in none of the formats that agir reads:\n{known}\n"
            "Arrays of another one become agir's own with agir.Dataset.from_episodes(task.spec, [...]).save('PATH.npz'): docs/data.md."
        )
    try:
        dataset = reader.read(local, task)
    except BadData as error:
        if str(local) in str(error):
            raise
        raise BadData(f"{path}: {error}") from error
    if task is not None:
        task.spec.require(dataset.spec, f"the task {task.name}", f"the dataset '{path}'")
    return dataset


def download(name: str) -> Path:
    """A dataset of the Hugging Face hub (`ORG/NAME` or `ORG/NAME@REVISION`), without its videos -> its folder on this machine."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise Missing.extra("Reading from the Hugging Face hub", "lerobot", error) from error
    repository, _, revision = name.partition("@")
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise BadData(f"'{HUB}{name}' does not name a dataset of the hub: write {HUB}ORG/NAME, as in {HUB}lerobot/pusht_image.")
    try:
        return Path(snapshot_download(repository, repo_type="dataset", revision=revision or None, ignore_patterns=["videos/*"]))
    except Exception as error:  # the hub, the network and the disk each fail in their own ways
        first = str(error).strip().split("\n")[0]
        raise Missing(
            f"The dataset '{repository}' could not be had from the Hugging Face hub ({type(error).__name__}: {first}). Check its name "
            "and the network; for a private one type `hf auth login`."
        ) from error


def require_task(task: Task | None, path: Path, wanted: str) -> Task:
    """`task`, if it is of the family `wanted`; raises BadData else. For readers whose files belong to one family."""
    if task is None or getattr(task, "family", task.name) != wanted:
        given = f"not to {task.name}" if task is not None else f"so say so: --task {wanted}"
        raise BadData(f"{path} belongs to the task family '{wanted}' (`agir tasks`), {given}.")
    return task


def cut(columns: dict, ends: np.ndarray, spec: Spec, about: dict, path: Path, goes_on: bool) -> Dataset:
    """A Dataset of recordings that say each step's observation and action, but not what came after the last action.

    `goes_on`: the recording was stopped, the task was not over. Then the last observation becomes the successor of the action
    before it, its own action is left out, and the episodes are truncated. Else the last action ended the episode. `columns` are
    trees of [rows, ...]; raises BadData where `ends` do not cut the rows into episodes.
    """
    ends, rows = np.asarray(ends), len(columns["action"])
    starts = np.concatenate([[0], ends[:-1]]) if ends.ndim == 1 else ends
    if ends.ndim != 1 or not len(ends) or ends[-1] != rows or (ends <= starts).any():
        raise BadData(f"{path}: episode_ends {ends.ravel()[:5].tolist()} ... do not cut {rows} rows into episodes: they should rise to it.")
    if goes_on and (short := np.flatnonzero(ends - starts < 2)).size:
        raise BadData(f"{path}: episode {short[0]} has a single row, so nothing is known of what its action did. Drop it.")
    episodes = []
    for start, end in zip(starts, ends):
        rows_to = lambda tree, last: jax.tree.map(lambda column: column[start:last], tree)
        episode = {name: rows_to(tree, end if name == "observation" else end - goes_on) for name, tree in columns.items()}
        episodes.append(episode | {"terminated": np.arange(start, end - goes_on) == end - 1})
    return Dataset.from_episodes(spec, episodes, about)
