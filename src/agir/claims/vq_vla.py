"""Residual codes one after the other against bins one after the other."""

from agir.claims.baselines import BESIDE, BINS_HALF, DDIM, HALF, TWO_MODES, likeliest, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

CODES = Arm("vq-vla", HALF | {"temperature": 1.0})

CLAIM = Claim(
    slug="vq-vla",
    sentence="Four residual codes say a chunk as well as sixteen bins, in less than half of the time.",
    source="Wang et al. 2025 (VQ-VLA), arXiv 2507.01016",
    method="vq-vla",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "codes, drawn": CODES,
            "codes": likeliest("codes, drawn"),
            "bins, drawn": BINS_HALF,
            "bins": likeliest("bins, drawn"),
            "DDIM-10": DDIM,
            **BESIDE,
        },
        "codes, drawn",
        "codes",
        "bins, drawn",
        "bins",
    ),
    parts=(
        *part_on_four_modes(Part("Codes are not worse than bins by more than 5 points.", "codes", "bins", "success", -0.05)),
        Part("Codes succeed more often than regression, by more than 10 points.", "codes", "regression", "success", 0.10),
        Part("A call of codes takes less than half of one of bins.", "codes", "bins", "ms_per_call", 0.5, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=3600,
    note="That codes are a quarter of the tokens follows from the settings and is no claim. The codec is learnt first, by 2000 updates "
    "of its own, from the task's data alone. Codes and bins are the likeliest ones; drawn as they were learnt they stand beside. "
    "The paper has 256 bins where these are 21, and smoother actions, which are not measured here. Seen in the run: a call's four "
    "passes in the place of sixteen take 0.25 ms in the place of 0.44; were all passes alike, 0.19 ms of both would be other work. "
    "Codes and bins have 2000 updates beside the codec's, the other arms 4000.",
)
