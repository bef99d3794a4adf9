"""Tokens drawn otherwise, without training: any trained policy that plans chunks by drawing tokens or codes (`--base RUN`).

    temperature   of what is drawn: 0 the likeliest, 1 as it was learnt
    rounds        passes in which masked diffusion decides a chunk (0: the base's)

The weights and the executor are the base's, so what differs between two of these is the drawing alone. Not a paper's method by itself.
"""

import dataclasses

import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.nouns import Method, Policy, Source, given
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.masked import Masked
from agir.runtime.executors import Executor
from agir.runtime.planner import Planner, model_of
from agir.training.sources import Nothing


class Redrawn(Method):
    base: Executor | None = given(Executor, about="a trained policy that draws tokens or codes")
    temperature: float = 0.0  # of the tokens drawn: 0 the likeliest, 1 as they were learnt
    rounds: int = 0  # of masked diffusion for a chunk; 0: the base's
    learns_from: Source = Nothing()
    updates: int = 0  # nothing is learnt

    def model(self) -> ChunkModel:
        """The base's, which draws as asked; raises BadSetting where the base draws no tokens."""
        draws = lambda held: hasattr(held, "temperature")
        model = model_of(self.base, draws, "which draws no tokens that can be drawn otherwise: bring a run of fast, say.")
        if self.rounds and not isinstance(model.generator, Masked):
            raise BadSetting(f"--rounds are masked diffusion's; --base holds a {type(model.generator).__name__}: leave them at 0.")
        how = {"temperature": jnp.asarray(self.temperature, jnp.float32)} | ({"rounds": self.rounds} if self.rounds else {})
        return dataclasses.replace(model, generator=dataclasses.replace(model.generator, **how))

    def init(self, key: Key) -> tuple:
        self.model()
        return ()

    def policy(self, state: tuple) -> Policy:
        return dataclasses.replace(self.base, planner=Planner(self.spec, self.model()))
