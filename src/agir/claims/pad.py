"""Actions and what will be seen denoised at one step, against actions alone."""

from agir.claims.baselines import DENOISER, beside_with_data, with_data
from agir.claims.claim import Arm, Claim, Part

PAD, UWM = Arm("pad", DENOISER), Arm("uwm", DENOISER)

CLAIM = Claim(
    slug="pad",
    sentence="Denoising actions together with what will be seen succeeds more often than denoising actions alone, and action-free "
    "episodes add to it.",
    source="Guo et al. 2024 (PAD), arXiv 2411.18179, tables 1 and 3",
    method="pad",
    task="planar/push",
    arms={
        "PAD, 50": with_data(PAD, 50),
        "PAD, 50 and 500 without": with_data(PAD, 50, 500),
        "UWM, 50 and 500 without": with_data(UWM, 50, 500),
        **beside_with_data(50),
    },
    parts=(
        Part("On 50 episodes PAD succeeds more often than DDIM-10, by more than 5 points.", "PAD, 50", "DDIM-10, 50", "success", 0.05),
        Part("500 action-free episodes add more than 3 points.", "PAD, 50 and 500 without", "PAD, 50", "success", 0.03),
    ),
    asked={},
    budget_s=4800,
    note="Not piloted. On states, not on images; where the paper's effect is smaller than the interval can be, the verdict is undecided.",
)
