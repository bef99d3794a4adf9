"""Running statistics against those of everything at once."""

import jax.numpy as jnp
import numpy as np

from agir.data.running import LIMIT, ReturnScale, Running


def test_statistics_of_batches_are_those_of_all_rows():
    draw = np.random.default_rng(0)
    batches = [draw.normal(3, 2, (2, n)).astype(np.float32) for n in (5, 1, 200, 40)]
    running = Running.create(2)
    for batch in batches:
        running = running.seen(jnp.asarray(batch))
    rows = np.concatenate(batches, 1)
    np.testing.assert_allclose(running.mean, rows.mean(1), rtol=1e-4)
    np.testing.assert_allclose(running.variance, rows.var(1), rtol=1e-4)
    normalised = running(jnp.asarray(rows))
    np.testing.assert_allclose([normalised.mean(1), normalised.std(1)], [[0, 0], [1, 1]], atol=1e-3)
    np.testing.assert_allclose(running(jnp.asarray(rows[:, 7])), normalised[:, 7], rtol=1e-5)
    assert running(jnp.full(2, 1e6)).max() == LIMIT


def test_before_anything_is_seen_features_are_left_as_they_are():
    np.testing.assert_allclose(Running.create(3)(jnp.array([1.0, -2.0, 0.5])), [1.0, -2.0, 0.5], rtol=1e-6)


def test_rewards_are_divided_by_the_deviation_of_returns_across_rollouts():
    draw = np.random.default_rng(1)
    reward, ended = draw.normal(1, 1, (3, 10, 2)).astype(np.float32), draw.random((3, 10, 2)) < 0.2
    scale, sofar, returns = ReturnScale.create(2), np.zeros(2), []
    for k in range(3):
        scale, scaled = scale.scaled(jnp.asarray(reward[k]), jnp.asarray(ended[k]), 0.9)
        for t in range(10):
            sofar = 0.9 * sofar + reward[k, t]
            returns.append(sofar)
            sofar = np.where(ended[k, t], 0, sofar)
    np.testing.assert_allclose(scaled, reward[2] / np.std(returns), rtol=1e-4)
