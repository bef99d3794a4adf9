"""Trajectories from their end back to now against the same forward, and against chunks, where goals lie outside of the trained region."""

import dataclasses

from agir.claims.baselines import DDIM, HALF, REGRESSION, TWO_STEP
from agir.claims.claim import Arm, Claim, Part

INSIDE, OUTSIDE = "planar/reach,control=position,region=inside", "planar/reach,control=position,region=outside"
LONG = HALF | {"history": 1, "execute": 0}
BACKWARD = Arm("coa", LONG | {"reach": 32})
CHUNKS = Arm("act", LONG | {"horizon": 32, "latent": 8})


def outside(arm: Arm) -> Arm:
    """The same, tested where it was not trained."""
    return dataclasses.replace(arm, tested=OUTSIDE)


FORWARD = dataclasses.replace(BACKWARD, settings=BACKWARD.settings | {"order": "forward"})

CLAIM = Claim(
    slug="coa",
    sentence="Where goals lie outside of the region that was trained, trajectories made from their end back to now reach them more often "
    "than the same made forward, and as often as chunks.",
    source="Zhang et al. 2025 (Chain-of-Action), arXiv 2506.09990",
    method="coa",
    task=INSIDE,
    arms={
        "backward, inside": BACKWARD,
        "backward, outside": outside(BACKWARD),
        "forward, outside": outside(FORWARD),
        "ACT, outside": outside(CHUNKS),
        "DDIM-10, outside": outside(DDIM),
        "two-step, outside": outside(TWO_STEP),
        "regression, outside": outside(REGRESSION),
    },
    parts=(
        Part(
            "Backward succeeds more often outside than forward, by more than 10 points.",
            "backward, outside",
            "forward, outside",
            "success",
            0.10,
        ),
        Part("Backward is not worse outside than ACT by more than 5 points.", "backward, outside", "ACT, outside", "success", -0.05),
    ),
    asked={"demonstrations": 100},
    budget_s=4000,
    note="Backward is ensembled by plans' ends and forward by their begin, as each is in the authors' code, so that more than the order "
    "differs. Goals inside have x below 0.1 m of a table that reaches to 0.4 m, goals outside have it above.",
)
