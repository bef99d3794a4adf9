"""Ensembles of plans, without training: any trained policy that plans chunks (`--base RUN`), with another executor.

    adaptive   a plan at every step; the mean of the last `plans`, by their agreement with the newest        (CogACT, Li et al. 2024)
    temporal   a plan at every step; the mean of all, the i-th oldest with the weight exp(-decay i)           (ACT, Zhao et al. 2023)
    ends       the same of plans that end, laid together at their ends                           (Chain-of-Action, Zhang et al. 2025)
    receding   `execute` actions of a plan, then the next plan                                    (Diffusion Policy, Chi et al. 2023)

The planner and its weights are the base's, so what differs between two of these is the executor alone. Not a paper's method by itself.
"""

import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.nouns import Method, Policy, Source, given
from agir.core.spaces import Key
from agir.runtime.executors import Agreeing, EndEnsembled, Ensembled, Executor, Receding
from agir.runtime.planner import EndingPlanner, Planner
from agir.training.sources import Nothing

HOW = ("adaptive", "temporal", "ends", "receding")


class Ensemble(Method):
    base: Executor | None = given(Executor, about="a trained policy that plans chunks")
    how: str = "adaptive"  # adaptive, temporal, ends or receding
    plans: int = 7  # adaptive: the last so many are averaged (CogACT)
    alpha: float = 0.1  # adaptive: how much less a plan weighs that disagrees (CogACT)
    decay: float = 0.01  # temporal, ends: how much less a newer plan weighs (ACT, CoA)
    execute: int = 1  # receding: actions done before the next plan
    learns_from: Source = Nothing()
    updates: int = 0  # nothing is learnt

    def init(self, key: Key) -> tuple:
        if self.how not in HOW:
            raise BadSetting(f"--how is {', '.join(HOW[:-1])} or {HOW[-1]}, not '{self.how}'.")
        kind = type(self.base.planner)
        if kind not in (Planner, EndingPlanner):
            raise BadSetting(
                f"--base plans with a {kind.__name__}, which counts on its own executor: bring a run whose plans do not depend on the "
                "last one."
            )
        if self.how == "ends" and kind is not EndingPlanner:
            raise BadSetting(f"--how ends needs plans that say where they end, and a {kind.__name__}'s fill the chunk: bring a run of coa.")
        return ()

    def policy(self, state: tuple) -> Policy:
        planner, history = self.base.planner, self.base.history
        if self.how == "adaptive":
            return Agreeing(self.spec, planner, history, self.plans, jnp.asarray(self.alpha, jnp.float32))
        if self.how in ("temporal", "ends"):
            mean = Ensembled if self.how == "temporal" else EndEnsembled
            return mean(self.spec, planner, history, jnp.asarray(self.decay, jnp.float32))
        return Receding(self.spec, planner, history, self.execute)
