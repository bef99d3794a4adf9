"""agir's own files: what is written is what is read, and what is torn or edited is refused."""

import json

import jax
import numpy as np
import pytest

from agir.core import registry
from agir.core.errors import BadData, BadSetting, BadSpec, Missing
from agir.core.nouns import Task
from agir.core.spaces import Box, Dict, Discrete, Meaning, Spec
from agir.data.dataset import Dataset
from agir.data.readers import download, read
from agir.data.store import npz_arrays

SPEC = Spec(
    Dict((("image", Box((4, 5, 3), 0.0, 255.0, "uint8")), ("arm", Dict((("joints", Box((2,))), ("grip", Discrete(2))))))),
    Box((3,), -1.0, (1.0, 2.0, float("inf"))),
    Meaning("delta", "m", "tool", 10.0),
)


def toy(spec=SPEC, lengths=(3, 1, 4)):
    random, episodes = np.random.default_rng(0), []
    for number, steps in enumerate(lengths):
        arm = {"joints": random.normal(size=(steps + 1, 2)), "grip": random.integers(0, 2, steps + 1)}
        image = random.integers(0, 256, (steps + 1, 4, 5, 3)).astype(np.uint8)
        episodes.append(
            {
                "observation": {"image": image, "arm": arm},
                "action": random.uniform(-1, 1, (steps, 3)),
                "reward": random.normal(size=steps),
                "terminated": np.arange(steps) == (steps - 1 if number else -1),
                "token": random.integers(0, 9, (steps, 2)),
            }
        )
    return Dataset.from_episodes(spec, episodes, {"source": "a toy", "start_index": [4, 5, 7]})


class Wanting(Task):
    name, spec, horizon = "wanting", SPEC, 10


def same(a, b):
    assert a.spec == b.spec and a.about == b.about and a.fingerprint() == b.fingerprint()
    assert jax.tree.structure(a.columns) == jax.tree.structure(b.columns)
    for mine, its in zip(
        jax.tree.leaves((a.columns, a.final_observation, a.ends)), jax.tree.leaves((b.columns, b.final_observation, b.ends))
    ):
        assert mine.dtype == its.dtype
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("name", ["data.npz", "folder"])
def test_what_is_written_is_read(tmp_path, name):
    data = toy()
    assert data.save(tmp_path / name) == tmp_path / name
    same(Dataset.load(tmp_path / name), data)
    same(read(str(tmp_path / name), Wanting()), data)
    part = read(tmp_path / name).take([2, 0])
    np.testing.assert_array_equal(part.columns["action"], data.take([2, 0]).columns["action"])
    with pytest.raises(BadSetting, match="exists already"):
        data.save(tmp_path / name)


def test_images_of_a_folder_are_mapped(tmp_path):
    toy().save(tmp_path / "folder")
    assert isinstance(read(tmp_path / "folder").columns["observation"]["image"], np.memmap)


def test_what_was_changed_is_refused(tmp_path):
    toy().save(tmp_path / "folder")
    file = tmp_path / "folder" / "columns" / "action.npy"
    action = np.load(file)
    action[2, 1] += 0.5
    np.save(file, action)
    with pytest.raises(BadData, match="changed after it was written"):
        read(tmp_path / "folder")
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(BadData, match="torn"):
        read(tmp_path / "folder")
    file.unlink()
    with pytest.raises(BadData, match="torn"):
        read(tmp_path / "folder")
    about = tmp_path / "folder" / "dataset.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"version": 99}))
    with pytest.raises(BadData, match="action.npy|later agir"):
        read(tmp_path / "folder")
    about.unlink()
    with pytest.raises(BadData, match="none of the formats"):
        read(tmp_path / "folder")
    toy().save(tmp_path / "data.npz")
    (tmp_path / "data.npz").write_bytes((tmp_path / "data.npz").read_bytes()[:-200])
    with pytest.raises(BadData, match="is not an .npz, or a torn one"):
        read(tmp_path / "data.npz")


def test_a_later_version_is_refused(tmp_path):
    toy().save(tmp_path / "folder")
    about = tmp_path / "folder" / "dataset.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"version": 99}))
    with pytest.raises(BadData, match="later agir"):
        read(tmp_path / "folder")


def test_pickles_are_not_opened(tmp_path):
    np.savez(tmp_path / "bad.npz", state=np.array([{"a": 1}], dtype=object), action=np.zeros(1))
    with pytest.raises(BadData, match="'state' cannot be read"):
        npz_arrays(tmp_path / "bad.npz", "state")
    with pytest.raises(BadData, match="no array 'episode_ends'; it has state, action"):
        npz_arrays(tmp_path / "bad.npz", "episode_ends")


def test_names_and_abouts_that_cannot_be_files_are_refused(tmp_path):
    data = toy()
    odd = Dataset(data.spec, data.columns | {"a/b": data.columns["reward"]}, data.ends, data.final_observation)
    with pytest.raises(BadData, match="'a/b'"):
        odd.save(tmp_path / "odd")
    odd = Dataset(data.spec, data.columns, data.ends, data.final_observation, {"array": np.zeros(3)})
    with pytest.raises(BadData, match="JSON"):
        odd.save(tmp_path / "odd.npz")
    assert not list(tmp_path.iterdir())


def test_what_does_not_fit_or_is_not_there_is_refused(tmp_path):
    toy(Spec(SPEC.observation, SPEC.action, Meaning("absolute", "m", "tool", 10.0))).save(tmp_path / "data.npz")
    with pytest.raises(BadSpec, match="kind = 'delta'.*kind = 'absolute'"):
        read(tmp_path / "data.npz", Wanting())
    with pytest.raises(Missing, match="no file or folder"):
        read(tmp_path / "other.npz")
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadData, match="none of the formats(.|\n)*lasa(.|\n)*pusht_lowdim.npz"):
        read(tmp_path / "data.csv")
    np.savez(tmp_path / "strange.npz", x=np.zeros(3))
    with pytest.raises(BadData, match="none of the formats"):
        read(tmp_path / "strange.npz")


def test_the_hub_is_asked_by_name(tmp_path, monkeypatch):
    """The download itself is stood in for: tests have no network."""
    import huggingface_hub

    data, asked = toy(), []

    def stand_in(repository, **options):
        asked.append((repository, options["revision"], options["repo_type"]))
        if repository == "org/gone":
            raise OSError("404 Client Error\nmore")
        return str(tmp_path / "snapshot")

    data.save(tmp_path / "snapshot")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", stand_in)
    same(read("hub:org/toy"), data)
    same(read("hub:org/toy@v1.0", Wanting()), data)
    assert asked == [("org/toy", None, "dataset"), ("org/toy", "v1.0", "dataset")]
    with pytest.raises(Missing, match="'org/gone' could not be had.*404 Client Error\\)"):
        read("hub:org/gone")
    with pytest.raises(BadData, match="write hub:ORG/NAME"):
        download("toy")


def test_the_file_in_which_something_is_wrong_is_named(tmp_path, monkeypatch):
    class Odd:
        def recognises(self, path):
            return path.suffix == ".odd"

        def read(self, path, task):
            raise BadData("episode 0, column 'action', row 1 is not a finite number.")

    monkeypatch.setitem(registry._added["reader"], "odd", (Odd, "odd ones"))
    (tmp_path / "a.odd").touch()
    with pytest.raises(BadData, match=r"a\.odd: episode 0, column 'action', row 1"):
        read(tmp_path / "a.odd")
    (tmp_path / "a.strange").touch()
    with pytest.raises(BadData, match=r"(?s)none of the formats.*from_episodes"):
        read(tmp_path / "a.strange")
