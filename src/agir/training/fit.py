"""Stages that learn one part from windows of data."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.actions.codes import ScalarCodec
from agir.actions.frequencies import FastTokens
from agir.actions.residual import ResidualCodec
from agir.core.nouns import Learner, Source, Window
from agir.core.spaces import Key
from agir.objectives.masked import held
from agir.training.sources import Windows
from agir.training.state import Trained


class FitPart(Learner):
    """Learns a part of chunks of actions by descending its own loss."""

    history = 1  # a chunk begins at the last observation
    horizon: int = 8  # actions a chunk
    rate: float = 1e-3  # of Adam
    learns_from: Source = Windows(batch=128)
    updates: int = 2000

    def create(self, key: Key) -> Any:
        """-> the part, untrained."""
        raise NotImplementedError

    def loss(self, part: Any, batch: Window, key: Key) -> Float[Array, ""]:
        """Of a batch of windows."""
        return jnp.mean(jax.vmap(part.loss)(batch, jax.random.split(key, batch.mask.shape[0])))

    def init(self, key: Key) -> Trained:
        return Trained.begin(self.create(key), optax.adam(self.rate))

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, _ = state.descend(lambda part: (self.loss(part, batch, key), {}), optax.adam(self.rate))
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        return {"loss": self.loss(state.model, batch, key)}

    def result(self, state: Trained) -> Any:
        return state.model


class FitCodec(FitPart):
    """Learns a codec of chunks of actions: the first stage of a prior over codes."""

    levels: tuple[int, ...] = (5, 5, 5)  # of each dimension of the code (FSQ's grid for about 100 codes)
    width: int = 128  # of the encoder's and the decoder's layers

    def create(self, key: Key) -> ScalarCodec:
        return ScalarCodec.create(self.spec, key, self.horizon, self.levels, self.width)


class FitResidual(FitPart):
    """Learns a codec of several codes a chunk, each of what is left; its defaults are CARP's, with an MLP and fewer codes."""

    horizon: int = 16  # actions a chunk (CARP)
    scales: tuple[int, ...] = (1, 2, 3, 4)  # tokens of each level (CARP)
    codes: int = 64  # that a token may be (CARP: 512)
    dim: int = 8  # of a code (CARP)
    width: int = 128  # of the encoder's and the decoder's layers
    shared: bool = True  # one book of codes for all levels (CARP), or one for each (VQ-BeT)
    commitment: float = 0.25  # weight of what draws chunks to their codes (CARP)

    def create(self, key: Key) -> ResidualCodec:
        how = {"dim": self.dim, "width": self.width, "shared": self.shared}
        return ResidualCodec.create(self.spec, key, self.horizon, self.scales, self.codes, **how)

    def loss(self, part: ResidualCodec, batch: Window, key: Key) -> Float[Array, ""]:
        return part.loss(chunks(batch), batch.mask, self.commitment)


class FitFast(Learner):
    """Learns FAST's merges, one an update: in each batch the pair of tokens that is most frequent."""

    history = 1  # a chunk begins at the last observation
    horizon: int = 16  # actions a chunk (FAST: those of one second)
    scale: int = 10  # integers are frequencies times this, rounded (FAST)
    transform: str = "cosine"  # cosine (FAST), or none: the actions themselves are rounded
    merge: bool = True  # False, with transform none: plain bins, one token a number
    learns_from: Source = Windows(batch=1024)
    updates: int = 256  # merges (FAST: 1024 less the alphabet); fewer are learnt where no pair comes twice any more

    def init(self, key: Key) -> FastTokens:
        return FastTokens.create(self.spec, self.horizon, self.scale, self.updates if self.merge else 0, self.transform)

    def update(self, state: FastTokens, batch: Window, step: Any, key: Key) -> tuple[FastTokens, dict]:
        sequences, counts = jax.vmap(state.encode)(chunks(batch))
        return state.learn(sequences, counts, step), {"tokens": counts.astype(jnp.float32).mean()}

    def validate(self, state: FastTokens, batch: Window, key: Key) -> dict:
        return {"tokens": jax.vmap(state.encode)(chunks(batch))[1].astype(jnp.float32).mean()}

    def result(self, state: FastTokens) -> FastTokens:
        return state


def chunks(batch: Window) -> Float[Array, "batch horizon size"]:
    """The windows' actions, flat, with the nearest one that counts in the place of padding."""
    return jax.vmap(held)(batch.action, batch.mask).reshape(*batch.mask.shape, -1)
