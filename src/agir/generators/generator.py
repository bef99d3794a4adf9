"""What a generator is: how a chunk of actions comes from a context."""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from agir.core.spaces import Key
from agir.objectives.masked import held, in_shares, masked_mean


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

    def draw(self, context: Float[Array, "history features"], key: Key) -> tuple[Any, Int[Array, ""]]:
        """-> a chunk as `sample` gives it, and how many passes it took: for those in which that differs from chunk to chunk."""
        return self.sample(context, key), jnp.int32(self.passes)


class FromNow(Generator):
    """Of the actions from now on (the last observation's) as one whole; those before it are neither learnt nor generated.

    Steps behind the mask repeat the nearest one that counts, and a chunk's loss is shared equally by the steps that count.
    """

    past: int = eqx.field(static=True)  # actions before now: the history less one
    shape: tuple[int, ...] = eqx.field(static=True)  # of one action

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        coming = mask[self.past :]
        chunk = held(chunk[self.past :], coming).reshape(len(coming), -1)
        return jnp.concatenate([jnp.zeros(self.past), in_shares(self.whole_loss(chunk, context, key), coming)])

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        return self.draw(context, key)[0]

    def draw(self, context: Float[Array, "history features"], key: Key) -> tuple[Float[Array, "horizon *shape"], Int[Array, ""]]:
        """Zeros stand for the actions before now."""
        chunk, passes = self.whole(context, key)
        chunk = chunk.reshape(-1, *self.shape)
        return jnp.concatenate([jnp.zeros((self.past, *self.shape)), chunk]), jnp.asarray(passes).astype(jnp.int32)

    @abc.abstractmethod
    def whole_loss(self, chunk: Float[Array, "coming size"], context: Float[Array, "history features"], key: Key) -> Float[Array, ""]:
        """What is lost on the actions from now on."""

    @abc.abstractmethod
    def whole(self, context: Float[Array, "history features"], key: Key) -> tuple[Float[Array, "coming size"], Any]:
        """-> the actions from now on, and the passes that they took."""


def mean_loss(generator: Generator, chunks: Any, masks: Any, contexts: Any, key: Key, draws: int = 1) -> Float[Array, ""]:
    """The masked mean of the losses of a batch (all arguments but the key have a leading batch axis).

    With several `draws` each item's loss is the mean over as many keys of its own: what does not depend on them is computed once.
    """

    def loss(chunk: Any, mask: Any, context: Any, key: Key) -> Any:
        if draws == 1:
            return generator.loss(chunk, mask, context, key)
        return jax.vmap(lambda key: generator.loss(chunk, mask, context, key))(jax.random.split(key, draws)).mean(0)

    keys = jax.random.split(key, masks.shape[0])
    return masked_mean(jax.vmap(loss)(chunks, masks, contexts, keys), masks)
