"""Action-free episodes by a number: the first so many keep their actions."""

import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Spec
from agir.data.dataset import Dataset
from agir.training.train import OPTIONS, hidden

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
