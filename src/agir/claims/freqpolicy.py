"""Low frequencies before high ones, against denoising and against the same model in the order of time."""

import dataclasses

from agir.claims.baselines import BESIDE, DDIM, DDPM, DDPM_TRANSFORMER, TOKENS, TWO_MODES, on_four_modes, part_on_four_modes
from agir.claims.claim import Arm, Claim, Part

FREQUENCY = Arm("freqpolicy", TOKENS)  # 4 passes of the transformer, 40 of its head
# Six passes more than FreqPolicy's: 44 would begin at a step where there is some signal already.
EQUAL = Arm("rti-dp", {"sampler": "ddim", "passes": 50, "warm": 50, "execute": 8}, brought={"base": "DDIM-10"})


def in_time(rounds: int) -> Arm:
    """The same model in the order of time, so many rounds a chunk."""
    return dataclasses.replace(FREQUENCY, settings=FREQUENCY.settings | {"order": "time", "levels": rounds})


CLAIM = Claim(
    slug="freqpolicy",
    sentence="From low frequencies to high, chunks are as good as DDPM-100's in a third of the time and as DDIM-10's, and better than the "
    "same model's in the order of time.",
    source="Zhong et al. 2025 (FreqPolicy), arXiv 2506.01583",
    method="freqpolicy",
    task=TWO_MODES,
    arms=on_four_modes(
        {
            "FreqPolicy": FREQUENCY,
            "in time": in_time(4),
            "in time, an action a round": in_time(16),
            "DDIM-10": DDIM,
            "DDIM-50": EQUAL,
            "DDPM-100": DDPM,
            "DDPM-100, transformer": DDPM_TRANSFORMER,
            **BESIDE,
        },
        "FreqPolicy",
        "DDIM-10",
    ),
    parts=(
        *part_on_four_modes(Part("FreqPolicy is not worse than DDIM-10 by more than 5 points.", "FreqPolicy", "DDIM-10", "success", -0.05)),
        Part("In nearly as many passes DDIM is not better by more than 5 points.", "FreqPolicy", "DDIM-50", "success", -0.05),
        Part("FreqPolicy is not worse than DDPM-100 by more than 5 points.", "FreqPolicy", "DDPM-100", "success", -0.05),
        Part(
            "In as many rounds FreqPolicy succeeds more often than the order of time, by more than 2 points.",
            "FreqPolicy",
            "in time",
            "success",
            0.02,
        ),
        Part(
            "In a quarter of the rounds FreqPolicy is not worse than the order of time by more than 5 points.",
            "FreqPolicy",
            "in time, an action a round",
            "success",
            -0.05,
        ),
        Part("FreqPolicy succeeds more often than regression, by more than 10 points.", "FreqPolicy", "regression", "success", 0.10),
        Part("A call of FreqPolicy takes less than a third of one of DDPM-100.", "FreqPolicy", "DDPM-100", "ms_per_call", 0.33, below=True),
        Part(
            "It does of one of DDPM-100 with a transformer, of two layers where FreqPolicy has three.",
            "FreqPolicy",
            "DDPM-100, transformer",
            "ms_per_call",
            0.33,
            below=True,
        ),
    ),
    asked={"demonstrations": 100},
    budget_s=4000,
    note="All have as many updates. FreqPolicy makes 4 passes of its transformer and 40 of its head, which is smaller, where DDIM makes "
    "10 of an MLP. In time, four rounds draw four actions at once, which mix the ways by construction wherever a fork lies within: an "
    "action a round stands beside. Before the run a call of FreqPolicy was seen to take a little longer than one of DDPM-100's MLP, so a "
    "transformer was added. In the order of time a round sees the rounds before it, and training asks for all rounds of a chunk at once. "
    "The ledger's first row is of other models: in the order of time m was drawn as it is for frequencies, so that the first action, which "
    "two observations determine, was asked for in one window of 17 and erred by 0.3 where DDIM-10's errs by 0.03 (0.12 and 0.18, where "
    "it has 0.74 and 0.94 now); and a chunk had one step of noise in training, where in the paper's code every action has its own.",
)
