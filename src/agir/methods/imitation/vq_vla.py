"""VQ-VLA (Wang et al. 2025, arXiv 2507.01016; code xiaoxiao0406/VQ-VLA): a chunk's residual codes, said one after the other.

    stage      chunk -> residual codes, level after level -> chunk                            (actions/residual.py)
    training   max  E sum_i log p(code_i | code_1 .. code_i-1, o)                             (generators/autoregressive.py)
    acting     the likeliest codes, one by one; the decoded chunk's next `execute` actions are done, then the next chunk

o are the last `history` observations, a chunk is the `codec.horizon` actions from now on. A whole chunk costs as many tokens as the
codec has: a handful, where bins cost one for every number.

Deviations: a small transformer in the place of the vision-language model; the codec's halves are MLPs over whole actions (the
code: convolutions, and a learnt mark on position, rotation and gripper), 64 codes a level (256) of 8 numbers (128), 8 actions (5);
codebooks by gradients and a term that keeps codes in use (moving averages), and a quarter of the mean over levels as commitment (five
times their sum); levels share an embedding and an output, told apart by their places (the code: tokens of their own for each level);
the codec learns from the task's data alone (the paper: from a hundred times more).
"""

from typing import Any

from agir.actions.residual import ResidualCodec, ResidualTokens
from agir.core.nouns import Learner, given
from agir.core.spaces import Key
from agir.data.windows import window_horizon
from agir.generators.autoregressive import Autoregressive
from agir.networks.sequence import TokenTransformer
from agir.training.chunk_method import GeneratingMethod
from agir.training.fit import FitResidual

FOUR_LEVELS = FitResidual(horizon=8, scales=(1, 1, 1, 1), codes=64, shared=False)


class VQVLA(GeneratingMethod):
    codec: ResidualCodec | Learner = given(ResidualCodec, default=FOUR_LEVELS, about="the codes of a chunk, each of what is left")
    temperature: float = 0.0  # of the codes drawn: 0 the likeliest (OpenVLA's code), 1 as they were learnt

    @property
    def horizon(self) -> int:
        """The window's: a chunk begins at the last observation."""
        return window_horizon(self.history, self.codec.horizon)

    def create(self, features: int, key: Key) -> Autoregressive:
        context, codes = (self.history, features), len(self.codec.levels)
        network = TokenTransformer.create(self.codec.codes, codes, context, key, self.width, self.depth)
        return Autoregressive(self.history - 1, self.spec.action.shape, network)

    def tuning(self) -> dict[str, Any]:
        return {"tokens": ResidualTokens(self.codec), "temperature": self.temperature}
