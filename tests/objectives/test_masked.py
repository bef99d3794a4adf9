"""The masked mean: the plain mean where nothing is masked, and padding never counts."""

import jax
import jax.numpy as jnp
import numpy as np

from agir.objectives.masked import cleared, held, masked_mean


def test_the_mean_of_what_is_kept():
    values = jnp.arange(12.0).reshape(2, 3, 2)
    mask = jnp.array([[1.0, 1, 0], [0, 1, 0]])
    np.testing.assert_allclose(masked_mean(values, mask), np.mean([0, 1, 2, 3, 8, 9]))
    np.testing.assert_allclose(masked_mean(values, jnp.ones((2, 3))), values.mean())
    np.testing.assert_allclose(masked_mean(values[0, :, 0], jnp.array([1.0, 0.5, 0.0])), 2 / 3, rtol=1e-6)
    assert masked_mean(values, jnp.zeros((2, 3))) == 0


def test_padding_changes_neither_value_nor_gradient():
    draw = np.random.default_rng(0)
    for _ in range(50):
        values = draw.normal(size=(3, 4, 2)).astype(np.float32)
        mask = (draw.random((3, 4)) < 0.6).astype(np.float32)
        other = np.where(mask[..., None] > 0, values, draw.choice([np.nan, np.inf, 1e30], (3, 4, 2)).astype(np.float32))
        value, gradient = jax.value_and_grad(masked_mean)(jnp.asarray(values), jnp.asarray(mask))
        same, same_gradient = jax.value_and_grad(masked_mean)(jnp.asarray(other), jnp.asarray(mask))
        assert value == same
        np.testing.assert_array_equal(gradient, same_gradient)
        assert not np.asarray(gradient)[mask == 0].any()
        np.testing.assert_array_equal(cleared(other, jnp.asarray(mask)), np.where(mask[..., None] > 0, values, 0))


def test_clearing_keeps_the_type():
    assert cleared(jnp.array([3, 4], jnp.int32), jnp.array([1.0, 0.0])).tolist() == [3, 0]
    assert cleared(jnp.array([3, 4], jnp.int32), jnp.array([1.0, 0.0])).dtype == jnp.int32


def test_what_is_held_is_the_nearest_that_counts():
    values = jnp.array([[1.0], [2.0], [jnp.nan], [4.0], [jnp.nan]])
    np.testing.assert_array_equal(held(values, jnp.array([0.0, 1, 0, 1, 0]))[:, 0], [2, 2, 2, 4, 4])
    np.testing.assert_array_equal(held(values, jnp.zeros(5)), jnp.zeros((5, 1)))
    np.testing.assert_array_equal(held(jnp.arange(5.0), jnp.array([0.0, 0, 0, 1, 1])), [3, 3, 3, 3, 4])
