"""Losses of policy-gradient methods, one number a sample: the caller takes the mean (or a masked one)."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def clipped_surrogate(
    log_prob: Float[Array, "*batch"], old_log_prob: Float[Array, "*batch"], advantage: Float[Array, "*batch"], clip: Any
) -> Float[Array, "*batch"]:
    """-min(ratio A, clip(ratio, 1 - epsilon, 1 + epsilon) A): PPO's loss (Schulman et al. 2017, equation 7); `clip` is epsilon."""
    ratio = jnp.exp(log_prob - old_log_prob)
    return -jnp.minimum(ratio * advantage, jnp.clip(ratio, 1.0 - clip, 1.0 + clip) * advantage)


def value_loss(value: Float[Array, "*batch"], target: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Half the squared error."""
    return 0.5 * (value - target) ** 2


def clipped_value_loss(
    value: Float[Array, "*batch"], old_value: Float[Array, "*batch"], target: Float[Array, "*batch"], clip: Any
) -> Float[Array, "*batch"]:
    """The larger of two: the loss of the value, and of the value kept within `clip` of the old one (OpenAI Baselines, PPO2)."""
    near = old_value + jnp.clip(value - old_value, -clip, clip)
    return jnp.maximum(value_loss(value, target), value_loss(near, target))


def normalized_advantages(advantage: Float[Array, "*batch"], tiny: float = 1e-8) -> Float[Array, "*batch"]:
    """Mean 0 and deviation 1 over the whole batch."""
    centred = advantage - advantage.mean()
    return centred / (jnp.sqrt((centred**2).mean()) + tiny)


def approximate_kl(log_prob: Float[Array, "*batch"], old_log_prob: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """(ratio - 1) - log ratio: an unbiased, never negative estimate of KL(old | new) from the old policy's samples (Schulman 2020, k3)."""
    change = log_prob - old_log_prob
    return jnp.expm1(change) - change


def clipped_share(log_prob: Float[Array, "*batch"], old_log_prob: Float[Array, "*batch"], clip: Any) -> Float[Array, "*batch"]:
    """1 where the ratio stands outside 1 - epsilon to 1 + epsilon."""
    return (jnp.abs(jnp.expm1(log_prob - old_log_prob)) > clip).astype(jnp.float32)
