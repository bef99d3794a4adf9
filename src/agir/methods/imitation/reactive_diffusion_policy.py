"""Reactive Diffusion Policy (Xue et al. 2025, arXiv 2503.02881): a slow policy says where a chunk goes, a fast decoder reacts on the way.

    stage    codec: z from a chunk, a_i = GRU(z, s_i) with s_i felt at step i               (generators/reactive.py)
    slow     min_e  E |noise - e(sqrt(A_k) z + sqrt(1 - A_k) noise, k, o)|^2                diffusion of z, given the last observations
    acting   z is denoised once in `execute` steps; at every step the decoder gives a_i, having read what is felt then

`codec.felt` says which of an observation's numbers are felt (a force; all, if nothing is said): the slow policy sees everything. What a
demonstrator did in answer to a force within a chunk, the decoder does too, without a pass of the diffusion.

Deviations: states by themselves (the paper: two cameras and a tactile or force reading, tactile images by their principal components,
which `codec.felt` stands for); actions as the task has them (the paper: poses relative to the chunk's first); z is kept in [-1, 1] by
tanh instead of being normalised by its range; padding is masked. A chunk and its decoder begin now (the code: with the history, so that
four readings were felt before the first action that is done). The codec learns at one rate, with Adam (AdamW, warmed up and falling),
and the diffusion the means of z (draws). Nothing is late here, so no step is discarded for latency.
The `passes` counted are the slow network's; a step of the decoder is one GRU cell.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.nouns import Learner, Policy, Window, given
from agir.core.spaces import Key
from agir.data.windows import window_horizon
from agir.generators.chunk_model import ChunkModel
from agir.generators.diffusion import Diffusion
from agir.generators.reactive import ReactiveCodec
from agir.networks.denoiser import AtOnce
from agir.runtime.executors import Streamer, Streaming
from agir.training.diffusion_method import DenoisingMethod
from agir.training.fit import FitReactive
from agir.training.state import Trained


class ReactiveDiffusionPolicy(DenoisingMethod):
    codec: ReactiveCodec | Learner = given(ReactiveCodec, default=FitReactive(), about="a latent of chunks and the decoder that reacts")
    steps: int = 100  # of noise in training (paper)
    sampler: str = "ddim"  # ddim (paper) or ddpm
    passes: int = 10  # of the slow network for a latent (paper: 8)

    def create(self, features: int, key: Key) -> Diffusion:
        """Raises BadSetting where the codec's chunk is not the window's from its last observation on."""
        if self.horizon != (wanted := window_horizon(self.history, self.codec.horizon)):
            rest = self.horizon - self.history + 1
            raise BadSetting(
                f"The codec's chunks are {self.codec.horizon} actions long, and a window of horizon {self.horizon} and history "
                f"{self.history} holds {rest} from its last observation on: set --horizon {wanted}, or --codec.horizon {rest}."
            )
        chunk, context = self.codec.latent, (self.history, features)
        network = AtOnce.create(self.network, chunk, context, key, self.width, self.depth)
        return Diffusion(network, chunk[0], chunk[1:], **self.diffusion | {"bound": 1.0})  # a latent's, by tanh

    def loss(self, model: ChunkModel, batch: Window, key: Key, augment: bool = True) -> Float[Array, ""]:
        """Of the latents of the chunks that have a first action."""
        chunk, mask = (x[:, self.history - 1 :] for x in (batch.action, batch.mask))
        latent = jax.vmap(lambda chunk, mask: self.codec.encode(chunk, mask)[0])(chunk, mask)
        counts = jnp.broadcast_to(mask[:, :1], latent.shape[:2])
        return super().loss(model, Window(batch.observation, latent, counts), key, augment)

    def policy(self, state: Trained) -> Policy:
        if self.execute > self.codec.horizon:
            raise BadSetting(f"--execute {self.execute} is more than the codec's chunk holds: at most {self.codec.horizon}.")
        return Streaming(self.spec, ReactiveStreamer(self.spec, self.tuned(state.best), self.codec), self.history, self.execute)


class ReactiveStreamer(Streamer):
    """A plan is the latent and the decoder's state."""

    model: ChunkModel
    codec: ReactiveCodec

    @property
    def begin_passes(self) -> int:
        return self.model.generator.passes

    def begin(self, observations: Any, last: Float[Array, "..."], key: Key) -> Any:
        return self.model.sample(observations, key), self.codec.start()

    def follow(self, plan: Any, observation: Any) -> tuple[Any, Any, int]:
        z, state = plan
        action, state = self.codec.follow(z, observation, state)
        return action, (z, state), 0
