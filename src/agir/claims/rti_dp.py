"""Warm starts of a trained diffusion policy against its full sampling, and against as few passes from noise."""

import dataclasses

from agir.claims.baselines import DDIM, DDIM_2, DDPM, REGRESSION, TWO_MODES, TWO_STEP, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

WARM = Arm("rti-dp", {"sampler": "ddpm", "passes": 100, "warm": 3}, brought={"base": "DDIM-10"})
WARM_DDIM = Arm("rti-dp", {"sampler": "ddim", "passes": 10, "warm": 1}, brought={"base": "DDIM-10"})
FULL = Arm("rti-dp", {"sampler": "ddim", "passes": 10, "warm": 10}, brought={"base": "DDIM-10"})
COLD = dataclasses.replace(DDIM_2, settings=DDIM_2.settings | {"execute": 1})

CLAIM = Claim(
    slug="rti-dp",
    sentence="Planning at every step from the last plan, a trained diffusion policy needs one pass where it needed ten, about as "
    "many an action as DDIM with ten in chunks of eight, and is as good; two passes from noise are not.",
    source="Duan et al. 2025 (RTI-DP), arXiv 2508.05396, tables I to III",
    method="rti-dp",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "DDIM-10": DDIM,
            "warm-1": WARM_DDIM,
            "warm-3 of 100": WARM,
            "full at every step": FULL,
            "cold-2": COLD,
            "DDPM-100": DDPM,
            "two-step": TWO_STEP,
            "regression": REGRESSION,
        },
        "DDIM-10",
        "warm-1",
    ),
    parts=(
        *part_on_four_modes(
            Part("Warm starts of one pass are not worse than DDIM-10 by more than 5 points.", "warm-1", "DDIM-10", "success", -0.05)
        ),
        Part(
            "They take less than one and a half times DDIM-10's passes an action, their first plan's ten included.",
            "warm-1",
            "DDIM-10",
            "passes_per_action",
            1.5,
            below=True,
        ),
        Part(
            "They are not worse than full sampling at every step by more than 5 points.", "warm-1", "full at every step", "success", -0.05
        ),
        Part("They succeed more often than two passes from noise, by more than 10 points.", "warm-1", "cold-2", "success", 0.10),
        Part(
            "Warm starts of 3 DDPM passes are not worse than DDPM-100 by more than 5 points.", "warm-3 of 100", "DDPM-100", "success", -0.05
        ),
    ),
    asked={"demonstrations": 100},
    budget_s=3000,
    note="The warm arms learn nothing: each seed takes the DDIM-10 arm's weights of that seed. Their first plan takes all passes, which "
    "an episode of about ten actions spreads over few (at most half as many passes an action again as DDIM-10 is asked). "
    "Pilot (one seed, 200 episodes, never reported): DDIM-10 0.965, warm-1 0.985, warm-3 of 100 1.00, full at every step 0.89, two passes "
    "from noise 0.59 (in chunks 0.61); four modes were not piloted.",
)
