"""Dynamic time warping and even spacing against slow references."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.tasks.strokes import even, warping_cost


def slow_warping(line, reference):
    """The textbook recursion, a cell at a time."""
    table = np.full((len(line) + 1, len(reference) + 1), np.inf)
    table[0, 0] = 0.0
    for i, a in enumerate(line):
        for j, b in enumerate(reference):
            table[i + 1, j + 1] = np.linalg.norm(a - b) + min(table[i, j], table[i, j + 1], table[i + 1, j])
    return table[-1, -1]


@pytest.mark.parametrize("rows, columns", [(1, 1), (1, 6), (7, 1), (9, 9), (5, 14)])
def test_warping_is_the_textbook_recursion(rows, columns):
    random = np.random.default_rng(rows)
    for _ in range(5):
        line, reference = (random.normal(size=(count, 2)).cumsum(0).astype(np.float32) for count in (rows, columns))
        np.testing.assert_allclose(jax.jit(warping_cost)(line, reference), slow_warping(line, reference), rtol=1e-4)


def test_warping_forgives_speed_and_not_place():
    slow = jnp.repeat(jnp.stack([jnp.arange(5.0), jnp.zeros(5)], axis=1), 3, axis=0)
    fast = slow[::3]
    cost = jax.jit(warping_cost)
    np.testing.assert_allclose(cost(slow, fast), 0.0, atol=1e-5)
    np.testing.assert_allclose(cost(fast + jnp.array([[0.0, 2.0]]), fast), 10.0, rtol=1e-5)


def test_even_spacing_keeps_the_form_and_drops_pauses():
    corner = jnp.array([[0.0, 0.0], [0.0, 0.0], [3.0, 0.0], [3.0, 0.0], [3.0, 1.0], [3.0, 1.0]])
    spaced = jax.jit(even, static_argnums=1)
    got = spaced(corner, 5)
    np.testing.assert_allclose(got, [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]], atol=1e-6)
    still = spaced(jnp.full((4, 2), 2.0), 3)
    np.testing.assert_allclose(still, np.full((3, 2), 2.0))
