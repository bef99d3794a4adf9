"""Crossway Diffusion (Li et al. 2023, arXiv 2307.01849): Diffusion Policy whose middle must also tell what was seen.

    training   min  |e - e(a_k, k, o)|^2  +  alpha |o - d(m)|^2,      m what stands at the top of the U-Net's pyramid in that same pass
    acting     Diffusion Policy's, and nothing more: the decoder d is left behind

The second term reaches the U-Net's way down and, through the context, the encoder of images. o are the numbers of all `history`
observations, and of each view the last image, whole: the encoder sees a cut of it, and has to tell where.

Deviations: images are decoded at 16 x 16 (the paper: at their own size, with 2-D features made of the intersection's channels), and the
last one of the history alone (all); the intersection is all of the top in one vector; all numbers weigh as one image does (the code:
each kind of them 0.1); smaller networks. Errors of a view's images are in units of their variance in the batch (the code: of images
scaled to -1 .. 1): where little of a picture ever changes, it would weigh nothing beside the numbers. Where states are seen, the numbers
alone are decoded: the paper's is a method for images.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.nouns import Policy, Window
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.diffusion import Diffusion
from agir.networks.decoder import StateDecoder, small
from agir.networks.encoder import images_in, numbers_in, value_at
from agir.objectives.masked import masked_mean
from agir.runtime.executors import Receding
from agir.runtime.planner import Planner
from agir.training.diffusion_method import DenoisingMethod
from agir.training.state import Trained

TINY = 1e-6  # the variance of a view in which nothing changes


class CrosswayDiffusion(DenoisingMethod):
    networks = ("unet",)
    unfit = "has no middle from which to reconstruct"

    alpha: float = 0.1  # weight of the reconstruction (paper)
    steps: int = 100  # of noise in training (paper)
    sampler: str = "ddim"  # ddim or ddpm (paper)
    passes: int = 10  # of the network for a chunk (paper: 100)

    def create(self, features: int, key: Key) -> "Crossway":
        """Raises BadSetting for more noises than the one that both terms share."""
        if self.noises != 1:
            raise BadSetting(f"What was seen is told in the pass of one noise: --noises 1, not {self.noises}.")
        think, tell = jax.random.split(key)
        network = self.denoiser(features, think)
        depth = len(network.down)
        size = self.horizon // 2 ** (depth - 1) * network.middle_size
        decoder = StateDecoder.create(self.spec.observation, self.history, size, tell)
        return Crossway(network, self.horizon, self.spec.action.shape, **self.diffusion, decoder=decoder)

    def loss(self, model: ChunkModel, batch: Window, key: Key, augment: bool = True) -> Float[Array, ""]:
        space = self.spec.observation

        def one(window: Window, key: Key) -> tuple[Float[Array, " horizon"], list[tuple[Array, Array]]]:
            """The errors of the noise, and what is told beside what was seen: the numbers, and each view."""
            cut, disturb = jax.random.split(key)
            cut = cut if augment else None
            errors, (numbers, images) = model.generator.both(window.action, window.mask, model.encoder(window.observation, cut), disturb)
            last = jax.tree.map(lambda x: x[-1], window.observation)
            seen = [small(value_at(last, path)) for path in images_in(space)]
            numbers_seen = jax.vmap(lambda seen: numbers_in(space, seen))(window.observation)
            return errors, [(numbers, numbers_seen), *zip([images[path] for path in images_in(space)], seen)]

        errors, [(numbers, numbers_seen), *views] = jax.vmap(one)(batch, jax.random.split(key, len(batch.mask)))
        missed = ((numbers - numbers_seen) ** 2).mean() if numbers.size else jnp.float32(0.0)
        for said, seen in views:
            missed += ((said - seen) ** 2).mean() / jnp.maximum(seen.var(0).mean(), TINY)
        return masked_mean(errors, batch.mask) + jnp.asarray(self.alpha, jnp.float32) * missed

    def policy(self, state: Trained) -> Policy:
        """Without the decoder."""
        best = state.best
        plain = ChunkModel(best.encoder, best.generator.turned(Diffusion))
        return Receding(self.spec, Planner(self.spec, plain), self.history, self.execute)


class Crossway(Diffusion):
    """A diffusion whose U-Net also says what was seen: `decoder(its middle, as one vector)`, a `StateDecoder`."""

    decoder: Any = None

    def both(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> tuple[Float[Array, " horizon"], Any]:
        """-> the loss of each step, and what the decoder says was seen: in one pass."""
        step, target, noisy = self.disturbed(chunk, mask, key)
        predicted, middle = self.network.with_middle(noisy, step, context)
        return ((predicted - target) ** 2).mean(-1), self.decoder(middle.ravel())
