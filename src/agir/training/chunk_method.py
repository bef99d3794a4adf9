"""What the methods share that learn to generate chunks of numbers, given the last observations: all but the generator.

o are the last `history` observations, a the `horizon` actions from the first of them on. A method says which generator it learns
(`create`) and which of its settings are numbers that the generator needs (`tuning`).
"""

import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Method, Policy, Source, Window
from agir.core.spaces import Box, Key, flat_size, outline
from agir.generators.chunk_model import ChunkModel
from agir.generators.generator import Generator
from agir.networks.denoiser import create_denoiser
from agir.networks.encoder import Encoder
from agir.runtime.executors import Receding
from agir.runtime.planner import Planner
from agir.training.sources import Windows
from agir.training.state import Trained, ema_decay, warm_cosine


class GeneratingMethod(Method):
    """Encoder, optimiser, average and executor; its defaults are Diffusion Policy's (Chi et al. 2023).

    The weights that act are a moving average.
    """

    model_kind = ChunkModel

    history: int = 2  # observations seen (Diffusion Policy)
    execute: int = 8  # of a chunk's actions, done before the next chunk (Diffusion Policy)
    width: int = 64  # of a token in the transformer
    depth: int = 3  # of the transformer
    crop: int = 90  # per cent of an image's side that is looked at, at random places in training (Diffusion Policy: 76 of 84 pixels)
    rate: float = 1e-3  # of AdamW at its highest (Diffusion Policy: 1e-4, for larger networks and longer training)
    warmup: int = 500  # updates until then, a quarter of all at most; after them a cosine to 0 (Diffusion Policy)
    weight_decay: float = 1e-6  # Diffusion Policy: 1e-6; 1e-3 for the transformer
    learns_from: Source = Windows(batch=64)  # Diffusion Policy: 256 for states, 64 for images
    updates: int = 10_000

    def create(self, features: int, key: Key) -> Generator:
        """-> the generator that is learnt, given contexts [history, features]."""
        raise NotImplementedError

    def tuning(self) -> dict[str, Any]:
        """The generator's fields that are settings or given parts: put into it for each use, because what lies in the model is trained."""
        return {}

    def tuned(self, model: ChunkModel) -> ChunkModel:
        put = lambda value: value if isinstance(value, eqx.Module) else jnp.asarray(value, jnp.float32)
        fields = {name: put(value) for name, value in self.tuning().items()}
        return dataclasses.replace(model, generator=dataclasses.replace(model.generator, **fields)) if fields else model

    @property
    def context_rows(self) -> int:
        """How many rows of features the encoder makes of a history."""
        return self.history

    def encoder(self, key: Key) -> Any:
        """What observations [history, ...] are seen through: rows of its `features`."""
        return Encoder.create(self.spec.observation, key, crop=self.crop)

    @property
    def bound(self) -> float | None:
        """What a clean action lies within, on both sides of 0; None: it is not known."""
        return 1.0 if (self.spec.action.low, self.spec.action.high) == (-1.0, 1.0) else None

    def optimiser(self) -> optax.GradientTransformation:
        rate = warm_cosine(self.rate, self.warmup, self.updates)
        return optax.adamw(rate, b1=0.95, b2=0.999, eps=1e-8, weight_decay=self.weight_decay)

    def suits(self) -> None:
        space = self.spec.action
        if not isinstance(space, Box) or space.image:
            raise BadSpec(
                f"{type(self).__name__} needs actions that are numbers; these are {outline(space)}. Use behavior-cloning for choices."
            )

    def init(self, key: Key) -> Trained:
        """Raises BadSetting where the horizon does not fit the network."""
        see, think = jax.random.split(key)
        encoder = self.encoder(see)
        return Trained.begin(self.model_kind(encoder, self.create(encoder.features, think)), self.optimiser(), average=True)

    def loss(self, model: ChunkModel, batch: Window, key: Key, augment: bool = True) -> Float[Array, ""]:
        return self.tuned(model).loss(batch, key, augment)

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, _ = state.descend(lambda model: (self.loss(model, batch, key), {}), self.optimiser(), ema_decay(step, power=0.75))
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        return {"loss": self.loss(state.best, batch, key, augment=False)}

    def policy(self, state: Trained) -> Policy:
        return Receding(self.spec, Planner(self.spec, self.tuned(state.best)), self.history, self.execute)


class ChunkMethod(GeneratingMethod):
    """Those whose network takes a chunk of actions and gives one, in one of several ways; smaller than Diffusion Policy's.

    A method that cannot use every network that denoises says in `networks` which it can, and in `unfit` what the others lack.
    """

    networks: ClassVar[tuple[str, ...]] = ()  # empty: all that denoise
    unfit: ClassVar[str] = "does not fit this method"

    horizon: int = 16  # actions generated, from the first observation's on (Diffusion Policy)
    network: str = "unet"  # unet, transformer or mlp
    width: int = 0  # of the U-Net's first level (Diffusion Policy: 256), a token (256) or a layer of the MLP; 0: 32, 64 or 256
    depth: int = 0  # levels of the U-Net (Diffusion Policy: 3), layers of the transformer (8) or the MLP; 0: 3
    noises: int = 1  # drawn from each window in an update: its observations are encoded once for all (Mini-Diffuser: many)

    def suits(self) -> None:
        """Raises BadSetting, too, for a network that the method cannot use, and for no noise at all."""
        super().suits()
        if self.networks and self.network not in self.networks:
            *others, last = self.networks
            raise BadSetting(f"--network {self.network} {self.unfit}: use {', '.join(others)}{' or ' if others else ''}{last}.")
        if self.noises < 1:
            raise BadSetting(f"At least one noise is drawn from a window: --noises 1, not {self.noises}.")

    def loss(self, model: ChunkModel, batch: Window, key: Key, augment: bool = True) -> Float[Array, ""]:
        return self.tuned(model).loss(batch, key, augment, self.noises)

    def denoiser(self, features: int, key: Key, *, times: int = 1) -> eqx.Module:
        """The network of the method's settings; raises BadSetting where the horizon does not fit it."""
        chunk, context = (self.horizon, flat_size(self.spec.action)), (self.context_rows, features)
        return create_denoiser(self.network, chunk, context, key, self.width, self.depth, times=times)
