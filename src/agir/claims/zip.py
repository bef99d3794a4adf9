"""Following demonstrations against cloning them, also after they were exchanged for those of another goal."""

import dataclasses

from agir.claims.baselines import BESIDE, DDIM, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

ZIP = Arm("zip")
ONE = {"history": 1, "horizon": 1, "width": 256, "depth": 2, "batch": 128, "updates": 3000}
OTHER_GOAL = "planar/goals,goal=3"
there = lambda arm, **data: dataclasses.replace(arm, task=OTHER_GOAL, settings=arm.settings | data)

CLAIM = Claim(
    slug="zip",
    sentence="Following the nearest demonstration does as well as a policy trained on them, with no training, and goes on doing so when "
    "the demonstrations are exchanged for those of another goal.",
    source="Malato et al. 2023 (ZIP), arXiv 2306.09082, sections V and VI",
    method="zip",
    task=TWO_MODES,
    arms=on_four_modes({"zip": ZIP, **BESIDE, "DDIM-10": DDIM})
    | {
        "zip, other goal": there(ZIP),
        "cloning, other goal": there(Arm("behavior-cloning", ONE)),
        "cloning, not trained anew": there(Arm("behavior-cloning", ONE), data="task:planar/goals@100"),
    },
    parts=(
        *part_on_four_modes(Part("Zip is not worse than DDIM-10 by more than 5 points.", "zip", "DDIM-10", "success", -0.05)),
        *part_on_four_modes(Part("Zip is not worse than a mixture by more than 5 points.", "zip", "mixture", "success", -0.05)),
        *part_on_four_modes(Part("Zip is not worse than two-step regression by more than 5 points.", "zip", "two-step", "success", -0.05)),
        Part(
            "Given demonstrations of another goal, zip is not worse than cloning that is trained anew on them by more than 5 points.",
            "zip, other goal",
            "cloning, other goal",
            "success",
            -0.05,
        ),
        Part("An action of zip takes less than half of DDIM-10's time.", "zip", "DDIM-10", "ms_per_action", 0.5, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=3600,
    note="Pilot (3 seeds, 100 episodes): zip 1.00 on two and on four modes, regression 0.01; at the other goal zip 0.99, cloning 1.00. "
    "Cloning that is not trained anew cannot know of the new goal, which is in no observation: it stands in no part (pilot: 0.00).",
)
