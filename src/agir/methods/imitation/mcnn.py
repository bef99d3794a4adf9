"""MCNN, memory-consistent neural networks (Sridhar et al. 2023, arXiv 2310.06171; code kaustubhsridhar/MCNN).

    stage      memories (m, a_m): demonstrated windows picked by a neural gas over what is seen      (training/memory.py)
    training   min_g  E |f(x) - a|^2,    f(x) = a_m exp(-decay |x - m|) + reach (1 - exp(-decay |x - m|)) sigma(g(x))
    acting     f(x); m is the memory nearest to x, sigma clips to [-1, 1]

At a memory the policy does what was done there; away from it, it is free by as much as it is far: for each entry of the action
|f(x) - a_m| <= (1 - exp(-decay d)) (reach + |a_m|), whatever the network says. The paper bounds by this how far it falls short of the
demonstrator. x is the last observations as the learner has them (normalised), all in one vector.

Deviations: a plain neural gas of a fixed number of units, not a growing one; the paper's code measures distances in observations of
deviation 1, here in the run's own normalisation (by default limits: -1 to 1); its constant exponent of 10 is `decay`. The clip's slope
outside falls from 0.99 to 0 over the first tenth of the training (the paper's code: over its first 100 updates). Actions may be chunks.
The gas and the nearest memory go by the distance of the exponent (the code: by plain observations); the rate falls (constant). No other
backbones than an MLP (the paper also has BeT and diffusion).
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.core.errors import BadSpec
from agir.core.nouns import Learner, Method, Policy, Source, Window, given
from agir.core.spaces import Box, Key, flat_size, outline
from agir.generators.chunk_model import ChunkModel
from agir.generators.consistent import Consistent
from agir.generators.nearest import Memories
from agir.networks.encoder import Encoder, images_in
from agir.networks.mlp import MLP
from agir.runtime.executors import Receding
from agir.runtime.planner import Planner
from agir.training.memory import NeuralGas
from agir.training.sources import Windows
from agir.training.state import Trained, warm_cosine


class MCNN(Method):
    memories: Memories | Learner = given(Memories, default=NeuralGas(), about="typical windows of the demonstrations")
    decay: float = 10.0  # how fast a memory's hold falls with the distance (paper's code)
    reach: float = 1.0  # L, how far the network's part may go; actions are normalised (paper's code)
    execute: int = 1  # actions of a chunk done before the next prediction
    width: int = 256  # of a hidden layer (paper)
    depth: int = 2  # hidden layers (paper)
    rate: float = 1e-3  # of Adam at its highest (paper: 3e-4)
    warmup: int = 100  # updates until then, a quarter of all at most
    learns_from: Source = Windows(batch=256)  # paper
    updates: int = 10_000

    @property
    def history(self) -> int:
        return self.memories.history

    @property
    def horizon(self) -> int:
        return self.memories.mask.shape[-1]

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(warm_cosine(self.rate, self.warmup, self.updates))

    def suits(self) -> None:
        space = self.spec.action
        if not isinstance(space, Box) or space.image or images_in(self.spec.observation):
            raise BadSpec(
                f"MCNN compares what is seen by its numbers, and its actions are numbers: not {outline(self.spec.observation)} and "
                f"{outline(space)}. Use behavior-cloning."
            )

    def init(self, key: Key) -> Trained:
        encoder = Encoder.create(self.spec.observation, key)
        size = self.history * encoder.features
        network = MLP(size, self.horizon * flat_size(self.spec.action), key, width=self.width, depth=self.depth)
        return Trained.begin(ChunkModel(encoder, Consistent(network)), self.optimiser())

    def held(self, model: ChunkModel, leak: Any = 0.0) -> ChunkModel:
        """The model with what is not trained in its place."""
        number = lambda x: jnp.asarray(x, jnp.float32)
        numbers = {"decay": number(self.decay), "reach": number(self.reach), "leak": number(leak)}
        return dataclasses.replace(model, generator=dataclasses.replace(model.generator, memories=self.memories, **numbers))

    def loss(self, model: ChunkModel, batch: Window, key: Key, leak: Any = 0.0) -> Float[Array, ""]:
        return self.held(model, leak).loss(batch, key, augment=False)

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        leak = 0.99 * jnp.maximum(0.0, 1 - 10 * step.astype(jnp.float32) / max(self.updates, 1))
        state, loss, _ = state.descend(lambda model: (self.loss(model, batch, key, leak), {}), self.optimiser())
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        return {"loss": self.loss(state.model, batch, key)}

    def policy(self, state: Trained) -> Policy:
        return Receding(self.spec, Planner(self.spec, self.held(state.model)), self.history, self.execute)
