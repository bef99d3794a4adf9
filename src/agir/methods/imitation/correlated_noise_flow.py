"""Correlated-noise flow matching (Larchenko et al. 2025, arXiv 2512.06951; code IliaLarchenko/behavior-1k-solution).

    stage      R, the correlations of the entries of the data's chunks
    training   flow matching from  e ~ N(0, beta R + (1 - beta) 1): noise that moves as actions do
    acting     a plan's first actions, those that are past and `overlap` of those to come, are drawn towards what the last plan said of
               them, and the others with them as the correlations say, until the flow is at `until`; see generators/correlated.py

White noise leaves a network to learn that actions which follow each other are alike; from correlated noise they are so from the start.

Deviations: this is the flow of that solution, without its vision-language model, its stages of a task and how it votes on them, its
compression of actions and its mixed layers of attention. Actions are the task's, within their limits (there: how far they are from the
state at planning, of deviation 1 at each step of a chunk, so that noise is like actions in size too, and what is kept of the last plan
is told from the new state). One noise for each window (15), 10 passes (20). Flow policy's settings otherwise (there 30 actions, 26 of
them done, 4 kept for the next plan). Of a chunk that runs over an end of its episode the correlations are those of the last action,
held.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Learner, Policy, Source, Window, given
from agir.core.spaces import Key, flat_size
from agir.generators.chunk_model import ChunkModel
from agir.generators.correlated import CorrelatedFlow, Correlation, Moments, cholesky, shrunk
from agir.objectives.masked import held
from agir.runtime.executors import Receding
from agir.training.chunk_method import ChunkMethod
from agir.training.sources import Windows
from agir.training.state import Trained

INPAINTING = ("correlated", "hard", "none")


class FitCorrelation(Learner):
    """The correlations of chunks; an update adds a batch of windows to their sums."""

    counted = True
    history: int = 2  # observations before which the chunks begin: the method's
    horizon: int = 16  # actions of a chunk: the method's
    learns_from: Source = Windows(batch=512)
    updates: int = 40

    def init(self, key: Key) -> Moments:
        return Moments.nothing(self.horizon * flat_size(self.spec.action))

    def update(self, state: Moments, batch: Window, step: Any, key: Key) -> tuple[Moments, dict]:
        chunks = jax.vmap(held)(batch.action, batch.mask)
        state = state.add(chunks.reshape(len(chunks), -1), jnp.ones(len(chunks)))
        return state, {"chunks": state.count}

    def result(self, state: Moments) -> Correlation:
        return Correlation(state.correlations(), self.horizon)


class CorrelatedNoiseFlow(ChunkMethod):
    correlation: Correlation | Learner = given(Correlation, default=FitCorrelation(), about="the correlations of a chunk's actions")
    beta: float = 0.5  # share of the correlations that the noise keeps; 0: white noise (paper)
    time: str = "beta"  # how times are drawn in training: beta (paper) or uniform
    passes: int = 10  # of the network for a chunk
    inpaint: str = "correlated"  # how a plan goes on from the last one: correlated (paper), hard or none
    overlap: int = 4  # actions to come that it takes from the last plan (paper)
    until: float = 0.7  # of the flow, how long (paper)

    def create(self, features: int, key: Key) -> CorrelatedFlow:
        """Raises BadSetting where the correlations are those of other chunks, or a plan does not hold what is to be inpainted."""
        size, entries = flat_size(self.spec.action), len(self.correlation.matrix)
        if (self.correlation.horizon, entries) != (self.horizon, self.horizon * size):
            raise BadSetting(
                f"The noise is correlated as chunks of {self.correlation.horizon} actions are ({entries} numbers), and these are of "
                f"{self.horizon} ({self.horizon * size}). Set --horizon and --correlation.horizon alike."
            )
        if self.inpaint not in INPAINTING:
            raise BadSetting(f"--inpaint is {', '.join(INPAINTING[:-1])} or {INPAINTING[-1]}, not '{self.inpaint}'.")
        if self.history - 1 + self.execute + self.overlap > self.horizon:
            raise BadSetting(
                f"A plan of {self.horizon} actions whose first {self.history - 1} are past holds no {self.overlap} to hand on after "
                f"{self.execute} are done. Set --overlap to at most {self.horizon - self.history + 1 - self.execute}."
            )
        known = 0 if self.inpaint == "none" else self.history - 1 + self.overlap
        how = {"known": known, "propagates": self.inpaint == "correlated"}
        return CorrelatedFlow(self.denoiser(features, key), self.horizon, self.spec.action.shape, self.time, self.passes, **how)

    def tuning(self) -> dict[str, Any]:
        return {"until": self.until, "factor": cholesky(shrunk(self.correlation.matrix, jnp.asarray(self.beta, jnp.float32)))}

    def policy(self, state: Trained) -> Policy:
        if self.inpaint == "none":
            return super().policy(state)
        planner = InpaintingPlanner(self.spec, self.tuned(state.best), self.execute)
        return Receding(self.spec, planner, self.history, self.execute)


class InpaintingPlanner(Policy):
    """Sees [history, ...] and gives a chunk [horizon, ...]; its memory is the last chunk, and whether there is one."""

    model: ChunkModel
    execute: int = eqx.field(static=True)

    def start(self, key: Key) -> Any:
        return jnp.zeros_like(self.model.generator.noise(key)), jnp.bool_(False)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        (last, begun), generator = memory, self.model.generator
        told = jnp.roll(last, -self.execute, 0)  # what it says of the actions from now on stands first; the rest is not asked
        chunk = generator.inpaint(told, begun, self.model.encoder(observation), key)
        return Act(generator.shaped(chunk), (chunk, jnp.bool_(True)), {"passes": jnp.int32(generator.passes)})
