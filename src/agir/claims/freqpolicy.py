"""Low frequencies before high ones, against denoising and against the same model in the order of time."""

import dataclasses

from agir.claims.baselines import BESIDE, DDIM, DDPM, TOKENS, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

FREQUENCY = Arm("freqpolicy", TOKENS | {"passes": 4})  # 4 of the transformer, 16 of its head
EQUAL = dataclasses.replace(DDIM, settings=DDIM.settings | {"passes": 20})  # as many passes an action

CLAIM = Claim(
    slug="freqpolicy",
    sentence="From low frequencies to high, chunks are as good as DDPM-100's in a third of the time and as DDIM-10's, and better than the "
    "same model's in the order of time.",
    source="Zhong et al. 2025 (FreqPolicy), arXiv 2506.01583",
    method="freqpolicy",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "FreqPolicy": FREQUENCY,
            "in time": dataclasses.replace(FREQUENCY, settings=FREQUENCY.settings | {"order": "time"}),
            "DDIM-10": DDIM,
            "DDIM-20": EQUAL,
            "DDPM-100": DDPM,
            **BESIDE,
        },
        "FreqPolicy",
        "DDIM-10",
    ),
    parts=(
        *part_on_four_modes(Part("FreqPolicy is not worse than DDIM-10 by more than 5 points.", "FreqPolicy", "DDIM-10", "success", -0.05)),
        Part("At equal passes FreqPolicy is not worse than DDIM-20 by more than 5 points.", "FreqPolicy", "DDIM-20", "success", -0.05),
        Part("FreqPolicy is not worse than DDPM-100 by more than 5 points.", "FreqPolicy", "DDPM-100", "success", -0.05),
        Part("FreqPolicy succeeds more often than the order of time, by more than 2 points.", "FreqPolicy", "in time", "success", 0.02),
        Part("FreqPolicy succeeds more often than regression, by more than 10 points.", "FreqPolicy", "regression", "success", 0.10),
        Part("A call of FreqPolicy takes less than a third of one of DDPM-100.", "FreqPolicy", "DDPM-100", "ms_per_call", 0.33, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=6000,
    note="FreqPolicy makes 4 passes of its transformer and 16 of its head, which is smaller, where DDIM makes 10 of an MLP.",
)
