"""What the methods share that clone by one pass of a network: all but what they learn from.

o is a history of observations, a a chunk of actions; see `agir.methods.imitation.behavior_cloning` for the losses.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from agir.core.nouns import Method, Policy, Source, Window
from agir.core.spaces import Key
from agir.generators.chunk_head import chunk_head
from agir.generators.chunk_model import ChunkModel
from agir.generators.chunks import Headed
from agir.networks.encoder import Encoder
from agir.networks.mlp import MLP
from agir.runtime.executors import Receding
from agir.runtime.planner import Planner
from agir.training.sources import Windows
from agir.training.state import Trained, warm_cosine


class CloneMethod(Method):
    """Encoder, MLP, head, optimiser and executor; a subclass says what it learns from. Its sizes are smaller than robomimic's."""

    head: str = "mse"  # what numbers are cloned by: mse, gaussian or mixture
    modes: int = 5  # of a mixture (robomimic)
    noise: float = 0.0  # in acting: 1 is the learnt distribution, 0 its likeliest action or, of a mixture, a drawn mode (robomimic)
    history: int = 1  # observations seen
    horizon: int = 1  # actions predicted, from the first observation's on
    execute: int = 1  # of them done before the next prediction
    width: int = 256  # of a hidden layer (robomimic: 1024)
    depth: int = 2  # hidden layers
    crop: int = 90  # per cent of an image's side that is looked at, at random places in training
    rate: float = 1e-3  # of Adam at its highest
    warmup: int = 100  # updates until then, a quarter of all at most
    learns_from: Source = Windows(batch=256)
    updates: int = 10_000

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(warm_cosine(self.rate, self.warmup, self.updates))

    def init(self, key: Key) -> Trained:
        see, think = jax.random.split(key)
        encoder = Encoder.create(self.spec.observation, see, crop=self.crop)
        head = chunk_head(self.spec.action, self.head, self.horizon, self.modes)
        network = MLP(self.history * encoder.features, head.size, think, width=self.width, depth=self.depth)
        return Trained.begin(ChunkModel(encoder, Headed(network, head)), self.optimiser())

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, _ = state.descend(lambda model: (model.loss(batch, key), {}), self.optimiser())
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        return {"loss": state.model.loss(batch, key, augment=False)}

    def policy(self, state: Trained) -> Policy:
        model = state.model
        acting = dataclasses.replace(model.generator, noise=jnp.asarray(self.noise, jnp.float32))
        return Receding(self.spec, Planner(self.spec, ChunkModel(model.encoder, acting)), self.history, self.execute)
