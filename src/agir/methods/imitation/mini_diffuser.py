"""Mini-Diffuser's two-level minibatch (Hu et al. 2025, arXiv 2505.09430; code utomm/mini-diffuse-actor): many noises for each observation.

    training   min_e  E_(o, a)  1 / M  sum_m |noise_m - e(sqrt(A_k_m) a + sqrt(1 - A_k_m) noise_m, k_m, tokens(o))|^2
    acting     Diffusion Policy's

An action is small and what is seen is large: so observations are encoded once, and M = `noises` noisy chunks of their action, each with
a time of its own, learn from that. In the network a noisy chunk looks at the tokens of what is seen, those never look at it, and the
M do not see each other (networks/in_context.py), so that what is known goes through every layer once.

The first level is a setting of every method that generates chunks (`--noises`); this one has the network that makes the most of it.

Deviations: the paper's is 3D Diffuser Actor on point clouds with local attention around the noisy hand, and denoises positions while a
rotation and the gripper are classified; here a chunk is denoised as Diffusion Policy's, by squared errors and DDIM in 10 passes
(absolute ones and DDPM in 100). Times reach actions as a token, not by FiLM. Where what is seen is a few numbers, encoding it once saves
little: an update with 32 noises takes several times as long as one with one.
"""

from agir.core.nouns import Source
from agir.training.diffusion_method import TokenDiffusionMethod
from agir.training.sources import Windows


class MiniDiffuser(TokenDiffusionMethod):
    noises: int = 32  # M, drawn from each window in an update (paper's code: 256)
    learns_from: Source = Windows(batch=16)  # paper: 8 to 16
