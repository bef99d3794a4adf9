"""Diffusion Policy (Chi et al. 2023, arXiv 2303.04137): actions by denoising a chunk, given the last observations.

    training   min_e  E |noise - e(sqrt(A_k) a + sqrt(1 - A_k) noise, k, o)|^2      k uniform in 0 .. steps - 1
    acting     a chunk of noise is denoised step by step (DDPM or DDIM, see generators/diffusion.py), its next `execute` actions
               are done, then a new chunk is denoised

o are the last `history` observations, a the `horizon` actions from the first of them on. The weights that act are a moving
average of the trained ones. `network` is "unet" (FiLM on time and observations), "transformer" (attention to them) or "mlp".

Deviations: smaller networks (the paper's sizes stand beside the defaults); images by a small ResNet; padding at an episode's
ends is masked (the paper's code repeats the last action and learns it); weight decay on all weights for the transformer too, and
no dropout; DDIM with 10 passes by default, which the paper uses on robots (DDPM with 100 in simulation).
"""

from typing import Any

import jax
import optax

from agir.core.errors import BadSpec
from agir.core.nouns import Method, Policy, Source, Window
from agir.core.spaces import Box, Key, flat_size, outline
from agir.generators.chunk_model import ChunkModel
from agir.generators.diffusion import Diffusion
from agir.networks.denoiser import create_denoiser
from agir.networks.encoder import Encoder
from agir.runtime.executors import Receding
from agir.runtime.planner import Planner
from agir.training.sources import Windows
from agir.training.state import Trained, ema_decay, warm_cosine


class DiffusionPolicy(Method):
    history: int = 2  # observations seen (paper)
    horizon: int = 16  # actions denoised, from the first observation's on (paper)
    execute: int = 8  # of them done before the next chunk (paper)
    network: str = "unet"  # unet, transformer or mlp
    width: int = 0  # of the U-Net's first level (paper: 256), a token (paper: 256) or a layer of the MLP; 0: 32, 64 or 256
    depth: int = 0  # levels of the U-Net (paper: 3), layers of the transformer (paper: 8) or the MLP; 0: 3
    steps: int = 100  # of noise in training (paper)
    prediction: str = "epsilon"  # what the network says: epsilon (the noise; paper) or sample (the chunk)
    sampler: str = "ddim"  # ddpm (paper, in simulation) or ddim (paper, on robots)
    passes: int = 10  # of the network for a chunk (paper: 100 with ddpm, 10 to 16 with ddim)
    crop: int = 90  # per cent of an image's side that is looked at, at random places in training (paper: 76 of 84 pixels)
    rate: float = 1e-3  # of AdamW at its highest (paper: 1e-4, for larger networks and longer training)
    warmup: int = 500  # updates until then; after them a cosine to 0 (paper)
    weight_decay: float = 1e-6  # paper: 1e-6; 1e-3 for the transformer
    learns_from: Source = Windows(batch=64)  # paper: 256 for states, 64 for images
    updates: int = 10_000

    def optimiser(self) -> optax.GradientTransformation:
        rate = warm_cosine(self.rate, self.warmup, self.updates)
        return optax.adamw(rate, b1=0.95, b2=0.999, eps=1e-8, weight_decay=self.weight_decay)

    def init(self, key: Key) -> Trained:
        """Raises BadSpec where actions are not a box of numbers, BadSetting where the horizon does not fit the network."""
        space = self.spec.action
        if not isinstance(space, Box) or space.image:
            raise BadSpec(f"Diffusion denoises actions that are numbers; these are {outline(space)}. Use behavior-cloning for choices.")
        see, think = jax.random.split(key)
        encoder = Encoder.create(self.spec.observation, see, crop=self.crop)
        chunk, context = (self.horizon, flat_size(space)), (self.history, encoder.features)
        network = create_denoiser(self.network, chunk, context, think, self.width, self.depth)
        bound = 1.0 if (space.low, space.high) == (-1.0, 1.0) else None
        how = {"prediction": self.prediction, "sampler": self.sampler, "sampling_passes": self.passes, "bound": bound}
        generator = Diffusion(network, self.horizon, space.shape, self.steps, **how)
        return Trained.begin(ChunkModel(encoder, generator), self.optimiser(), average=True)

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, _ = state.descend(lambda model: (model.loss(batch, key), {}), self.optimiser(), ema_decay(step, power=0.75))
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        return {"loss": state.best.loss(batch, key, augment=False)}

    def policy(self, state: Trained) -> Policy:
        return Receding(self.spec, Planner(self.spec, state.best), self.history, self.execute)
