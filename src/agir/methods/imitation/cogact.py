"""CogACT (Li et al. 2024, arXiv 2411.19650; code microsoft/CogACT): a diffusion transformer for actions, and plans that agree.

    training   min_e  E |noise - e(sqrt(A_k) a + sqrt(1 - A_k) noise, k, f)|^2       f = f(o), or in `drop` of the windows the learnt f_0
    acting     at every step a chunk is denoised (DDIM) with  e(f_0) + guidance (e(f) - e(f_0));  done is  sum_i w_i a_i / sum_i w_i,
               a_i what the chunk made i steps ago says for now, i < plans,  w_i = exp(alpha cos(a_i, a_0))

f, the cognition feature, is one vector, and one token of the transformer together with the time (networks/in_context.py, "dit"); see
generators/guided.py and `Agreeing` in runtime/executors.py. A chunk takes twice `passes` passes of the network, the guided and the other.

Deviations: f is what an MLP says of the observations (the paper: a vision-language model of 7B, which is what its headline rests on;
here is its action module); smaller sizes (paper: 6 to 24 layers of 384 to 1024); cosines of normalised actions (the paper's code:
after undoing the normalisation), of whole actions, a gripper's opening among them, as in the paper's code. Training is
Diffusion Policy's, with one noise of a window in an update (the paper's code: 8).
"""

from typing import Any

import jax
import jax.numpy as jnp

from agir.core.nouns import Policy
from agir.core.spaces import Key
from agir.generators.guided import Guided
from agir.runtime.executors import Agreeing
from agir.runtime.planner import Planner
from agir.training.diffusion_method import DenoisingMethod
from agir.training.state import Trained


class CogACT(DenoisingMethod):
    networks = ("dit", "in-context", "transformer", "unet", "mlp")

    history: int = 1  # observations seen (paper)
    execute: int = 0  # actions of a chunk done before the next; 0: a chunk at every step, and the mean of those that agree (paper)
    network: str = "dit"  # dit (paper), in-context, transformer, unet or mlp
    steps: int = 100  # of noise in training (paper)
    passes: int = 10  # of DDIM for a chunk, each of them twice the network (paper)
    drop: float = 0.1  # share of the windows that are learnt without their observations (paper)
    guidance: float = 1.5  # how far beyond what is done without them; 1: none (paper)
    plans: int = 7  # the last so many are averaged (paper: 7 or 2, by robot)
    alpha: float = 0.1  # how much less a plan weighs that disagrees with the newest; 0: all alike (paper)

    def create(self, features: int, key: Key) -> Guided:
        think, draw = jax.random.split(key)
        absent = 0.02 * jax.random.normal(draw, (self.history, features))
        return Guided(self.denoiser(features, think), self.horizon, self.spec.action.shape, **self.diffusion, absent=absent)

    def tuning(self) -> dict[str, Any]:
        return {"drop": self.drop, "guidance": self.guidance}

    def policy(self, state: Trained) -> Policy:
        if self.execute:
            return super().policy(state)
        planner = Planner(self.spec, self.tuned(state.best))
        return Agreeing(self.spec, planner, self.history, self.plans, jnp.asarray(self.alpha, jnp.float32))
