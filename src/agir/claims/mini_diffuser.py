"""Many noises for each observation against one, with images, in a quarter of the updates."""

from agir.claims.claim import Arm, Claim, Part

TASK = "planar/reach,observe=image,image=24"
SEEN = {"history": 1, "horizon": 8, "execute": 4, "batch": 32, "width": 48, "depth": 2}
QUARTER, WHOLE = {"updates": 500, "warmup": 50}, {"updates": 2000, "warmup": 200}  # a tenth: the usual 500 would be all of a quarter
TWO_STEP = Arm("two-step-regression", SEEN | WHOLE | {"network": "mlp", "width": 256, "depth": 3})
REGRESSION = Arm(
    "behavior-cloning", {name: SEEN[name] for name in ("history", "horizon", "execute", "batch")} | WHOLE | {"width": 256, "depth": 3}
)

CLAIM = Claim(
    slug="mini-diffuser",
    sentence="With 32 noises for each observation a quarter of the updates is as good as all of them with one noise, and better than a "
    "quarter with one.",
    source="Hu et al. 2025 (Mini-Diffuser), arXiv 2505.09430, tables 1 and 3",
    method="mini-diffuser",
    task=TASK,
    arms={
        "32 noises, 500 updates": Arm("mini-diffuser", SEEN | QUARTER | {"noises": 32}),
        "1 noise, 500 updates": Arm("mini-diffuser", SEEN | QUARTER | {"noises": 1}),
        "1 noise, 2000 updates": Arm("mini-diffuser", SEEN | WHOLE | {"noises": 1}),
        "two-step, 2000 updates": TWO_STEP,
        "regression, 2000 updates": REGRESSION,
    },
    parts=(
        Part(
            "In a quarter of the updates 32 noises are not worse than one noise in all of them by more than 5 points.",
            "32 noises, 500 updates",
            "1 noise, 2000 updates",
            "success",
            -0.05,
        ),
        Part(
            "In a quarter of the updates 32 noises succeed more often than one, by more than 10 points.",
            "32 noises, 500 updates",
            "1 noise, 500 updates",
            "success",
            0.10,
        ),
    ),
    asked={"demonstrations": 100},
    episodes=200,
    budget_s=7200,
    note="The seconds of each arm's training stand in the ledger: the paper's claim is of time, and an update with 32 noises takes "
    "longer. What the run shows: after 500 updates the validation losses of all seeds of both stand at 0.19 to 0.22, after 2000 at "
    "0.11 to 0.20. So it may be the image encoder that lacks updates here, and more noises of the same images are no more images.",
)
