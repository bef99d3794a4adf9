"""RTI-DP, the real-time iteration scheme for diffusion policies (Duan et al. 2025, arXiv 2508.05396): warm starts, no training.

    first plan    all `passes` of `sampler`, from noise
    later plans   the last chunk, moved up by the actions done (its last action again in the places left), is taken for a chunk as noisy
                  as the last `warm` passes expect, without noise being added, and these passes are made with the new observations

`--base RUN` is any trained diffusion policy, whatever its sampler: the weights are the same, and the sampler is this method's own, by
default the paper's, whose first plan takes 100 passes (`--sampler ddim --passes 10 --warm 1`: 10, then one a plan). A plan's first
action is done, and the next plan begins; as the chunk moves by one step at a time, it is nearly right already, and noise that is
contracted needs no adding. With as many warm passes as there are, nothing of the last chunk is left: from noise every time.

Deviations: the last `warm` of evenly spaced passes (the released code lists steps by hand: 2, 1, 0 of 100 for Push-T, which is the
default here, up to 25, 22, ..., 0). Scaling the actions that are choices in truth (a gripper), in the data or in the guess, is not here.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Method, Policy, Source, given
from agir.core.spaces import Key
from agir.core.when import when
from agir.generators.chunk_model import ChunkModel
from agir.generators.diffusion import Diffusion
from agir.generators.joint import Joint
from agir.generators.staircase import Staircase
from agir.runtime.executors import Receding
from agir.runtime.planner import model_of
from agir.training.sources import Nothing


class RTIDP(Method):
    base: Receding | None = given(Receding, about="a trained diffusion policy")
    sampler: str = "ddpm"  # of the base's weights: ddpm (paper) or ddim
    passes: int = 100  # from noise to a clean chunk (paper)
    warm: int = 3  # of them, the last ones, for every plan but the first (paper: by task)
    execute: int = 1  # actions done before the next plan (paper)
    learns_from: Source = Nothing()
    updates: int = 0  # nothing is learnt

    def model(self) -> ChunkModel:
        """The base's, with the sampler asked for; raises BadSetting where the base is not a diffusion policy."""
        fits = lambda held: isinstance(held, Diffusion) and not isinstance(held, Staircase | Joint)  # one step for all
        model = model_of(self.base, fits, "which RTI-DP cannot warm-start: bring a run of diffusion-policy.")
        if not 1 <= self.warm <= self.passes:
            raise BadSetting(f"--warm is 1 to {self.passes}, the passes, not {self.warm}.")
        generator = dataclasses.replace(model.generator, sampler=self.sampler, sampling_passes=self.passes)
        return ChunkModel(model.encoder, generator)

    def init(self, key: Key) -> tuple:
        self.model()
        return ()

    def policy(self, state: tuple) -> Policy:
        planner = WarmPlanner(self.spec, self.model(), self.warm, self.execute)
        return Receding(self.spec, planner, self.base.history, self.execute)


class WarmPlanner(Policy):
    """Sees [history, ...] and gives a chunk [horizon, ...]; its memory is the last chunk, and whether there is one."""

    model: ChunkModel
    warm: int = eqx.field(static=True)
    execute: int = eqx.field(static=True)

    def start(self, key: Key) -> Any:
        return jnp.zeros_like(self.model.generator.noise(key)), jnp.bool_(False)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        (last, begun), generator = memory, self.model.generator
        begin, walk = jax.random.split(key)
        context, noise, skip = self.model.encoder(observation), generator.noise(begin), generator.sampling_passes - self.warm
        moved = jnp.concatenate([last[self.execute :], jnp.repeat(last[-1:], self.execute, 0)]) if skip else noise
        # Each is paid for by its own lanes alone; a loop of as many passes as the lane needs would run as long as the longest for all.
        go_on = lambda generator, *known: generator.denoise(*known, skip=skip)
        begin_anew = lambda generator, *known: generator.denoise(*known)
        chunk = when(begun, go_on, generator, (moved, context, walk), last)
        chunk = when(~begun, begin_anew, generator, (noise, context, walk), chunk)
        passes = generator.sampling_passes - jnp.where(begun, skip, 0)
        return Act(generator.shaped(chunk), (chunk, jnp.bool_(True)), {"passes": passes.astype(jnp.int32)})
