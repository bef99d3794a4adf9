"""Outputs held near memories against the same network without them, and against the memories alone."""

import dataclasses

from agir.claims.baselines import TWO_MODES
from agir.claims.claim import Arm, Claim, Part

NETWORK = {"width": 256, "depth": 2, "batch": 128, "updates": 4000}
ONE_STEP = {"history": 1, "horizon": 1, "execute": 1, "network": "mlp", "width": 128, "depth": 2, "batch": 128, "updates": 4000}


def by_two_ways(arm: Arm, **settings: float) -> Arm:
    """The arm on 30 demonstrations that go two ways."""
    return dataclasses.replace(arm, task=TWO_MODES, settings=arm.settings | {"demonstrations": 30} | settings)


MCNN = Arm("mcnn", NETWORK | {"memories.units": 70})
REGRESSION = Arm("behavior-cloning", NETWORK | {"head": "mse"})
MIXTURE = Arm("behavior-cloning", NETWORK | {"head": "mixture", "modes": 20})
TWO_STEP = Arm("two-step-regression", ONE_STEP)
NEAREST = Arm("nearest-neighbors", {"neighbors": 1})

CLAIM = Claim(
    slug="mcnn",
    sentence="Where demonstrations are few, and errors compound or people go two ways, a network whose outputs are held near memories "
    "succeeds more often than the same network without them, and no less often than the nearest demonstrated action.",
    source="Sridhar et al. 2023 (MCNN), arXiv 2310.06171, tables 1 and 2",
    method="mcnn",
    task="planar/lane,slip=0.005,width=0.02",
    arms={
        "MCNN": MCNN,
        "regression": REGRESSION,
        "two-step": TWO_STEP,
        "nearest": NEAREST,
        "nearest-16": Arm("nearest-neighbors", {"neighbors": 16}),
        "mixture": MIXTURE,
        "MCNN, two ways": by_two_ways(MCNN, decay=1.0),
        "regression, two ways": by_two_ways(REGRESSION),
        "two-step, two ways": by_two_ways(TWO_STEP),
        "nearest, two ways": by_two_ways(NEAREST),
        "mixture, two ways": by_two_ways(MIXTURE),
    },
    parts=(
        Part("MCNN succeeds more often than regression, by more than 10 points.", "MCNN", "regression", "success", 0.10),
        Part("MCNN is not worse than the nearest demonstrated action by more than 5 points.", "MCNN", "nearest", "success", -0.05),
        Part("MCNN is not worse than a mixture of Gaussians by more than 5 points.", "MCNN", "mixture", "success", -0.05),
        Part("MCNN is not worse than two-step regression by more than 5 points.", "MCNN", "two-step", "success", -0.05),
        Part("An action of MCNN takes less than twice the time of regression's.", "MCNN", "regression", "ms_per_action", 2.0, below=True),
        Part(
            "By two ways MCNN succeeds more often than regression, by more than 10 points.",
            "MCNN, two ways",
            "regression, two ways",
            "success",
            0.10,
        ),
        Part(
            "By two ways MCNN is not worse than the nearest demonstrated action by more than 10 points.",
            "MCNN, two ways",
            "nearest, two ways",
            "success",
            -0.10,
        ),
        Part(
            "By two ways MCNN is not worse than two-step regression by more than 10 points.",
            "MCNN, two ways",
            "two-step, two ways",
            "success",
            -0.10,
        ),
        Part(
            "By two ways MCNN is not worse than a mixture of Gaussians by more than 10 points.",
            "MCNN, two ways",
            "mixture, two ways",
            "success",
            -0.10,
        ),
    ),
    asked={"demonstrations": 10},
    budget_s=1800,
    note="70 memories are a fifth of the rows that are trained on (the paper: a tenth to four tenths). Pilot (3 seeds, 100 episodes, 3000 "
    "updates): MCNN 0.77 (with 200 memories 0.79, with a decay of 3 0.71), regression 0.75, the nearest action 0.25. On a wider or calmer "
    "lane regression alone reaches 0.9 to 1.0. With more memories than rows there is nothing left to learn, and MCNN stands at 0. The "
    "first threshold is the draft's. In the lane the action is one smooth function of what is seen, and the memories' own actions are far "
    "worse than the network's, so that being held near them can hardly help: that part will probably fail. Two ways were added for what "
    "the paper's human demonstrations have and the lane lacks (pilot, 2 seeds, 100 episodes, 2000 updates: MCNN with a decay of 1 0.95, of "
    "3 0.93, of 10 0.68; the nearest action 1.00, regression 0.00). Decay is tuned there, as in the paper. The mixture came "
    "after the first run, in which the mean of 16 neighbours stood in a part that the network without any memory would pass.",
)
