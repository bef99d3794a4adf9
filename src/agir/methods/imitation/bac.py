"""BAC, Block-wise Adaptive Caching (Ji et al. 2025, arXiv 2506.13456): a trained diffusion policy that computes few blocks, no training.

    calibration   the cosine of what each block of the transformer adds in any two passes, over windows of the demonstrations
    schedule      for each block the `computed` passes for which what is used instead is the most alike (dynamic programming); then
                  the `bubbled` blocks that change most are also computed wherever a feed-forward block behind them is, and all are
                  in the last pass (paper's code)
    acting        the base's sampler; a block that is not computed adds what it last added

`--base RUN` is any trained diffusion policy whose network is a transformer ("transformer", "dit" or "in-context"), whatever its
sampler; see generators/cached.py. The `updates` are those of calibration, `computed_share` among their metrics the share of all blocks
that a plan computes: that many operations of the blocks are left. Nothing is trained.

Deviations: similarities are means over several windows of the data (the paper: one calibration episode); the network's first and last
layers, and what the transformer's memory is made of, are computed in every pass, as in the paper's code. In many lanes of several
seeds at once all blocks are computed and chosen from: time is saved where one policy acts. With DDPM what is kept cannot take
away the noise that each pass draws anew; in small networks, where little goes past the blocks, that tells (see the claim).
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from agir.core.errors import BadSetting
from agir.core.nouns import Method, Policy, Source, Window, given
from agir.core.spaces import Key
from agir.generators.cached import Cached, Likeness, best_schedule, bubbled, likeness, uniform_schedule
from agir.generators.chunk_model import ChunkModel
from agir.generators.diffusion import Diffusion
from agir.networks.residual import Residual
from agir.runtime.executors import Receding
from agir.runtime.planner import Planner, model_of
from agir.training.sources import Windows

SCHEDULES = ("adaptive", "uniform")


class BAC(Method):
    counted = True
    base: Receding | None = given(Receding, about="a trained diffusion policy whose network is a transformer")
    sampler: str = "ddpm"  # of the base's weights: ddpm (paper) or ddim
    passes: int = 100  # from noise to a clean chunk (paper)
    computed: int = 10  # of them, those in which a block is computed (paper: 5 to 10)
    bubbled: int = 5  # blocks that are also computed where those behind them are (paper's code: 3 to 5)
    schedule: str = "adaptive"  # adaptive (paper), or uniform: all blocks in the same evenly spaced passes
    execute: int = 8  # actions done before the next plan (Diffusion Policy)
    learns_from: Source = Windows(batch=1)
    updates: int = 8  # batches of windows to calibrate on

    @property
    def generator(self) -> Diffusion:
        """The base's, with the sampler asked for; raises BadSetting where it is none, or its network has no blocks."""
        bring = "bring a run of diffusion-policy with --network transformer, dit or in-context."
        generator = model_of(self.base, lambda held: type(held) is Diffusion, f"whose passes BAC does not know: {bring}").generator
        if not isinstance(generator.network, Residual):
            raise BadSetting(f"--base holds a Diffusion with a {type(generator.network).__name__}, which has no blocks to keep: {bring}")
        return dataclasses.replace(generator, sampler=self.sampler, sampling_passes=self.passes)

    @property
    def history(self) -> int:
        return self.base.history

    @property
    def horizon(self) -> int:
        return self.generator.horizon

    def init(self, key: Key) -> Likeness:
        if self.schedule not in SCHEDULES:
            raise BadSetting(f"--schedule is {' or '.join(SCHEDULES)}, not '{self.schedule}'.")
        if not 1 <= self.computed <= self.passes:
            raise BadSetting(f"--computed is 1 to {self.passes}, the passes, not {self.computed}.")
        blocks = len(self.generator.network.kinds)
        return Likeness(jnp.zeros((blocks, self.passes, self.passes)), jnp.zeros(blocks))

    def update(self, state: Likeness, batch: Window, step: Any, key: Key) -> tuple[Likeness, dict]:
        """A running mean over batches."""
        contexts = jax.vmap(self.base.planner.model.encoder)(batch.observation)
        found = jax.vmap(lambda context, key: likeness(self.generator, context, key))(contexts, jax.random.split(key, len(contexts)))
        share = 1 / (step.astype(jnp.float32) + 1)
        state = jax.tree.map(lambda old, new: old + share * (new.mean(0) - old), state, found)
        return state, {"likeness": state.cosine.mean(), "computed_share": self.table(state).mean(dtype=jnp.float32)}

    def table(self, state: Likeness) -> Bool[Array, "passes blocks"]:
        """Which blocks are computed in which passes."""
        kinds = self.generator.network.kinds
        if self.schedule == "uniform":
            return jnp.repeat(uniform_schedule(self.passes, self.computed)[:, None], len(kinds), 1)
        schedule = jax.vmap(lambda cosine: best_schedule(cosine, self.computed))(state.cosine).T
        return bubbled(schedule, state.change, kinds, self.bubbled).at[-1].set(True)

    def policy(self, state: Likeness) -> Policy:
        cached = self.generator.turned(Cached, schedule=self.table(state))
        model = ChunkModel(self.base.planner.model.encoder, cached)
        return Receding(self.spec, Planner(self.spec, model), self.base.history, self.execute)
