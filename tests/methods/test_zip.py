"""ZIP: the demonstration that is followed, and when it is left, on a line where both are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, learner

from agir.core.errors import BadSetting
from agir.generators.nearest import Memories
from agir.methods.imitation.zip import ZIP
from agir.networks.encoder import Encoder
from agir.training.memory import Index

# Two demonstrations of four rows: along y = 0 from x = 0 on, and along y = 1; each row's action is its number.
KEYS = [[x, y] for y in (0.0, 1.0) for x in (0.0, 1.0, 2.0, 3.0)]
MASK = [[1.0, float(row % 4 < 3)] for row in range(8)] + [[0.0, 0.0]] * 2


def method(horizon=2, **settings):
    chunks = jnp.arange(10, dtype=jnp.float32)[:, None, None] * jnp.ones((1, horizon, 1))
    memories = Memories(jnp.float32(KEYS + [[0.5, 0.5]] * 2), chunks, jnp.float32(MASK)[:, :horizon], 1)
    return learner(ZIP, NUMBERS, index=Index(Encoder({}, NUMBERS.observation, 100), memories), **settings)


def followed(policy, seen):
    """-> the rows that were done, and whether each was searched for."""
    act, memory, rows, searched = jax.jit(lambda *now: policy.act(*now)), policy.start(jax.random.key(0)), [], []
    for observation in np.float32(seen):
        action, memory, info = act(jnp.asarray(observation), memory, jax.random.key(0))
        rows.append(int(action[0]))
        searched.append(bool(info["planned"]))
    return rows, searched


def test_a_demonstration_is_followed_and_left_where_it_ends_or_is_far():
    policy = method(least=0.5).policy(())
    # As demonstrated: one search, and at the end (row 3 is the last) another.
    assert followed(policy, [[0.1, 0], [1, 0], [2, 0], [3, 0], [3, 0]]) == ([0, 1, 2, 3, 3], [True, False, False, False, True])
    # Pushed over to the other: row 2 is at distance 1, more than twice 0.1 and more than 0.5.
    assert followed(policy, [[0.1, 0], [1, 0], [2, 1], [3, 1]]) == ([0, 1, 6, 7], [True, False, True, False])
    # Pushed aside by less than `least`: followed on, although row 0 was much nearer.
    assert followed(policy, [[0.1, 0], [1, 0.4], [2, 0.4]]) == ([0, 1, 2], [True, False, False])


def test_what_is_near_enough_grows_with_how_near_the_search_came():
    policy = method(least=0.0, factor=2.0).policy(())
    assert followed(policy, [[0, 0.3], [1, 0.59]]) == ([0, 1], [True, False])  # 0.59 < 2 times 0.3, though y = 1 is nearer
    assert followed(policy, [[0, 0.3], [1, 0.61]]) == ([0, 5], [True, True])


def test_it_searches_anew_after_so_many_steps_and_never_finds_an_empty_place():
    policy = method(least=9.0, follow=2).policy(())
    assert followed(policy, [[0.5, 0.45], [1, 0.9], [2, 0.9], [3, 0.9]])[1] == [True, False, True, False]
    assert max(followed(policy, [[0.5, 0.5]])[0]) < 8


def test_what_cannot_be_followed_is_refused():
    with pytest.raises(BadSetting, match="--index.horizon is 2 or more, not 1"):
        method(horizon=1).init(jax.random.key(0))
