"""Compressed frequencies against plain bins, both token by token, and against denoising."""

from agir.claims.baselines import BESIDE, BINS, DDIM, DDPM, TOKENS, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

FAST = Arm("fast", TOKENS | {"tokens.horizon": 8})

CLAIM = Claim(
    slug="house_fast",
    sentence="Spelt in compressed frequencies, chunks take less than half of the passes that bins take, at the same error of rounding, "
    "and are as good; and as good as DDIM-10's.",
    source="Pertsch et al. 2025 (FAST), arXiv 2501.09747",
    method="fast",
    task=TWO_MODES,
    arms=on_four_modes(
        {"FAST": FAST, "bins": BINS, "DDIM-10": DDIM, "DDPM-100": DDPM, **BESIDE},
        "FAST",
        "DDIM-10",
    ),
    parts=(
        Part("FAST takes less than half of the bins' passes an action.", "FAST", "bins", "passes_per_action", 0.5, below=True),
        Part("FAST is not worse than bins by more than 5 points.", "FAST", "bins", "success", -0.05),
        *part_on_four_modes(Part("FAST is not worse than DDIM-10 by more than 5 points.", "FAST", "DDIM-10", "success", -0.05)),
        Part("FAST succeeds more often than regression, by more than 10 points.", "FAST", "regression", "success", 0.10),
        Part("A call of FAST takes less than 0.75 of one of the bins.", "FAST", "bins", "ms_per_call", 0.75, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=6000,
    note="A pass is over one token here, over a chunk in DDIM. Bins are FAST's own tokens without transform and merges: 21 between -1 and "
    "1, rounded by as much. The paper's bins fail at high rates of control, which this task has not.",
)
