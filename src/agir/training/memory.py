"""Stages that are computed from data, not trained: an index of all windows, and a codebook of typical ones."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSetting
from agir.core.nouns import Learner, Source, Window, fixed, given
from agir.core.spaces import Key, flat_size, zeros
from agir.generators.nearest import Memories
from agir.networks.encoder import Encoder, number_count
from agir.training.sources import Nothing, Windows
from agir.training.world import World


class Everything(Windows):
    """The window of every row, in order, as one batch."""

    batch: int = fixed(0)  # the rows that are trained on, which the data say (`sized`)

    def sized(self, world: World) -> "Everything":
        return dataclasses.replace(self, batch=world.rows(self.dataset))

    def rows(self, key: Key) -> Int[Array, " batch"]:
        return jnp.arange(self.batch)


class Untrained(Learner):
    """An encoder that was never trained: numbers as they are, images by random features."""

    crop: int = 90  # per cent of an image's side that is looked at
    learns_from: Source = Nothing()
    updates: int = 0

    def init(self, key: Key) -> Encoder:
        return Encoder.create(self.spec.observation, key, crop=self.crop)

    def result(self, state: Encoder) -> Encoder:
        return state


class Index(eqx.Module):
    """Memories, and the encoder that their keys are made with."""

    encoder: Encoder
    memories: Memories
    cosine: bool = eqx.field(static=True, default=False)  # keys have length 1, so that directions alone are compared
    numbers: bool = eqx.field(static=True, default=True)  # are in keys, beside images' features

    def key(self, observation: Any) -> Float[Array, " size"]:
        """Of a history of observations [history, ...]."""
        features = self.encoder(observation, numbers=self.numbers).ravel()
        return features / jnp.maximum(jnp.sqrt((features**2).sum()), 1e-6) if self.cosine else features


class FitIndex(Learner):
    """Keys and chunks of all windows of the dataset, in one update."""

    encoder: Encoder | Learner = given(Encoder, default=Untrained(), about="a trained policy whose encoder is used")
    history: int = 1  # observations in a key
    horizon: int = 1  # actions in a chunk, from the first observation's on
    cosine: bool = False  # compare features by their direction alone
    numbers: bool = True  # compare the numbers of what is seen too; False: features of images alone
    learns_from: Source = Everything()
    updates: int = fixed(1)

    def init(self, key: Key) -> Memories:
        """Raises BadSetting where images' features alone are asked for and there are no images."""
        size = self.encoder.features - (0 if self.numbers else number_count(self.spec.observation))
        if not size:
            raise BadSetting("Without numbers there is nothing to compare: no images are seen. Leave --index.numbers on.")
        return empty(self, self.learns_from.batch, self.history * size)

    def update(self, state: Memories, batch: Window, step: Any, key: Key) -> tuple[Memories, dict]:
        keys = jax.lax.map(self.result(state).key, batch.observation, batch_size=256)
        made = Memories.of(keys, batch, self.history)
        return made, {"known": made.known.mean()}

    def result(self, state: Memories) -> Index:
        return Index(self.encoder, state, self.cosine, self.numbers)


def empty(learner: Learner, places: int, size: int) -> Memories:
    """Memories in which nothing is; `learner` says its history, horizon and spec."""
    return Memories(
        jnp.zeros((places, size)),
        zeros(learner.spec.action, places, learner.horizon),
        jnp.zeros((places, learner.horizon)),
        learner.history,
    )


class Gas(eqx.Module):
    """A neural gas in training: where its units are, and the window that was nearest to each, with its distance."""

    units: Float[Array, "units size"]
    memories: Memories


class NeuralGas(Learner):
    """A codebook by neural gas (Martinetz & Schulten 1991), each of whose units is at last the nearest of the windows it has seen.

        rank_k(x) = how many units are nearer to x than unit k,     h = exp(-rank / range),     w_k <- w_k + step mean_x h (x - w_k)

    `range` falls from half of the units to 0.01 and `step` from 0.5 to 0.02, both by equal factors. Units begin in a normal
    cloud; at first all follow every x, so that does not matter. Keys are plain numbers: the flattened observations.
    """

    history: int = 1  # observations in a key
    horizon: int = 1  # actions in a chunk, from the first observation's on
    units: int = 100  # how many memories (paper: a tenth to four tenths of the rows; with all, nothing is left to learn)
    learns_from: Source = Windows(batch=64)
    updates: int = 2000

    def init(self, key: Key) -> Gas:
        size = self.history * flat_size(self.spec.observation)
        return Gas(0.1 * jax.random.normal(key, (self.units, size)), empty(self, self.units, size))

    def update(self, state: Gas, batch: Window, step: Any, key: Key) -> tuple[Gas, dict]:
        encoder = Encoder({}, self.spec.observation, 100)
        keys = jax.vmap(lambda seen: encoder(seen).ravel())(batch.observation)
        weight = batch.mask[:, self.history - 1]
        units, apart = moved(state.units, keys, weight, (step.astype(jnp.float32) + 1) / self.updates)
        memories = nearer(state.memories, units, Memories.of(keys, batch, self.history))
        return Gas(units, memories), {"distance": apart}

    def result(self, state: Gas) -> Memories:
        return state.memories


def ranks(units: Float[Array, "units size"], keys: Float[Array, "batch size"]) -> tuple[Int[Array, "batch units"], Any]:
    """-> how many units are nearer to each key than each, and the squared distances [batch, units]."""
    distance = ((keys[:, None] - units[None]) ** 2).sum(-1)
    return jnp.argsort(jnp.argsort(distance, axis=1), axis=1).astype(jnp.int32), distance


def moved(units: Any, keys: Any, weight: Float[Array, " batch"], part: Any) -> tuple[Float[Array, "units size"], Any]:
    """The units after a batch at `part` of the training (0 to 1), and the mean distance from a key to its nearest unit."""
    fall = lambda begin, end: begin * (end / begin) ** part
    reach, rate = fall(len(units) / 2, 0.01), fall(0.5, 0.02)
    rank, distance = ranks(units, keys)
    pull = weight[:, None] * jnp.exp(-rank.astype(jnp.float32) / reach)
    mean = (pull.T @ keys) / jnp.maximum(pull.sum(0), 1e-8)[:, None]
    share = jnp.minimum(pull.sum(0), 1.0)  # a unit that is hardly pulled hardly moves
    apart = jnp.sqrt(distance.min(1))
    return units + rate * share[:, None] * (mean - units), (weight * apart).sum() / jnp.maximum(weight.sum(), 1.0)


def nearer(old: Memories, units: Float[Array, "units size"], batch: Memories) -> Memories:
    """For each unit the nearest of what it had and what the batch holds."""
    to_old = jnp.where(old.known > 0, ((old.keys - units) ** 2).sum(1), jnp.inf)
    to_new = jnp.where(batch.known[None] > 0, ((units[:, None] - batch.keys[None]) ** 2).sum(-1), jnp.inf)
    best, better = jnp.argmin(to_new, axis=1), to_new.min(1) < to_old
    pick = lambda mine, its: jnp.where(better.reshape(-1, *(1,) * (mine.ndim - 1)), its[best], mine)
    return jax.tree.map(pick, old, batch)
