"""Nearest neighbours: what was done where it looked most like this (VINN, Pari et al. 2021, arXiv 2112.01511; with one, plain copying).

    acting    a = sum_i w_i a_i,    w = softmax(-|z - z_i| / temperature)    over the `neighbors` nearest demonstrated windows
              1 - cos(z, z_i) in place of |z - z_i| with `--index.cosine` (CLASS's code)
    z         features of the last observations, through an encoder that is brought (`--encoder RUN`), or as they are

Nothing is trained. It is what a policy must beat that was.

Deviations: VINN's encoder is trained without labels (BYOL); here it is one that another method trained, or none. Actions may be chunks.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Learner, Method, Policy, Source, given
from agir.core.spaces import Key
from agir.generators.nearest import recalled
from agir.runtime.executors import Receding
from agir.training.memory import FitIndex, Index
from agir.training.sources import Nothing


class NearestNeighbors(Method):
    index: Index | Learner = given(Index, default=FitIndex(), about="the demonstrated windows")
    neighbors: int = 1  # that are averaged (VINN: 16 or so)
    temperature: float = 1.0  # of their weights (VINN; CLASS's code, with --index.cosine: 0.01 to 0.02)
    execute: int = 1  # actions of a chunk done before the next search
    learns_from: Source = Nothing()
    updates: int = 0  # nothing is learnt

    def init(self, key: Key) -> tuple:
        if not 1 <= self.neighbors <= len(self.index.memories.keys):
            raise BadSetting(f"--neighbors is 1 to {len(self.index.memories.keys)}, the rows that the index has room for.")
        return ()

    def policy(self, state: Any) -> Policy:
        return Receding(
            self.spec,
            Recall(self.spec, self.index, jnp.asarray(self.temperature, jnp.float32), self.neighbors),
            self.index.memories.history,
            self.execute,
        )


class Recall(Policy):
    """Sees [history, ...] and gives a chunk [horizon, ...]."""

    index: Index
    temperature: Float[Array, ""]
    neighbors: int = eqx.field(static=True)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        index = self.index
        return Act(recalled(index.memories, index.key(observation), self.neighbors, self.temperature, index.cosine), memory)
