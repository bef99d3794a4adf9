"""Targets and losses of value learning on one transition each; the caller vmaps over the batch.

`discount` is Experience's: discount ** steps, 0 where the episode terminated, so no target here knows of ends.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def td_target(reward: Float[Array, ""], discount: Float[Array, ""], next_value: Float[Array, ""]) -> Float[Array, ""]:
    """r + discount V(s')."""
    return reward + discount * next_value


def q_learning_target(reward: Float[Array, ""], discount: Float[Array, ""], next_values: Float[Array, "actions"]) -> Float[Array, ""]:
    """r + discount max_a Q(s', a) (Watkins 1989)."""
    return td_target(reward, discount, next_values.max())


def double_q_target(
    reward: Float[Array, ""], discount: Float[Array, ""], next_values: Float[Array, "actions"], selector: Float[Array, "actions"]
) -> Float[Array, ""]:
    """r + discount Q'(s', argmax_a Q(s', a)): the target network `next_values` judges what the online one, `selector`, chooses
    (van Hasselt, Guez & Silver 2016)."""
    return td_target(reward, discount, taken(next_values, selector.argmax().astype(jnp.int32)))


def taken(values: Float[Array, "actions"], action: Int[Array, ""]) -> Float[Array, ""]:
    """The value of the action taken; a masked sum, because the gradient of an index is a slow scatter."""
    return jnp.where(jnp.arange(values.shape[0]) == action, values, 0.0).sum()


def squared(error: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Half the square."""
    return 0.5 * error**2


def huber(error: Float[Array, "*batch"], width: Any = 1.0) -> Float[Array, "*batch"]:
    """error^2 / 2 within `width`, and linear beyond, with slope `width` (Huber 1964)."""
    size = jnp.abs(error)
    inner = jnp.minimum(size, width)
    return 0.5 * inner**2 + width * (size - inner)
