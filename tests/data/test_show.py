"""`agir data`: what is said of a dataset, and what it is written as."""

import re
from pathlib import Path

import numpy as np
import pytest
from data.test_store import Wanting, same, toy

from agir.cli import main
from agir.core.errors import BadSetting
from agir.data.dataset import Dataset
from agir.data.readers import read
from agir.data.show import show


class Replayable(Wanting):
    def replay(self, dataset, episodes=None):
        return {"success": np.arange(episodes) > 0, "reach": np.full(episodes, 0.25)}


def test_it_shows_and_writes(tmp_path, capsys):
    data = toy()
    data.save(tmp_path / "data.npz")
    assert main(["data", str(tmp_path / "data.npz"), "--save", str(tmp_path / "copy"), "--lerobot", str(tmp_path / "lr")]) == 0
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
    assert show(broken) == 1
    assert "error: episode" in capsys.readouterr().out


def test_it_replays_where_it_can(capsys):
    assert show(toy(), Replayable(), replay=3) == 0
    assert "2 of 3 episodes succeed; reach 0.25 on average" in capsys.readouterr().out
    for task in (None, Wanting()):
        with pytest.raises(BadSetting, match="--task"):
            show(toy(), task, replay=3)


def test_errors_are_said_without_a_traceback(tmp_path, capsys):
    assert main(["data", str(tmp_path / "nothing.npz")]) == 2
    assert "no file or folder" in capsys.readouterr().err.replace("\n", " ")


def test_the_example_of_the_page(tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "data.md"
    monkeypatch.chdir(tmp_path)
    exec(re.search(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)[1], {})
    assert (tmp_path / "for-lerobot" / "meta" / "info.json").exists()
