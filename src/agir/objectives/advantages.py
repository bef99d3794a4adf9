"""Advantages and returns of a rollout, time first: [time, ...lanes].

In all of them `discount` is Experience's: what multiplies the next value, 0 where the episode terminated. `ended` is true where an
episode ended in either way; there, and at the last row, what follows is another episode or unknown, so the recursion stops at the
value of the true successor, `next_value` (multiplied by the discount, so a terminated episode adds nothing and a truncated one
bootstraps).
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def accumulate_backwards(x: Float[Array, "time *lanes"], factor: Float[Array, "time *lanes"]) -> Float[Array, "time *lanes"]:
    """y_t = x_t + factor_t * y_{t+1}, with 0 after the last."""

    def step(later: Any, row: tuple) -> tuple:
        now = row[0] + row[1] * later
        return now, now

    return jax.lax.scan(step, jnp.zeros_like(x[0]), (x, factor), reverse=True)[1]


def generalized_advantages(
    reward: Float[Array, "time *lanes"],
    discount: Float[Array, "time *lanes"],
    ended: Bool[Array, "time *lanes"],
    value: Float[Array, "time *lanes"],
    next_value: Float[Array, "time *lanes"],
    decay: Any,
) -> Float[Array, "time *lanes"]:
    """Generalised advantage estimation (Schulman et al. 2016, equations 11 and 16); `decay` is lambda.

    delta_t = r_t + discount_t V(s'_t) - V(s_t),    A_t = delta_t + discount_t lambda A_{t+1}

    With lambda = 1 it is the Monte-Carlo return minus the value, with lambda = 0 the one-step error.
    """
    error = reward + discount * next_value - value
    return accumulate_backwards(error, jnp.where(ended, 0.0, decay * discount))


def lambda_returns(
    reward: Float[Array, "time *lanes"],
    discount: Float[Array, "time *lanes"],
    ended: Bool[Array, "time *lanes"],
    next_value: Float[Array, "time *lanes"],
    decay: Any,
) -> Float[Array, "time *lanes"]:
    """G_t = r_t + discount_t ((1 - lambda) V(s'_t) + lambda G_{t+1}): TD(lambda)'s target (Sutton & Barto 2018, equation 12.18)."""
    last = ended.at[-1].set(True)
    now = reward + discount * jnp.where(last, next_value, (1.0 - decay) * next_value)
    return accumulate_backwards(now, jnp.where(last, 0.0, decay * discount))


def monte_carlo_returns(
    reward: Float[Array, "time *lanes"],
    discount: Float[Array, "time *lanes"],
    ended: Bool[Array, "time *lanes"],
    next_value: Float[Array, "time *lanes"],
) -> Float[Array, "time *lanes"]:
    """G_t = r_t + discount_t G_{t+1}, to the episode's end: lambda returns with lambda = 1."""
    return lambda_returns(reward, discount, ended, next_value, 1.0)


def n_step_returns(
    reward: Float[Array, "time *lanes"],
    discount: Float[Array, "time *lanes"],
    ended: Bool[Array, "time *lanes"],
    next_value: Float[Array, "time *lanes"],
    steps: int,
) -> Float[Array, "time *lanes"]:
    """The rewards of up to `steps` steps and the discounted value after the last of them; fewer where the episode ends earlier.

    G^1_t = r_t + discount_t V(s'_t),    G^n_t = r_t + discount_t (V(s'_t) if ended else G^(n-1)_{t+1})
    """
    last = ended.at[-1].set(True)
    returns = reward + discount * next_value
    for _ in range(steps - 1):
        later = jnp.concatenate([returns[1:], next_value[-1:]])
        returns = reward + discount * jnp.where(last, next_value, later)
    return returns
