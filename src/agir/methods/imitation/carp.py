"""CARP, Coarse-to-Fine AutoRegressive Prediction (Gong et al. 2024, arXiv 2412.06782; code ZhefeiGong/carp).

    stage      chunk -> residual codes at scales of 1, 2, 3, 4 tokens -> chunk                 (actions/residual.py)
    training   max  E sum_k sum_i log p(c_k,i | c_1 .. c_k-1, o)                               (generators/coarse_to_fine.py)
    acting     one pass a scale: all its likeliest codes at once, given the sum of the coarser ones; the decoded chunk's next
               `execute` actions are done, then the next chunk

o are the last `history` observations, a chunk is the `codec.horizon` actions from now on. The first token is a sketch of the whole
chunk, which says the way; later scales refine it. So few passes do, where token by token would take as many as there are tokens.

Deviations: one tokeniser for whole actions (the code: one for each entry of an action, whose codes of a scale are then drawn
independently of one another too); its halves are MLPs (the code: convolutions), a residual's nearest code is that by distance (the
code: by angle), levels are added up without a convolution after each, sums are drawn out linearly (bicubic), and codes are kept in use
by a term of their own; 64 codes (512). Observations are attended to (the code: they scale and shift every layer). Smaller: width 64,
3 layers (8).
"""

from typing import Any

from agir.actions.residual import ResidualCodec
from agir.core.nouns import Learner, given
from agir.core.spaces import Key
from agir.data.windows import window_horizon
from agir.generators.coarse_to_fine import CoarseToFine, ScaleTransformer
from agir.training.chunk_method import GeneratingMethod
from agir.training.fit import FitResidual


class CARP(GeneratingMethod):
    codec: ResidualCodec | Learner = given(ResidualCodec, default=FitResidual(), about="the codes of a chunk, coarse to fine")
    temperature: float = 0.0  # of the codes drawn: 0 the likeliest (CARP's code), 1 as they were learnt

    @property
    def horizon(self) -> int:
        """The window's: a chunk begins at the last observation."""
        return window_horizon(self.history, self.codec.horizon)

    def create(self, features: int, key: Key) -> CoarseToFine:
        network = ScaleTransformer.create(self.codec, (self.history, features), key, self.width, self.depth)
        return CoarseToFine(self.history - 1, self.spec.action.shape, network)

    def tuning(self) -> dict[str, Any]:
        return {"codec": self.codec, "temperature": self.temperature}
