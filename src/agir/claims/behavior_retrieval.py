"""Retrieved rows of a mixed dataset against none of it and against all of it."""

import dataclasses

from agir.claims.claim import Arm, Claim, Part

FEW = 10
OWN, HARMFUL = 60, 20  # prior episodes to the goal that is meant, and to each of the seven others: 70% harmful
DEMONSTRATIONS = f"task:planar/goals@{FEW}"
PRIOR = " + ".join([f"task:planar/goals@{FEW}:{FEW + OWN}", *(f"task:planar/goals,goal={goal}@{HARMFUL}" for goal in range(1, 8))])
CLONE = {"head": "mixture", "history": 1, "horizon": 1, "width": 256, "depth": 2, "updates": 4000}
NETWORK = {"history": 1, "horizon": 1, "execute": 1, "network": "mlp", "width": 128, "depth": 2, "batch": 128, "updates": 4000}
BOTH = f"{DEMONSTRATIONS} + {PRIOR}"
RETRIEVAL = Arm(
    "behavior-retrieval",
    CLONE | {"demonstrations.batch": 64, "prior.batch": 64, "data": DEMONSTRATIONS, "prior_data": PRIOR, "retrieved.keep": 400},
)

CLAIM = Claim(
    slug="behavior-retrieval",
    sentence="From ten demonstrations and prior data that are 70% harmful, cloning with what is retrieved succeeds more often than "
    "cloning the demonstrations alone, all of the data, or both in balance.",
    source="Du et al. 2023 (Behavior Retrieval), arXiv 2304.08742, tables 1 and 2",
    method="behavior-retrieval",
    task="planar/goals",
    arms={
        "retrieval": RETRIEVAL,
        "in balance": dataclasses.replace(RETRIEVAL, settings=RETRIEVAL.settings | {"retrieved.keep": 1500}),
        "few": Arm("behavior-cloning", CLONE | {"batch": 128, "data": DEMONSTRATIONS}),
        "all": Arm("behavior-cloning", CLONE | {"batch": 128, "data": BOTH}),
        "regression, all": Arm("behavior-cloning", CLONE | {"batch": 128, "head": "mse", "data": BOTH}),
        "two-step, all": Arm("two-step-regression", NETWORK | {"data": BOTH}),
    },
    parts=(
        Part("Retrieval: more often than the demonstrations alone, by more than 5 points.", "retrieval", "few", "success", 0.05),
        Part("Retrieval: more often than all of the data, by more than 20 points.", "retrieval", "all", "success", 0.20),
        Part("Retrieval: more often than both in balance, by more than 10 points.", "retrieval", "in balance", "success", 0.10),
        Part(
            "Retrieval: more often than two-step regression on all of the data, by more than 20 points.",
            "retrieval",
            "two-step, all",
            "success",
            0.20,
        ),
    ),
    asked={},
    budget_s=1500,
    note="The prior data are 60 episodes to the goal that is meant and 20 to each of seven others, which end an episode as failures. "
    "Pilot (3 seeds, 100 episodes): retrieval 1.00, the demonstrations alone 0.84, all of the data 0.38, both in balance 0.47. "
    "Of the 400 rows that are kept all lead to the goal that is meant, in all three seeds; of the prior rows 32% do.",
)
