"""Spiking neurons against a transformer of equal width, and modulation against cross-attention among them."""

from agir.claims.baselines import BESIDE, CHUNK, DDIM, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

SIZE = CHUNK | {"width": 64, "depth": 2, "updates": 2000, "batch": 64}

CLAIM = Claim(
    slug="stmdp",
    sentence="A spiking denoiser is as good as a transformer of equal width, and modulated by time and observations it is better than with "
    "cross-attention to them.",
    source="Wang et al. 2024 (STMDP), arXiv 2411.09953, tables 1 and 2",
    method="stmdp",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "spiking": Arm("stmdp", SIZE),
            "spiking, cross-attention": Arm("stmdp", SIZE | {"network": "spiking-cross"}),
            "transformer": Arm("diffusion-policy", SIZE | {"network": "transformer"}),
            "DDIM-10": DDIM,
            **BESIDE,
        },
        "spiking",
        "spiking, cross-attention",
        "transformer",
    ),
    parts=(
        *part_on_four_modes(
            Part("Spiking is not worse than the transformer by more than 5 points.", "spiking", "transformer", "success", -0.05)
        ),
        *part_on_four_modes(
            Part("Modulated it succeeds more often than with cross-attention.", "spiking", "spiking, cross-attention", "success", 0.0)
        ),
    ),
    asked={"demonstrations": 100},
    budget_s=9000,
    note="Modulation has gates that begin at 0 and tells neurons the time and what is seen exactly; cross-attention has no gates and "
    "reads them as spikes: more than the decoder differs. Four time steps of spikes take four times as long to train, so these three arms "
    "have half of the usual updates, of half of the usual windows: on four modes none of the three learns the task by then (0.05 to 0.09), "
    "so that their being alike there says little. Energy is not measured: there is no such hardware here.",
)
