"""What the methods share that learn to denoise, and those among them that do it as Diffusion Policy does."""

from typing import Any

from agir.core.spaces import Key
from agir.generators.diffusion import Diffusion
from agir.networks.tokens import Tokens, count
from agir.training.chunk_method import ChunkMethod


class DenoisingMethod(ChunkMethod):
    """Has a `Diffusion` in what it learns.

    How it adds noise and takes it away are four numbers and words. A method declares as fields those that are its settings, each with
    its source; the others are as they stand here.
    """

    steps = 100
    prediction = "epsilon"
    sampler = "ddim"
    passes = 10

    @property
    def diffusion(self) -> dict[str, Any]:
        """What a `Diffusion` takes after its network and the shape of its chunks."""
        names = {"steps": self.steps, "prediction": self.prediction, "sampler": self.sampler, "sampling_passes": self.passes}
        return names | {"bound": self.bound}


class DiffusionMethod(DenoisingMethod):
    """Diffusion Policy but for the network, what it is shown, or what is denoised."""

    steps: int = 100  # of noise in training (Diffusion Policy)
    prediction: str = "epsilon"  # what the network says: epsilon (the noise; Diffusion Policy), sample (the chunk) or v
    sampler: str = "ddim"  # ddpm (Diffusion Policy, in simulation) or ddim (on robots)
    passes: int = 10  # of the network for a chunk (Diffusion Policy: 100 with ddpm, 10 to 16 with ddim)

    def create(self, features: int, key: Key) -> Diffusion:
        return Diffusion(self.denoiser(features, key), self.horizon, self.spec.action.shape, **self.diffusion)


class TokenDiffusionMethod(DiffusionMethod):
    """Sees each thing as a token (networks/tokens.py)."""

    networks = ("in-context", "token-head", "small-head")
    unfit = "does not look at tokens"

    network: str = "in-context"  # in-context: actions look at all; token-head: each has a token that did; small-head: one vector did

    @property
    def context_rows(self) -> int:
        return self.history * count(self.spec.observation)

    def encoder(self, key: Key) -> Tokens:
        return Tokens.create(self.spec.observation, self.history, key, crop=self.crop)
