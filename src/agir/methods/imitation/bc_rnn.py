"""BC-RNN (Mandlekar et al. 2021, arXiv 2108.03298: the strongest of robomimic's baselines on human demonstrations).

    h_t = RNN(h_{t-1}, o_t),  h_0 = 0        max_p  E sum_t log p(a_t | h_t),    p a mixture of Gaussians

Trained on segments of demonstrations that begin anywhere, with an empty memory; so in acting the memory is emptied after as many
steps as a segment has, as robomimic does.

Deviations: a state of 128 instead of 400, the rate warms up and falls by a cosine to 0 instead of staying at 1e-4. Actions that
are not numbers are chosen by their probabilities.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.core.nouns import Act, Method, Policy, Source
from agir.core.spaces import Key
from agir.data.windows import Segment
from agir.generators.chunk_head import chunk_head
from agir.generators.chunks import ChunkHead
from agir.networks.encoder import Encoder
from agir.networks.layers import Linear, grown
from agir.networks.recurrent import Recurrent
from agir.objectives.masked import masked_mean
from agir.training.sources import Segments
from agir.training.state import Trained, warm_cosine


class RecurrentCloning(Method):
    head: str = "mixture"  # what numbers are cloned by: mse, gaussian or mixture (robomimic)
    modes: int = 5  # of a mixture (robomimic)
    noise: float = 0.0  # in acting: 1 is the learnt distribution, 0 its likeliest action or, of a mixture, a drawn mode (robomimic)
    cell: str = "lstm"  # lstm (robomimic) or gru
    width: int = 128  # of the state (robomimic: 400)
    depth: int = 2  # recurrent layers (robomimic)
    crop: int = 90  # per cent of an image's side that is looked at, at random places in training
    rate: float = 1e-3  # of Adam at its highest (robomimic: 1e-4)
    warmup: int = 100  # updates until then, a quarter of all at most
    learns_from: Source = Segments(batch=64, length=10)  # robomimic: 100 segments of 10 steps
    updates: int = 10_000

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(warm_cosine(self.rate, self.warmup, self.updates))

    def init(self, key: Key) -> Trained:
        see, remember, say = jax.random.split(key, 3)
        encoder = Encoder.create(self.spec.observation, see, crop=self.crop)
        recurrent = Recurrent(encoder.features, self.width, remember, depth=self.depth, kind=self.cell)
        head = chunk_head(self.spec.action, self.head, 1, self.modes)
        out = grown(lambda draw: Linear(self.width, head.size, draw), say)
        return Trained.begin(RecurrentModel(encoder, recurrent, out, head), self.optimiser())

    def update(self, state: Trained, batch: Segment, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, _ = state.descend(lambda model: (segment_loss(model, batch, key), {}), self.optimiser())
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Segment, key: Key) -> dict:
        return {"loss": segment_loss(state.model, batch, None)}

    def policy(self, state: Trained) -> Policy:
        return Remembering(self.spec, state.model, jnp.asarray(self.noise, jnp.float32), self.learns_from.length)


class RecurrentModel(eqx.Module):
    """Observations, one after the other, to the numbers of a head over one action."""

    encoder: Encoder
    recurrent: Recurrent
    out: Linear
    head: ChunkHead


def segment_loss(model: RecurrentModel, batch: Segment, key: Key | None) -> Float[Array, ""]:
    """The masked mean over segments [batch, length]; with a key, images are cut at random places (one for a segment)."""

    def losses(segment: Segment, key: Key | None) -> Float[Array, " length"]:
        features = model.encoder(segment.experience.observation, key)
        remembered, _ = model.recurrent(features, model.recurrent.start())
        action = jax.tree.map(lambda x: x[:, None], segment.experience.action)
        return jax.vmap(model.head.loss)(model.out(remembered), action, segment.mask[:, None])[:, 0]

    keys = None if key is None else jax.random.split(key, batch.mask.shape[0])
    return masked_mean(jax.vmap(losses, in_axes=(0, None if key is None else 0))(batch, keys), batch.mask)


class Remembering(Policy):
    """Carries the recurrent state, and empties it after `length` steps."""

    model: RecurrentModel
    noise: Float[Array, ""]
    length: int = eqx.field(static=True)

    def start(self, key: Key) -> Any:
        return self.model.recurrent.start(), jnp.int32(0)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        state, count = memory
        state = self.model.recurrent.emptied(state, count == 0)
        features = self.model.encoder(jax.tree.map(lambda x: x[None], observation))[0]
        remembered, state = self.model.recurrent.step(features, state)
        chunk = self.model.head.sample(self.model.out(remembered), key, self.noise)
        return Act(jax.tree.map(lambda x: x[0], chunk), (state, (count + 1) % self.length))
