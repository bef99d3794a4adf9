"""Residual codes with offsets, one pass for a chunk, against denoising, against regression, and against codes alone."""

import dataclasses

from agir.claims.baselines import BESIDE, DDIM, DDPM, TOKENS, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

VQ_BET = Arm("vq-bet", TOKENS)

CLAIM = Claim(
    slug="house_vq_bet",
    sentence="One pass that says residual codes and offsets to them is as good as ten of DDIM, in less than half of the time, and offsets "
    "are part of it.",
    source="Lee et al. 2024 (VQ-BeT), arXiv 2403.03181",
    method="vq-bet",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "VQ-BeT": VQ_BET,
            "codes alone": dataclasses.replace(VQ_BET, settings=TOKENS | {"offset": 0.0}),
            "DDIM-10": DDIM,
            "DDPM-100": DDPM,
            **BESIDE,
        },
        "VQ-BeT",
        "DDIM-10",
    ),
    parts=(
        *part_on_four_modes(Part("VQ-BeT is not worse than DDIM-10 by more than 5 points.", "VQ-BeT", "DDIM-10", "success", -0.05)),
        Part("VQ-BeT succeeds more often than regression, by more than 10 points.", "VQ-BeT", "regression", "success", 0.10),
        Part("VQ-BeT succeeds more often than its codes alone, by more than 2 points.", "VQ-BeT", "codes alone", "success", 0.02),
        Part("A call of VQ-BeT takes less than half of one of DDIM-10.", "VQ-BeT", "DDIM-10", "ms_per_call", 0.5, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=3600,
    note="VQ-BeT's codec is learnt first, by 2000 updates of its own; two codes of 16 are 256 chunks.",
)
