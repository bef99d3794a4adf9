"""Actions that look at every token against heads that do not, with few and with many things that do not matter, and two ways."""

from agir.claims.baselines import (
    IN_CONTEXT,
    REACHING,
    REACHING_REGRESSION,
    REACHING_TWO_STEP,
    SIX_DISTRACTORS,
    SMALL_HEAD,
    TOKEN_HEAD,
    TWO_DISTRACTORS,
    on_another,
)
from agir.claims.claim import Arm, Claim, Part

DDIM = Arm("diffusion-policy", REACHING | {"network": "mlp", "width": 128, "depth": 3})

CLAIM = Claim(
    slug="dita",
    sentence="Among objects of which one matters, and where the way bows left or right, actions that are denoised in the context of every "
    "object's token succeed more often than with an equally large head that denoises each by a token of its own.",
    source="Hou et al. 2025 (Dita), arXiv 2503.19757, tables 5 and 6",
    method="dita",
    task=TWO_DISTRACTORS,
    arms=on_another(
        "6 distractors",
        SIX_DISTRACTORS,
        {
            "in context": Arm("dita", IN_CONTEXT),
            "token head": Arm("dita", TOKEN_HEAD),
            "small head": Arm("dita", SMALL_HEAD),
            "DDIM-10 on a flat vector": DDIM,
            "two-step on a flat vector": REACHING_TWO_STEP,
            "regression on a flat vector": REACHING_REGRESSION,
        },
        "in context",
        "token head",
        "small head",
    ),
    parts=(
        Part("In context succeeds more often than the token head, by more than 2 points.", "in context", "token head", "success", 0.02),
        Part(
            "With six distractors too, by more than 2 points.",
            "in context, 6 distractors",
            "token head, 6 distractors",
            "success",
            0.02,
        ),
        Part("It is not worse than a head behind one vector by more than 5 points.", "in context", "small head", "success", -0.05),
        Part(
            "In context is not worse than DDIM-10 on a flat vector by more than 5 points.",
            "in context",
            "DDIM-10 on a flat vector",
            "success",
            -0.05,
        ),
        Part(
            "In context succeeds more often than plain regression of a flat vector, by more than 5 points.",
            "in context",
            "regression on a flat vector",
            "success",
            0.05,
        ),
    ),
    asked={"demonstrations": 60},
    budget_s=5400,
    note="The objects stand in an order that means nothing. The networks have about as many parameters, and the same tokens. The head of "
    "the authors' code, with which the paper compares, gives each action a token and denoises it alone; a head behind one vector "
    "(Octo's) stands beside it. Pilot (2 seeds, 200 episodes, never reported): in context 0.99 and 0.97, token head 0.93 and 0.93, small "
    "head 0.99 and 0.93; after a third of the updates the same. Earlier rows in the ledger are of another form, against the head behind "
    "one vector alone and with one way: with two distractors 0.92 in context and 0.93 with the head, with six 0.97 and 0.96, which left "
    "nothing to be better by; the very first one is of before tokens shared their normalisation.",
)
