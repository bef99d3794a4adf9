"""Drawn lines compared: equal spacing along a line, and dynamic time warping."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def even(points: Float[Array, "count 2"], wanted: int) -> Float[Array, "wanted 2"]:
    """`wanted` points equally spaced along the length of a line: pauses and speed are gone, the form is left."""
    lengths = jnp.linalg.norm(jnp.diff(points, axis=0), axis=1)
    along = jnp.concatenate([jnp.zeros(1), jnp.cumsum(lengths)])
    places = jnp.linspace(0.0, 1.0, wanted) * along[-1]
    return jnp.stack([jnp.interp(places, along, points[:, axis]) for axis in range(2)], axis=1)


def warping_cost(line: Float[Array, "rows 2"], reference: Float[Array, "columns 2"]) -> Float[Array, ""]:
    """Dynamic time warping: the smallest sum of distances along a path of matched pairs, first with first to last with last.

    The table D[i, j] = c[i, j] + min(D[i-1, j], D[i, j-1], D[i-1, j-1]) is filled an anti-diagonal i + j = k at a time: its
    entries need those of k - 1 and k - 2 alone, so each is one vector operation over i.
    """
    rows, columns = len(line), len(reference)
    i = jnp.broadcast_to(jnp.arange(rows)[None], (rows + columns - 1, rows))
    j = jnp.arange(rows + columns - 1)[:, None] - i
    distance = jnp.linalg.norm(line[:, None] - reference[None], axis=-1)
    costs = jnp.where((j >= 0) & (j < columns), distance[i, jnp.clip(j, 0, columns - 1)], jnp.inf)
    from_above = lambda entries: jnp.concatenate([jnp.full(1, jnp.inf), entries[:-1]])

    def diagonal(carry, cost):
        before, last = carry  # of k - 2 and k - 1
        entries = cost + jnp.minimum(jnp.minimum(from_above(last), last), from_above(before))
        return (last, entries), None

    (_, last), _ = jax.lax.scan(diagonal, (jnp.full(rows, jnp.inf), costs[0]), costs[1:])
    return last[-1]
