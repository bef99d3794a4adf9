"""Networks of one shape side by side, for minibatches in columns: [features, batch].

Online learning is many small steps of small networks, where launches and the shape of a product cost more than arithmetic. So all
members' weights of a layer stand in one array (one launch for a policy and its critic, or for ten critics), and a minibatch stands
in columns: then all three products of a layer's pass and its gradient are of a form that XLA's CPU kernels do at full speed
(measured, 64 wide, 256 columns: 20 us each; in rows the product for the weights' gradient takes 40).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.networks.layers import Draw, Linear, activation_named


class Trunks(eqx.Module):
    """`members` stacks of `depth` hidden layers of `width`, all reading the same features."""

    first: Float[Array, "size all"]  # all members' first layers: all = members * width
    later: list[Float[Array, "members width width"]]
    biases: list[Float[Array, "members width"]]
    activation: str = eqx.field(static=True)

    @classmethod
    def create(cls, size: int, draw: Draw, *, members: int, width: int = 64, depth: int = 2, activation: str = "tanh") -> "Trunks":
        """Orthogonal with gain sqrt(2), biases 0. Raises BadSetting on an unknown activation."""
        activation_named(activation)
        layer = lambda size: [orthogonal(draw.normal((size, width), 1.0), math.sqrt(2)) for _ in range(members)]
        first, later = jnp.concatenate(layer(size), 1), [jnp.stack(layer(width)) for _ in range(depth - 1)]
        return cls(first, later, [jnp.zeros((members, width)) for _ in range(depth)], activation)

    @property
    def members(self) -> int:
        return self.biases[0].shape[0]

    def pick(self, start: int, stop: int) -> "Trunks":
        """Members `start` to `stop` alone."""
        width = self.biases[0].shape[1]
        cut = lambda arrays: [array[start:stop] for array in arrays]
        return Trunks(self.first[:, start * width : stop * width], cut(self.later), cut(self.biases), self.activation)

    def __call__(self, x: Float[Array, "size"]) -> Float[Array, "members width"]:
        """One item."""
        return self.columns(x[:, None])[..., 0] if self.members > 1 else self._row(x)[None]

    def _row(self, x: Float[Array, "size"]) -> Float[Array, "width"]:
        """One item through the only member: under a vmap over lanes each layer is one product of rows."""
        act = activation_named(self.activation)
        x = act(x @ self.first + self.biases[0][0])
        for weight, bias in zip(self.later, self.biases[1:]):
            x = act(x @ weight[0] + bias[0])
        return x

    def columns(self, x: Float[Array, "size batch"]) -> Float[Array, "members width batch"]:
        """A minibatch."""
        act = activation_named(self.activation)
        x = (self.first.T @ x).reshape(*self.biases[0].shape, -1)
        x = act(x + self.biases[0][:, :, None])
        for weight, bias in zip(self.later, self.biases[1:]):
            x = act(jnp.swapaxes(weight, 1, 2) @ x + bias[:, :, None])
        return x


def readout(size: int, outputs: int, draw: Draw, gain: float = 1.0) -> Linear:
    """A linear layer that starts orthogonal with `gain`, and with biases of 0."""
    layer = Linear(size, outputs, draw, deviation=1.0)
    return eqx.tree_at(lambda layer: layer.weight, layer, orthogonal(layer.weight, gain))


def in_columns(layer: Linear, x: Float[Array, "size batch"]) -> Float[Array, "outputs batch"]:
    """The layer on a minibatch in columns."""
    return layer.weight.T @ x + layer.bias[:, None]


def orthogonal(drawn: Float[Array, "size outputs"], gain: float) -> Float[Array, "size outputs"]:
    """Normal numbers -> a uniformly random matrix whose shorter side's vectors are orthogonal and of length `gain` (Saxe et al. 2014).

    By Gram and Schmidt, twice over, which leaves the numbers' own signs (Mezzadri 2007) and errors of rounding alone. Not by LAPACK:
    several of its calls in one compiled program can wait for each other for ever on a machine of two cores.
    """
    tall = drawn if drawn.shape[0] >= drawn.shape[1] else drawn.T

    def add(i: Any, q: Array) -> Array:
        column = tall[:, i]
        for _ in range(2):
            column = column - q @ (q.T @ column)
        return q.at[:, i].set(column / jnp.linalg.norm(column))

    q = gain * jax.lax.fori_loop(0, tall.shape[1], add, jnp.zeros_like(tall))
    return q if tall is drawn else q.T
