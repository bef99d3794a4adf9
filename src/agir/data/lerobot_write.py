"""Writing a Dataset in LeRobot's layout, version 3.0, so that LeRobot (and the hub's viewers) read it, and agir without loss.

Observations become `observation.state`, `observation.image`, or for a dict `observation.PART` and `observation.images.PART`; actions
`action` or `action.PART`; `reward`, `success` and `terminated` become `next.reward`, `next.success` and `next.terminated`, beside
`next.done` in each episode's last row. What LeRobot has no place for (the spec, dtypes, the successor of an episode's last row)
stands under the key `agir` of `meta/info.json` and in the folder `agir`.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from agir.core.arrays import write_atomically
from agir.core.errors import BadData, BadSetting, Missing
from agir.core.spaces import spec_to_json
from agir.data.dataset import Dataset
from agir.data.lerobot import FINAL, INFO, OWN
from agir.data.store import leaves

FILE_MB, FILES_A_CHUNK = 100, 1000  # LeRobot's defaults
NAMES = {"reward": "next.reward", "success": "next.success", "terminated": "next.terminated"}
DTYPES = {"int32": "int64"}  # what others read; agir casts back
QUANTILES = (0.01, 0.10, 0.50, 0.90, 0.99)


def write_lerobot(dataset: Dataset, folder: str | Path, task: str = "", rate_hz: float | None = None) -> Path:
    """Writes the new folder; `task` says in words what the episodes do, `rate_hz` how many rows a second where the spec does not.

    Raises BadSetting where there is something already or no rate is known, BadData on images that PNG cannot hold.
    """
    folder = Path(folder)
    rate = rate_hz or dataset.spec.meaning.rate_hz
    if folder.exists():
        raise BadSetting(f"{folder} exists already: choose another name, or remove it.")
    if not rate:
        raise BadSetting("LeRobot's layout needs a rate, and the dataset's spec says none: give rate_hz, in rows a second.")
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise Missing.extra("Writing LeRobot's layout", "lerobot", error) from error
    arrays = leaves(dataset)
    columns = {place: array for place, array in arrays.items() if place.startswith("columns/")}
    final = {place: array for place, array in arrays.items() if place.startswith("final_observation")}
    named = {_name(place, array): array for place, array in columns.items()} | bookkeeping(dataset, rate)
    features = {name: _feature(name, array) for name, array in named.items()}
    stats = [statistics(named, features, slice(start, end)) for start, end in zip(dataset.starts, dataset.ends)]
    spans = _write_rows(folder, named, features, dataset.ends)
    _write_episodes(folder, dataset, task, spans, stats)
    _write_tasks(folder, task)
    content = io.BytesIO()
    np.savez(content, **final, allow_pickle=False)
    write_atomically(folder / OWN / FINAL, content.getvalue())
    whole = statistics(named, features, slice(0, dataset.rows))
    write_atomically(folder / "meta" / "stats.json", json.dumps(whole, indent=1).encode())
    own = {
        "spec": spec_to_json(dataset.spec),
        "about": dataset.about,
        "features": {place: _name(place, array) for place, array in columns.items()},
        "arrays": {place: [str(array.dtype), list(array.shape[1:])] for place, array in (columns | final).items()},
        "fingerprint": dataset.fingerprint(),
    }
    write_atomically(folder / INFO, json.dumps(_info(dataset, features, rate) | {OWN: own}, indent=1).encode())
    return folder


def bookkeeping(dataset: Dataset, rate: float) -> dict[str, np.ndarray]:
    """The columns that every LeRobot dataset has, and `next.done`."""
    frame = np.arange(dataset.rows) - np.repeat(dataset.starts, dataset.lengths)
    return {
        "next.done": np.isin(np.arange(dataset.rows), dataset.ends - 1),
        "timestamp": (frame / rate).astype(np.float32),
        "frame_index": frame,
        "episode_index": np.repeat(np.arange(dataset.episodes), dataset.lengths),
        "index": np.arange(dataset.rows),
        "task_index": np.zeros(dataset.rows, np.int64),
    }


def _info(dataset: Dataset, features: dict, rate: float) -> dict:
    return {
        "codebase_version": "v3.0",
        "robot_type": None,
        "total_episodes": dataset.episodes,
        "total_frames": dataset.rows,
        "total_tasks": 1,
        "chunks_size": FILES_A_CHUNK,
        "data_files_size_in_mb": FILE_MB,
        "video_files_size_in_mb": 200,
        "fps": int(rate) if float(rate).is_integer() else rate,
        "splits": {"train": f"0:{dataset.episodes}"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None,
        "features": features,
    }


def _is_image(name: str, array: np.ndarray) -> bool:
    return name.startswith("observation") and array.dtype == np.uint8 and array.ndim == 4


def _name(place: str, array: np.ndarray) -> str:
    """ "columns/observation/arm" -> "observation.arm"."""
    column, *parts = place.removeprefix("columns/").split("/")
    if column in NAMES:
        return NAMES[column]
    image = _is_image(column, array)
    if column == "observation" and not parts:
        return "observation.image" if image else "observation.state"
    return ".".join([column, *(["images"] if image else []), *parts])


def _feature(name: str, array: np.ndarray) -> dict:
    if _is_image(name, array):
        if array.shape[3] not in (1, 3):
            raise BadData(f"'{name}' has images of {array.shape[3]} channels; PNG holds 1 or 3. Split them.")
        return {"dtype": "image", "shape": list(array.shape[1:]), "names": ["height", "width", "channels"]}
    return {"dtype": DTYPES.get(str(array.dtype), str(array.dtype)), "shape": list(array.shape[1:]) or [1], "names": None}


def statistics(named: dict[str, np.ndarray], features: dict, rows: slice) -> dict[str, dict[str, list]]:
    """LeRobot's statistics of some rows: minimum, maximum, mean, deviation, count and quantiles; of images by channel, in [0, 1]."""
    result = {}
    for name, array in named.items():
        part, shape = array[rows], features[name]["shape"]
        if features[name]["dtype"] == "image":
            part, shape = part.reshape(-1, part.shape[-1]) / np.float32(255), [part.shape[-1], 1, 1]
        part = part.reshape(len(part), -1).astype(np.float64)
        values = {"min": part.min(0), "max": part.max(0), "mean": part.mean(0), "std": part.std(0)}
        values |= {f"q{round(100 * share):02d}": quantile for share, quantile in zip(QUANTILES, np.quantile(part, QUANTILES, axis=0))}
        result[name] = {key: value.reshape(shape).tolist() for key, value in values.items()} | {"count": [rows.stop - rows.start]}
    return result


