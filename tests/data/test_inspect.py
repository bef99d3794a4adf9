"""`agir inspect`: what is said of a dataset or of a task's demonstrations, and what it is written as."""

import re
from pathlib import Path

import numpy as np
import pytest
from data.test_store import Wanting, same, toy

from agir.cli import main
from agir.core.errors import BadSetting
from agir.data.dataset import Dataset
from agir.data.readers import read
from agir.tasks.find import recordings, task
from agir.verbs import inspect


class Replayable(Wanting):
    def replay(self, dataset, episodes=None):
        return {"success": np.arange(episodes) > 0, "reach": np.full(episodes, 0.25)}


def test_it_shows_and_writes(tmp_path, capsys):
    data = toy()
    data.save(tmp_path / "data.npz")
    assert main(["inspect", str(tmp_path / "data.npz"), "--save", str(tmp_path / "copy"), "--lerobot", str(tmp_path / "lr")]) == 0
    said = capsys.readouterr().out
    assert "3 of 1 to 4 rows, 8 in all" in said and "(delta, m, tool, 10 Hz)" in said and "2 terminated, 1 truncated" in said
    assert "a toy" in said and data.fingerprint()[:16] in said and "token" in said
    same(read(tmp_path / "copy"), data)
    same(read(tmp_path / "lr"), data)


def test_what_cannot_be_learnt_from_is_a_failure(capsys):
    data = toy()
    action = data.columns["action"].copy()
    action[6, 0] = np.inf
    broken = Dataset(data.spec, data.columns | {"action": action}, data.ends, data.final_observation)
    assert not inspect(broken, tell=True).usable
    said = capsys.readouterr().out
    assert "error: episode" in said and "not measured: mend the errors first" in said


def test_it_replays_where_it_can(capsys):
    assert inspect(toy(), task=Replayable(), replay=3, tell=True).usable
    assert "2 of 3 episodes succeed; reach 0.25 on average" in capsys.readouterr().out
    for other, said in ((None, "give one with --task"), (Wanting(), "wanting cannot restore those")):
        with pytest.raises(BadSetting, match=said):
            inspect(toy(), task=other, replay=3, tell=True)


def test_a_task_is_looked_at_by_its_demonstrations(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AGIR_CACHE", "off")
    page = tmp_path / "page.html"
    assert main(["inspect", "multipath", "--demonstrations", "30", "--page", str(page)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "30 of 12 to 12 rows, 360 in all" in said and "% of the variance is not explained" in said
    text = page.read_text()
    assert "Where recordings disagree" in text and "action divergence" in text and "transition diversity" in text
    assert "src=" not in text and "@import" not in text  # it needs nothing else


def test_an_address_names_recordings(tmp_path):
    toy().save(tmp_path / "toy.npz")
    same(recordings(tmp_path / "toy.npz"), toy())
    both = recordings(f"{tmp_path / 'toy.npz'} + {tmp_path / 'toy.npz'}")
    assert both.episodes == 2 * toy().episodes and both.columns["source"].tolist() == [0] * toy().rows + [1] * toy().rows
    few, later = recordings("task:multipath@3"), recordings("task:multipath@3:5")
    every = task("multipath").demonstrations(5)
    assert few.episodes == 3 and later.episodes == 2
    np.testing.assert_array_equal(np.concatenate([few.columns["action"], later.columns["action"]]), every.columns["action"])
    for wrong in ("task:multipath@many", "task:multipath@", "task:multipath@3:", "task:multipath@1:2:3"):
        with pytest.raises(BadSetting, match="which episodes"):
            recordings(wrong)
    with pytest.raises(BadSetting, match="at least one demonstration"):
        recordings("task:multipath@5:3")


def test_errors_are_said_without_a_traceback(tmp_path, capsys):
    assert main(["inspect", str(tmp_path / "nothing.npz")]) == 2
    assert "no file or folder" in capsys.readouterr().err.replace("\n", " ")


def test_the_example_of_the_page(tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "data.md"
    monkeypatch.chdir(tmp_path)
    exec(re.search(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)[1], {})
    assert (tmp_path / "for-lerobot" / "meta" / "info.json").exists()
