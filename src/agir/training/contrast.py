"""An encoder of observations that sees alike what calls for like actions: the stages of CLASS (Lee et al. 2025, arXiv 2508.01600).

    spread    the distribution of the warped distances between the action chunks of any two windows, up to its quantile `share`
    encoder   min  soft contrast, w_ij = 1 - F(d_ij) / share where that is above 0                 (objectives/contrastive.py)

F is the distribution function of the distances d: the nearest pair weighs 1, the pair at the quantile 0. Distances of a batch's own
pairs are computed as they are needed, so no matrix of all pairs is kept.

What is compared is the images' features alone (as in the paper's code). The numbers that are seen beside them pass through no network,
so in the cosine they would be a fixed part that the images' features have to make up for; they stand beside them in what the encoder
gives. Where no image is seen there is nothing to learn, and that is refused.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.actions.warping import all_time_warped
from agir.core.errors import BadSpec
from agir.core.nouns import Learner, Source, Window, fixed, given
from agir.core.spaces import Box, Key, outline
from agir.networks.encoder import Encoder, images_in
from agir.objectives.contrastive import soft_contrast
from agir.training.sources import Windows
from agir.training.state import Trained, warm_cosine

LEVELS = 200  # of the distribution function


class Spread(eqx.Module):
    """The distribution of distances up to a quantile, at evenly spaced levels of it."""

    levels: Float[Array, " levels"]  # rising

    def weight(self, distance: Float[Array, "..."]) -> Float[Array, "..."]:
        """1 at the shortest distance, 0 from the quantile on."""
        shares = jnp.linspace(1.0, 0.0, len(self.levels))
        return jnp.interp(distance, self.levels, shares, left=1.0, right=0.0)


class FitSpread(Learner):
    """Measures it on the pairs of one batch."""

    history: int = 1
    horizon: int = 16  # actions of a chunk that are compared (paper)
    share: float = 0.025  # of all pairs, the nearest, belong together (paper)
    learns_from: Source = Windows(batch=512)
    updates: int = fixed(1)

    def init(self, key: Key) -> Spread:
        return Spread(jnp.zeros(LEVELS))

    def update(self, state: Spread, batch: Window, step: Any, key: Key) -> tuple[Spread, dict]:
        distances = all_time_warped(chunks_of(batch, self.history))
        pairs = distances[jnp.triu_indices(len(distances), 1)]
        levels = jnp.quantile(pairs, jnp.linspace(0.0, 1.0, LEVELS) * self.share)
        return Spread(levels), {"distance": levels[-1]}

    def result(self, state: Spread) -> Spread:
        return state


def chunks_of(batch: Window, history: int) -> Float[Array, "batch steps size"]:
    """The actions from now on; behind an episode's end the last one is repeated, which warping takes for standing still."""
    action = batch.action[:, history - 1 :]
    return action.reshape(*action.shape[:2], -1)


class FitEncoder(Learner):
    """Learns the encoder."""

    spread: Spread | Learner = given(Spread, default=FitSpread(), about="which distances between actions are short")
    history: int = 1  # observations compared
    horizon: int = 16  # actions of a chunk that are compared (paper)
    temperature: float = 0.05  # of the contrast (paper's code)
    crop: int = 90  # per cent of an image's side that is looked at, at random places in training
    rate: float = 1e-3  # of Adam at its highest (paper: LARS at 0.4)
    learns_from: Source = Windows(batch=160)  # paper
    updates: int = 2000

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(warm_cosine(self.rate, 100, self.updates))

    def suits(self) -> None:
        if not images_in(self.spec.observation) or not isinstance(self.spec.action, Box):
            raise BadSpec(
                f"CLASS trains an encoder of images by actions that are numbers: not {outline(self.spec.observation)} and "
                f"{outline(self.spec.action)}. Use diffusion-policy."
            )

    def init(self, key: Key) -> Trained:
        return Trained.begin(Encoder.create(self.spec.observation, key, crop=self.crop), self.optimiser())

    def loss(self, encoder: Encoder, batch: Window, key: Key | None) -> Float[Array, ""]:
        keys = None if key is None else jax.random.split(key, len(batch.mask))
        see = lambda seen, key: encoder(seen, key, numbers=False).ravel()
        features = jax.vmap(see, in_axes=(0, None if key is None else 0))(batch.observation, keys)
        weights = self.spread.weight(all_time_warped(chunks_of(batch, self.history)))
        return soft_contrast(features, weights, jnp.asarray(self.temperature, jnp.float32))

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, _ = state.descend(lambda encoder: (self.loss(encoder, batch, key), {}), self.optimiser())
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        return {"loss": self.loss(state.model, batch, None)}

    def result(self, state: Trained) -> Encoder:
        return state.model
