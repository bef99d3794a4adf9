"""PPO's losses against hand-computed values and their gradients."""

import jax
import jax.numpy as jnp
import numpy as np

from agir.objectives.policy_gradient import (
    approximate_kl,
    clipped_share,
    clipped_surrogate,
    clipped_value_loss,
    normalized_advantages,
    value_loss,
)


def test_the_surrogate_by_hand():
    ratio = jnp.array([1.0, 1.5, 1.5, 0.5, 0.5, 1.1])
    advantage = jnp.array([2.0, 1.0, -1.0, 1.0, -1.0, -3.0])
    loss = clipped_surrogate(jnp.log(ratio), jnp.zeros(6), advantage, 0.2)
    np.testing.assert_allclose(loss, [-2.0, -1.2, 1.5, -0.5, 0.8, 3.3], rtol=1e-6)


def test_no_gradient_beyond_the_clip_in_the_direction_of_gain():
    gradient = jax.vmap(jax.grad(lambda log, advantage: clipped_surrogate(log, jnp.zeros(()), advantage, 0.2)))
    logs = jnp.log(jnp.array([1.5, 1.5, 0.5, 0.5, 1.0]))
    found = gradient(logs, jnp.array([1.0, -1.0, 1.0, -1.0, 2.0]))
    np.testing.assert_allclose(found, [0.0, 1.5, -0.5, 0.0, -2.0], rtol=1e-6)


def test_value_losses():
    value, old, target = jnp.array([3.0, 3.0, 1.1]), jnp.array([1.0, 1.0, 1.0]), jnp.array([3.0, 0.0, 2.0])
    np.testing.assert_allclose(value_loss(value, target), [0.0, 4.5, 0.405], rtol=1e-6)
    # Clipped to 1.2, 1.2 and (within) 1.1: the larger of the two losses counts.
    np.testing.assert_allclose(clipped_value_loss(value, old, target, 0.2), [0.5 * 1.8**2, 4.5, 0.405], rtol=1e-6)


def test_normalized_advantages():
    found = normalized_advantages(jnp.array([1.0, 2.0, 3.0, 10.0]))
    np.testing.assert_allclose([found.mean(), found.std()], [0, 1], atol=1e-6)
    np.testing.assert_allclose(normalized_advantages(jnp.full(4, 5.0)), 0)


def test_approximate_kl_is_that_of_two_gaussians():
    x = jax.random.normal(jax.random.key(0), (200_000,))
    old, new = -0.5 * x**2, -0.5 * (x - 0.3) ** 2
    found = approximate_kl(new, old)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.mean(), 0.3**2 / 2, rtol=0.02)
    np.testing.assert_allclose(clipped_share(jnp.log(jnp.array([1.19, 1.21, 0.79, 0.81])), jnp.zeros(4), 0.2), [0, 1, 1, 0])
