"""ACT-JEPA (Vujinovic & Kovacevic 2025, arXiv 2501.14622): chunks of actions and, in the abstract, what will be seen, from one encoder.

    h = E(o)           the last observations, embedded by the context encoder
    actions            a' = A(h);                    |a' - a|_1                        (not for action-free windows)
    predictor          z' = P(h);                    |z' - sg(norm E'(f))|_1           f the `frames` observations ahead
    acting             a' alone; E' (an average of E's weights through time) and P are left behind

Nothing that is seen is reconstructed: what of it cannot be foretold, or does not matter, need not be. Targets are normalised to mean 0
and deviation 1 over their entries, so that they cannot shrink together (Assran et al. 2023's practice); A's own loss keeps E from
forgetting what it sees.

Deviations: E embeds each observation by an MLP on its features (the paper: a transformer encoder over image patches and the state); A
and P are the networks with which chunks are denoised, with no noise in their inputs; E' is the average of the weights that acts in the end
(the paper: one with a decay of its own); both losses are learnt together from the beginning.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.nouns import Foresight, Source
from agir.core.spaces import Key, flat_size
from agir.generators.chunk_model import ChunkModel
from agir.generators.from_noise import FromNoise
from agir.networks.denoiser import create_denoiser
from agir.networks.mlp import MLP
from agir.objectives.masked import cleared, masked_mean
from agir.training.chunk_method import ChunkMethod
from agir.training.sources import Foresights
from agir.training.state import Trained, ema_decay


class ACTJEPA(ChunkMethod):
    history: int = 1  # observations seen (paper)
    network: str = "transformer"  # transformer (paper), unet or mlp
    frames: int = 4  # observations ahead that are foretold
    every: int = 4  # steps from one of them to the next
    embedding: int = 64  # numbers that an observation is embedded in (paper: 512)
    weight: float = 1.0  # of the foretold beside the actions
    learns_from: Source = Foresights(batch=64)

    def create(self, features: int, key: Key) -> "Abstract":
        if self.noises != 1:
            raise BadSetting(f"ACT-JEPA regresses: there is no noise to be drawn more than once. Leave --noises at 1, not {self.noises}.")
        see, act, foretell = jax.random.split(key, 3)
        size, context = flat_size(self.spec.action), (self.history, self.embedding)
        return Abstract(
            create_denoiser(self.network, (self.horizon, size), context, act, self.width, self.depth),
            self.horizon,
            self.spec.action.shape,
            embed=MLP(features, self.embedding, see, width=2 * self.embedding, depth=2, activation="gelu"),
            predictor=create_denoiser("mlp", (self.frames, self.embedding), context, foretell, 2 * self.embedding, 2),
            frames=self.frames,
        )

    def loss(self, model: ChunkModel, batch: Foresight, key: Key, augment: bool = True, target: ChunkModel | None = None) -> Any:
        """`target` is the model whose embedding of what will be seen is foretold; None: the same, without a gradient."""
        target, (place, ahead) = jax.lax.stop_gradient(target or model), jax.random.split(key)
        contexts = model.contexts(batch.observation, place if augment else None)
        seen = jax.tree.map(lambda x: cleared(x, batch.ahead_mask), batch.ahead)
        later = target.contexts(seen, ahead if augment else None)
        wanted = jax.vmap(target.generator.target)(later)
        acting = jax.vmap(model.generator.loss, (0, 0, 0, None))(batch.action, batch.mask, contexts, key)
        foretold = jnp.abs(jax.vmap(model.generator.foretell)(contexts) - wanted).mean(-1)
        return masked_mean(acting, batch.mask) + jnp.asarray(self.weight, jnp.float32) * masked_mean(foretold, batch.ahead_mask)

    def update(self, state: Trained, batch: Foresight, step: Any, key: Key) -> tuple[Trained, dict]:
        loss = lambda model: (self.loss(model, batch, key, target=state.best), {})
        state, value, _ = state.descend(loss, self.optimiser(), ema_decay(step, power=0.75))
        return state, {"loss": value}


class Abstract(FromNoise):
    """`network(zeros, time 0, embedded observations) -> [horizon, size]`: the actions; and what is foretold of what will be seen."""

    embed: MLP
    predictor: Any
    frames: int = eqx.field(static=True)

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The absolute error of each step, the mean over its entries."""
        return jnp.abs(self.act(context) - self.flat(chunk, mask)).mean(-1)

    def act(self, context: Float[Array, "history features"]) -> Float[Array, "horizon size"]:
        empty = jnp.zeros((self.horizon, math.prod(self.shape)))
        return self.network(empty, jnp.zeros(1), self.embed(context))

    def foretell(self, context: Float[Array, "history features"]) -> Float[Array, "frames embedding"]:
        embedded = self.embed(context)
        return self.predictor(jnp.zeros((self.frames, embedded.shape[1])), jnp.zeros(1), embedded)

    def target(self, later: Float[Array, "frames features"]) -> Float[Array, "frames embedding"]:
        return standard(self.embed(later))

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        return self.shaped(self.act(context))


def standard(x: Float[Array, "frames embedding"]) -> Float[Array, "frames embedding"]:
    """Mean 0 and deviation 1 over the entries of each frame."""
    off = x - x.mean(-1, keepdims=True)
    return off * jax.lax.rsqrt((off**2).mean(-1, keepdims=True) + 1e-5)
