"""Skills learnt from many words, used for other words from few demonstrations, against cloning and against codes of one step."""

import dataclasses

from agir.claims.baselines import CHUNK, DDIM, REGRESSION, TWO_STEP
from agir.claims.claim import Arm, Claim, Part

KNOWN, NEW = "planar/strokes,region=inside", "planar/strokes,region=outside"
LEARN = {"batch": 128, "updates": CHUNK["updates"], "skills.codes.updates": 3000}
FEW = {"demonstrations": 5}


def few(arm: Arm, **more: str) -> Arm:
    """On the new words, from few demonstrations."""
    return dataclasses.replace(arm, settings=arm.settings | FEW, task=NEW, brought=more)


BOTH = f"task:{KNOWN}@100 + task:{NEW}@{FEW['demonstrations']}"
EVERYTHING = dataclasses.replace(REGRESSION, settings=REGRESSION.settings | {"data": BOTH}, task=NEW)
PRISE = Arm("prise", LEARN)
AGAIN = Arm("prise", {"batch": 128, "updates": CHUNK["updates"]})

CLAIM = Claim(
    slug="prise",
    sentence="With skills that were learnt from other words, five demonstrations of new words go further than cloning them does, and "
    "further than with codes of one step.",
    source="Zheng et al. 2024 (PRISE), arXiv 2402.10450",
    method="prise",
    task=KNOWN,
    arms={
        "skills": PRISE,
        "codes": dataclasses.replace(PRISE, settings=LEARN | {"skills.merge": False}),
        "skills, new words": few(AGAIN, skills="skills"),
        "codes, new words": few(AGAIN, skills="codes"),
        "regression, new words": few(REGRESSION),
        "regression, all words": EVERYTHING,
        "two-step, new words": few(TWO_STEP),
        "DDIM-10, new words": few(DDIM),
    },
    parts=(
        Part(
            "Skills succeed more often than regression, by more than 10 points.",
            "skills, new words",
            "regression, new words",
            "success",
            0.10,
        ),
        Part(
            "Skills succeed more often than regression of all 105 demonstrations, by more than 10 points.",
            "skills, new words",
            "regression, all words",
            "success",
            0.10,
        ),
        Part("Skills are not worse than codes by more than 5 points.", "skills, new words", "codes, new words", "success", -0.05),
        Part("They decide less than half as often.", "skills, new words", "codes, new words", "passes_per_action", 0.5, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=3600,
    note="162 words are known, 54 are new; their three strokes are of the same six. PRISE's first two stages see a "
    "hundred demonstrations of known words, its policy five of new ones; the regression of all words sees them all, the others the five.",
)
