"""What action-free episodes add to a few that have their actions."""

from agir.claims.baselines import DDIM, DENOISER, beside_with_data, with_data
from agir.claims.claim import Arm, Claim, Part

UWM = Arm("uwm", DENOISER)

CLAIM = Claim(
    slug="uwm",
    sentence="From 20 episodes with their actions and 200 without, a joint diffusion of actions and of what will be seen succeeds more "
    "often than Diffusion Policy on the 20, and than itself on the 20.",
    source="Zhu et al. 2025 (Unified World Models), arXiv 2504.02792, section V",
    method="uwm",
    task="planar/push",
    arms={
        "UWM, 20 and 200 without": with_data(UWM, 20, 200),
        "UWM, 20": with_data(UWM, 20),
        **beside_with_data(20),
        "DDIM-10, 220": with_data(DDIM, 220),
    },
    parts=(
        Part(
            "With the 200 it succeeds more often than DDIM-10 on the 20, by more than 5 points.",
            "UWM, 20 and 200 without",
            "DDIM-10, 20",
            "success",
            0.05,
        ),
        Part("The 200 add more than 5 points to what it reaches on the 20.", "UWM, 20 and 200 without", "UWM, 20", "success", 0.05),
    ),
    asked={},
    budget_s=3600,
    note="Not piloted on this task. On multipath (one seed, 100 episodes, never reported) it reached 0.84 on the 20 and 0.58 with "
    "the 200, when nine in ten windows of a batch had no actions: since then half of them have. The paper's second sentence, on its "
    "error as an inverse model, is not judged here: tests/methods/test_foresight_methods.py has it where the answer is known.",
)
