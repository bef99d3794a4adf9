"""UWM, Unified World Models (Zhu et al. 2025, arXiv 2504.02792): one diffusion of actions and of what will be seen, with a step each.

    training   min  E |e_a - e_a'|^2 + weight |e_f - e_f'|^2,   (e_a', e_f') = network(a_k, f_j, k, j, o),   k and j independent
               where no actions are recorded: k is the last step, and only the second term counts
    acting     a is denoised with f pure noise at its last step (`policy`); a chunk's next `execute` actions are done

o are the last `history` observations, a the `horizon` actions from the first of them on, f the numbers of `frames` observations ahead.
By its two steps the same network is a forward model, an inverse one and a predictor of what will be seen (generators/joint.py);
`agir.generators.joint.JointModel.generate` gives them.

Deviations: what is predicted are the normalised numbers of a state (the paper: latents of images, by a frozen autoencoder); smaller
networks (the paper: 12 blocks of width 768, and 8 registers; here 3 of 64, and 4); labelled and action-free episodes are learnt
together from the beginning (the paper also finetunes on the labelled ones alone), and half of each batch has its actions (an option
of the paper's code, `balance_datasets`, off in its configurations). The weights that act are a moving average.
"""

from agir.core.spaces import Key
from agir.generators.joint import Joint
from agir.training.foresight_method import JointMethod


class UWM(JointMethod):
    def create(self, features: int, key: Key) -> Joint:
        return self.joint(features, key)
