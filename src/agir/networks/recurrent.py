"""GRU (Cho et al. 2014) and LSTM (Hochreiter & Schmidhuber 1997), stacked, over a sequence or one step at a time.

Over a sequence the inputs' part of all steps is one matrix product before the scan; only the state's part is inside it.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.networks.layers import Draw, Linear, grown

GATES = {"gru": 3, "lstm": 4}


class Cell(eqx.Module):
    """One recurrent layer. Its state is [width] (GRU) or [2, width] (LSTM: hidden and cell)."""

    inputs: Linear
    hidden: Linear
    kind: str = eqx.field(static=True)

    def __init__(self, size: int, width: int, kind: str, draw: Draw):
        if kind not in GATES:
            raise BadSetting(f"A recurrent cell is one of {', '.join(GATES)}, not '{kind}'.")
        bound = 1 / math.sqrt(width)  # PyTorch's: by the width of the state, for both products
        self.inputs = Linear(size, GATES[kind] * width, draw, bound=bound)
        self.hidden = Linear(width, GATES[kind] * width, draw, bound=bound)
        self.kind = kind

    def start(self) -> Float[Array, "..."]:
        width = self.hidden.weight.shape[0]
        return jnp.zeros((2, width) if self.kind == "lstm" else width)

    def move(self, projected: Float[Array, " gates"], state: Float[Array, "..."]) -> Float[Array, "..."]:
        """The next state from the inputs' part (`self.inputs(x)`) and the state."""
        if self.kind == "lstm":
            enter, forget, candidate, leave = jnp.split(projected + self.hidden(state[0]), 4)
            cell = jax.nn.sigmoid(forget) * state[1] + jax.nn.sigmoid(enter) * jnp.tanh(candidate)
            return jnp.stack([jax.nn.sigmoid(leave) * jnp.tanh(cell), cell])
        recurrent = jnp.split(self.hidden(state), 3)
        reset, keep, candidate = jnp.split(projected, 3)
        keep = jax.nn.sigmoid(keep + recurrent[1])
        candidate = jnp.tanh(candidate + jax.nn.sigmoid(reset + recurrent[0]) * recurrent[2])
        return keep * state + (1 - keep) * candidate

    def output(self, state: Float[Array, "..."]) -> Float[Array, "..."]:
        return state[0] if self.kind == "lstm" else state


class Recurrent(eqx.Module):
    """A stack of cells: `start()` -> state, `step(x, state)` -> output, state; called on a sequence, outputs and the last state."""

    cells: list[Cell]

    def __init__(self, size: int, width: int, key: Key, *, depth: int = 2, kind: str = "lstm"):
        """Raises BadSetting on a kind that is neither "lstm" nor "gru"."""
        self.cells = grown(lambda draw: [Cell(size if i == 0 else width, width, kind, draw) for i in range(depth)], key)

    def start(self) -> list:
        return [cell.start() for cell in self.cells]

    def emptied(self, state: list, when: Bool[Array, ""]) -> list:
        """The state, or where `when` an empty one."""
        return jax.tree.map(lambda empty, old: jnp.where(when, empty, old), self.start(), state)

    def step(self, x: Float[Array, " size"], state: list) -> tuple[Float[Array, " width"], list]:
        after = []
        for cell, old in zip(self.cells, state):
            after.append(cell.move(cell.inputs(x), old))
            x = cell.output(after[-1])
        return x, after

    def __call__(
        self, xs: Float[Array, "time size"], state: list, fresh: Bool[Array, " time"] | None = None
    ) -> tuple[Float[Array, "time width"], list]:
        """Where `fresh`, the state is the start's before that step (an episode begins there)."""
        fresh = jnp.zeros(xs.shape[0], bool) if fresh is None else fresh
        after = []
        for cell, old in zip(self.cells, state):
            xs, new = _over(cell, xs, old, fresh)
            after.append(new)
        return xs, after


def _over(cell: Cell, xs: Any, state: Any, fresh: Any) -> tuple[Any, Any]:
    def one(state, step):
        projected, begins = step
        state = cell.move(projected, jnp.where(begins, cell.start(), state))
        return state, cell.output(state)

    state, outputs = jax.lax.scan(one, state, (cell.inputs(xs), fresh))
    return outputs, state
