"""PAD, prediction with action (Guo et al. 2024, arXiv 2411.18179): actions and what will be seen, denoised together at one step.

    training   min  E |e_a - e_a'|^2 + weight |e_f - e_f'|^2,   (e_a', e_f') = network(a_k, f_k, k, o)
               where no actions are recorded: a learnt value stands in their place, and only the second term counts
    acting     both are denoised together from noise; the next `execute` of the actions are done

o are the last `history` observations, a the `horizon` actions from the first of them on, f the numbers of `frames` observations ahead.

As in its code (Robert-gyj/Prediction_with_Action), what is seen now stands beside the noisy numbers of each token, and only the step
scales and shifts the norms.

Deviations: as for UWM, with which it shares all but these lines: what is predicted are the normalised numbers of a state (the
paper: latents of images, and of depth), in a small network that begins with nothing (the paper: a pretrained image generator). An
action is a token (the paper: all poses are one), and made one by two layers (UWM's code, which has PAD beside it: so, too).
"""

import math

import jax.numpy as jnp

from agir.core.spaces import Key
from agir.generators.joint import Joint
from agir.training.foresight_method import JointMethod


class PAD(JointMethod):
    def create(self, features: int, key: Key) -> Joint:
        absent = jnp.zeros(self.horizon * math.prod(self.spec.action.shape))
        return self.joint(features, key, {"beside": True, "registers": 0}, together=True, mode="joint", absent=absent)
