"""agir's own files of a dataset: a folder with one .npy a column (read by mapping, for images), or all in one .npz. No pickle.

`dataset.json` says the spec, where it comes from, which array is which column, and the fingerprint of the contents. In a folder
it is written last, so that half a folder is not taken for a dataset.
"""

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jax
import numpy as np

from agir.core.arrays import write_atomically
from agir.core.errors import BadData, BadSetting
from agir.core.nouns import Task
from agir.core.spaces import spec_from_json, spec_to_json
from agir.data.dataset import Dataset

VERSION = 1
ABOUT = "dataset.json"
TORN = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)  # what NumPy and its formats raise


def leaves(dataset: Dataset) -> dict[str, np.ndarray]:
    """{"columns/observation/image": array, ...} of all the arrays of a dataset."""
    tree = {"columns": dataset.columns, "final_observation": dataset.final_observation, "ends": np.asarray(dataset.ends, np.int64)}
    named = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        parts = [str(entry.key) for entry in path]
        if bad := [part for part in parts if "/" in part or part in ("", ".", "..")]:
            raise BadData(f"A column's name may not be {bad[0]!r}: it is to become a file's name. Rename the column.")
        named["/".join(parts)] = np.asarray(leaf)
    return named


def save(dataset: Dataset, path: str | Path) -> Path:
    """Writes a dataset to PATH.npz or to the new folder PATH; raises BadSetting where there is something already."""
    path = Path(path)
    if path.exists():
        raise BadSetting(f"{path} exists already: choose another name, or remove it.")
    arrays = leaves(dataset)
    about = {
        "agir": "dataset",
        "version": VERSION,
        "spec": spec_to_json(dataset.spec),
        "about": dataset.about,
        "arrays": sorted(arrays),
        "fingerprint": dataset.fingerprint(),
    }
    try:
        text = json.dumps(about, indent=1).encode()
    except TypeError as error:
        raise BadData(f"The dataset's `about` cannot be written as JSON ({error}). Keep text, numbers and lists there.") from error
    if path.suffix == ".npz":
        content = io.BytesIO()
        np.savez_compressed(content, **arrays, **{ABOUT: np.frombuffer(text, np.uint8)}, allow_pickle=False)
        write_atomically(path, content.getvalue())
        return path
    for name, array in arrays.items():
        file = path / f"{name}.npy"
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, array, allow_pickle=False)
    write_atomically(path / ABOUT, text)
    return path


class OwnFile:
    """A dataset that `Dataset.save` wrote."""

    def recognises(self, path: Path) -> bool:
        return (path / ABOUT).is_file() if path.is_dir() else ABOUT in npz_names(path)

    def read(self, path: Path, task: Task | None = None) -> Dataset:
        """Columns of a folder are mapped, not loaded. Raises BadData on what is torn, edited or of a later version."""
        try:
            return self._read(path)
        except TORN as error:
            what = f"{type(error).__name__}: {error}"
            raise BadData(f"{path} is torn or was edited ({what}). Take it from its source, or save it, again.") from error

    def _read(self, path: Path) -> Dataset:
        if path.is_dir():
            about = json.loads((path / ABOUT).read_bytes())
            arrays = {name: np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in about["arrays"]}
        else:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(file[ABOUT].tobytes())
                arrays = {name: file[name] for name in about["arrays"]}
        if about["version"] > VERSION:
            raise BadData(f"{path} was written by a later agir (format {about['version']}, this one reads {VERSION}). Update agir.")
        tree = nested(arrays)
        dataset = Dataset(spec_from_json(about["spec"]), tree["columns"], tree["ends"], tree["final_observation"], about["about"])
        if dataset.fingerprint() != about["fingerprint"]:
            raise BadData(f"{path} was changed after it was written: its fingerprint does not match. Take it from its source again.")
        return dataset


def nested(flat: dict[str, Any]) -> dict:
    """{"a/b": x} -> {"a": {"b": x}}."""
    tree: dict = {}
    for name, value in flat.items():
        *parents, last = name.split("/")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = value
    return tree


def npz_names(path: Path) -> tuple[str, ...]:
    """The names of the arrays in an .npz, none where it is not one."""
    if path.suffix != ".npz" or not path.is_file():
        return ()
    try:
        with np.load(path, allow_pickle=False) as file:
            return tuple(file.files)
    except TORN as error:
        raise BadData(f"{path} is not an .npz, or a torn one. Take it from its source, or save it, again.") from error


def npz_arrays(path: Path, *names: str) -> list[np.ndarray]:
    """Some arrays of an .npz; raises BadData naming one that is missing, torn, or not an array of numbers."""
    found = []
    with np.load(path, allow_pickle=False) as file:
        for name in names:
            if name not in file.files:
                raise BadData(f"{path} has no array '{name}'; it has {', '.join(file.files[:12])}.")
            try:
                found.append(file[name])
            except TORN as error:
                raise BadData(f"{path}: the array '{name}' cannot be read ({type(error).__name__}: {error}).") from error
    return found
