"""Heads over chunks: what a vector of numbers, as a network gives it, says of a chunk of actions.

Like the heads over single actions (heads.py) they have no parameters. `Headed` is the generator of a network with a head; a
recurrent learner uses a head of horizon 1 at every step.
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.generator import Generator
from agir.generators.heads import Head
from agir.objectives.masked import cleared


class ChunkHead(eqx.Module):
    """`size` numbers -> a distribution of chunks."""

    @property
    @abc.abstractmethod
    def size(self) -> int: ...

    @abc.abstractmethod
    def loss(self, numbers: Float[Array, " size"], chunk: Any, mask: Float[Array, " horizon"]) -> Float[Array, " horizon"]:
        """Each step's loss; a step whose mask is 0 influences no other's."""

    @abc.abstractmethod
    def sample(self, numbers: Float[Array, " size"], key: Key, noise: Any = 1.0) -> Any:
        """-> a chunk. `noise` scales the randomness: 1 is the distribution itself, 0 its likeliest."""


class Steps(ChunkHead):
    """Choices: every step by itself, by a head over single actions. The loss of a step is its negative log-likelihood."""

    head: Head
    horizon: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        return self.horizon * self.head.size

    def loss(self, numbers: Float[Array, " size"], chunk: Any, mask: Float[Array, " horizon"]) -> Float[Array, " horizon"]:
        return -self.head.log_prob(numbers.reshape(self.horizon, -1).T, self.head.columns(cleared(chunk, mask)))

    def sample(self, numbers: Float[Array, " size"], key: Key, noise: Any = 1.0) -> Any:
        """`noise` is the temperature of the logits."""
        rows = numbers.reshape(self.horizon, -1) / jnp.maximum(noise, 1e-6)
        return jax.vmap(self.head.sample)(rows, jax.random.split(key, self.horizon))


class Product(ChunkHead):
    """Independent heads for the parts of a Dict of actions; the losses are added."""

    parts: dict[str, ChunkHead]

    @property
    def size(self) -> int:
        return sum(head.size for head in self.parts.values())

    def loss(self, numbers: Float[Array, " size"], chunk: Any, mask: Float[Array, " horizon"]) -> Float[Array, " horizon"]:
        return sum(head.loss(own, chunk[name], mask) for name, head, own in self.each(numbers))

    def sample(self, numbers: Float[Array, " size"], key: Key, noise: Any = 1.0) -> Any:
        return {name: head.sample(own, jax.random.fold_in(key, i), noise) for i, (name, head, own) in enumerate(self.each(numbers))}

    def each(self, numbers: Float[Array, " size"]) -> list:
        """-> (name, head, its own numbers) for every part."""
        found, begin = [], 0
        for name, head in self.parts.items():
            found.append((name, head, numbers[begin : begin + head.size]))
            begin += head.size
        return found


class Headed(Generator):
    """A network from the context, all of it in one vector, to a head's numbers."""

    network: Any
    head: ChunkHead
    noise: Any = 0.0  # of `sample`

    def loss(self, chunk: Any, mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key) -> Any:
        return self.head.loss(self.network(context.ravel()), chunk, mask)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Any:
        return self.head.sample(self.network(context.ravel()), key, self.noise)
