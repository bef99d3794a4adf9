"""Flow policy: actions by conditional flow matching of a chunk (Lipman et al. 2023, arXiv 2210.02747; Liu et al. 2023, arXiv
2209.03003; as a policy: Black et al. 2024, arXiv 2410.24164, whose action expert is this).

    training   min_v  E |v((1 - t) e + t a, t, o) - (a - e)|^2       e ~ N(0, 1), t uniform or by a beta law (see generators/flow.py)
    acting     a chunk of noise follows v from t = 0 to 1 in `passes` Euler steps, its next `execute` actions are done, then the
               next chunk begins

o are the last `history` observations, a the `horizon` actions from the first of them on: all but the generator is Diffusion
Policy's, so that the two differ in nothing else.

Deviations: from pi0, which conditions on a vision-language model, in everything but the flow and the law of its times.
"""

from agir.core.spaces import Key
from agir.generators.flow import Flow
from agir.training.chunk_method import ChunkMethod


class FlowPolicy(ChunkMethod):
    time: str = "uniform"  # how times are drawn in training: uniform (rectified flow) or beta (pi0: more of them near the noise)
    passes: int = 10  # of the network for a chunk (pi0: 10)

    def create(self, features: int, key: Key) -> Flow:
        return Flow(self.denoiser(features, key), self.horizon, self.spec.action.shape, self.time, self.passes)
