"""Plans that agree against a fixed average of plans, with the same weights; and the whole method against DDIM and regression."""

from agir.claims.baselines import BINS, CHUNK, DDIM, DDPM, MIXTURE, REGRESSION, TWO_MODES, TWO_STEP, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

COGACT = Arm("cogact", CHUNK | {"execute": 0, "width": 64, "depth": 2})
DDIM_20 = Arm("rti-dp", {"sampler": "ddim", "passes": 20, "warm": 20}, brought={"base": "DDIM-10"})


def executed(base: str, how: str) -> Arm:
    return Arm("ensemble", {"how": how}, brought={"base": base})


CLAIM = Claim(
    slug="cogact",
    sentence="The mean of the last plans, weighed by their agreement with the newest, succeeds more often than the fixed mean of all, and "
    "as often as the newest plan alone; with its transformer and its guidance CogACT is as good as DDIM at equal passes an action.",
    source="Li et al. 2024 (CogACT), arXiv 2411.19650, sections 3.4 and 4.4",
    method="cogact",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "CogACT": COGACT,
            "CogACT, fixed mean": executed("CogACT", "temporal"),
            "DDIM-10": DDIM,
            "agreeing": executed("DDIM-10", "adaptive"),
            "fixed mean": executed("DDIM-10", "temporal"),
            "newest alone": executed("DDIM-10", "receding"),
            "DDIM-20 at every step": DDIM_20,
            "DDPM-100": DDPM,
            "two-step": TWO_STEP,
            "mixture": MIXTURE,
            "bins, token by token": BINS,
            "regression": REGRESSION,
        },
        "DDIM-10",
        "agreeing",
        "fixed mean",
        "newest alone",
    ),
    parts=(
        Part(
            "CogACT's ensemble succeeds more often than a fixed mean, by more than 5 points.",
            "CogACT",
            "CogACT, fixed mean",
            "success",
            0.05,
        ),
        *part_on_four_modes(
            Part("With DDIM's plans too, by more than 5 points.", "agreeing", "fixed mean", "success", 0.05),
        ),
        *part_on_four_modes(
            Part(
                "Plans that agree are not worse than the newest alone by more than 5 points.", "agreeing", "newest alone", "success", -0.05
            )
        ),
        Part(
            "At equal passes an action CogACT is not worse than DDIM, planning at every step too, by more than 5 points.",
            "CogACT",
            "DDIM-20 at every step",
            "success",
            -0.05,
        ),
        Part(
            "CogACT succeeds more often than bins, token by token, by more than 5 points.",
            "CogACT",
            "bins, token by token",
            "success",
            0.05,
        ),
        Part("CogACT succeeds more often than plain regression, by more than 20 points.", "CogACT", "regression", "success", 0.20),
    ),
    asked={"demonstrations": 100},
    budget_s=4800,
    note="CogACT plans at every step, twice ten passes each, as DDIM-20 does from noise with the weights of DDIM-10, which in chunks of "
    "eight pays a sixteenth of that. CogACT's network is half as large. The arms of DDIM's plans differ in the executor alone. The "
    "paper's alpha of 0.1 lets no weight differ from another by more than a fifth; its ensemble differs from a fixed mean by its "
    "seven plans too.",
)
