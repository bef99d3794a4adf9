"""Discrete Diffusion VLA (Liang et al. 2025, arXiv 2508.20072): a chunk's bins by masked discrete diffusion, the surest first.

    tokens     every number of a chunk is one of 2 `scale` + 1 bins
    training   some tokens are hidden, and said from the others and the observations
    acting     from nothing, in `rounds` passes that each decide the surest tokens left; what became unsure is opened again; the
               chunk's next `execute` actions are done, then the next chunk                          (generators/masked.py)

o are the last `history` observations, a chunk is the `chunk` actions from now on. A round decides several tokens at once, so passes
are fewer than tokens; and each sees all that is decided, on both sides, so that a chunk does not mix two ways as one pass would.

Deviations: a small transformer in the place of the vision-language model; 21 bins (256), no binary gripper; tokens are drawn at one
temperature in all rounds; some tokens that are seen are learnt as well, half of them spoilt, so that looking again goes by something
that was learnt. What is looked at again is the paper's rule, whose thresholds are not known to us (`threshold` 0 leaves the absolute
check off); in the released code a decided token stands for the next round with its probability times 1 - k / K, and only if asked to.
"""

from typing import Any

from agir.actions.frequencies import FastTokens
from agir.core.spaces import Key
from agir.data.windows import window_horizon
from agir.generators.masked import Masked
from agir.networks.sequence import MaskedTransformer
from agir.training.chunk_method import GeneratingMethod


class DiscreteDiffusionVLA(GeneratingMethod):
    chunk: int = 8  # actions generated, from now on (paper: 8)
    scale: int = 10  # bins between 0 and 1, and as many below (paper: 256 in all)
    rounds: int = 12  # passes for a chunk (paper)
    measure: str = "confidence"  # how sure a token is: confidence, or gap (to the second) (paper: either)
    temperature: float = 1.0  # of the tokens drawn; towards 0: the likeliest
    disorder: float = 1.0  # of the order in which tokens are decided: 1 (the authors' code); 0: always the surest first
    reopened: int = 1  # tokens hidden again in a round, those that became less sure by most (paper: a few)
    threshold: float = 0.0  # below it, at the last round, a token is hidden again; lower before (paper: rises)
    checked: float = 0.1  # share of the tokens seen that are learnt too, half of them spoilt (not in the paper: 0)

    @property
    def horizon(self) -> int:
        """The window's: a chunk begins at the last observation."""
        return window_horizon(self.history, self.chunk)

    def create(self, features: int, key: Key) -> Masked:
        tokens = FastTokens.create(self.spec, self.chunk, self.scale, transform="none")
        context = (self.history, features)
        network = MaskedTransformer.create(tokens.vocabulary, tokens.longest, context, key, self.width, self.depth)
        how = {"rounds": self.rounds, "measure": self.measure, "reopened": self.reopened}
        return Masked(self.history - 1, self.spec.action.shape, network, tokens, **how)

    def tuning(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("temperature", "disorder", "threshold", "checked")}
