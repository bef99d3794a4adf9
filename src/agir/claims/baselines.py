"""The arms that stand in many claims, trained alike: what a generative policy is measured against."""

import dataclasses

from agir.claims.claim import Arm, Part

CHUNK = {"history": 2, "horizon": 16, "execute": 8, "batch": 128, "updates": 4000}
DENOISER = CHUNK | {"network": "mlp", "width": 256, "depth": 3, "rate": 1e-3}

DDIM = Arm("diffusion-policy", DENOISER | {"sampler": "ddim", "passes": 10})
DDPM = Arm("diffusion-policy", DENOISER | {"sampler": "ddpm", "passes": 100})
DDPM_TRANSFORMER = Arm("diffusion-policy", CHUNK | {"network": "transformer", "width": 64, "depth": 2, "sampler": "ddpm", "passes": 100})
# A single pass begins at the last step, where there should be no noise left, and says the noise: two stand for the fewest.
DDIM_2 = Arm("rti-dp", {"sampler": "ddim", "passes": 2, "warm": 2, "execute": 8}, brought={"base": "DDIM-10"})
FLOW = Arm("flow-policy", DENOISER | {"passes": 10})
TWO_STEP = Arm("two-step-regression", DENOISER)
REGRESSION = Arm("behavior-cloning", CHUNK | {"head": "mse", "width": 384, "depth": 3})
MIXTURE = Arm("behavior-cloning", CHUNK | {"head": "mixture", "modes": 20, "width": 256, "depth": 3})
BESIDE = {"mixture": MIXTURE, "two-step": TWO_STEP, "regression": REGRESSION}  # what stands beside every generative claim

TOKENS = {"history": 2, "execute": 8, "batch": 128, "updates": 4000, "rate": 1e-3, "width": 64, "depth": 3}  # about as many parameters
SPELT = {"tokens.horizon": 8, "tokens.transform": "none", "tokens.merge": False, "tokens.updates": 1}
BINS = Arm("fast", TOKENS | SPELT | {"temperature": 1.0})  # token by token, drawn as they were learnt
# In house_fast's runs a hundred demonstrations' tokens are known by heart after 1500 updates (the validation loss is least at 600):
# claims that were run later have half of the updates.
HALF = TOKENS | {"updates": 2000}
BINS_HALF = Arm("fast", BINS.settings | HALF)

TWO_MODES, FOUR_MODES = "multipath", "multipath/modes=4,rows=2"  # two forks: see docs/results/modes.md
PLACES = "control=position,leaps=4"  # the same with actions that are places, and ways that part over several of them

# Reaching for one of several things, each a token, where the demonstrator bows left or right.
TWO_DISTRACTORS, SIX_DISTRACTORS = "planar/reach-tokens,distractors=2,modes=2", "planar/reach-tokens,distractors=6,modes=2"
REACHING = {"history": 1, "horizon": 8, "execute": 4, "batch": 64, "updates": 3000}
IN_CONTEXT = REACHING | {"network": "in-context", "width": 48, "depth": 2}
SMALL_HEAD = REACHING | {"network": "small-head", "width": 36, "depth": 2}
TOKEN_HEAD = REACHING | {"network": "token-head", "width": 36, "depth": 2}
REACHING_TWO_STEP = Arm("two-step-regression", CHUNK | REACHING | {"network": "mlp", "width": 128, "depth": 3})
REACHING_REGRESSION = Arm("behavior-cloning", REACHING | {"head": "mse", "width": 128, "depth": 3})


def on_another(called: str, task: str, arms: dict[str, Arm], *again: str) -> dict[str, Arm]:
    """The arms, and each of them (or of `again` alone) again on another task, with what it is brought from there too."""

    def there(arm: Arm) -> Arm:
        return dataclasses.replace(arm, task=task, brought={given: f"{other}, {called}" for given, other in arm.brought.items()})

    return arms | {f"{name}, {called}": there(arms[name]) for name in again or arms}


def on_four_modes(arms: dict[str, Arm], *again: str, task: str = FOUR_MODES) -> dict[str, Arm]:
    return on_another("4 modes", task, arms, *again)


def part_on_four_modes(part: Part) -> tuple[Part, Part]:
    """A part, and the same on four modes, where "not worse" is by ten points instead of five: its pilot's seeds differ by 22."""
    sentence = f"On four modes: {part.sentence[0].lower() if part.sentence.split()[0].istitle() else part.sentence[0]}{part.sentence[1:]}"
    change = {"sentence": sentence, "ours": f"{part.ours}, 4 modes", "theirs": f"{part.theirs}, 4 modes"}
    if part.threshold == -0.05:
        change |= {"sentence": sentence.replace("5 points", "10 points"), "threshold": -0.10}
    return part, dataclasses.replace(part, **change)


def likeliest(base: str, **how: int) -> Arm:
    """The likeliest tokens of an arm that draws them, with its weights."""
    return Arm("redrawn", {"temperature": 0.0} | how, brought={"base": base})


def with_data(arm: Arm, labelled: int, free: int = 0) -> Arm:
    """The arm on so many episodes with their actions, and so many more without."""
    data = {"demonstrations": labelled + free} | ({"labelled": labelled} if free else {})
    return dataclasses.replace(arm, settings=arm.settings | data)


def beside_with_data(labelled: int) -> dict[str, Arm]:
    """What stands beside a method that learns from so many episodes with their actions, and perhaps from others without."""
    arms = {"DDIM-10": DDIM, "two-step": TWO_STEP, "regression": REGRESSION}
    return {f"{name}, {labelled}": with_data(arm, labelled) for name, arm in arms.items()}
