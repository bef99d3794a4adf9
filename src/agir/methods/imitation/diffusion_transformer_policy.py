"""Diffusion Transformer Policy (Hou et al. 2024, arXiv 2410.15959; code zhihou7/dit_policy_vla): one large transformer, no small head.

    sequence   [what is seen, a token each thing] [time] [noisy action] ... [noisy action]
    training   min_e  E |noise - e(sqrt(A_k) a + sqrt(1 - A_k) noise, k, tokens)|^2
    acting     DDIM; the next `execute` actions of the chunk are done

Its claim is of robots whose actions differ: a head has to make every robot's actions of one vector. Dita came after it: parts and
deviations are those of `dita`, but for what is seen (`history` 1: what is now). Of a chunk eight actions are done (the code: all ten on
one benchmark, one on the others); the code acts by 100 passes of DDPM too.
"""

from agir.training.diffusion_method import TokenDiffusionMethod


class DiffusionTransformerPolicy(TokenDiffusionMethod):
    history: int = 1  # observations seen (paper: 1 to 2, by data)
    passes: int = 20  # of the network for a chunk (paper: 10 to 100)
