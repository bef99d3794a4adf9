"""Stages that learn one part from windows of data."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from agir.actions.codes import ScalarCodec
from agir.core.nouns import Learner, Source, Window
from agir.core.spaces import Key
from agir.training.sources import Windows
from agir.training.state import Trained


class FitCodec(Learner):
    """Learns a codec of chunks of actions: the first stage of every method with a prior over codes."""

    history = 1  # a chunk begins at the last observation
    horizon: int = 8  # actions a chunk
    levels: tuple[int, ...] = (5, 5, 5)  # of each dimension of the code (FSQ's grid for about 100 codes)
    width: int = 128  # of the encoder's and the decoder's layers
    rate: float = 1e-3  # of Adam
    learns_from: Source = Windows(batch=128)
    updates: int = 2000

    def init(self, key: Key) -> Trained:
        part = ScalarCodec.create(self.spec, key, self.horizon, self.levels, self.width)
        return Trained.begin(part, optax.adam(self.rate))

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        keys = jax.random.split(key, batch.mask.shape[0])
        state, loss, _ = state.descend(lambda part: (mean_loss(part, batch, keys), {}), optax.adam(self.rate))
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        return {"loss": mean_loss(state.model, batch, jax.random.split(key, batch.mask.shape[0]))}

    def result(self, state: Trained) -> ScalarCodec:
        return state.model


def mean_loss(part: Any, batch: Window, keys: Key) -> Any:
    return jnp.mean(jax.vmap(part.loss)(batch, keys))
