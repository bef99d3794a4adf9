"""An encoder of observations with a generator of chunks: what most imitation methods learn."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from agir.core.nouns import Window
from agir.core.spaces import Key
from agir.generators.generator import Generator, mean_loss


class ChunkModel(eqx.Module):
    """From observations [history, ...] to a chunk [horizon, ...] that begins at the first of them."""

    encoder: Any  # observations [history, ...] -> rows of features: an Encoder or Tokens
    generator: Generator

    def loss(self, batch: Window, key: Key, augment: bool = True, draws: int = 1) -> Float[Array, ""]:
        """The masked mean over a batch of windows; with `augment`, images are cut at random places."""
        place, generate = jax.random.split(key)
        contexts = self.contexts(batch.observation, place if augment else None)
        return mean_loss(self.generator, batch.action, batch.mask, contexts, generate, draws)

    def contexts(self, observations: Any, key: Key | None) -> Float[Array, "batch history features"]:
        """A batch of observations [batch, history, ...] as features; with a key, images are cut at random places."""
        if key is None:
            return jax.vmap(self.encoder)(observations)
        return jax.vmap(self.encoder)(observations, jax.random.split(key, len(jax.tree.leaves(observations)[0])))

    def sample(self, observation: Any, key: Key) -> Any:
        """-> a chunk."""
        return self.generator.sample(self.encoder(observation), key)

    def draw(self, observation: Any, key: Key) -> tuple[Any, Any]:
        """-> a chunk, and the passes of the network that it took (int32 [])."""
        return self.generator.draw(self.encoder(observation), key)
