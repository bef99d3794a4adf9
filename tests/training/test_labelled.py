"""Action-free episodes by a number: the first so many keep their actions."""

import dataclasses

import jax
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Spec
from agir.data.dataset import Dataset
from agir.methods.imitation.uwm import UWM
from agir.tasks.find import task
from agir.training import train
from agir.training.sources import Foresights
from agir.training.train import OPTIONS, hidden
from agir.training.world import make_world

EPISODES = [{"observation": np.zeros((n + 1, 2)), "action": np.ones((n, 1))} for n in (2, 3, 1)]
DATA = Dataset.from_episodes(Spec(Box((2,)), Box((1,))), EPISODES)


def test_the_first_episodes_keep_their_actions():
    made = hidden(DATA, 2)
    assert made.recorded.tolist() == [True] * 5 + [False] and made.columns["action"].ravel().tolist() == [1.0] * 5 + [0.0]
    assert hidden(DATA, None) is DATA and OPTIONS["labelled"] is None


@pytest.mark.parametrize("labelled", [0, 4])
def test_a_number_that_makes_no_sense_is_refused(labelled):
    with pytest.raises(BadSetting, match=f"of the 3 episodes keep their actions, at least one of them: not {labelled}"):
        hidden(DATA, labelled)


@pytest.mark.parametrize(("labelled", "balance", "lowest", "highest"), [(1, True, 50, 50), (1, False, 0, 25), (None, True, 100, 100)])
def test_half_of_a_batch_has_its_actions_however_few_episodes_have(labelled, balance, lowest, highest):
    paths = task("multipath")
    world = make_world(paths, {"demonstrations": hidden(paths.demonstrations(12), labelled)}, validation_share=0.0)
    source = Foresights(batch=100, balance=balance).bind(world, UWM(horizon=2, history=1))
    rows = source.rows(jax.random.key(0))
    known = np.asarray(source.table.columns.get("recorded", np.ones(source.table.rows, bool)))[rows].sum()
    assert lowest <= known <= highest
    assert (np.bincount(rows) > 0).sum() > 30  # many different ones


def test_an_expert_is_asked_once_for_all_arms(monkeypatch):
    paths, asked = task("multipath"), []
    monkeypatch.setattr(type(paths), "demonstrations", lambda self, episodes, first=0: asked.append(episodes) or DATA)
    again = dataclasses.replace(paths)
    for one, count in ((paths, 3), (paths, 3), (paths, 4), (again, 4)):
        assert train._dataset(one, "demonstrations", {}, count) is DATA
    assert asked == [3, 4, 4]
