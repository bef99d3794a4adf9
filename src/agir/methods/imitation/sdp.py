"""SDP, Streaming Diffusion Policy (Hoeg et al. 2024, arXiv 2406.04806): a plan begins where the last one left its later actions.

    training   min_e  E |noise - e(sqrt(A_k) a + sqrt(1 - A_k) noise, k, o)|^2      k a vector, a staircase along the chunk
    acting     a buffer of actions, the later the noisier, is denoised until its first part is clean; that is done, the rest moves
               up, noise follows

With h parts of `execute` actions a plan costs `passes` / h passes; see generators/staircase.py. All else is Diffusion Policy's: the
network is told the steps of all actions at once, as in the paper.

Deviations: DDIM by default, with 10 passes (the paper: DDPM with 100); the past actions' noise is used; of the paper's three first
buffers, around zeros, around the robot's pose and around a denoised chunk, the second is not here.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.staircase import Staircase
from agir.runtime.executors import Receding
from agir.training.diffusion_method import DenoisingMethod
from agir.training.state import Trained

BEGINS = ("zero", "denoise")


class SDP(DenoisingMethod):
    horizon: int = 20  # actions in the buffer, from the first observation's on (paper's code, for states)
    steps: int = 100  # of noise in training (paper)
    prediction: str = "epsilon"  # what the network says: epsilon (the noise; paper), sample (the chunk) or v
    sampler: str = "ddim"  # ddpm (paper) or ddim
    passes: int = 10  # from noise to a clean action; a plan takes 1 / h of them (paper: 100)
    constant: float = 0.2  # share of the windows that are trained with all actions at one step (paper's code)
    begin: str = "zero"  # the first buffer: around zero, or around a chunk that is denoised from noise (paper's code: zero)

    def create(self, features: int, key: Key) -> Staircase:
        """Raises BadSetting where the passes cannot be shared out among the parts."""
        if self.begin not in BEGINS:
            raise BadSetting(f"--begin is {' or '.join(BEGINS)}, not '{self.begin}'.")
        network = self.denoiser(features, key, times=self.horizon)
        parts = {"history": self.history, "execute": self.execute}
        return Staircase(network, self.horizon, self.spec.action.shape, **self.diffusion, **parts)

    def tuning(self) -> dict[str, Any]:
        return {"constant": self.constant}

    def policy(self, state: Trained) -> Policy:
        planner = BufferPlanner(self.spec, self.tuned(state.best), self.begin == "denoise")
        return Receding(self.spec, planner, self.history, self.execute)


class BufferPlanner(Policy):
    """Sees [history, ...] and gives a chunk [horizon, ...] whose first part is clean; its memory is the buffer."""

    model: ChunkModel
    denoises: bool = eqx.field(static=True)  # the first buffer is around a chunk denoised from noise

    def start(self, key: Key) -> Any:
        generator = self.model.generator
        return generator.begin(jnp.zeros_like(generator.noise(key)), key), jnp.bool_(False)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        (buffer, begun), generator = memory, self.model.generator
        context, (prepare, walk, follow) = self.model.encoder(observation), jax.random.split(key, 3)
        passes = jnp.int32(generator.plan_passes)
        if self.denoises:
            buffer = generator.first(begun, buffer, context, prepare)
            passes += jnp.where(begun, 0, generator.sampling_passes)
        buffer = generator.plan(buffer, context, walk)
        return Act(generator.shaped(buffer), (generator.moved(buffer, follow), jnp.bool_(True)), {"passes": passes})
