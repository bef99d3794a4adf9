"""Reading LeRobot datasets: layouts v3.x (many episodes a file) and v2.x (one episode a file).

    meta/info.json                      version, rate (fps), features: name -> {dtype, shape, names}
    data/chunk-000/file-000.parquet     the rows (v2.x: episode_000000.parquet): every feature but videos, one column each, and
                                        timestamp, frame_index, episode_index, index, task_index
    meta/episodes/, meta/tasks.parquet  where episodes lie, what they were to do (v2.x: episodes.jsonl, tasks.jsonl): not needed

Images lie in the rows as PNG or JPEG; videos lie in files of their own and are not decoded. What `write_lerobot` wrote says in
`info.json` which feature is which part of which spec, and is read back as it was; else a task's spec is matched to the features
by name, then by shape. Source: huggingface/lerobot, docs "porting_datasets_v3", and its `datasets` package.
"""

import dataclasses
import io
import json
import math
from pathlib import Path
from typing import Any

import jax
import numpy as np

from agir.core.errors import BadData, BadSpec, Missing
from agir.core.nouns import Task
from agir.core.spaces import Box, Dict, Meaning, Space, Spec, outline, spec_from_json, zeros
from agir.data.dataset import Dataset
from agir.data.store import nested, npz_arrays

INFO = "meta/info.json"
OWN, FINAL = "agir", "final_observation.npz"  # the key in info.json, and the folder, that other readers overlook
BOOKKEEPING = ("timestamp", "frame_index", "episode_index", "index", "task_index")
PLAIN = {"next.reward": "reward", "next.success": "success", "timestamp": "timestamp"}  # feature -> column
IMAGES = ("image", "video")


