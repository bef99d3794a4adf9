"""LeRobot's layout: our own folders come back bit by bit; folders as LeRobot writes them are read, or refused by name.

(What `write_lerobot` writes was opened once with lerobot 0.4.4 and its `datasets`, and a folder of theirs with this reader.)
"""

import io
import json

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from data.test_store import SPEC, Wanting, same, toy
from PIL import Image

from agir.core.errors import BadData, BadSetting, BadSpec, Missing
from agir.core.nouns import Task
from agir.core.spaces import Box, Dict, Discrete, Meaning, Spec
from agir.data.dataset import Dataset
from agir.data.lerobot_write import write_lerobot
from agir.data.readers import read
from agir.tasks.pusht import PushT

LENGTHS = (4, 1, 3)


class Arm(Task):
    name, horizon = "arm", 10
    spec = Spec(
        Dict((("state", Box((2,))), ("top", Box((6, 5, 3), 0.0, 255.0, "uint8")))), Box((2,)), Meaning("absolute", "rad", "joint", 10.0)
    )


def png(frame):
    content = io.BytesIO()
    Image.fromarray(frame).save(content, "PNG")
    return content.getvalue()


def theirs(folder, version="v3.0", done=None, change=lambda columns: columns, **info):
    """A folder as LeRobot writes it: v3 with two episodes in the first file, v2 with one a file -> the raw columns."""
    random, rows = np.random.default_rng(0), sum(LENGTHS)
    episode = np.repeat(np.arange(3), LENGTHS)
    columns = {
        "observation.state": random.normal(size=(rows, 2)).astype(np.float32),
        "observation.images.top": random.integers(0, 256, (rows, 6, 5, 3)).astype(np.uint8),
        "observation.force": random.normal(size=(rows, 2, 3)).astype(np.float32),
        "action": random.normal(size=(rows, 2)).astype(np.float32),
        "next.reward": random.normal(size=rows).astype(np.float32),
        "timestamp": np.concatenate([np.arange(n) / 10 for n in LENGTHS]).astype(np.float32),
        "frame_index": np.concatenate([np.arange(n) for n in LENGTHS]),
        "episode_index": episode,
        "index": np.arange(rows),
        "task_index": np.zeros(rows, int),
    } | ({} if done is None else {"next.done": np.array(done)})
    columns = change(columns)
    features = {}
    for name, column in columns.items():
        kind = "image" if column.ndim == 4 else str(column.dtype)
        features[name] = {"dtype": kind, "shape": list(column.shape[1:]) or [1], "names": None}
    said = {"codebase_version": version, "fps": 10, "features": features, "total_frames": rows} | info
    (folder / "meta").mkdir(parents=True)
    (folder / "meta" / "info.json").write_text(json.dumps(said))
    groups = [[0, 1], [2]] if version.startswith("v3") else [[0], [1], [2]]
    for number, group in enumerate(groups):
        picked = np.isin(columns["episode_index"], group)
        cells = {n: [{"bytes": png(f), "path": None} for f in c[picked]] if c.ndim == 4 else c[picked].tolist() for n, c in columns.items()}
        types = {n: arrow.list_(arrow.float32(), 2) for n in ("observation.state", "action") if n in cells}  # fixed size, as theirs
        table = arrow.table({n: arrow.array(cell, types.get(n)) for n, cell in cells.items()})
        name = f"file-{number:03d}" if version.startswith("v3") else f"episode_{number:06d}"
        (folder / "data" / "chunk-000").mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, folder / "data" / "chunk-000" / f"{name}.parquet")
    return columns


# -------------------------------------------------------------------------------------------------------------- our own
def test_a_round_trip_loses_nothing(tmp_path):
    data = toy()
    assert write_lerobot(data, tmp_path / "lr", "push") == tmp_path / "lr"
    same(read(tmp_path / "lr"), data)
    same(read(tmp_path / "lr", Wanting()), data)
    with pytest.raises(BadSetting, match="exists already"):
        write_lerobot(data, tmp_path / "lr")


