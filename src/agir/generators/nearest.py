"""Chunks of actions from memory: those that were done where what was seen was most like what is seen now."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from agir.core.nouns import Window


class Memories(eqx.Module):
    """What was seen, as keys, and the chunk of actions [horizon, ...] that was done there; in the order of the rows they come from.

    `mask` is the windows': 0 where a chunk runs over an end of its episode (the action there repeats the nearest one inside), and
    in all of a place that is empty.
    """

    keys: Float[Array, "places size"]
    chunks: Any  # [places, horizon, ...]
    mask: Float[Array, "places horizon"]
    history: int = eqx.field(static=True)  # observations in a key, so index history - 1 of a chunk is the action for now

    @classmethod
    def of(cls, keys: Float[Array, "places size"], windows: Window, history: int) -> "Memories":
        return cls(keys, windows.action, windows.mask, history)

    @property
    def known(self) -> Float[Array, " places"]:
        """1 where a place holds an action for now."""
        return self.mask[:, self.history - 1]

    def distances(self, key: Float[Array, " size"]) -> Float[Array, " places"]:
        """From a key to each place's; infinite to those that hold nothing."""
        return jnp.where(self.known > 0, jnp.sqrt(((self.keys - key[None]) ** 2).sum(1)), jnp.inf)

    def nearest(self, key: Float[Array, " size"], count: int = 1) -> tuple[Float[Array, " count"], Int[Array, " count"]]:
        """-> the distances, rising, and the places."""
        distance, places = jax.lax.top_k(-self.distances(key), count)
        return -distance, places

    def chunk(self, place: Any) -> Any:
        return jax.tree.map(lambda chunks: chunks[place], self.chunks)


def recalled(memories: Memories, key: Float[Array, " size"], count: int = 1, temperature: Any = 1.0, cosine: bool = False) -> Any:
    """The mean of the `count` nearest chunks, each with the weight exp(-distance / temperature); 1: the nearest itself.

    With `cosine` keys have length 1, and their distance is 1 - cos; else Euclid's.
    """
    distance, places = memories.nearest(key, count)
    if count == 1:
        return memories.chunk(places[0])
    if cosine:
        distance = distance**2 / 2  # |z - z_i|^2 = 2 - 2 cos
    weight = jax.nn.softmax(-distance / temperature)
    return jax.tree.map(lambda x: jnp.tensordot(weight, x[places], 1), memories.chunks)
