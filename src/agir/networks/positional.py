"""Sinusoidal embeddings of a time or a position (Vaswani et al. 2017), in the form of Diffusion Policy."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float


def sinusoidal(position: Float[Array, "*lead"], size: int, longest: float = 10_000.0) -> Float[Array, "*lead {size}"]:
    """[sin(position * f_i), cos(position * f_i)] with size / 2 frequencies f_i from 1 down to 1 / longest, evenly in the logarithm.

    `size` is even and at least 4; a position is a step number (scale a time in [0, 1] before).
    """
    half = size // 2
    frequency = jnp.exp(jnp.arange(half, dtype=jnp.float32) * (-math.log(longest) / (half - 1)))
    angle = position[..., None] * frequency.reshape((1,) * position.ndim + (half,))
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], -1)
