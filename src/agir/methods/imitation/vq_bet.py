"""VQ-BeT (Lee et al. 2024, arXiv 2403.03181; code jayLEE0301/vq_bet_official): residual codes of chunks, and offsets to them.

    stage      chunk -> two codes, the second of what the first leaves -> chunk               (actions/residual.py)
    training   5 F(p_1) + 0.5 F(p_2) + offset |a - decode(c) - o_1[c_1] - o_2[c_2]|_1         (generators/offset_codes.py)
    acting     both codes are drawn in one pass; the decoded chunk with its offsets is done for `execute` actions, then the next

o are the last `history` observations, F the focal loss, a chunk the `codec.horizon` actions from now on. The first code says the way,
the second and the offsets where exactly; they are drawn independently of one another, so a second code should not depend on the way.

Deviations: one token attends to the observations (the paper: a GPT over them, with a chunk learnt at every one); the codec's
codebooks are learnt by gradients, with a term that keeps codes in use (the code: moving averages), 8 wide (512), its error is squared
(absolute) and chunks are drawn to their codes with weight 0.25 (5); offsets are learnt for the chunk's own codes (the code: for drawn
ones, which draws an offset between the ways); no goals.
"""

from typing import Any

from agir.actions.residual import ResidualCodec
from agir.core.nouns import Learner, given
from agir.core.spaces import Key, flat_size
from agir.data.windows import window_horizon
from agir.generators.offset_codes import CodeHeads, OffsetCodes
from agir.training.chunk_method import GeneratingMethod
from agir.training.fit import FitResidual

TWO_LEVELS = FitResidual(horizon=8, scales=(1, 1), codes=16, shared=False)  # the paper's levels and codes


class VQBeT(GeneratingMethod):
    codec: ResidualCodec | Learner = given(ResidualCodec, default=TWO_LEVELS, about="the codes of a chunk, each of what is left")
    temperature: float = 1.0  # of the codes drawn (paper)
    gamma: float = 2.0  # of the focal loss: 0 is the cross-entropy (paper)
    primary: float = 5.0  # weight of the first code (paper)
    secondary: float = 0.5  # weight of each later code (paper)
    offset: float = 10.0  # weight of the offsets' error (paper, Push-T); 0: none are learnt, and codes act alone

    @property
    def horizon(self) -> int:
        """The window's: a chunk begins at the last observation."""
        return window_horizon(self.history, self.codec.horizon)

    def create(self, features: int, key: Key) -> OffsetCodes:
        size = self.codec.horizon * flat_size(self.spec.action)
        network = CodeHeads.create(self.codec, size, (self.history, features), key, self.width, self.depth)
        return OffsetCodes(self.history - 1, self.spec.action.shape, network)

    def tuning(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("temperature", "gamma", "primary", "secondary", "offset")}
        return {"codec": self.codec} | numbers
