"""UVA, the Unified Video Action model (Li et al. 2025, arXiv 2503.00200): one latent of actions and what will be seen, two decoders.

    training   z = trunk(o, a or mask, f or mask);   min  E |e_a - head_a(a_k, k, z)|^2 + weight |e_f - head_f(f_j, j, z)|^2
    acting     z = trunk(o, mask, mask), once; then the actions' head alone denoises a from z, and the next `execute` are done

o are the last `history` observations, a the `horizon` actions from the first of them on, f the numbers of `frames` observations ahead.
What is shown and what is asked for is drawn anew for each window (generators/video_action.py), so that the same network is a policy,
a forward model, an inverse one and a predictor; action-free windows are learnt with the actions masked.

Deviations: what is predicted are the normalised numbers of a state (the paper: tokens of images, by a frozen autoencoder, decoded in
several rounds of masking); both heads are MLPs that denoise a whole chunk given all of z; the trunk is `depth` blocks of `width` (the
paper: MAR's base model, an encoder and a decoder); the actions are one map to all tokens (the code: four actions a frame, each to tokens
of its own); one training (the paper: on video first); a window's role is drawn by itself, and where nothing is shown both heads learn
(the code: one role a batch, of which two teach one head); what is seen now is shown to an inverse model too (it is not); 100 steps of
noise, 10 passes (1000, 100). The weights that act are a moving average.
"""

import math

import jax

from agir.core.spaces import Key
from agir.generators.diffusion import Diffusion
from agir.generators.video_action import Trunk, VideoAction, VideoActionModel
from agir.networks.denoiser import create_denoiser
from agir.training.foresight_method import ForesightMethod


class UVA(ForesightMethod):
    networks = ("mlp",)
    model_kind = VideoActionModel

    network: str = "mlp"  # of the two heads
    head_width: int = 128  # of a head's layers
    head_depth: int = 2  # of them
    steps: int = 100  # of noise in training
    sampler: str = "ddim"  # ddim or ddpm
    passes: int = 10  # of the actions' head for a chunk, beside one of the trunk

    def create(self, features: int, key: Key) -> VideoAction:
        think, act, see = jax.random.split(key, 3)
        width, ahead, shape = self.width or 64, self.ahead, self.spec.action.shape
        trunk = Trunk.create(self.horizon * math.prod(shape), ahead, self.history * features, think, width, self.depth or 3)

        def head(key: Key, horizon: int, shape: tuple[int, ...], bound: float | None) -> Diffusion:
            chunk, context = (horizon, math.prod(shape)), (ahead[0], width)
            network = create_denoiser("mlp", chunk, context, key, self.head_width, self.head_depth)
            return Diffusion(network, horizon, shape, **self.diffusion | {"bound": bound})

        return VideoAction(trunk, head(act, self.horizon, shape, self.bound), head(see, ahead[0], ahead[1:], None))
