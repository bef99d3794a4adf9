"""Linear-quadratic control: what balancing experts stand on."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np


def linearize(move: Callable[[Any, Any], Any], state: Any, action: Any) -> tuple[np.ndarray, np.ndarray]:
    """-> A = d move / d state, B = d move / d action, at one state and action."""
    return tuple(np.asarray(jax.jacobian(move, argument)(state, action), np.float64) for argument in (0, 1))


def lqr(a: np.ndarray, b: np.ndarray, q: np.ndarray, r: np.ndarray, tolerance: float = 1e-10) -> np.ndarray:
    """The gain K of u = -K x that minimises the sum over time of x'Qx + u'Ru, where x' = A x + B u.

    By iterating the discrete Riccati equation  P <- Q + A'P(A - BK),  K = (R + B'PB)^-1 B'PA  to its fixed point.
    Raises ValueError where it does not settle (the pair A, B cannot be stabilised).
    """
    p = q
    for _ in range(100_000):
        k = np.linalg.solve(r + b.T @ p @ b, b.T @ p @ a)
        new = q + a.T @ p @ (a - b @ k)
        if np.abs(new - p).max() < tolerance * np.abs(new).max():
            return k
        if np.abs(new).max() > 1e12 * np.abs(q).max():
            break
        p = new
    raise ValueError("The Riccati equation does not settle: this system cannot be stabilised.")
