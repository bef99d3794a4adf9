"""Metrics beside metrics.jsonl: names of lanes, refusals, and a sink that hears every row."""

import sys
import types

import pytest
from training import toys

from agir.core.errors import BadSetting, Missing
from agir.training import sinks
from agir.training.train import train


@pytest.fixture(autouse=True)
def toy():
    toys.register()


def test_a_scalar_for_each_lane():
    row = {"stage": "codec/", "split": "training", "step": 3, "metrics": {"loss": [1.0, None]}}
    assert sinks.scalars(row, [{"seed": 0, "rate": 1e-3}, {"seed": 1, "rate": 1e-3}]) == {"codec/training/loss/seed=0,rate=0.001": 1.0}


def test_tensorboard_hears_every_row(tmp_path, monkeypatch):
    heard = []

    class Writer:
        def __init__(self, folder):
            heard.append(folder)

        def add_scalar(self, name, value, step):
            heard.append((name, step))

        def close(self):
            heard.append("closed")

    monkeypatch.setitem(sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=Writer))
    run = train("toy", "toy-clone", updates=5, run=tmp_path / "run", log_to="tensorboard", seeds=2)
    assert heard[0] == str(run.folder / "tensorboard") and heard[-1] == "closed"
    assert ("training/loss/seed=1", 5) in heard and ("validation/loss/seed=0", 5) in heard


def test_what_is_unknown_or_not_installed_is_named(tmp_path, monkeypatch):
    with pytest.raises(BadSetting, match="tensorboard or wandb"):
        train("toy", "toy-clone", updates=5, run=tmp_path / "a", log_to="paper")
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(Missing, match="uv sync --extra wandb"):
        train("toy", "toy-clone", updates=5, run=tmp_path / "b", log_to="wandb")
