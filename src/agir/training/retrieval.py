"""Which rows of a second, larger dataset are like the demonstrations: two stages, and the source that draws those rows.

embedding   a variational autoencoder of pairs (o, a) of the prior data; a pair's key is [the encoder's mean, a]
retrieved   the `keep` prior rows whose keys are nearest to any demonstrated pair's
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSetting
from agir.core.nouns import Learner, Source, Window, bound, fixed, given
from agir.core.spaces import Key, flat_size, flatten
from agir.generators.autoencoder import Autoencoder
from agir.training.memory import Everything
from agir.training.sources import Mixture, Windows
from agir.training.state import Trained

PRIOR = "prior"  # what the second dataset is called: `--prior-data`


class Pairs(eqx.Module):
    """The autoencoder of pairs."""

    autoencoder: Autoencoder

    def key(self, pair: Float[Array, " size"], action: Float[Array, " action"]) -> Float[Array, " latent"]:
        return jnp.concatenate([self.autoencoder.encode(pair)[0], action])


def pair_of(spec: Any, window: Window) -> tuple[Float[Array, " size"], Float[Array, " action"]]:
    """A window of one step as (o, a) in one vector (images as their pixels), and a alone."""
    first = lambda tree: jax.tree.map(lambda x: x[0], tree)
    action = flatten(spec.action, first(window.action))
    return jnp.concatenate([flatten(spec.observation, first(window.observation)), action]), action


class FitPairs(Learner):
    """Learns the autoencoder of the prior data's pairs."""

    history, horizon = 1, 1
    latent: int = 16  # entries of z (paper)
    beta: float = 1e-4  # weight of the divergence (paper's code)
    width: int = 128  # of a layer
    rate: float = 1e-3  # of Adam (paper's code)
    learns_from: Source = Windows(batch=128, dataset=PRIOR)
    updates: int = 3000

    def init(self, key: Key) -> Trained:
        size = flat_size(self.spec.observation) + flat_size(self.spec.action)
        return Trained.begin(Pairs(Autoencoder.create(size, self.latent, key, self.width)), optax.adam(self.rate))

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, parts = state.descend(lambda model: self.loss(model, batch, key), optax.adam(self.rate))
        return state, {"loss": loss} | parts

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        loss, parts = self.loss(state.model, batch, key)
        return {"loss": loss} | parts

    def loss(self, model: Pairs, batch: Window, key: Key) -> tuple[Float[Array, ""], dict]:
        pairs, _ = jax.vmap(lambda window: pair_of(self.spec, window))(batch)
        error, divergence = jax.vmap(model.autoencoder.losses)(pairs, jax.random.split(key, len(pairs)))
        return jnp.mean(error) + self.beta * jnp.mean(divergence), {"error": jnp.mean(error), "divergence": jnp.mean(divergence)}

    def result(self, state: Trained) -> Pairs:
        return state.model


class Retrieved(eqx.Module):
    """Rows of the prior dataset, the nearest first, and how far each is from the nearest demonstrated pair."""

    rows: Int[Array, " keep"]
    distances: Float[Array, " keep"]


class FitRetrieval(Learner):
    """Finds the rows, in one update."""

    history, horizon = 1, 1
    embedding: Pairs | Learner = given(Pairs, default=FitPairs(), about="what pairs of observation and action are alike")
    keep: int = 1000  # how many prior rows are retrieved (paper: those above a threshold that is tuned)
    learns_from: Source = Mixture({"demonstrations": Everything(), PRIOR: Everything(dataset=PRIOR)})
    updates: int = fixed(1)

    def init(self, key: Key) -> Retrieved:
        """Raises BadSetting where none or more rows are kept than there are: places that hold none would be drawn as the last one."""
        rows = self.learns_from.parts[PRIOR].batch
        if not 0 < self.keep <= rows:
            raise BadSetting(f"--retrieved.keep is 1 to {rows}, the prior rows that are trained on, not {self.keep}.")
        return Retrieved(jnp.zeros(self.keep, jnp.int32), jnp.full(self.keep, jnp.inf))

    def update(self, state: Retrieved, batch: dict[str, Window], step: Any, key: Key) -> tuple[Retrieved, dict]:
        demonstrated, prior = self.keys(batch["demonstrations"]), self.keys(batch[PRIOR])
        known = batch["demonstrations"].mask[:, 0] > 0
        nearest = lambda key: jnp.min(jnp.where(known, ((demonstrated - key[None]) ** 2).sum(1), jnp.inf))
        far = jnp.sqrt(jax.lax.map(nearest, prior, batch_size=256))
        distance, rows = jax.lax.top_k(-jnp.where(batch[PRIOR].mask[:, 0] > 0, far, jnp.inf), self.keep)
        return Retrieved(rows.astype(jnp.int32), -distance), {"distance": -distance[-1]}

    def keys(self, windows: Window) -> Float[Array, "rows size"]:
        return jax.lax.map(lambda window: self.embedding.key(*pair_of(self.spec, window)), windows, batch_size=256)

    def result(self, state: Retrieved) -> Retrieved:
        return state


class Chosen(Windows):
    """Windows that begin at the rows of `learner.retrieved`; held out, at all rows."""

    dataset: str = fixed(PRIOR)
    kept: Any = bound()

    def tuned(self, learner: Learner) -> "Chosen":
        return dataclasses.replace(self, kept=learner.retrieved.rows)

    def rows(self, key: Key) -> Int[Array, " batch"]:
        if self.kept is None:
            return super().rows(key)
        return self.kept[jax.random.randint(key, (self.batch,), 0, len(self.kept))]
