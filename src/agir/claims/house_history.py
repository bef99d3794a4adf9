"""A history of two observations stands in for a velocity that is not seen."""

from agir.claims.claim import Arm, Claim, Part

CLONE = {"head": "mse", "width": 256, "depth": 2, "updates": 20_000, "batch": 256}

CLAIM = Claim(
    slug="house_history",
    sentence="Cloning an expert of the pendulum whose speed is hidden needs two observations: one does not tell the direction.",
    source="Mandlekar et al. 2021, arXiv 2108.03298, section 5 (history); a closed-loop fact of control",
    method="behavior-cloning",
    task="pendulum/hidden",
    arms={
        "history 2": Arm("behavior-cloning", CLONE | {"history": 2, "horizon": 2}),
        "history 1": Arm("behavior-cloning", CLONE | {"history": 1, "horizon": 1}),
    },
    parts=(Part("Two observations succeed more often than one, by more than 20 points.", "history 2", "history 1", "success", 0.20),),
    asked={"demonstrations": 600},
    budget_s=600,
    seeds=10,
    note="Pilots of two observations (3 seeds, 100 episodes, never reported): 0.68 with 300 demonstrations and batches of 128, seeds far "
    "apart; as it stands here 0.05, 1.00, 1.00 (1.00 in three seeds with 40,000 updates, which would be no difficulty any more); one "
    "observation 0.00 in all.",
)
