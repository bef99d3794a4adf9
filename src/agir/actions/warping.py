"""How alike two chunks of actions are, if one may be done faster or slower than the other: dynamic time warping (Sakoe & Chiba 1978).

D(i, j) = |a_i - b_j|^2 + min(D(i - 1, j), D(i, j - 1), D(i - 1, j - 1)),    the distance is D(last, last)
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def time_warped(a: Float[Array, "steps size"], b: Float[Array, "others size"]) -> Float[Array, ""]:
    """The least sum of squared distances over all ways to align two sequences, each in its order and none of their steps left out."""
    cost = ((a[:, None] - b[None]) ** 2).sum(-1)
    infinite = jnp.full((), jnp.inf, cost.dtype)

    def row(above: Float[Array, " others"], now: tuple) -> tuple:
        costs, corner = now  # corner: what is up and left of the row's first, 0 for the very first and infinite after it

        def entry(left: Float[Array, ""], here: tuple) -> tuple:
            cost, up, diagonal = here
            best = cost + jnp.minimum(jnp.minimum(left, up), diagonal)
            return best, best

        diagonals = jnp.concatenate([corner[None], above[:-1]])
        return (found := jax.lax.scan(entry, infinite, (costs, above, diagonals), unroll=4)[1]), found

    corners = jnp.full(len(a), jnp.inf, cost.dtype).at[0].set(0.0)
    last, _ = jax.lax.scan(row, jnp.full(len(b), jnp.inf, cost.dtype), (cost, corners))
    return last[-1]


def all_time_warped(chunks: Float[Array, "batch steps size"]) -> Float[Array, "batch batch"]:
    """Between every two chunks."""
    return jax.vmap(lambda a: jax.vmap(lambda b: time_warped(a, b))(chunks))(chunks)
