"""Coarse to fine in four passes against denoising in ten and in a hundred."""

import dataclasses

from agir.claims.baselines import BESIDE, DDIM, DDPM, DDPM_TRANSFORMER, HALF, TWO_MODES, likeliest, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

CARP = Arm("carp", HALF | {"temperature": 1.0})
EQUAL = dataclasses.replace(DDIM, settings=DDIM.settings | {"passes": 4})  # as many passes an action

CLAIM = Claim(
    slug="carp",
    sentence="Coarse to fine, four passes for a chunk are as good as DDIM's ten and as DDPM's hundred, in less than a fifth of the "
    "latter's time.",
    source="Gong et al. 2024 (CARP), arXiv 2412.06782",
    method="carp",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "CARP, drawn": CARP,
            "CARP": likeliest("CARP, drawn"),
            "DDIM-10": DDIM,
            "DDIM-4": EQUAL,
            "DDPM-100": DDPM,
            "DDPM-100, transformer": DDPM_TRANSFORMER,
            **BESIDE,
        },
        "CARP, drawn",
        "CARP",
        "DDIM-10",
    ),
    parts=(
        *part_on_four_modes(Part("CARP is not worse than DDIM-10 by more than 5 points.", "CARP", "DDIM-10", "success", -0.05)),
        Part("At equal passes CARP is not worse than DDIM-4 by more than 5 points.", "CARP", "DDIM-4", "success", -0.05),
        Part("CARP is not worse than DDPM-100 by more than 5 points.", "CARP", "DDPM-100", "success", -0.05),
        Part("CARP succeeds more often than regression, by more than 10 points.", "CARP", "regression", "success", 0.10),
        Part("A call of CARP takes less than a fifth of one of DDPM-100.", "CARP", "DDPM-100", "ms_per_call", 0.2, below=True),
        Part(
            "It does of one of DDPM-100 with a transformer, of two layers where CARP has three.",
            "CARP",
            "DDPM-100, transformer",
            "ms_per_call",
            0.2,
            below=True,
        ),
    ),
    asked={"demonstrations": 100},
    budget_s=3600,
    note="CARP's passes are 4 for 8 actions, DDIM's 10. Its codec is learnt first, by 2000 updates of its own. A pass of its transformer "
    "takes a dozen times as long as one of the baselines' MLP of as many parameters: so four take half the time of a hundred; hence "
    "a transformer stands beside. CARP says the likeliest codes, as its authors' code does: in its first run it drew them as they "
    'were learnt, which is "CARP, drawn". It has 2000 updates, as its codec has, '
    "where those beside it have 4000: as many in all.",
)
