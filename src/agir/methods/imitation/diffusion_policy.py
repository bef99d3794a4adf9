"""Diffusion Policy (Chi et al. 2023, arXiv 2303.04137): actions by denoising a chunk, given the last observations.

    training   min_e  E |noise - e(sqrt(A_k) a + sqrt(1 - A_k) noise, k, o)|^2      k uniform in 0 .. steps - 1
    acting     a chunk of noise is denoised step by step (DDPM or DDIM, see generators/diffusion.py), its next `execute` actions
               are done, then a new chunk is denoised

o are the last `history` observations, a the `horizon` actions from the first of them on. The weights that act are a moving
average of the trained ones. `network` is "unet" (FiLM on time and observations), "transformer" (attention to them) or "mlp".

Deviations: smaller networks (the paper's sizes stand beside the defaults); images by a small ResNet; padding at an episode's
ends is masked (the paper's code repeats the last action and learns it); weight decay on all weights for the transformer too, and
no dropout; DDIM with 10 passes by default, which the paper uses on robots (DDPM with 100 in simulation).
"""

from agir.training.diffusion_method import DiffusionMethod


class DiffusionPolicy(DiffusionMethod):
    sampler: str = "ddim"  # ddpm (paper, in simulation) or ddim (paper, on robots)
