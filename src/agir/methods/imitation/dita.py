"""Dita, the diffusion transformer policy in context (Hou et al. 2025, arXiv 2503.19757; code RoboDita/Dita).

    sequence   [what is seen, a token each thing] [time] [noisy action] ... [noisy action]       one transformer over all of it
    training   min_e  E |noise - e(sqrt(A_k) a + sqrt(1 - A_k) noise, k, tokens)|^2
    acting     DDIM; the next `execute` actions of the chunk are done

Actions look at every token of what is seen in every layer, where a denoiser behind one vector sees what was put into it before it was
known which action is asked. What the paper compares with: the same tokens and layers, and an MLP of three layers that denoises each action
by a token of its own (`--network token-head`, as the code does) or all of them by one vector (`small-head`, Octo's); see
networks/in_context.py and networks/tokens.py.

Deviations: tokens of states (or of an image through a small ResNet) in the place of language by CLIP and of images by DINOv2 and a
Q-Former; what is seen does not look at what comes after it in the sequence as in the paper, but all of it looks at all of it; some of
a noisy action goes straight to the output, as in the heads; a smaller network (paper: 12 layers of 768). No pretraining on many
robots.
"""

from agir.training.diffusion_method import TokenDiffusionMethod


class Dita(TokenDiffusionMethod):
    sampler: str = "ddim"  # ddim (paper) or ddpm
    passes: int = 10  # of the network for a chunk (paper: 10 to 20)
