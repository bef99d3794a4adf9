"""An encoder trained by actions before the policy against one trained with it, where every demonstration looks different."""

from agir.claims.claim import Arm, Claim, Part

POLICY = {"history": 1, "horizon": 8, "execute": 4, "network": "mlp", "width": 128, "depth": 3, "batch": 64, "updates": 2500}
TRAINED_BEFORE = {"sight.updates": 2500, "sight.batch": 96, "sight.horizon": 8, "sight.spread.horizon": 8}
LONGER = POLICY | {"updates": 5000}  # as many as the two trainings of CLASS together
RETRIEVAL = {"index.horizon": 8, "index.cosine": True, "neighbors": 32, "temperature": 0.1, "execute": 4}

CLAIM = Claim(
    slug="class",
    sentence="Where cameras, light and textures differ from demonstration to demonstration, Diffusion Policy whose encoder was first "
    "trained by actions succeeds more often than one trained end to end for as many updates in all, and control by retrieval on "
    "its features is competitive.",
    source="Lee et al. 2025 (CLASS), arXiv 2508.01600, tables 1 and 2",
    method="class",
    task="planar/reach,observe=image,image=24,vary=0.2",
    arms={
        "features": Arm("class", POLICY | TRAINED_BEFORE | {"updates": 1}),
        "CLASS": Arm("class", POLICY, brought={"sight": "features"}),
        "retrieval": Arm("nearest-neighbors", RETRIEVAL, brought={"encoder": "features"}),
        "retrieval, random features": Arm("nearest-neighbors", RETRIEVAL),
        "end to end": Arm("diffusion-policy", LONGER),
        "two-step": Arm("two-step-regression", LONGER),
        "regression": Arm(
            "behavior-cloning", {"history": 1, "horizon": 8, "execute": 4, "width": 256, "depth": 3, "batch": 64, "updates": 5000}
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
    asked={"demonstrations": 200},
    budget_s=7200,
    episodes=200,
    note="The paper has 200 demonstrations of robots and a visual shift in all of them; here images are of 24 pixels. Pilots (1 seed, "
    "100 episodes): with vary=1 and 100 demonstrations retrieval 0.02 on its features and 0.05 on random ones, with vary=0.5 end to "
    "end 0.06: nothing is learnt. With vary=0.2: of 100 demonstrations CLASS 0.20 (1000 and 1500 updates), retrieval 0.10 and 0.03, "
    "end to end 0.28 (2500); of 200 CLASS 0.20, retrieval 0.15, end to end 0.43. So it will probably fail here.",
)
