"""MP1 (Sheng et al. 2025, arXiv 2507.10543; code LogSSim/MP1): a chunk of actions in one pass, by the flow's average velocity.

    training   min_u  E w |u(z_t, r, t, o) - target|^2 + d log mean_ij exp(-|h_i - h_j|^2 / max_kl |h_k - h_l|^2)
               z_t = (1 - t) a + t e;   target, w, r and t by the MeanFlow identity, see generators/mean_flow.py
    acting     a = e - u(e, 0, 1, o),   e ~ N(0, 1); its next `execute` actions are done, then the next chunk begins

h_i is the embedding of the i-th window's observations. The dispersive term keeps embeddings of different observations apart; it is
there in training alone.

Deviations: the paper sees point clouds through DP3's encoder; here each observation's features go through DP3's two layers for
states, 64 wide, and h are these embeddings (the code disperses the features within its U-Net, the paper says embeddings of
states). The network and its training are Diffusion Policy's here and in the paper, which trains for 3000 passes over its data with
chunks of 4. Some summaries speak of classifier-free guidance: in the code, as here, nothing is without its condition. A window's
r = t by a draw of its own, so their share in a batch varies around `share`.
"""

from typing import Any

import jax
from jaxtyping import Array, Float

from agir.core.nouns import Window
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.generator import mean_loss
from agir.generators.mean_flow import MeanFlow, dispersive
from agir.networks.mlp import MLP
from agir.training.chunk_method import ChunkMethod

EMBEDDING = 64  # DP3's, for states


class MP1(ChunkMethod):
    share: float = 0.5  # of the windows that learn the velocity itself, r = t (paper)
    guidance: float = 2.0  # g, how far beyond the learnt velocity the target's is (paper's code); 1: the sample's own velocity
    power: float = 0.5  # p of the adaptive weight: 0 is plain squares, 1 takes the square away (paper's code)
    disperse: float = 0.5  # d, the weight of the dispersive term (paper's code)

    def create(self, features: int, key: Key) -> MeanFlow:
        see, think = jax.random.split(key)
        embedding = MLP(features, EMBEDDING, see, width=EMBEDDING, depth=1)
        return MeanFlow(self.denoiser(EMBEDDING, think, times=2), self.horizon, self.spec.action.shape, embedding)

    def tuning(self) -> dict[str, Any]:
        return {"share": self.share, "guidance": self.guidance, "power": self.power}

    def loss(self, model: ChunkModel, batch: Window, key: Key, augment: bool = True) -> Float[Array, ""]:
        place, generate = jax.random.split(key)
        model = self.tuned(model)
        contexts = model.contexts(batch.observation, place if augment else None)
        embeddings = jax.vmap(model.generator.embed)(contexts)
        spread = dispersive(embeddings.reshape(len(embeddings), -1))
        return mean_loss(model.generator, batch.action, batch.mask, contexts, generate, self.noises) + self.disperse * spread
