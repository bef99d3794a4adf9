"""FreqPolicy (Zhong et al. 2025, arXiv 2506.01583; code 4DVLab/Freqpolicy): chunks from low frequencies to high, without codes.

    training   z = trunk(a's lowest m frequencies, most steps hidden, m, o), and a small head that denoises each step of a given its z
    acting     in `levels` rounds: a chunk is drawn, its lower frequencies are kept, more of them each round, and it is drawn again;
               its next `execute` actions are done, then the next chunk                            (generators/frequency.py)

o are the last `history` observations, a the `horizon` actions from the first of them on. Steps are drawn independently of one
another given z, so that in the first round ways mix; its lowest frequencies are what the later rounds go by. Where two ways are as
likely and opposite, their mean is what that leaves: of 4 steps at 0.6 or -0.6 three in eight chunks begin at a mean of 0, and go no way.

Deviations: one transformer (the code: an encoder of the steps that are seen and a decoder of all), in which m is added to every step
(the code: one more token to attend to); the kept frequencies are evenly spaced (the code: the first time at least 5); the head draws
by DDIM in 10 passes, within the range of actions, and learns the noise alone (the code: 10 of DDPM's steps, with a variance that is
learnt and without bounds); it is the MLP of this house, whose layers the step of noise alone modulates (the code: z and m, too), and does
not see m itself. Smaller: width 64, 3 layers (512, 4 and 4), the head 128 wide (1024).
"""

import jax

from agir.core.spaces import Key, flat_size
from agir.generators.diffusion import Apart
from agir.generators.frequency import FrequencyAutoregression, StepDenoiser, Trunk
from agir.training.chunk_method import GeneratingMethod


class FreqPolicy(GeneratingMethod):
    horizon: int = 16  # actions generated, from the first observation's on (paper)
    levels: int = 4  # rounds from the lowest frequencies to all (paper)
    order: str = "frequency"  # frequency (paper), or time: the first actions first
    steps: int = 100  # of noise in training (paper's code)
    passes: int = 10  # of the head for a chunk of one round (paper's code)
    head_width: int = 128  # of the head's layers (paper's code: 1024)
    head_depth: int = 2  # layers of the head (paper's code: 3)

    def create(self, features: int, key: Key) -> FrequencyAutoregression:
        see, draw = jax.random.split(key)
        size = flat_size(self.spec.action)
        trunk = Trunk.create((self.horizon, size), (self.history, features), see, self.width, self.depth)
        head = StepDenoiser.create(size, self.width, draw, self.head_width, self.head_depth)
        how = {"sampler": "ddim", "sampling_passes": self.passes, "bound": self.bound}
        return FrequencyAutoregression(trunk, Apart(head, self.horizon, self.spec.action.shape, self.steps, **how), self.levels, self.order)
