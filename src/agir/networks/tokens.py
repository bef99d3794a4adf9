"""Observations as a set of tokens: a row for each thing that is seen."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Dict, Key, Space, flat_size, flatten, things
from agir.networks.encoder import Encoder, cut_out, images_in, value_at


class Tokens(eqx.Module):
    """`tokens(observation [history, ...]) -> [history * things, features]`, the oldest observation's things first.

    A Box of two axes is a thing in each of its rows; any other part of an observation (a vector, a choice, an image through its own
    ResNet) is one thing. A row is the thing's numbers, zeros up to the longest thing's, then which part of the observation it is of
    (where there are several) and which observation of the history (one-hot): an order among the rows of a part says nothing.
    """

    encoder: Encoder
    history: int = eqx.field(static=True)

    @classmethod
    def create(cls, space: Space, history: int, key: Key, *, crop: int = 90) -> "Tokens":
        return cls(Encoder.create(space, key, crop=crop), history)

    @property
    def parts(self) -> list[tuple[str, Space]]:
        return parts_of(self.encoder.space)

    @property
    def rows(self) -> int:
        """How many tokens a history of observations is."""
        return self.history * count(self.encoder.space)

    @property
    def features(self) -> int:
        return self.longest + (len(self.parts) if len(self.parts) > 1 else 0) + self.history

    @property
    def longest(self) -> int:
        images = images_in(self.encoder.space)
        sizes = [self.encoder.images[path].out.weight.shape[1] for path in images]
        return max(sizes + [flat_size(space) // things(space) for path, space in self.parts if path not in images])

    def __call__(self, observation: Any, key: Key | None = None) -> Float[Array, "rows features"]:
        """With a key, images are cut at a random place, the same for the whole history."""
        values = [self.part(path, space, value_at(observation, path), key) for path, space in self.parts]
        return jnp.concatenate(values, 1).reshape(self.rows, self.features)

    def part(self, path: str, space: Space, values: Any, key: Key | None) -> Float[Array, "history things features"]:
        if path in self.encoder.images:
            rows = jax.vmap(lambda value: self.encoder.images[path](cut_out(value, self.encoder.crop, key)))(values)[:, None]
        else:
            rows = jax.vmap(lambda value: flatten(space, value).reshape(things(space), -1))(values)
        rows = jnp.pad(rows, ((0, 0), (0, 0), (0, self.longest - rows.shape[2])))
        number = [name for name, _ in self.parts].index(path)
        marks = [jnp.broadcast_to(jnp.eye(self.history)[:, None], (*rows.shape[:2], self.history))]
        if len(self.parts) > 1:
            marks = [jnp.broadcast_to(jnp.eye(len(self.parts))[number], (*rows.shape[:2], len(self.parts))), *marks]
        return jnp.concatenate([rows, *marks], -1)


def parts_of(space: Space, path: str = "") -> list[tuple[str, Space]]:
    """[(path, space)] of all that is no Dict; paths are as `images_in` gives them."""
    if isinstance(space, Dict):
        return [found for name, part in space.parts for found in parts_of(part, f"{path}/{name}")]
    return [(path, space)]


def count(space: Space) -> int:
    """How many tokens an observation is."""
    return sum(things(part) for _, part in parts_of(space))
