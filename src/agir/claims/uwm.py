"""What action-free episodes add to a few that have their actions."""

from agir.claims.baselines import DDIM, DENOISER, beside_with_data, with_data
from agir.claims.claim import Arm, Claim, Part

UWM = Arm("uwm", DENOISER)

CLAIM = Claim(
    slug="uwm",
    sentence="From 10 episodes with their actions and 200 without, a joint diffusion of actions and of what will be seen succeeds more "
    "often than Diffusion Policy on the 10, and than itself on the 10.",
    source="Zhu et al. 2025 (Unified World Models), arXiv 2504.02792, section V",
    method="uwm",
    task="planar/reach",
    arms={
        "UWM, 10 and 200 without": with_data(UWM, 10, 200),
        "UWM, 10": with_data(UWM, 10),
        **beside_with_data(10),
        "DDIM-10, 210": with_data(DDIM, 210),
    },
    parts=(
        Part(
            "With the 200 it succeeds more often than DDIM-10 on the 10, by more than 5 points.",
            "UWM, 10 and 200 without",
            "DDIM-10, 10",
            "success",
            0.05,
        ),
        Part("The 200 add more than 5 points to what it reaches on the 10.", "UWM, 10 and 200 without", "UWM, 10", "success", 0.05),
    ),
    asked={},
    budget_s=3600,
    note="First run on planar/push from 20 episodes, where little is learnt in 4000 updates (DDIM-10 0.05, from 220 episodes 0.14): both "
    "parts were undecided, and that row stays in the ledger. Where there is something to learn (pilot, 2 seeds, 200 episodes): 0.37 "
    "and 0.38 on the 10, 0.58 and 0.78 with the 200; DDIM-10 0.40 (1 seed). The hand's velocity can be told from what is seen, so "
    "the 200 hold what was done. The paper's second sentence, on its error as an inverse model, is not judged here: "
    "tests/methods/test_foresight_methods.py has it where the answer is known. The network is an MLP; the paper's "
    "transformer is in the tables of docs/results.",
)
