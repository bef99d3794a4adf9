"""Diffusion Transformer Policy (Hou et al. 2024, arXiv 2410.15959): Dita's predecessor, one large transformer in the place of a small head.

    sequence   [what is seen, a token each thing] [time] [noisy action] ... [noisy action]
    training   min_e  E |noise - e(sqrt(A_k) a + sqrt(1 - A_k) noise, k, tokens)|^2
    acting     DDIM; the next `execute` actions of the chunk are done

Its claim is of robots whose actions differ: a head has to make every robot's actions of one vector. It sees what is now (`history` 1)
and does all of a chunk's first half; all else is Dita's: parts and deviations are those of `dita`.
"""

from agir.training.diffusion_method import TokenDiffusionMethod


class DiffusionTransformerPolicy(TokenDiffusionMethod):
    history: int = 1  # observations seen (paper: 1 to 2, by data)
    passes: int = 20  # of the network for a chunk (paper: 10 to 100)
