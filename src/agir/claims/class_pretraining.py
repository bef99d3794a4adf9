"""An encoder trained by actions before the policy against one trained with it, where every demonstration looks different."""

from agir.claims.claim import Arm, Claim, Part

POLICY = {"history": 1, "horizon": 8, "execute": 4, "network": "mlp", "width": 128, "depth": 3, "batch": 64, "updates": 1500}
TRAINED_BEFORE = {"sight.updates": 1000, "sight.batch": 96, "sight.horizon": 8, "sight.spread.horizon": 8}
LONGER = POLICY | {"updates": 4000}  # more than the two trainings of CLASS together take
RETRIEVAL = {"index.horizon": 8, "index.cosine": True, "neighbors": 32, "temperature": 0.1, "execute": 4}

CLAIM = Claim(
    slug="class",
    sentence="Where cameras, light and textures differ from demonstration to demonstration, Diffusion Policy whose encoder was first "
    "trained by actions succeeds more often than one trained end to end for longer, and control by retrieval on its features is "
    "competitive.",
    source="Lee et al. 2025 (CLASS), arXiv 2508.01600, tables 1 and 2",
    method="class",
    task="planar/reach,observe=image,image=24,vary=1",
    arms={
        "features": Arm("class", POLICY | TRAINED_BEFORE | {"updates": 1}),
        "CLASS": Arm("class", POLICY, brought={"sight": "features"}),
        "retrieval": Arm("nearest-neighbors", RETRIEVAL, brought={"encoder": "features"}),
        "retrieval, random features": Arm("nearest-neighbors", RETRIEVAL),
        "end to end": Arm("diffusion-policy", LONGER),
        "two-step": Arm("two-step-regression", LONGER),
        "regression": Arm(
            "behavior-cloning", {"history": 1, "horizon": 8, "execute": 4, "width": 256, "depth": 3, "batch": 64, "updates": 4000}
        ),
    },
    parts=(
        Part("CLASS succeeds more often than Diffusion Policy end to end, by more than 10 points.", "CLASS", "end to end", "success", 0.10),
        Part("CLASS is not worse than two-step regression by more than 5 points.", "CLASS", "two-step", "success", -0.05),
        Part("Retrieval is not worse than end-to-end training by more than 10 points.", "retrieval", "end to end", "success", -0.10),
        Part(
            "Retrieval on its features: more often than on those of an encoder that was never trained, by more than 20 points.",
            "retrieval",
            "retrieval, random features",
            "success",
            0.20,
        ),
    ),
    asked={"demonstrations": 100},
    budget_s=7200,
    episodes=200,
    note="The paper has 200 demonstrations of robots and a visual shift in all of them; here images are of 24 pixels. Pilot, "
    "one seed, retrieval alone: 0.02 on its features, 0.05 on random ones, so the task is too hard for it as it stands: the difficulty is "
    "to be set (more demonstrations, vary=0.5) before the claim is run. The policies were not piloted.",
)
