"""Advantages and returns against slow loops and closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from agir.objectives.advantages import (
    accumulate_backwards,
    generalized_advantages,
    lambda_returns,
    monte_carlo_returns,
    n_step_returns,
)


def rollout(time=23, lanes=3, seed=0):
    """Ends of both kinds in the middle, in the last row, and in rows next to each other."""
    draw = np.random.default_rng(seed)
    terminated, truncated = draw.random((time, lanes)) < 0.15, draw.random((time, lanes)) < 0.15
    truncated[-1, 0], terminated[-1, 1] = True, True
    numbers = [draw.normal(size=(time, lanes)).astype(np.float32) for _ in range(3)]
    discount = np.where(terminated, 0, 0.9).astype(np.float32)
    return numbers[0], discount, terminated | truncated, numbers[1], numbers[2]


def slow_advantages(reward, discount, ended, value, next_value, decay):
    out = np.zeros_like(reward)
    for lane in range(reward.shape[1]):
        later = 0.0
        for t in reversed(range(reward.shape[0])):
            if ended[t, lane]:
                later = 0.0
            error = reward[t, lane] + discount[t, lane] * next_value[t, lane] - value[t, lane]
            later = error + discount[t, lane] * decay * later
            out[t, lane] = later
    return out


def slow_n_step(reward, discount, ended, next_value, steps):
    out = np.zeros_like(reward)
    for lane in range(reward.shape[1]):
        for t in range(len(reward)):
            weight, k = 1.0, t
            while True:
                out[t, lane] += weight * reward[k, lane]
                weight *= discount[k, lane]
                if ended[k, lane] or k == len(reward) - 1 or k - t == steps - 1:
                    break
                k += 1
            out[t, lane] += weight * next_value[k, lane]
    return out


def test_accumulate_backwards():
    x, factor = jnp.array([1.0, 2.0, 3.0]), jnp.array([0.5, 0.1, 7.0])
    np.testing.assert_allclose(accumulate_backwards(x, factor), [1 + 0.5 * (2 + 0.1 * 3), 2 + 0.1 * 3, 3], rtol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.7, 1.0])
def test_advantages_are_those_of_the_loop(decay):
    numbers = rollout()
    found = generalized_advantages(*map(jnp.asarray, numbers), decay)
    np.testing.assert_allclose(found, slow_advantages(*numbers, decay), rtol=2e-4, atol=2e-5)


def test_advantages_by_hand():
    """Two steps, then a truncation in mid-rollout that bootstraps from its true successor, then a termination that does not."""
    reward = jnp.ones(4)
    discount = jnp.array([0.5, 0.5, 0.5, 0.0])
    ended = jnp.array([False, True, False, True])
    value = jnp.array([1.0, 2.0, 3.0, 4.0])
    next_value = jnp.array([2.0, 10.0, 4.0, 100.0])
    errors = [1 + 0.5 * 2 - 1, 1 + 0.5 * 10 - 2, 1 + 0.5 * 4 - 3, 1 + 0 - 4]
    wanted = [errors[0] + 0.5 * 0.8 * errors[1], errors[1], errors[2] + 0.5 * 0.8 * errors[3], errors[3]]
    np.testing.assert_allclose(generalized_advantages(reward, discount, ended, value, next_value, 0.8), wanted, rtol=1e-6)


def test_the_ends_of_lambda():
    reward, discount, ended, value, next_value = map(jnp.asarray, rollout(seed=1))
    one_step = generalized_advantages(reward, discount, ended, value, next_value, 0.0)
    np.testing.assert_allclose(one_step, reward + discount * next_value - value, rtol=1e-6)
    # Where a row's next value is the value of the row that follows, lambda = 1 is the return minus the value.
    consistent = jnp.where(ended.at[-1].set(True), next_value, jnp.concatenate([value[1:], next_value[-1:]]))
    whole = generalized_advantages(reward, discount, ended, value, consistent, 1.0)
    np.testing.assert_allclose(whole, monte_carlo_returns(reward, discount, ended, consistent) - value, rtol=2e-4, atol=2e-5)
    some = generalized_advantages(reward, discount, ended, value, consistent, 0.6) + value
    np.testing.assert_allclose(some, lambda_returns(reward, discount, ended, consistent, 0.6), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("steps", [1, 2, 5, 100])
def test_n_step_returns_are_those_of_the_loop(steps):
    reward, discount, ended, _, next_value = rollout(seed=2)
    found = n_step_returns(*map(jnp.asarray, (reward, discount, ended, next_value)), steps)
    np.testing.assert_allclose(found, slow_n_step(reward, discount, ended, next_value, steps), rtol=2e-4, atol=2e-5)
    if steps == 100:
        whole = monte_carlo_returns(*map(jnp.asarray, (reward, discount, ended, next_value)))
        np.testing.assert_allclose(found, whole, rtol=2e-4, atol=2e-5)
