"""One pass of a distilled consistency function against its teacher, and against other ways to act in one pass."""

import dataclasses

from agir.claims.baselines import BESIDE, DDIM, DDIM_2, DDPM, DENOISER, FLOW, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

STUDENT = Arm("consistency-policy", DENOISER | {"width": 250}, brought={"base": "DDIM-10"})

CLAIM = Claim(
    slug="consistency-policy",
    sentence="One pass of a consistency policy is as good as its teacher's ten, better than two passes of the teacher or one of flow "
    "matching, and takes less time than the teacher.",
    source="Prasad et al. 2024 (Consistency Policy), arXiv 2405.07503, tables I to III",
    method="consistency-policy",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "DDIM-10": DDIM,
            "student-1": STUDENT,
            "student-3": dataclasses.replace(STUDENT, settings=STUDENT.settings | {"passes": 3}),
            "DDIM-2": DDIM_2,
            "DDPM-100": DDPM,
            "flow-1": dataclasses.replace(FLOW, settings=DENOISER | {"passes": 1}),
            **BESIDE,
        },
        "DDIM-10",
        "student-1",
    ),
    parts=(
        *part_on_four_modes(
            Part("The student's one pass is not worse than DDIM-10 by more than 5 points.", "student-1", "DDIM-10", "success", -0.05)
        ),
        Part("The student's three passes are not worse than DDIM-10 by more than 5 points.", "student-3", "DDIM-10", "success", -0.05),
        Part("It succeeds more often than two passes of the teacher, by more than 10 points.", "student-1", "DDIM-2", "success", 0.10),
        Part(
            "It succeeds more often than one Euler step of flow matching, by more than 10 points.", "student-1", "flow-1", "success", 0.10
        ),
        Part("A call takes less time than one of DDIM-10.", "student-1", "DDIM-10", "ms_per_call", 1.0, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=4800,
    note="Each seed's student learns from that seed's teacher, the arm DDIM-10, for as many updates again. A single pass of DDIM begins at "
    "the last step, where there should be no noise left: so two stand against the student's one. Pilot (2 seeds, 100 episodes): DDIM-10 "
    "0.93, the student 0.41 in one pass and 0.75 in three.",
)
