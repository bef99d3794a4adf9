"""FAST's tokens: the transform is orthonormal, rounding is the only loss and bounded, merging is byte-pair encoding."""

import collections

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.actions.frequencies import FastTokens, cosine_matrix, cosines, from_cosines
from agir.actions.pairs import merged
from agir.core.errors import BadSetting
from agir.core.spaces import Box, Discrete, Spec

SPEC = Spec(Box((3,)), Box((2,), -1.0, 1.0))
HORIZON, SCALE, MERGES = 6, 4, 24


def chunks(count, seed=0):
    """Smooth chunks within -1 and 1: random lines, and waves of which some recur."""
    begin, end = jax.random.uniform(jax.random.key(seed), (2, count, 1, 2), minval=-1.0)
    time = jnp.linspace(0, 1, HORIZON)[None, :, None]
    return jnp.round(4 * ((1 - time) * begin + time * end)) / 4


def learnt(count=512):
    tokens = FastTokens.create(SPEC, HORIZON, SCALE, MERGES)
    data = chunks(count)

    def once(tokens, at):
        return tokens.learn(*jax.vmap(tokens.encode)(data), at), None

    return jax.jit(lambda: jax.lax.scan(once, tokens, jnp.arange(MERGES))[0])()


TOKENS = learnt()


def slow_merge(sequence, merges, alphabet):
    """Byte-pair encoding in plain Python: every merge in its turn over the whole sequence."""
    for number, (left, right) in enumerate(merges):
        done, i = [], 0
        while i < len(sequence):
            if i + 1 < len(sequence) and (sequence[i], sequence[i + 1]) == (left, right):
                done, i = [*done, alphabet + number], i + 2
            else:
                done, i = [*done, sequence[i]], i + 1
        sequence = done
    return sequence


def test_the_transform_is_the_orthonormal_cosine_transform():
    np.testing.assert_allclose(cosine_matrix(7) @ cosine_matrix(7).T, np.eye(7), atol=1e-12)
    chunk = np.asarray(jax.random.normal(jax.random.key(0), (4, 2)))
    by_hand = np.zeros((4, 2))
    for k in range(4):
        share = np.sqrt((1 if k == 0 else 2) / 4)
        by_hand[k] = sum(share * chunk[n] * np.cos(np.pi * (2 * n + 1) * k / 8) for n in range(4))
    np.testing.assert_allclose(cosines(jnp.asarray(chunk)), by_hand, atol=1e-6)
    np.testing.assert_allclose(from_cosines(cosines(jnp.asarray(chunk))), chunk, atol=1e-6)


@pytest.mark.parametrize("count", [9, 6])
def test_merging_one_pair_goes_from_the_left_and_never_over_the_end(count):
    rng = np.random.default_rng(0)
    one = jax.jit(merged)
    for pair in ((0, 1), (1, 1)):
        for _ in range(30):
            sequence = rng.integers(0, 2, 9)
            wanted, i = [], 0
            while i < count:
                found = i + 1 < count and tuple(sequence[i : i + 2]) == pair
                wanted, i = [*wanted, 7 if found else int(sequence[i])], i + 1 + found
            got, left = one(jnp.asarray(sequence, jnp.int32), jnp.int32(count), jnp.asarray(pair, jnp.int32), jnp.int32(7))
            assert int(left) == len(wanted) and got[: len(wanted)].tolist() == wanted


def test_encoding_equals_a_slow_one_and_comes_back_exactly():
    new = jnp.concatenate([chunks(60, seed=1), jax.random.uniform(jax.random.key(2), (60, HORIZON, 2), minval=-1.0)])
    sequences, counts = jax.jit(jax.vmap(TOKENS.encode))(new)
    integers = np.asarray(jax.vmap(TOKENS.integers)(new)) + TOKENS.limit
    merges = np.asarray(TOKENS.pairs.merges).tolist()
    for flat, sequence, count in zip(integers.reshape(len(new), -1).tolist(), np.asarray(sequences), np.asarray(counts)):
        assert sequence[:count].tolist() == slow_merge(flat, merges, TOKENS.pairs.alphabet)
    decoded = jax.jit(jax.vmap(TOKENS.decode))(sequences, counts)
    rebuilt = jax.vmap(TOKENS.rebuild)(jnp.asarray(integers - TOKENS.limit))
    np.testing.assert_allclose(decoded, rebuilt, atol=1e-6)
    assert np.array_equal(jax.vmap(TOKENS.integers)(decoded), integers - TOKENS.limit)  # integers survive the round trip
    assert counts.max() <= TOKENS.longest and counts[:60].mean() < 0.75 * TOKENS.longest