# ------------------------------------------------------------------------------------------------------------ the parquet
def _hf_feature(feature: dict) -> dict:
    """How Hugging Face's `datasets` calls it: LeRobot's rule in `get_hf_features_from_features`."""
    shape, value = feature["shape"], {"dtype": feature["dtype"], "_type": "Value"}
    if feature["dtype"] == "image":
        return {"_type": "Image"}
    if shape == [1]:
        return value
    if len(shape) == 1:
        return {"feature": value, "length": shape[0], "_type": "Sequence"}
    return {"shape": shape, "dtype": feature["dtype"], "_type": f"Array{len(shape)}D"}


def _arrow(array: np.ndarray, feature: dict) -> Any:
    import pyarrow as arrow

    if feature["dtype"] == "image":
        cells = [{"bytes": _png(frame), "path": None} for frame in array]
        return arrow.array(cells, arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())]))
    shape = tuple(feature["shape"])
    values = arrow.array(np.ascontiguousarray(array).reshape(-1).astype(feature["dtype"]))
    if shape == (1,):
        return values
    if len(shape) == 1:
        return arrow.FixedSizeListArray.from_arrays(values, shape[0])
    for size in reversed(shape):
        values = arrow.ListArray.from_arrays(np.arange(0, len(values) + 1, size, dtype=np.int32), values)
    return values


def _png(frame: np.ndarray) -> bytes:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame).save(content, "PNG")
    return content.getvalue()


def _write_rows(folder: Path, named: dict[str, np.ndarray], features: dict, ends: np.ndarray) -> list[tuple[int, int, int, int]]:
    """data/: a row group an episode, a new file where one is full -> each episode's chunk, file, first row and end."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    metadata = {"huggingface": json.dumps({"info": {"features": {name: _hf_feature(f) for name, f in features.items()}}})}
    spans, writer, size, number, start = [], None, 0, -1, 0
    for end in map(int, ends):
        table = arrow.table({name: _arrow(array[start:end], features[name]) for name, array in named.items()})
        if writer is None or size + table.nbytes > FILE_MB * 2**20:
            number, size = number + 1, 0
            chunk, file = divmod(number, FILES_A_CHUNK)
            path = folder / "data" / f"chunk-{chunk:03d}" / f"file-{file:03d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            if writer is not None:
                writer.close()
            writer = parquet.ParquetWriter(path, table.schema.with_metadata(metadata), compression="snappy")
        writer.write_table(table)
        spans.append((chunk, file, start, end))
        start, size = end, size + table.nbytes
    writer.close()
    return spans


def _write_episodes(folder: Path, dataset: Dataset, task: str, spans: list, stats: list[dict]) -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    rows = []
    for number, ((chunk, file, start, end), its) in enumerate(zip(spans, stats)):
        row = {"episode_index": number, "tasks": [task], "length": end - start}
        row |= {"data/chunk_index": chunk, "data/file_index": file, "dataset_from_index": start, "dataset_to_index": end}
        row |= {f"stats/{name}/{key}": value for name, values in its.items() for key, value in values.items()}
        rows.append(row | {"meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0})
    path = folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.Table.from_pylist(rows), path)


def _write_tasks(folder: Path, task: str) -> None:
    """meta/tasks.parquet as pandas reads it: `task_index`, indexed by the task's words."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    about = lambda name, kind, numpy: {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy, "metadata": None}
    columns = [about("task_index", "int64", "int64"), about("task", "unicode", "object")]
    pandas = {"index_columns": ["task"], "column_indexes": [], "columns": columns, "attributes": {}, "pandas_version": "2.2.0"}
    table = arrow.table({"task_index": arrow.array([0], arrow.int64()), "task": [task]})
    parquet.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), folder / "meta" / "tasks.parquet")
