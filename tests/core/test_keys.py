"""Keys: every one is a function of (seed, purpose, step or index)."""

import jax
import numpy as np
import pytest

from agir.core.keys import PURPOSES, SEEDS_EACH, episode_key, episode_seed, stream


def data(key) -> bytes:
    return np.asarray(jax.random.key_data(key)).tobytes()


def test_streams_differ_by_purpose_and_by_seed():
    keys = [stream(jax.random.key(seed), name) for seed in range(3) for name in ("init", "steps", "feed")]
    assert len({data(key) for key in keys}) == 9


def test_a_stream_is_not_a_split_of_its_key():
    """split(key)[i] == fold_in(key, i): a stream must not be one of the keys that a loop folds by step."""
    key = jax.random.key(0)
    stepped = {data(jax.random.fold_in(key, step)) for step in range(1000)}
    assert data(stream(key, "steps")) not in stepped


def test_streams_of_lanes_are_the_streams_of_each():
    keys = jax.random.split(jax.random.key(1), 4)
    together = stream(keys, "init")
    assert [data(together[i]) for i in range(4)] == [data(stream(keys[i], "init")) for i in range(4)]


def test_no_two_episodes_share_a_start():
    keys = {data(episode_key(purpose, index)) for purpose in PURPOSES for index in range(100)}
    assert len(keys) == 100 * len(PURPOSES)
    assert data(episode_key("evaluation", 7)) == data(jax.jit(lambda i: episode_key("evaluation", i))(np.int32(7)))


def test_seeds_of_purposes_are_disjoint_ranges():
    ranges = [(episode_seed(purpose, 0), episode_seed(purpose, SEEDS_EACH - 1)) for purpose in PURPOSES]
    for (_, last), (first, _) in zip(ranges, ranges[1:]):
        assert last + 1 == first
    assert ranges[-1][1] < 2**31  # what Gymnasium and NumPy take


def test_what_is_out_of_range_is_refused():
    for index in (-1, SEEDS_EACH):
        with pytest.raises(ValueError, match="outside 0 to"):
            episode_seed("evaluation", index)
    for ask in (episode_key, episode_seed):
        with pytest.raises(ValueError):
            ask("evalution", 0)
