"""CoA, Chain-of-Action (Zhang et al. 2025, arXiv 2506.09990; code ByteDance-Seed/Chain-of-Action): trajectories from the end to now.

    training   each action from those after it and o, the last one from o alone; in vectors, see generators/chain.py
    acting     a plan at every step, from its end back to now; what is done is the mean of what all plans so far say that are laid
               together at their ends (runtime/executors.py: EndEnsembled)

o is what is seen now (`history` 1). The last action is where the trajectory goes, and everything before has to lead there. In order
"forward" plans are laid together at their begin, as ACT's are: there the end is what is least sure.

Deviations: when a plan has come back to now says a sign that is learnt (the code: its newest pose is as far from the end as the pose
that is seen, within a threshold, and in the same direction, which needs actions that are poses); order "forward" has an ensemble (the
code does one action of it at a time); the ensemble's distances are of whole actions (positions alone); the rate is warmed up and falls
(constant, with a decay of weights of 1e-4 and gradients clipped at 1); a trajectory ends with the window or the episode (the paper: at
the next change of the gripper or stop), and a plan that fills the chunk, cut off before its end, is followed by itself; an action's head
and those for actions further on are linear layers (the code: layers of the transformer); no encoder over image patches; no dropout; the
weights that act are a moving average. Smaller: width 64, 3 layers (512, 4 of the encoder and 7 of the decoder).
"""

from typing import Any

import jax.numpy as jnp

from agir.core.errors import BadSpec
from agir.core.nouns import Policy
from agir.core.spaces import Key, flat_size
from agir.data.windows import window_horizon
from agir.generators.chain import Chain, ChainTransformer
from agir.runtime.executors import EndEnsembled, Ensembled, Receding
from agir.runtime.planner import EndingPlanner
from agir.training.chunk_method import GeneratingMethod
from agir.training.state import Trained


class CoA(GeneratingMethod):
    history: int = 1  # observations seen (paper)
    reach: int = 32  # actions of a trajectory at most, from now on (paper: the longest to a keyframe)
    execute: int = 0  # actions of a plan done before the next; 0: a plan at every step, and the mean of all (paper)
    order: str = "backward"  # backward (paper), or forward
    ahead: int = 1  # further actions that each place learns to say too (paper's code: 1)
    latent: float = 1.0  # weight of the vectors' error (paper's code)
    decay: float = 0.01  # how much less a newer plan weighs in the mean: 0 all alike (paper's code)

    @property
    def horizon(self) -> int:
        """The window's: a trajectory begins at the last observation."""
        return window_horizon(self.history, self.reach)

    def create(self, features: int, key: Key) -> Chain:
        """Raises BadSpec where a plan would begin at its end, and that is no place (the paper's actions are poses)."""
        kind = self.spec.meaning.kind
        if self.order == "backward" and kind != "absolute":
            raise BadSpec(
                f"A trajectory that begins at its end needs actions that are places, and a {kind} says nothing of where it leads. Use "
                "actions that are absolute (planar/...,control=position), --order forward, or act."
            )
        chunk, context = (self.reach, flat_size(self.spec.action)), (self.history, features)
        network = ChainTransformer.create(chunk, context, key, self.width, self.depth, ahead=self.ahead)
        return Chain(network, self.history - 1, self.reach, self.spec.action.shape, self.order)

    def tuning(self) -> dict[str, Any]:
        return {"latent": self.latent}

    def policy(self, state: Trained) -> Policy:
        planner = EndingPlanner(self.spec, self.tuned(state.best))
        if self.execute:
            return Receding(self.spec, planner, self.history, self.execute)
        mean = EndEnsembled if self.order == "backward" else Ensembled
        return mean(self.spec, planner, self.history, jnp.asarray(self.decay, jnp.float32))
