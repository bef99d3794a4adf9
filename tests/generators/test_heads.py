"""Heads against enumeration and integrals: probabilities sum to 1, samples follow them, entropies are theirs."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSpec
from agir.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from agir.generators.heads import DiagonalGaussian, head_of, tempered

FINITE = {
    "discrete": (Discrete(4), [np.int32(i) for i in range(4)]),
    "multi-discrete": (MultiDiscrete((3, 2)), [np.array(x, np.int32) for x in itertools.product(range(3), range(2))]),
    "multi-binary": (MultiBinary(3), [np.array(x, np.int32) for x in itertools.product(range(2), repeat=3)]),
}


@pytest.mark.parametrize("name", FINITE)
def test_finite_heads_by_enumeration(name):
    space, actions = FINITE[name]
    head = head_of(space)
    numbers = jax.random.normal(jax.random.key(0), (head.size,))
    every = head.columns(jnp.stack(actions))
    log_prob = head.log_prob(jnp.broadcast_to(numbers[:, None], (head.size, len(actions))), every)
    probability = np.exp(log_prob)
    np.testing.assert_allclose(probability.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(head.entropy(numbers), -(probability * log_prob).sum(), rtol=1e-5)
    one = [head.log_prob(numbers, head.columns(jnp.asarray(action))) for action in actions]
    np.testing.assert_allclose(one, log_prob, rtol=1e-5)  # one item reads as a column does
    assert np.array_equal(head.mode(numbers), actions[int(probability.argmax())])
    drawn = jax.vmap(lambda key: head.sample(numbers, key))(jax.random.split(jax.random.key(1), 20_000))
    assert drawn.dtype == jnp.int32 and drawn.shape[1:] == np.shape(actions[0])
    flat = lambda x: np.reshape(x, (len(x), -1))
    share = (flat(np.stack(actions))[:, None] == flat(drawn)[None]).all(-1).mean(1)
    np.testing.assert_allclose(share, probability, atol=0.02)


def test_the_gaussian():
    head = head_of(Box((2, 2), -1.0, 1.0))
    assert head.size == 8
    numbers = jnp.concatenate([jnp.arange(4.0), jnp.log(jnp.array([0.5, 1.0, 2.0, 3.0]))])
    drawn = jax.vmap(lambda key: head.sample(numbers, key))(jax.random.split(jax.random.key(1), 20_000))
    assert drawn.shape == (20_000, 2, 2)  # not clipped: its log-probability is of what was drawn
    np.testing.assert_allclose(drawn.mean(0).ravel(), np.arange(4), atol=0.08)
    np.testing.assert_allclose(drawn.std(0).ravel(), [0.5, 1, 2, 3], rtol=0.03)
    many = jnp.broadcast_to(numbers[:, None], (8, 20_000))
    log_prob = head.log_prob(many, head.columns(drawn))
    np.testing.assert_allclose(-log_prob.mean(), head.entropy(numbers), rtol=0.01)
    by_hand = sum(-0.5 * ((1.0 - m) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi)) for m, s in zip(range(4), (0.5, 1, 2, 3)))
    np.testing.assert_allclose(head.log_prob(numbers, jnp.ones(4)), by_hand, rtol=1e-5)
    np.testing.assert_array_equal(head.mode(numbers), [[0, 1], [2, 3]])


def test_a_space_without_a_head_is_refused_by_name():
    for space in (Dict((("a", Discrete(2)),)), Box((4, 4, 3), 0.0, 255.0, "uint8")):
        with pytest.raises(BadSpec, match="No distribution"):
            head_of(space)
    assert isinstance(head_of(Box((3,))), DiagonalGaussian)


def test_cold_draws_are_the_likeliest_and_warm_ones_as_was_learnt():
    logits, keys = jnp.log(jnp.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])), jax.random.split(jax.random.key(0), 4000)
    drawn = lambda temperature: jax.vmap(lambda key: jax.random.categorical(key, tempered(logits, temperature)))(keys)
    assert (drawn(0.0) == jnp.array([[1, 0]])).all() and (drawn(jnp.float32(0)) == jnp.array([[1, 0]])).all()
    np.testing.assert_allclose(jax.nn.one_hot(drawn(1.0), 3).mean(0), jnp.exp(logits), atol=0.04)
