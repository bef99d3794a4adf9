"""Consistency Policy (Prasad et al. 2024, arXiv 2405.07503; code Aaditya-Prasad/consistency-policy): a diffusion policy in one pass.

    teacher    `--base RUN`, any trained diffusion policy
    training   min_G  |G_(G(z_i, i, j), j, n) - G_(G_(z_k, k, j), j, n)|^2  +  w |g(z_i, i, i) - a|^2
               z_k is what the teacher makes of z_i in one step; G leaps from one level of noise to another, and n is none; g is
               what G aims at (CTM, Kim et al. 2023)
    acting     a = G(noise, 0, n): one pass; or several, each from a little noise again

The student is told where it goes to as well, and begins with the teacher's weights if that was trained with `--prediction
sample`, as the student says the chunk. It looks through the teacher's encoder, which is not trained; see generators/consistency.py.

Deviations: the teacher is a diffusion policy in the convention that keeps variances (DDPM), seen in the other coordinates, and its steps
are DDIM's, where the paper's teacher is an EDM with Heun's steps; data are fitted as in CTM, because with the released code's term
(`--fits leap`) one pass says the mean of all ways, on two ways neither; levels are those that DDIM with
ten passes visits (paper: 80 by EDM's law): what is learnt at the end of a path has as few steps to go to reach its beginning.
Acting begins with noise of the noisiest level's size (the authors' code: of size 1, next to nothing at that level). The student has no
dropout (paper: 0.2); what acts is a moving average.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.nouns import given
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.consistency import Consistency, told_twice
from agir.generators.diffusion import Diffusion
from agir.runtime.executors import Receding
from agir.runtime.planner import model_of
from agir.training.chunk_method import ChunkMethod


class ConsistencyPolicy(ChunkMethod):
    base: Receding | None = given(Receding, about="a trained diffusion policy, the teacher")
    levels: int = 10  # of noise, between which the student leaps: the passes of DDIM that it learns (paper: 80)
    passes: int = 1  # of the network for a chunk (paper: 1 or 3)
    data_weight: float = 1.0  # w's factor: of the data against the teacher (paper)
    begins: str = ""  # with whose weights: the teacher's (paper) or its own; empty: the teacher's, if it says the chunk
    fits: str = "instant"  # what is fitted to the data: the slope where one is (instant; CTM) or the leap to the end (leap; paper's code)

    @property
    def teacher(self) -> Diffusion:
        """The base's generator as a DDIM; raises BadSetting where there is none, or it makes other chunks."""
        why = "from which a consistency policy cannot learn: bring a run of diffusion-policy."
        generator = model_of(self.base, lambda held: type(held) is Diffusion, why).generator
        if (generator.horizon, self.base.history) != (self.horizon, self.history):
            raise BadSetting(
                f"The teacher makes chunks of {generator.horizon} actions after {self.base.history} observations: set --horizon "
                f"{generator.horizon} and --history {self.base.history}."
            )
        return dataclasses.replace(generator, sampler="ddim")

    def create(self, features: int, key: Key) -> Consistency:
        teacher = self.teacher
        if not (2 <= self.levels <= teacher.steps and 1 <= self.passes <= self.levels):
            raise BadSetting(f"--levels is 2 to {teacher.steps}, the teacher's steps, and --passes at most as many, not {self.passes}.")
        if self.fits not in ("instant", "leap"):
            raise BadSetting(f"--fits is instant or leap, not '{self.fits}'.")
        how = {"steps": teacher.steps, "levels": self.levels, "bound": self.bound, "sampling_passes": self.passes, "fits": self.fits}
        return Consistency(self.student(features, key), self.horizon, self.spec.action.shape, **how)

    def student(self, features: int, key: Key) -> Any:
        """The network; raises BadSetting where the teacher's weights do not fit it."""
        own, says = self.denoiser(features, key, times=2), self.teacher.prediction
        if self.begins not in ("", "teacher", "own"):
            raise BadSetting(f"--begins is teacher or own, not '{self.begins}'.")
        if self.begins == "own" or (not self.begins and says != "sample"):
            return own
        if says != "sample":
            raise BadSetting(f"The teacher says {says}, and the student the chunk: train it with --prediction sample, or set --begins own.")
        taken = told_twice(self.teacher.network, own) if type(self.teacher.network) is type(own) else None
        if jax.tree.map(jnp.shape, taken) != jax.tree.map(jnp.shape, own):
            raise BadSetting(
                f"The teacher's weights do not fit a student of --network {self.network} --width {self.width} --depth {self.depth}: set "
                "these as the teacher's were, or --begins own."
            )
        return taken

    def tuning(self) -> dict[str, Any]:
        return {"data_weight": self.data_weight}

    def tuned(self, model: ChunkModel) -> ChunkModel:
        """Seen through the teacher's encoder."""
        return dataclasses.replace(super().tuned(model), encoder=self.base.planner.model.encoder)

    def loss(self, model: ChunkModel, batch: Any, key: Key, augment: bool = True) -> Any:
        return super().loss(
            dataclasses.replace(model, generator=dataclasses.replace(model.generator, teacher=self.teacher)), batch, key, augment
        )
