"""Targets and losses of value learning against hand-computed values."""

import jax
import jax.numpy as jnp
import numpy as np

from agir.objectives.temporal_difference import double_q_target, huber, q_learning_target, squared, taken, td_target


def test_targets_by_hand():
    reward, discount = jnp.float32(1), jnp.float32(0.5)
    values, selector = jnp.array([2.0, 6.0, 4.0]), jnp.array([0.0, 1.0, 3.0])
    assert td_target(reward, discount, jnp.float32(4)) == 3
    assert q_learning_target(reward, discount, values) == 1 + 0.5 * 6
    assert double_q_target(reward, discount, values, selector) == 1 + 0.5 * 4
    assert double_q_target(reward, discount, values, values) == q_learning_target(reward, discount, values)
    for target in (q_learning_target(reward, jnp.float32(0), values), double_q_target(reward, jnp.float32(0), values, selector)):
        assert target == 1  # terminated


def test_taken_and_its_gradient():
    values = jnp.array([2.0, 6.0, 4.0])
    assert taken(values, jnp.int32(2)) == 4
    np.testing.assert_array_equal(jax.grad(taken)(values, jnp.int32(1)), [0, 1, 0])


def test_huber():
    error = jnp.array([-3.0, -0.5, 0.0, 1.0, 4.0])
    np.testing.assert_allclose(huber(error), [2.5, 0.125, 0, 0.5, 3.5])
    np.testing.assert_allclose(huber(error, 2.0), [0.5 * 4 + 2 * 1, 0.125, 0, 0.5, 0.5 * 4 + 2 * 2])
    np.testing.assert_allclose(huber(error, 100.0), squared(error))
    np.testing.assert_allclose(jax.vmap(jax.grad(huber))(error), [-1, -0.5, 0, 1, 1])