def test_each_merge_is_the_most_frequent_pair_of_what_was_there():
    flat = np.asarray(jax.vmap(TOKENS.integers)(chunks(512))).reshape(512, -1) + TOKENS.limit
    merges = np.asarray(TOKENS.pairs.merges)
    for number in (0, 1, 5, MERGES - 1):
        pairs = collections.Counter()
        for sequence in flat.tolist():
            so_far = slow_merge(sequence, merges[:number].tolist(), TOKENS.pairs.alphabet)
            pairs.update(zip(so_far, so_far[1:]))
        assert pairs[tuple(merges[number].tolist())] == max(pairs.values()) > 1
    spelt = slow_merge(flat[0].tolist(), [], TOKENS.pairs.alphabet)
    assert np.asarray(TOKENS.lengths)[TOKENS.pairs.alphabet :].min() >= 2 and len(spelt) == TOKENS.longest


@pytest.mark.parametrize("scale", [1, 4, 10])
def test_rounding_is_bounded_and_nothing_within_bounds_is_clipped(scale):
    tokens = FastTokens.create(SPEC, HORIZON, scale)
    corners = jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, (500, HORIZON, 2)), 1.0, -1.0)
    data = jnp.concatenate([corners, jax.random.uniform(jax.random.key(1), (500, HORIZON, 2), minval=-1.0)])
    integers = jax.vmap(tokens.integers)(data)
    free = jnp.round(scale * jax.vmap(cosines)(data))
    np.testing.assert_array_equal(integers, free)
    error = np.sqrt(np.sum((np.asarray(jax.vmap(tokens.rebuild)(integers)) - np.asarray(data)) ** 2, axis=1))
    bound = np.sqrt(HORIZON) / (2 * scale)
    assert error.max() <= bound + 1e-5 and error.max() > 0.4 * bound
    beyond = tokens.integers(jnp.full((HORIZON, 2), 5.0))
    assert beyond.max() == tokens.limit and beyond.min() >= -tokens.limit


def test_where_no_pair_comes_twice_nothing_is_learnt():
    tokens = FastTokens.create(SPEC, HORIZON, SCALE, 2)
    alone = (jnp.arange(12, dtype=jnp.int32)[None], jnp.array([12], jnp.int32))
    assert eqx.tree_equal(tokens.learn(*alone, jnp.int32(0)), tokens)
    after = tokens.learn(jnp.array([[1, 2, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0]], jnp.int32), jnp.array([5], jnp.int32), jnp.int32(1))
    assert after.pairs.merges.tolist() == [[-1, -1], [1, 2]] and after.lengths[-2:].tolist() == [13, 2]
    assert after.pairs.spelling[-1, :2].tolist() == [1, 2]


def test_without_transform_and_merges_they_are_bins():
    tokens = FastTokens.create(SPEC, HORIZON, SCALE, transform="none")
    data = jax.random.uniform(jax.random.key(1), (50, HORIZON, 2), minval=-1.0)
    sequences, counts = jax.vmap(tokens.encode)(data)
    assert tokens.vocabulary == 2 * SCALE + 1 and counts.tolist() == [tokens.longest] * 50
    np.testing.assert_array_equal(sequences.reshape(data.shape) - SCALE, np.round(SCALE * np.asarray(data)))
    np.testing.assert_allclose(jax.vmap(tokens.decode)(sequences, counts), data, atol=1 / (2 * SCALE) + 1e-6)
    assert eqx.filter_jit(tokens.learn)(sequences, counts, jnp.int32(0)).pairs.merges.shape == (0, 2)  # there is no room for a merge


def test_what_cannot_be_spelt_is_refused():
    with pytest.raises(BadSetting, match="numbers"):
        FastTokens.create(Spec(Box((3,)), Discrete(2)), 4)
    with pytest.raises(BadSetting, match="at least 1, not 4 and 0"):
        FastTokens.create(SPEC, 4, 0)
    with pytest.raises(BadSetting, match="cosine or none"):
        FastTokens.create(SPEC, 4, transform="wavelet")
