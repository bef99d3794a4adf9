"""STMDP, the Spiking Transformer Modulate Diffusion Policy (Wang et al. 2024, arXiv 2411.09953): Diffusion Policy by spiking neurons.

    network    tokens of noisy actions through leaky integrate-and-fire neurons; attention of spikes without softmax; time and what is
               seen modulate every layer (networks/spiking.py), or are attended to (`--network spiking-cross`)
    training   min_e  E |noise - e(sqrt(A_k) a + sqrt(1 - A_k) noise, k, o)|^2,   with the arctan's gradient in the place of a spike's
    acting     DDPM or DDIM; the next `execute` actions of the chunk are done

Deviations: layer norms where the paper's spiking layers have batch norms, a smaller network, and no savings from spikes (that takes
hardware which adds instead of multiplying). No code was found; by summaries of the paper its decoder modulates a cross-attention, and
what is seen has a spiking encoder: here modulation stands in the place of attention, after one linear layer.
"""

from agir.training.diffusion_method import DiffusionMethod


class STMDP(DiffusionMethod):
    network: str = "spiking"  # spiking (paper: modulation), spiking-cross, or any other that denoises
