"""The mean that every loss over chunks is: padding never counts."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float


def masked_mean(values: Float[Array, "..."], mask: Float[Array, "..."]) -> Float[Array, ""]:
    """The mean of `values` [*lead, *rest] over the entries whose `mask` [*lead] is not 0, weighted by it; 0 if there are none.

    Entries whose mask is 0 may hold anything, NaN included: they change neither the mean nor its gradient (to keep them out of
    the gradient of what computes them, clear its inputs with `cleared`).
    """
    weight = jnp.broadcast_to(_aligned(mask, values), values.shape)
    return jnp.where(weight != 0, values * weight, 0.0).sum() / jnp.maximum(weight.sum(), 1e-8)


def cleared(values: Any, mask: Float[Array, "..."]) -> Any:
    """`values` [*lead, *rest] with zeros where `mask` [*lead] is 0."""
    return jnp.where(_aligned(mask, values) != 0, values, jnp.zeros_like(values))


def held(values: Any, mask: Float[Array, " steps"]) -> Any:
    """`values` [steps, *rest] with the nearest step whose `mask` is not 0 in the place of every step whose mask is 0 (0 if none is).

    For what takes a chunk as a whole: nothing that lies behind the mask is read. Of two that are as near, the earlier one.
    """
    step, there = jnp.arange(mask.shape[0]), mask != 0
    far = jnp.abs(step[:, None] - step[None]) + jnp.where(there, 0, 2 * mask.shape[0])[None]
    return cleared(values, mask)[jnp.argmin(far, axis=1)]


def in_shares(total: Float[Array, ""], mask: Float[Array, " steps"]) -> Float[Array, " steps"]:
    """What is lost on a chunk as a whole, in equal shares of the steps that count."""
    return jnp.full(mask.shape, total / jnp.maximum(mask.sum(), 1.0))


def _aligned(mask: Any, values: Any) -> Any:
    return mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))
