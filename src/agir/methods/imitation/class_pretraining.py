"""CLASS, contrastive learning by action sequences (Lee et al. 2025, arXiv 2508.01600; code sean1295/CLASS).

    stages     which distances between action chunks are short, by dynamic time warping; an encoder of images whose features are
               alike where actions are, min -sum_j w_ij log softmax_j(cos(z_i, z_j) / temperature) / sum_j w_ij     (training/contrast.py)
    training   Diffusion Policy, whose encoder begins as that one and goes on at `encoder_rate` of the others' rate
    acting     as Diffusion Policy

Where cameras, light and textures differ from demonstration to demonstration, a policy learns each by heart; what they have in common is
what was done. `--updates 1 --encoder_rate 0` gives the encoder alone, as it came, and `nearest-neighbors --encoder RUN` acts by it: the
paper's control by retrieval.

Deviations: Diffusion Policy's are those of its page; Adam in place of LARS; an encoder that begins at random (the paper's: ImageNet);
distances are computed for the pairs of each batch, and their distribution from one batch of 512 windows, where the paper's code
computes all pairs in advance (the same weights, but for the sample); pixels have no noise. A chunk that reaches behind its episode's end
goes on with its last action, which stands still where actions are places (the paper's) and not where they are velocities.
"""

import dataclasses
from typing import Any

import jax
import optax

from agir.core.nouns import Learner, given
from agir.core.spaces import Key
from agir.networks.encoder import Encoder
from agir.training.contrast import FitEncoder
from agir.training.diffusion_method import DiffusionMethod


class CLASS(DiffusionMethod):
    sight: Encoder | Learner = given(Encoder, default=FitEncoder(), about="a run whose encoder is taken to begin with")
    encoder_rate: float = 0.1  # share of the rate at which the encoder goes on learning (paper's code: 1e-5 of 1e-4)

    def encoder(self, key: Key) -> Encoder:
        return self.sight

    def optimiser(self) -> optax.GradientTransformation:
        """AdamW's step, decay and all, is the rate times what the rate does not change: a share of the step is a share of the rate."""

        def slowed(step: Any, _: Any) -> Any:
            return dataclasses.replace(step, encoder=jax.tree.map(lambda x: self.encoder_rate * x, step.encoder))

        return optax.chain(super().optimiser(), optax.stateless(slowed))
