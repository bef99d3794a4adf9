"""The one-vector optimiser against Optax leaf by leaf, and the fairness of orders."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from agir.training.optimise import DECK, adam, shuffles
from agir.training.state import warm_cosine

MODEL = {"a": jnp.arange(6.0).reshape(2, 3), "b": jnp.ones(2), "c": jnp.float32(3)}


@pytest.mark.parametrize("largest_norm", [None, 0.5])
def test_one_vector_steps_as_leaf_by_leaf(largest_norm):
    clip = optax.identity() if largest_norm is None else optax.clip_by_global_norm(largest_norm)
    ours, theirs = adam(1e-2, largest_norm=largest_norm, tiny=1e-5), optax.chain(clip, optax.adam(1e-2, eps=1e-5))
    models, states = [MODEL, MODEL], [ours.init(MODEL), theirs.init(MODEL)]
    for step in range(5):
        for i, optimiser in enumerate((ours, theirs)):
            gradient = jax.tree.map(lambda x: jnp.sin(x + step), models[i])
            with jax.numpy_dtype_promotion("standard"):
                change, states[i] = optimiser.update(gradient, states[i], models[i])
                models[i] = optax.apply_updates(models[i], change)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), *models)


@pytest.mark.parametrize("count", [1, 2, 12, 97, DECK, DECK + 1])
def test_every_order_has_every_row_once(count):
    orders = shuffles(jax.random.key(0), 5, count)
    assert orders.shape == (5, count) and (np.sort(orders, 1) == np.arange(count)).all()


def test_every_row_is_as_likely_at_every_place_and_in_every_company():
    """Over many keys: where a row comes to stand, and whether two rows meet in one half, in the first order and in a later one."""
    count, keys = 12, jax.random.split(jax.random.key(1), 20_000)
    orders = np.asarray(jax.vmap(lambda key: shuffles(key, 2, count))(keys))
    for order in (orders[:, 0], orders[:, 1]):
        share = np.stack([(order == row).mean(0) for row in range(count)])
        np.testing.assert_allclose(share, 1 / count, atol=0.009)
        first_half = np.stack([(order[:, : count // 2] == row).any(1) for row in range(count)], 1).astype(float)
        together = first_half.T @ first_half / len(keys)
        wanted = (count / 2 - 1) / (count - 1) / 2
        np.testing.assert_allclose(together[~np.eye(count, dtype=bool)], wanted, atol=0.015)


@pytest.mark.parametrize("warmup, updates, rises", [(100, 1000, 100), (500, 1000, 250), (500, 2000, 500), (500, 3, 0)])
def test_a_rate_rises_for_a_quarter_of_the_updates_at_most_and_falls_to_nothing(warmup, updates, rises):
    rate = np.asarray(jax.vmap(warm_cosine(2.0, warmup, updates))(jnp.arange(updates + 1)))
    assert rate.argmax() == rises and rate.max() == pytest.approx(2.0) and rate[-1] == pytest.approx(0.0, abs=1e-5)
    np.testing.assert_allclose(rate[: rises + 1], np.linspace(0.0 if rises else 2.0, 2.0, rises + 1), rtol=1e-5, atol=1e-6)
    middle = rises + (updates - rises) / 2
    if middle == int(middle):
        assert rate[int(middle)] == pytest.approx(1.0, rel=1e-4)
