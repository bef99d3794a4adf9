"""What the methods share that learn to denoise chunks as Diffusion Policy does, and differ in the network or in what it is shown."""

from agir.core.spaces import Key
from agir.generators.diffusion import Diffusion
from agir.networks.tokens import Tokens, count
from agir.training.chunk_method import ChunkMethod


class DiffusionMethod(ChunkMethod):
    steps: int = 100  # of noise in training (Diffusion Policy)
    prediction: str = "epsilon"  # what the network says: epsilon (the noise; Diffusion Policy), sample (the chunk) or v
    sampler: str = "ddim"  # ddpm (Diffusion Policy, in simulation) or ddim (on robots)
    passes: int = 10  # of the network for a chunk (Diffusion Policy: 100 with ddpm, 10 to 16 with ddim)

    def create(self, features: int, key: Key) -> Diffusion:
        how = {"prediction": self.prediction, "sampler": self.sampler, "sampling_passes": self.passes, "bound": self.bound}
        return Diffusion(self.denoiser(features, key), self.horizon, self.spec.action.shape, self.steps, **how)


class TokenDiffusionMethod(DiffusionMethod):
    """Sees each thing as a token (networks/tokens.py)."""

    networks = ("in-context", "token-head", "small-head")

    network: str = "in-context"  # in-context: actions look at all; token-head: each has a token that did; small-head: one vector did

    @property
    def context_rows(self) -> int:
        return self.history * count(self.spec.observation)

    def encoder(self, key: Key) -> Tokens:
        return Tokens.create(self.spec.observation, self.history, key, crop=self.crop)
