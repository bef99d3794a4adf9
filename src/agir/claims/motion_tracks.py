"""Tracks of hands and of a robot in two images against the robot's actions alone, and against the same tracks as motions in the world."""

import dataclasses

from agir.claims.baselines import CHUNK, DDIM, DENOISER, REGRESSION, TWO_STEP
from agir.claims.claim import Arm, Claim, Part

ROBOT = "task:planar/two-views,region=inside@10"
BOTH = f"{ROBOT} + task:planar/two-views,embodiment=hand@50"
TRACKS = Arm("motion-tracks", DENOISER | {"sampler": "ddim", "passes": 10, "data": BOTH})
from_robot = lambda arm: dataclasses.replace(arm, settings=arm.settings | {"data": ROBOT})

CLAIM = Claim(
    slug="motion-tracks",
    sentence="At goals that only people's hands went to, tracks in two images learnt from ten robot and fifty hand episodes succeed "
    "more often than policies of the robot's actions, and no less often than the same tracks as motions in the world.",
    source="Ren et al. 2025 (Motion Tracks), arXiv 2501.06994, tables I and II",
    method="motion-tracks",
    task="planar/two-views,region=outside",
    arms={
        "tracks": TRACKS,
        "places": dataclasses.replace(TRACKS, settings=TRACKS.settings | {"represent": "places"}),
        "tracks, robot alone": from_robot(TRACKS),
        "DDIM-10, robot alone": from_robot(DDIM),
        "two-step, robot alone": from_robot(TWO_STEP),
        "regression, robot alone": from_robot(REGRESSION),
    },
    parts=(
        Part(
            "Tracks: more often than DDIM-10 on the robot's, by more than 20 points.",
            "tracks",
            "DDIM-10, robot alone",
            "success",
            0.2,
        ),
        Part(
            "Tracks: more often than two-step regression on the robot's, by more than 20 points.",
            "tracks",
            "two-step, robot alone",
            "success",
            0.2,
        ),
        Part(
            "Tracks: more often than regression on the robot's, by more than 20 points.",
            "tracks",
            "regression, robot alone",
            "success",
            0.2,
        ),
        Part(
            "Tracks are not worse than the same as motions in the world by more than 5 points.",
            "tracks",
            "places",
            "success",
            -0.05,
        ),
    ),
    asked={},
    budget_s=2400,
    note=f"Hand episodes have no actions. All arms plan {CHUNK['horizon']} steps and do {CHUNK['execute']}. Pilot (3 seeds, 100 episodes): "
    "tracks 1.00, DDIM-10 on the robot's alone 0.01.",
)
