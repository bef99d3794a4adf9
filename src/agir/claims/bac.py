"""Cached blocks against all blocks, evenly spaced ones, and a sampler of as few passes, with the same weights."""

from agir.claims.baselines import CHUNK, DDIM, MIXTURE, REGRESSION, TWO_MODES, TWO_STEP
from agir.claims.claim import Arm, Claim, Part

BASE = Arm("diffusion-policy", CHUNK | {"network": "transformer", "width": 64, "depth": 2, "sampler": "ddpm", "passes": 100})
CACHED = {"sampler": "ddpm", "passes": 100, "computed": 10, "bubbled": 2}


def brought(method: str, settings: dict) -> Arm:
    return Arm(method, settings, brought={"base": "DDPM-100"})


CLAIM = Claim(
    slug="bac",
    sentence="A trained transformer that computes most of its blocks in ten of a hundred passes is as good as with all of them, better "
    "than with evenly spaced ones, as good as DDIM with ten passes, and takes less than half of the time of a hundred.",
    source="Ji et al. 2025 (BAC), arXiv 2506.13456, tables 1 and 4",
    method="bac",
    task=TWO_MODES,
    arms={
        "DDPM-100": BASE,
        "BAC": brought("bac", CACHED),
        "evenly spaced": brought("bac", CACHED | {"schedule": "uniform"}),
        "DDIM-10 of the same weights": brought("rti-dp", {"sampler": "ddim", "passes": 10, "warm": 10, "execute": 8}),
        "DDIM-10": DDIM,
        "two-step": TWO_STEP,
        "mixture": MIXTURE,
        "regression": REGRESSION,
    },
    parts=(
        Part("BAC is not worse than all passes by more than 5 points.", "BAC", "DDPM-100", "success", -0.05),
        Part("BAC succeeds more often than evenly spaced caching.", "BAC", "evenly spaced", "success", 0.0),
        Part("BAC is not worse than DDIM-10 by more than 5 points.", "BAC", "DDIM-10 of the same weights", "success", -0.05),
        Part("A call of BAC takes less than half of one with all passes.", "BAC", "DDPM-100", "ms_per_call", 0.5, below=True),
    ),
    asked={"demonstrations": 100},
    budget_s=4800,
    note="Nothing is learnt by the arms that take DDPM-100's weights, a seed each. Of six blocks the two that change most are computed in "
    "more passes than ten (those of the feed-forward blocks behind them): how many is a fact, and stands in the run's metrics "
    "(computed_share). DDIM-10, two-step, mixture and regression stand beside with their own networks.",
)
