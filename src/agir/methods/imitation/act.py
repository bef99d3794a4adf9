"""ACT, Action Chunking with Transformers (Zhao et al. 2023, arXiv 2304.13705).

    training   min  E |f(z, o) - a|_1 + beta KL(q(z | a, o) || N(0, 1)),     z ~ q(z | a, o)
    acting     a chunk f(0, o) at every step; what is done is the mean of what all chunks so far say for now, the i-th oldest with the
               weight exp(-decay i) (temporal ensembling)

o is what is seen now (`history` 1), a the `horizon` actions from now on; see generators/variational.py. z takes up in training what
tells demonstrations apart that begin alike (a style), so that f need not average over it; acting fixes it at 0.

Deviations: the encoder q is an MLP over chunk and observations (the paper: a transformer of 4 layers); the decoder is the transformer
with which Diffusion Policy denoises (the paper: 4 layers of encoder, 7 of decoder, width 512), images by a small ResNet; padding is
masked and counts for nothing (the released code divides by it all the same); the weights that act are a moving average, and the
rate warms up and falls (the paper: AdamW at a constant 1e-5). No dropout.
"""

from typing import Any

import jax
import jax.numpy as jnp

from agir.core.nouns import Policy
from agir.core.spaces import Key, flat_size
from agir.generators.variational import Variational
from agir.networks.denoiser import AtOnce
from agir.networks.layers import Linear, grown
from agir.networks.mlp import MLP
from agir.runtime.executors import Ensembled
from agir.runtime.planner import Planner
from agir.training.chunk_method import ChunkMethod
from agir.training.state import Trained


class ACT(ChunkMethod):
    history: int = 1  # observations seen (paper)
    execute: int = 0  # actions of a chunk done before the next; 0: a chunk at every step, and the mean of all (paper)
    network: str = "transformer"  # transformer (paper), unet or mlp
    latent: int = 32  # entries of z (paper)
    beta: float = 10.0  # weight of the divergence (paper)
    decay: float = 0.01  # how much less a newer chunk weighs: 0 all alike (paper: 0.01)

    def create(self, features: int, key: Key) -> Variational:
        size, seen = flat_size(self.spec.action), self.history * features
        see, say, think = jax.random.split(key, 3)
        encoder = MLP(self.horizon * (size + 1) + seen, 2 * self.latent, see, width=256, depth=2)
        project = grown(lambda draw: Linear(self.latent, features, draw), say)
        network = AtOnce.create(self.network, (self.horizon, size), (1 + self.history, features), think, self.width, self.depth)
        return Variational(network, self.horizon, self.spec.action.shape, encoder, project, self.latent)

    def tuning(self) -> dict[str, Any]:
        return {"beta": self.beta}

    def policy(self, state: Trained) -> Policy:
        if self.execute:
            return super().policy(state)
        planner = Planner(self.spec, self.tuned(state.best))
        return Ensembled(self.spec, planner, self.history, jnp.asarray(self.decay, jnp.float32))
