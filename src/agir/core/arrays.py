"""Arrays on disk: a pytree as one safetensors file, written atomically, with a checksum. No pickle anywhere."""

import hashlib
import json
import os
import pathlib
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from agir.core.errors import BadCheckpoint

METADATA = "agir"
KEY = "#key"  # ends the name of a random key, which is stored as its data


def named_leaves(tree: Any) -> dict[str, Any]:
    """{path: leaf} of the leaves that are arrays (or shapes of them)."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path) or ".": leaf for path, leaf in leaves if hasattr(leaf, "shape") and hasattr(leaf, "dtype")}


def is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def write_arrays(path: pathlib.Path, tree: Any, about: dict) -> None:
    """Writes the arrays of `tree` and `about` (JSON) to `path`: all of it or, if anything goes wrong, nothing."""
    tensors = {}
    for name, leaf in named_leaves(tree).items():
        key = is_key(leaf)
        tensors[name + KEY * key] = np.asarray(jax.random.key_data(leaf) if key else leaf, order="C")
    text = json.dumps({"about": about, "checksum": checksum(tensors, about)}, sort_keys=True)
    write_atomically(path, save(tensors, {METADATA: text}))  # one entry: safetensors writes several in any order


def write_atomically(path: pathlib.Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never half of it, even after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def checksum(tensors: dict[str, np.ndarray], about: dict) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}".encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()


def read_about(path: pathlib.Path) -> dict:
    """Only what was written beside the arrays; raises BadCheckpoint on a torn file."""
    return _read(path, False)[1]["about"]


def _read(path: pathlib.Path, with_arrays: bool) -> tuple[dict[str, np.ndarray], dict]:
    try:
        with safe_open(path, "numpy") as file:
            text = json.loads(file.metadata()[METADATA])
            return {name: file.get_tensor(name) for name in file.keys() if with_arrays}, text  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise BadCheckpoint(f"{path} is torn or is not one of agir's files ({error}).") from error


def read_arrays(path: pathlib.Path, like: Any) -> tuple[Any, dict]:
    """-> `like` with the file's arrays in the place of its own (or of its shapes), and what was written beside them.

    Raises BadCheckpoint on a torn or edited file, and names the first array that is missing, unknown or of another shape.
    """
    tensors, text = _read(path, True)
    about = text["about"]
    if checksum(tensors, about) != text["checksum"]:
        raise BadCheckpoint(f"{path} was changed after it was written: its checksum does not match.")
    wanted = {name + KEY * is_key(leaf): leaf for name, leaf in named_leaves(like).items()}
    for name in sorted(set(wanted) ^ set(tensors)):
        where = "lacks" if name in wanted else "has an unknown"
        raise BadCheckpoint(f"{path} {where} array {name}: it was written for other settings, or by another version.")
    for name, leaf in wanted.items():
        shape = tensors[name].shape[: leaf.ndim] if is_key(leaf) else tensors[name].shape
        if shape != leaf.shape or not (is_key(leaf) or tensors[name].dtype == leaf.dtype):
            raise BadCheckpoint(f"{path}: array {name} is {tensors[name].dtype}{list(shape)}, expected {leaf.dtype}{list(leaf.shape)}.")
    return _fill(like, tensors), about


def _fill(like: Any, tensors: dict[str, np.ndarray]) -> Any:
    def leaf(path: Any, old: Any) -> Any:
        if not (hasattr(old, "shape") and hasattr(old, "dtype")):
            return old
        name = jax.tree_util.keystr(path) or "."
        if is_key(old):
            return jax.random.wrap_key_data(jax.numpy.asarray(tensors[name + KEY]))
        return tensors[name] if isinstance(old, np.ndarray) else jax.numpy.asarray(tensors[name])

    return jax.tree_util.tree_map_with_path(leaf, like)
