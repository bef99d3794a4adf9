"""Diffusion Policy keeps the modes of its demonstrations apart; regression averages them."""

from agir.claims.baselines import DDIM, MIXTURE, REGRESSION, TWO_STEP
from agir.claims.claim import Claim, Part

CLAIM = Claim(
    slug="house_diffusion_modes",
    sentence="From demonstrations that pass left and right, Diffusion Policy succeeds where regression runs into the middle.",
    source="Chi et al. 2023, arXiv 2303.04137, section 5.1",
    method="diffusion-policy",
    task="multipath",
    arms={"diffusion": DDIM, "two-step": TWO_STEP, "regression": REGRESSION, "mixture": MIXTURE},
    parts=(
        Part("Diffusion succeeds more often than regression, by more than 20 points.", "diffusion", "regression", "success", 0.20),
        Part("Diffusion is not worse than a mixture by more than 5 points.", "diffusion", "mixture", "success", -0.05),
    ),
    asked={"demonstrations": 100},
    budget_s=900,
    note="All arms see the same history and give the same chunks. Two-step regression (MIP) stands beside them.",
)
