"""One pass of a distilled consistency function against its teacher, and against other ways to act in one pass."""

import dataclasses

from agir.claims.baselines import BESIDE, DDIM, DDIM_2, DDPM, DENOISER, FLOW, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

TEACHER = dataclasses.replace(DDIM, settings=DDIM.settings | {"prediction": "sample"})
STUDENT = Arm("consistency-policy", DENOISER | {"updates": 8000}, brought={"base": "teacher-10"})

CLAIM = Claim(
    slug="consistency-policy",
    sentence="One pass of a consistency policy is as good as its teacher's ten, better than two passes of the teacher or one of flow "
    "matching, and takes less time than the teacher.",
    source="Prasad et al. 2024 (Consistency Policy), arXiv 2405.07503, tables I to III",
    method="consistency-policy",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "teacher-10": TEACHER,
            "student-1": STUDENT,
            "student-3": dataclasses.replace(STUDENT, settings=STUDENT.settings | {"passes": 3}),
            "teacher-2": dataclasses.replace(DDIM_2, brought={"base": "teacher-10"}),
            "DDPM-100": DDPM,
            "flow-1": dataclasses.replace(FLOW, settings=DENOISER | {"passes": 1}),
            **BESIDE,
        },
        "teacher-10",
        "student-1",
    ),
    parts=(
        *part_on_four_modes(
            Part(
                "The student's one pass is not worse than its teacher's ten by more than 5 points.",
                "student-1",
                "teacher-10",
                "success",
                -0.05,
            )
        ),
        Part(
            "The student's three passes are not worse than its teacher's ten by more than 5 points.",
            "student-3",
            "teacher-10",
            "success",
            -0.05,
        ),
        Part("It succeeds more often than two passes of the teacher, by more than 10 points.", "student-1", "teacher-2", "success", 0.10),
        Part(
            "It succeeds more often than one Euler step of flow matching, by more than 10 points.", "student-1", "flow-1", "success", 0.10
        ),
        Part("A call takes less time than one of its teacher.", "student-1", "teacher-10", "ms_per_call", 1.0, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=7200,
    note="Each seed's student begins as that seed's teacher, which says the chunk, and learns for twice as many updates again. A single "
    "pass of DDIM begins at the last step, where there should be no noise left: so two stand against the student's one. First run "
    "with a teacher that says the noise, students that began with weights of their own and 4000 updates: one pass reached 0.33, "
    "three 0.71, and four parts of six failed (that row stays in the ledger). The paper's student begins with its teacher's "
    "weights, as these do now. Pilots of one pass (200 episodes): of 4000 updates 0.55 and 0.55 (2 seeds), 0.55 with weights of its "
    "own (1 seed), in the first form of 16,000 updates 0.81 (1 seed); the teacher 0.95 and 0.97.",
)
