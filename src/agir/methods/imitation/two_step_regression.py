"""Two-step regression: the minimal iterative policy, MIP, of "Much Ado About Noising" (Pan et al. 2025, arXiv 2512.01809).

    training   min_f  E |f(0, 0, o) - a|^2 + |f(t a + (1 - t) e, t, o) - a|^2 / (1 - t)^2       e ~ N(0, 1), t fixed
    acting     a_0 = f(0, 0, o), then a = f(t a_0, t, o); its next `execute` actions are done, then the next chunk begins

The paper's finding is that flow policies owe their success to computing in steps that are supervised one by one, with noise in
training, and not to the distribution they model: two steps of regression act as well. So it stands beside every generative
policy here, with the same encoder, network and training. See generators/two_step.py for what its two passes are given.

Deviations: the network and its training are Diffusion Policy's (the reference trains for 300 000 updates of 1024 with a constant
average of 0.995); the paper's form of the second pass, where the released code's usual one leaves its factor t out.
"""

from typing import Any

from agir.core.spaces import Key
from agir.generators.two_step import TwoStep
from agir.training.chunk_method import ChunkMethod


class TwoStepRegression(ChunkMethod):
    second: float = 0.9  # t, where the second pass stands between noise (0) and the action (1) (paper)

    def create(self, features: int, key: Key) -> TwoStep:
        return TwoStep(self.denoiser(features, key), self.horizon, self.spec.action.shape)

    def tuning(self) -> dict[str, Any]:
        return {"second": self.second}