@pytest.mark.parametrize(
    "observation, action",
    [
        (Box(()), Discrete(3)),
        (Box((3, 4)), Box((1,))),
        (Box((4, 5, 1), 0.0, 255.0, "uint8"), Dict((("go", Box((2,))), ("grip", Discrete(2))))),
    ],
)
def test_other_spaces_come_back_too(tmp_path, observation, action):
    random = np.random.default_rng(1)

    def values(space, rows):
        if isinstance(space, Dict):
            return {name: values(part, rows) for name, part in space.parts}
        if isinstance(space, Discrete):
            return random.integers(0, space.count, rows)
        return random.integers(0, 256, (rows, *space.shape)) if space.dtype == "uint8" else random.normal(size=(rows, *space.shape))

    spec = Spec(observation, action)
    data = Dataset.from_episodes(spec, [{"observation": values(observation, n + 1), "action": values(action, n)} for n in (3, 2)])
    with pytest.raises(BadSetting, match="rate_hz"):
        write_lerobot(data, tmp_path / "lr")
    write_lerobot(data, tmp_path / "lr", rate_hz=12.5)
    same(read(tmp_path / "lr"), data)


def test_what_others_find_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr("agir.data.lerobot_write.FILE_MB", 0)  # every episode is too large for the file before it
    data = toy()
    write_lerobot(data, tmp_path / "lr", "push")
    info = json.loads((tmp_path / "lr" / "meta" / "info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["total_episodes"], info["total_frames"]) == ("v3.0", 10, 3, 8)
    assert info["features"]["observation.images.image"] == {"dtype": "image", "shape": [4, 5, 3], "names": ["height", "width", "channels"]}
    assert info["features"]["observation.arm.grip"] == {"dtype": "int64", "shape": [1], "names": None}
    episodes = parquet.read_table(tmp_path / "lr" / "meta" / "episodes" / "chunk-000" / "file-000.parquet").to_pylist()
    assert [(e["dataset_from_index"], e["dataset_to_index"], e["length"], e["tasks"]) for e in episodes] == [
        (0, 3, 3, ["push"]),
        (3, 4, 1, ["push"]),
        (4, 8, 4, ["push"]),
    ]
    for number, episode in enumerate(episodes):
        path = info["data_path"].format(chunk_index=episode["data/chunk_index"], file_index=episode["data/file_index"])
        rows = parquet.read_table(tmp_path / "lr" / path).to_pylist()
        assert {row["episode_index"] for row in rows} == {number}
        assert [row["frame_index"] for row in rows] == list(range(episode["length"]))
        assert [row["next.done"] for row in rows] == [False] * (episode["length"] - 1) + [True]
        np.testing.assert_allclose([row["timestamp"] for row in rows], np.arange(episode["length"]) / 10, atol=1e-6)
        np.testing.assert_allclose(episode["stats/action/mean"], data.episode(number)["action"].mean(0), atol=1e-6)
    stats = json.loads((tmp_path / "lr" / "meta" / "stats.json").read_text())
    np.testing.assert_allclose(stats["action"]["max"], data.columns["action"].max(0), atol=1e-6)
    images = data.columns["observation"]["image"] / 255
    np.testing.assert_allclose(np.array(stats["observation.images.image"]["std"])[:, 0, 0], images.std((0, 1, 2)), atol=1e-5)
    assert stats["action"]["count"] == [8]
    tasks = parquet.read_table(tmp_path / "lr" / "meta" / "tasks.parquet")
    assert tasks.to_pylist() == [{"task_index": 0, "task": "push"}]


def test_what_was_changed_is_refused(tmp_path):
    write_lerobot(toy(), tmp_path / "lr")
    file = tmp_path / "lr" / "data" / "chunk-000" / "file-000.parquet"
    table = parquet.read_table(file)
    reward = table["next.reward"].to_numpy() + np.float32(1)
    at = table.column_names.index("next.reward")
    parquet.write_table(table.set_column(at, "next.reward", arrow.array(reward)), file)
    with pytest.raises(BadData, match="changed after agir wrote it"):
        read(tmp_path / "lr")
    four = Spec(Box((2, 2, 4), 0.0, 255.0, "uint8"), Box((1,)), Meaning(rate_hz=1.0))
    data = Dataset.from_episodes(four, [{"observation": np.zeros((3, 2, 2, 4), np.uint8), "action": np.zeros((2, 1))}])
    with pytest.raises(BadData, match="4 channels"):
        write_lerobot(data, tmp_path / "four")


# --------------------------------------------------------------------------------------------------------------- theirs
@pytest.mark.parametrize("version", ["v3.0", "v2.1"])
def test_a_folder_of_theirs_is_read(tmp_path, version):
    raw = theirs(tmp_path / "lr", version)
    data = read(tmp_path / "lr", Arm())
    assert data.spec == Arm.spec and data.lengths.tolist() == list(LENGTHS)
    np.testing.assert_array_equal(data.columns["observation"]["state"], raw["observation.state"])
    np.testing.assert_array_equal(data.columns["observation"]["top"], raw["observation.images.top"])
    np.testing.assert_array_equal(data.columns["reward"], raw["next.reward"])
    np.testing.assert_array_equal(np.flatnonzero(data.columns["terminated"]), data.ends - 1)
    np.testing.assert_array_equal(data.columns["timestamp"], raw["timestamp"])
    assert data.about["unused"] == ["observation.force"]
    # Without a task its own names are the spec.
    free = read(tmp_path / "lr")
    assert [name for name, _ in free.spec.observation.parts] == ["force", "images.top", "state"]
    assert free.spec.meaning.rate_hz == 10 and free.spec.action == Box((2,))
    np.testing.assert_array_equal(free.columns["observation"]["force"], raw["observation.force"])


def test_done_says_how_an_episode_ended(tmp_path):
    raw = theirs(tmp_path / "lr", done=[0, 0, 0, 0, 0, 0, 0, 1])
    data = read(tmp_path / "lr", Arm())
    assert data.lengths.tolist() == [3, 1, 3]  # of the first, the last row is the successor
    np.testing.assert_array_equal(data.final_observation["state"][0], raw["observation.state"][3])
    np.testing.assert_array_equal(data.columns["terminated"], [0, 0, 0, 1, 0, 0, 1])
    np.testing.assert_array_equal(data.columns["action"], raw["action"][[0, 1, 2, 4, 5, 6, 7]])


def test_rows_out_of_order_are_put_in_order(tmp_path):
    theirs(tmp_path / "lr")
    first = read(tmp_path / "lr", Arm())
    files = sorted((tmp_path / "lr" / "data" / "chunk-000").iterdir())
    files[0].rename(files[0].with_name("file-009.parquet"))
    again = read(tmp_path / "lr", Arm())
    np.testing.assert_array_equal(first.columns["observation"]["top"], again.columns["observation"]["top"])
    assert first.fingerprint() == again.fingerprint()


def test_channels_named_first_are_an_image_too(tmp_path):
    theirs(tmp_path / "lr")
    file = tmp_path / "lr" / "meta" / "info.json"
    info = json.loads(file.read_text())
    info["features"]["observation.images.top"] |= {"shape": [3, 6, 5], "names": ["channels", "height", "width"]}
    file.write_text(json.dumps(info))
    assert read(tmp_path / "lr", Arm()).columns["observation"]["top"].shape == (8, 6, 5, 3)


def edited(folder, **change):
    file = folder / "meta" / "info.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


def test_what_cannot_be_read_is_refused_by_name(tmp_path):
    theirs(tmp_path / "lr", total_frames=9)
    with pytest.raises(BadData, match="8 rows, but meta/info.json says 9"):
        read(tmp_path / "lr", Arm())
    edited(tmp_path / "lr", total_frames=8, fps=30)
    with pytest.raises(BadSpec, match="rate_hz = 10.0.*rate_hz = 30.0"):
        read(tmp_path / "lr", Arm())
    edited(tmp_path / "lr", fps=10, codebase_version="v1.6")
    with pytest.raises(BadData, match="layout v1.6"):
        read(tmp_path / "lr", Arm())
    edited(tmp_path / "lr", codebase_version="v3.0")
    features = json.loads((tmp_path / "lr" / "meta" / "info.json").read_text())["features"]
    edited(tmp_path / "lr", features=features | {"observation.images.top": {"dtype": "video", "shape": [6, 5, 3]}})
    with pytest.raises(Missing, match="'observation.images.top'.* is video"):
        read(tmp_path / "lr", Arm())
    edited(tmp_path / "lr", features={name: f for name, f in features.items() if name != "action"})
    with pytest.raises(BadData, match="no feature 'action'"):
        read(tmp_path / "lr", Arm())
    edited(tmp_path / "lr", features=features)
    with pytest.raises(BadSpec, match=r"no feature fits the task's observation.image.*observation.state float32\[2\]"):
        read(tmp_path / "lr", Wanting())
    file = tmp_path / "lr" / "data" / "chunk-000" / "file-001.parquet"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(BadData, match="file-001.parquet cannot be read"):
        read(tmp_path / "lr", Arm())
    (tmp_path / "lr" / "meta" / "info.json").write_text("{}")
    with pytest.raises(BadData, match="info.json is not LeRobot's"):
        read(tmp_path / "lr", Arm())


@pytest.mark.parametrize(
    "column, change, message",
    [
        ("action", lambda x: np.where(np.arange(8)[:, None] == 5, np.nan, x).astype(np.float32), "episode 2, column 'action', row 0"),
        ("frame_index", lambda x: np.where(np.arange(8) == 2, 3, x), "episode 0 has frame 3"),
    ],
)
def test_rows_that_are_wrong_are_named(tmp_path, column, change, message):
    theirs(tmp_path / "lr", change=lambda columns: columns | {column: change(columns[column])})
    with pytest.raises(BadData, match=message):
        read(tmp_path / "lr", Arm())


def test_cells_that_are_empty_or_ragged_are_named(tmp_path):
    theirs(tmp_path / "lr")
    file = tmp_path / "lr" / "data" / "chunk-000" / "file-001.parquet"
    table = parquet.read_table(file)
    for cells, message in (
        ([[1.0, 2.0], None, [3.0, 4.0]], "column 'action', row 1 is empty"),
        ([[1.0, 2.0], [1.0], [3.0, 4.0]], "column 'action' has rows of different lengths"),
        ([["a"], ["b"], ["c"]], "column 'action' holds string, not numbers"),
    ):
        parquet.write_table(table.set_column(table.column_names.index("action"), "action", arrow.array(cells)), file)
        with pytest.raises(BadData, match=message):
            read(tmp_path / "lr", Arm())
    parquet.write_table(table.drop_columns(["action"]), file)
    with pytest.raises(BadData, match="action"):
        read(tmp_path / "lr", Arm())


def test_an_ambiguous_feature_is_not_guessed(tmp_path):
    theirs(tmp_path / "lr", change=lambda columns: columns | {"observation.other": columns["observation.state"]})

    class Two(Task):
        name, horizon, spec = "two", 10, Spec(Dict((("joints", Box((2,))),)), Box((2,)), Arm.spec.meaning)

    with pytest.raises(BadSpec, match="several features fit the task's observation.joints"):
        read(tmp_path / "lr", Two())
    assert Two.spec != SPEC


def test_features_as_the_hub_has_push_t(tmp_path):
    """Names and shapes of hub:lerobot/pusht_image."""
    random = np.random.default_rng(2)
    frames = {
        "observation.image": random.integers(0, 256, (8, 96, 96, 3)).astype(np.uint8),
        "observation.state": random.uniform(0, 512, (8, 2)).astype(np.float32),
        "action": random.uniform(0, 512, (8, 2)).astype(np.float32),
        "next.success": np.arange(8) == 7,
        "next.done": np.arange(8) == 7,
    }
    theirs(tmp_path / "lr", change=lambda old: {n: c for n, c in old.items() if not n.startswith("observation")} | frames)
    data = read(tmp_path / "lr", PushT("image"))
    np.testing.assert_array_equal(data.columns["observation"]["image"], frames["observation.image"][[0, 1, 2, 4, 5, 6, 7]])
    np.testing.assert_array_equal(data.columns["observation"]["agent"], frames["observation.state"][[0, 1, 2, 4, 5, 6, 7]])
    assert data.columns["success"].tolist() == [False] * 6 + [True]
