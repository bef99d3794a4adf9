"""Diffusion Policy keeps the modes of its demonstrations apart; regression averages them."""

from agir.claims.claim import Arm, Claim, Part

CHUNK = {"history": 2, "horizon": 16, "execute": 8, "batch": 128, "updates": 8000}

CLAIM = Claim(
    slug="house_diffusion_modes",
    sentence="From demonstrations that pass left and right, Diffusion Policy succeeds where regression runs into the middle.",
    source="Chi et al. 2023, arXiv 2303.04137, section 5.1",
    method="diffusion-policy",
    task="multipath",
    arms={
        "diffusion": Arm("diffusion-policy", CHUNK | {"network": "mlp", "width": 256, "depth": 3, "rate": 1e-3}),
        "regression": Arm("behavior-cloning", CHUNK | {"head": "mse", "width": 384, "depth": 3}),
        "mixture": Arm("behavior-cloning", CHUNK | {"head": "mixture", "width": 256, "depth": 3}),
    },
    parts=(
        Part("Diffusion succeeds more often than regression, by more than 20 points.", "diffusion", "regression", "success", 0.20),
        Part("Diffusion is not worse than a mixture by more than 5 points.", "diffusion", "mixture", "success", -0.05),
    ),
    asked={"demonstrations": 100},
    budget_s=900,
    note="All arms see the same history and give the same chunks. Two-step regression (MIP) is not among the baselines yet.",
)