class LeRobotFolder:
    """A folder in LeRobot's layout, version 2 or 3."""

    def recognises(self, path: Path) -> bool:
        return path.is_dir() and (path / INFO).is_file()

    def read(self, path: Path, task: Task | None = None) -> Dataset:
        """Raises BadData naming file, column and row, BadSpec where features do not fit the task, Missing for videos."""
        info = read_info(path)
        own = info.get(OWN)
        plan = _own_plan(own) if own else _foreign_plan(path, info, task)
        columns, ends = read_columns(path, info, sorted(set(plan.features.values())))
        flat = {place: columns[name].reshape(len(columns[name]), *plan.shapes.get(place, ())) for place, name in plan.features.items()}
        return _own_dataset(path, own, plan.spec, flat, ends) if own else _foreign_dataset(path, plan, nested(flat), ends)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which feature becomes which part of a Dataset."""

    spec: Spec
    features: dict[str, str]  # "columns/observation/arm" -> "observation.arm"
    shapes: dict[str, tuple[int, ...]]  # of one value; () for what is not here
    unused: tuple[str, ...] = ()


def read_info(path: Path) -> dict:
    """`meta/info.json`, checked; raises BadData."""
    try:
        info = json.loads((path / INFO).read_bytes())
        version, _ = str(info["codebase_version"]), float(info["fps"])
        features = {name: (feature["dtype"], tuple(feature["shape"])) for name, feature in info["features"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData(f"{path / INFO} is not LeRobot's ({type(error).__name__}: {error}). Download it again.") from error
    if version.lstrip("v").split(".")[0] not in ("2", "3"):
        raise BadData(f"{path} is of LeRobot's layout {version}; agir reads v2.x and v3.x. Convert it with LeRobot's own script.")
    if lacking := [name for name in ("action", "episode_index", "frame_index") if name not in features and not info.get(OWN)]:
        raise BadData(f"{path} has no feature '{lacking[0]}'. It has {', '.join(features)}.")
    return info


# -------------------------------------------------------------------------------------------------- which feature is what
def _own_plan(own: dict) -> Plan:
    return Plan(spec_from_json(own["spec"]), own["features"], {place: tuple(shape) for place, (_, shape) in own["arrays"].items()})


def _foreign_plan(path: Path, info: dict, task: Task | None) -> Plan:
    features = {name: feature for name, feature in info["features"].items() if name not in BOOKKEEPING}
    rate = float(info["fps"])
    if task is None:
        seen = sorted(name for name in features if name.startswith("observation.") and _numeric(features[name]["dtype"]))
        if not seen:
            raise BadData(f"{path} has no observation that can be read; it has {', '.join(features)}.")
        spec = Spec(_observation(seen, features), _space(features["action"]), Meaning(rate_hz=rate))
    else:
        meaning = task.spec.meaning
        spec = dataclasses.replace(task.spec, meaning=dataclasses.replace(meaning, rate_hz=rate) if meaning.rate_hz else meaning)
    found, shapes = {}, {}
    for place, space in (*_leaves(spec.observation, ("observation",)), *_leaves(spec.action, ("action",))):
        where = "columns/" + "/".join(place)
        found[where], shapes[where] = _match(place, space, features, set(found.values()), path), zeros(space).shape
    for name, column in PLAIN.items():
        if name in info["features"]:
            found[f"columns/{column}"] = name
    if "next.done" in features:
        found["done"] = "next.done"
    return Plan(spec, found, shapes, tuple(sorted(set(features) - set(found.values()))))


def _numeric(dtype: str) -> bool:
    return dtype == "image" or dtype.startswith(("float", "int", "uint", "bool"))


def _observation(names: list[str], features: dict) -> Space:
    """The spec of a dataset that belongs to no known task: one box, or a dict of what stands after `observation.`."""
    if len(names) == 1:
        return _space(features[names[0]])
    return Dict(tuple((name.removeprefix("observation."), _space(features[name])) for name in names))


def _space(feature: dict) -> Box:
    shape = tuple(feature["shape"])
    return Box(_image_shape(feature), 0.0, 255.0, "uint8") if feature["dtype"] in IMAGES else Box(shape)


def _image_shape(feature: dict) -> tuple[int, ...]:
    """[height, width, channels], also where the channels are named first."""
    shape, names = tuple(feature["shape"]), feature.get("names") or []
    said = str(names[0]).startswith("c") if isinstance(names, list) and names else None
    first = said if said is not None else len(shape) == 3 and shape[0] in (1, 3) and shape[2] not in (1, 3)
    return (*shape[1:], shape[0]) if first else shape


def _leaves(space: Space, place: tuple[str, ...]) -> list[tuple[tuple[str, ...], Space]]:
    if isinstance(space, Dict):
        return [leaf for name, part in space.parts for leaf in _leaves(part, (*place, name))]
    return [(place, space)]


def _match(place: tuple[str, ...], space: Space, features: dict, taken: set[str], path: Path) -> str:
    """The feature for one part of the spec: by its name, else the only one of its shape; raises BadSpec naming all there are."""
    kind, *parts = place
    image = isinstance(space, Box) and space.image
    rest = ".".join(parts)
    usual = [f"{kind}.image", f"{kind}.images.image"] if image else [f"{kind}.state", f"{kind}.environment_state"]
    named = [f"{kind}.{rest}", f"{kind}.images.{rest}", f"{kind}.images.{parts[-1]}"] if parts else ([kind] if kind == "action" else usual)
    free = {name: feature for name, feature in features.items() if name.split(".")[0] == kind and name not in taken}
    fits = [name for name, feature in free.items() if _fits(space, feature)]
    name = next((name for name in named if name in fits), fits[0] if len(fits) == 1 else None)
    if name is None:
        there = ", ".join(f"{name} {feature['dtype']}{list(feature['shape'])}" for name, feature in free.items()) or "none"
        which = "several features fit" if fits else "no feature fits"
        raise BadSpec(f"{path}: {which} the task's {'.'.join(place)}, {outline(space)}. There are: {there}. Give a task they fit.")
    if features[name]["dtype"] == "video":
        raise Missing(
            f"{path}: '{name}', the task's {'.'.join(place)}, is video, which agir does not decode. Convert it with LeRobot so that its "
            'dtype is "image" (`use_videos=False`), or choose a task without that image.'
        )
    return name


def _fits(space: Space, feature: dict) -> bool:
    shape = tuple(feature["shape"])
    if isinstance(space, Box) and space.image:
        return feature["dtype"] in IMAGES and _image_shape(feature) == space.shape
    if feature["dtype"] in IMAGES or not _numeric(feature["dtype"]):
        return False
    if not isinstance(space, Box) and feature["dtype"].startswith("float"):
        return False
    wanted = zeros(space).shape
    return shape == wanted or math.prod(shape) == math.prod(wanted) == 1


# --------------------------------------------------------------------------------------------------------------- the rows
def read_columns(path: Path, info: dict, wanted: list[str]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """-> {feature: [rows, ...]} in the order of episodes and frames, and int64 `ends` [episodes].

    Raises Missing without PyArrow, BadData on torn files, missing columns, gaps in the frames, or a wrong number of rows.
    """
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise Missing.extra("Reading LeRobot's layout", "lerobot", error) from error
    files = sorted((path / "data").glob("*/*.parquet"))
    if not files:
        raise BadData(f"{path / 'data'} has no parquet file. Download the dataset again.")
    need = [*dict.fromkeys(["episode_index", "frame_index", *wanted])]
    tables = []
    for file in files:
        try:
            tables.append(parquet.read_table(file, columns=need))
        except (OSError, arrow.ArrowException) as error:
            raise BadData(f"{file} cannot be read ({str(error).splitlines()[0]}). Download it again.") from error
        if lacking := set(need) - set(tables[-1].column_names):
            raise BadData(f"{file} has no column '{min(lacking)}', though {INFO} names it.")
    rows = sum(table.num_rows for table in tables)
    if "total_frames" in info and rows != info["total_frames"]:
        raise BadData(f"{path} has {rows} rows, but {INFO} says {info['total_frames']}: some files are missing or torn.")
    columns = {name: np.concatenate([_array(table.column(name), name, path) for table in tables]) for name in need}
    episode, frame = columns["episode_index"].ravel(), columns["frame_index"].ravel()
    order = np.lexsort((frame, episode))
    columns = {name: column[order] for name, column in columns.items()} if (np.diff(order) != 1).any() else columns
    episode, frame = episode[order], frame[order]
    starts = np.flatnonzero(np.diff(episode, prepend=episode[:1] - 1))
    lengths = np.diff(starts, append=rows)
    if (gap := np.flatnonzero(frame != np.arange(rows) - np.repeat(starts, lengths))).size:
        raise BadData(f"{path}: episode {episode[gap[0]]} has frame {frame[gap[0]]} where another should be: a row is missing or double.")
    return columns, starts + lengths


def _array(column: Any, name: str, path: Path) -> np.ndarray:
    """An Arrow column as [rows, ...]; every row has the same shape, none is empty; images are decoded."""
    import pyarrow.compute as compute

    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise BadData(f"{path}: column '{name}', row {row} is empty.")
    if str(column.type).startswith("struct"):
        return _images(column, name, path)
    values, shape = column.combine_chunks(), []
    while str(values.type).startswith(("list", "fixed_size_list", "large_list", "extension")):
        if str(values.type).startswith("extension"):
            values = values.storage
            continue
        sizes = {size.as_py() for size in compute.unique(compute.list_value_length(values))}
        if len(sizes) > 1:
            raise BadData(f"{path}: column '{name}' has rows of different lengths.")
        shape += sizes
        values = values.flatten()
        if values.null_count:
            raise BadData(f"{path}: column '{name}' has empty entries.")
    if not str(values.type).startswith(("float", "double", "halffloat", "int", "uint", "bool")):
        raise BadData(f"{path}: column '{name}' holds {values.type}, not numbers.")
    return values.to_numpy(zero_copy_only=False).reshape(len(column), *shape)


def _images(column: Any, name: str, path: Path) -> np.ndarray:
    from PIL import Image

    frames = []
    for row, cell in enumerate(column.to_pylist()):
        if not cell.get("bytes"):
            raise BadData(f"{path}: column '{name}', row {row} points to the file {cell.get('path')} instead of holding its image.")
        try:
            frames.append(np.asarray(Image.open(io.BytesIO(cell["bytes"]))))
        except OSError as error:
            raise BadData(f"{path}: column '{name}', row {row} is not an image ({error}).") from error
        if frames[-1].shape != frames[0].shape or frames[-1].dtype != np.uint8:
            raise BadData(
                f"{path}: column '{name}', row {row} is {frames[-1].dtype}{list(frames[-1].shape)}, row 0 {list(frames[0].shape)}."
            )
    return np.stack(frames)


# ------------------------------------------------------------------------------------------------------------ the dataset
def _own_dataset(path: Path, own: dict, spec: Spec, flat: dict[str, np.ndarray], ends: np.ndarray) -> Dataset:
    """What `write_lerobot` wrote, in its own dtypes; raises BadData where the contents have changed since."""
    final = [place for place in own["arrays"] if place not in flat]
    flat = flat | dict(zip(final, npz_arrays(path / OWN / FINAL, *final)))
    tree = nested({place: flat[place].astype(kind) for place, (kind, _) in own["arrays"].items()})
    dataset = Dataset(spec, tree["columns"], ends.astype(np.int64), tree["final_observation"], own["about"])
    if dataset.fingerprint() != own["fingerprint"]:
        raise BadData(f"{path} was changed after agir wrote it: its fingerprint does not match. Take it from its source again.")
    return dataset


def _foreign_dataset(path: Path, plan: Plan, tree: dict, ends: np.ndarray) -> Dataset:
    """An episode whose last row is `next.done`, or of a dataset that has no such column, ended with its last action.

    Where the last row is not done, its observation is the successor of the action before, and its own action is left out.
    """
    done = tree["done"] if "done" in tree else np.ones(ends[-1], bool)
    episodes = []
    for start, end in zip(np.concatenate([[0], ends[:-1]]), ends):
        goes_on = int(not done[end - 1] and end - start > 1)
        rows_to = lambda part, stop: jax.tree.map(lambda column: column[start:stop], part)
        episode = {name: rows_to(part, end - (goes_on if name != "observation" else 0)) for name, part in tree["columns"].items()}
        episodes.append(episode | {"terminated": np.arange(start, end - goes_on) == end - 1})
    about = {"source": f"LeRobot dataset {path.name}"} | ({"unused": list(plan.unused)} if plan.unused else {})
    return Dataset.from_episodes(plan.spec, episodes, about)
