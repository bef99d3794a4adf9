"""What a generator is: how a chunk of actions comes from a context."""

import abc
from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.objectives.masked import masked_mean


class Generator(eqx.Module):
    """Of one item: a context [history, features] and a chunk of actions.

    A chunk is [horizon, size] for numbers; for choices it is as the space says, with the horizon in front.
    """

    @property
    def passes(self) -> int:
        """How many times `sample` runs the network."""
        return 1

    @abc.abstractmethod
    def loss(self, chunk: Any, mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key) -> Any:
        """-> float32 [horizon], each step's loss. Steps whose mask is 0 influence no other step's."""

    @abc.abstractmethod
    def sample(self, context: Float[Array, "history features"], key: Key) -> Any:
        """-> a chunk."""


def mean_loss(generator: Generator, chunks: Any, masks: Any, contexts: Any, key: Key) -> Float[Array, ""]:
    """The masked mean of the losses of a batch (all arguments but the key have a leading batch axis)."""
    keys = jax.random.split(key, masks.shape[0])
    return masked_mean(jax.vmap(generator.loss)(chunks, masks, contexts, keys), masks)
