"""Correlated noise against white noise after few updates, and inpainting that knows of correlations against hard inpainting."""

from agir.claims.baselines import BESIDE, DDIM, DENOISER, FLOW, FOUR_MODES, PLACES, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

FEW = {"updates": 400, "warmup": 40}
GOES_ON = DENOISER | {"overlap": 4, "execute": 2}
ALONE = DENOISER | {"inpaint": "none"}
EVERY_2 = Arm("rti-dp", {"sampler": "ddim", "passes": 10, "warm": 10, "execute": 2}, brought={"base": "DDIM-10"})  # equal passes an action

CLAIM = Claim(
    slug="correlated-noise-flow",
    sentence="Flow matching from correlated noise learns in fewer updates than from white noise; plans that go on from the last one as the "
    "correlations say are better than plans that go on by hard inpainting, and as good as plans that begin anew.",
    source="Larchenko et al. 2025 (1st place of the BEHAVIOR challenge), arXiv 2512.06951, section 3",
    method="correlated-noise-flow",
    task=f"{TWO_MODES}/{PLACES}",
    arms=on_four_modes(
        {
            "correlated, few updates": Arm("correlated-noise-flow", ALONE | FEW),
            "white, few updates": Arm("correlated-noise-flow", ALONE | FEW | {"beta": 0.0}),
            "correlated": Arm("correlated-noise-flow", GOES_ON),
            "hard": Arm("correlated-noise-flow", GOES_ON | {"inpaint": "hard"}),
            "anew": Arm("correlated-noise-flow", ALONE | {"execute": 2}),
            "flow-10": FLOW,
            "DDIM-10": DDIM,
            "DDIM-10, every 2": EVERY_2,
            **BESIDE,
        },
        "correlated, few updates",
        "white, few updates",
        "correlated",
        "hard",
        "anew",
        "DDIM-10",
        "DDIM-10, every 2",
        task=f"{FOUR_MODES},{PLACES}",
    ),
    parts=(
        *part_on_four_modes(
            Part(
                "After 400 updates correlated noise succeeds more often than white noise, by more than 5 points.",
                "correlated, few updates",
                "white, few updates",
                "success",
                0.05,
            )
        ),
        Part(
            "On four modes: correlated inpainting succeeds more often than hard inpainting.",
            "correlated, 4 modes",
            "hard, 4 modes",
            "success",
            0.0,
        ),
        *part_on_four_modes(
            Part("Plans that go on are not worse than plans that begin anew by more than 5 points.", "correlated", "anew", "success", -0.05)
        ),
        *part_on_four_modes(
            Part(
                "They are not worse than DDIM-10 that plans as often by more than 5 points.",
                "correlated",
                "DDIM-10, every 2",
                "success",
                -0.05,
            )
        ),
    ),
    asked={"demonstrations": 100},
    budget_s=4800,
    note="A few updates are a tenth of the others'; their rate falls to 0 within them. In an earlier run they were a quarter, which left "
    "white noise at 0.93 and no room above it; hard and correlated inpainting both had 0.998 on two modes, so they are compared on four; "
    "and DDIM-10 planned every eight actions, a quarter as often. All correlated and white arms draw times by the "
    "beta law, and their noise is fitted to the same demonstrations. Plans that go on do two actions before the next, so that there "
    "is much to go on from (in chunks of eight, where the way is chosen within the first, a pilot saw no difference). Smoothness "
    "itself is not measured: evaluations keep no actions. In its first run actions were velocities of which one decides the way: those "
    "that follow each other hardly correlate there (0.06 and 0.21; places do by 0.99 and 0.91), so that correlated noise was next to "
    "white; and noise behind an episode's end, which was not learnt, told what it was within. So both were changed, and this is run again.",
)
