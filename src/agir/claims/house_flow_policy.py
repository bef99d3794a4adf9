"""Flow matching against diffusion, all else equal."""

from agir.claims.baselines import BESIDE, DDIM, FLOW, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Claim, Part

CLAIM = Claim(
    slug="house_flow_policy",
    sentence="With the same network and ten passes, flow matching is as good as DDIM, and both keep apart what regression averages.",
    source="Lipman et al. 2023, arXiv 2210.02747, section 6; Black et al. 2024 (pi0), arXiv 2410.24164, section IV",
    method="flow-policy",
    task=TWO_MODES,
    arms=on_four_modes({"flow": FLOW, "DDIM-10": DDIM, **BESIDE}),
    parts=(
        *part_on_four_modes(Part("Flow is not worse than DDIM-10 by more than 5 points.", "flow", "DDIM-10", "success", -0.05)),
        *part_on_four_modes(
            Part("Flow succeeds more often than regression, by more than 20 points.", "flow", "regression", "success", 0.20)
        ),
    ),
    asked={"demonstrations": 100},
    budget_s=3000,
    note="All arms see the same history and give the same chunks. Two-step regression (MIP) and a mixture stand beside them.",
)
