"""What the methods share that learn actions and what will be seen together."""

import math
from typing import Any

from agir.core.errors import BadSetting
from agir.core.nouns import Source
from agir.core.spaces import Key
from agir.generators.joint import Joint, JointModel
from agir.networks.denoiser import create_denoiser
from agir.networks.dit import JointTransformer
from agir.networks.encoder import number_count
from agir.training.diffusion_method import DenoisingMethod
from agir.training.sources import Foresights


class ForesightMethod(DenoisingMethod):
    """Learns from windows and what was seen after them; windows whose actions were not recorded (action-free) are data too.

    Predicted are the numbers of the observations ahead, as they are normalised, and not their images.
    """

    networks = ("transformer", "mlp")
    unfit = "denoises chunks of one kind"

    network: str = "transformer"  # transformer (adaptive norms, registers) or mlp
    frames: int = 4  # observations ahead that are predicted
    every: int = 4  # steps from one of them to the next
    weight: float = 1.0  # of the error of what will be seen beside that of the actions
    learns_from: Source = Foresights(batch=64)

    @property
    def ahead(self) -> tuple[int, int]:
        """(frames, numbers) that are predicted; raises BadSetting where there are none."""
        if not (count := number_count(self.spec.observation)):
            raise BadSetting(f"{type(self).__name__} predicts the numbers of what will be seen, and here only images are.")
        return self.frames, count

    def tuning(self) -> dict[str, Any]:
        return {"weight": self.weight}


class JointMethod(ForesightMethod):
    """Denoises both in one network; a subclass says how (`joint`)."""

    model_kind = JointModel
    steps: int = 100  # of noise in training
    sampler: str = "ddim"  # ddim or ddpm
    passes: int = 10  # of the network for a chunk

    def joint(self, features: int, key: Key, transformer: dict[str, Any] | None = None, **more: Any) -> Joint:
        """`transformer` are further settings of that network, and `more` those of the generator."""
        actions = (self.horizon, math.prod(self.spec.action.shape))
        parts, context = (actions, self.ahead), (self.history, features)
        if self.network == "mlp":
            column = (sum(math.prod(part) for part in parts), 1)
            network = create_denoiser("mlp", column, context, key, self.width, self.depth, times=2)
        else:
            network = JointTransformer.create(parts, context, key, self.width or 64, self.depth or 3, **transformer or {})
        return Joint.of(network, (self.horizon, *self.spec.action.shape), self.ahead, **self.diffusion | more)
