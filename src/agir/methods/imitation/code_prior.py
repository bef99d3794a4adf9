"""Code prior: first a codec of action chunks, then a categorical policy over its codes.

    stage    codec: chunk -> c in {0 .. K - 1} -> chunk                      (actions/codes.py: finite scalar quantisation)
    prior    max_p  E log p(c(chunk) | o)                                    o: the last `history` observations
    acting   c ~ p(. | o),  execute the decoded chunk, then plan again

The common core of the methods that first learn what an action is and then choose among actions (BeT, VQ-BeT, PRISE, SAQ, CARP
differ in the codec and in the prior): modes stay apart because a code is chosen, never averaged. Not a paper's method by itself.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.actions.codes import Codec
from agir.core.nouns import Act, Learner, Method, Policy, Source, Window, given
from agir.core.spaces import Key, flat_size, flatten
from agir.data.windows import window_horizon
from agir.generators.heads import tempered
from agir.objectives.masked import held, masked_mean
from agir.runtime.executors import Receding
from agir.training.fit import FitCodec
from agir.training.sources import Windows
from agir.training.state import Trained, warm_cosine


class CodePrior(Method):
    codec: Codec | Learner = given(Codec, default=FitCodec(), about="what an action chunk is")
    history: int = 1  # observations that the prior sees
    width: int = 256  # of the prior's two hidden layers
    temperature: float = 1.0  # of the codes drawn at acting; towards 0: the likeliest one
    rate: float = 1e-3  # of Adam, with a short warm-up and a cosine to 0
    learns_from: Source = Windows(batch=128)
    updates: int = 3000

    @property
    def horizon(self) -> int:
        """The window's: the codec's chunk begins at the last observation."""
        return window_horizon(self.history, self.codec.horizon)

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(warm_cosine(self.rate, 100, self.updates))

    def init(self, key: Key) -> Trained:
        size = self.history * flat_size(self.spec.observation)
        prior = eqx.nn.MLP(size, self.codec.codes, self.width, 2, jax.nn.gelu, key=key)
        return Trained.begin(prior, self.optimiser())

    def update(self, state: Trained, batch: Window, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, metrics = state.descend(lambda prior: self.loss(prior, batch), self.optimiser())
        return state, {"loss": loss} | metrics

    def validate(self, state: Trained, batch: Window, key: Key) -> dict:
        loss, metrics = self.loss(state.model, batch)
        return {"loss": loss} | metrics

    def loss(self, prior: eqx.nn.MLP, batch: Window) -> tuple[Float[Array, ""], dict]:
        """Mean negative log-likelihood of the codes of the chunks, and the share it gets right.

        A chunk that reaches behind its episode's end goes on with the last action: plans begin at such places too, so they are learnt.
        """
        chunks = jax.vmap(held)(batch.action[:, self.history - 1 :], batch.mask[:, self.history - 1 :])
        codes = jax.vmap(lambda chunk: self.codec.encode(chunk.reshape(self.codec.horizon, -1)))(chunks)
        known = batch.mask[:, self.history - 1]  # that the chunk's first action was recorded
        logits = jax.vmap(lambda seen: prior(context(self.spec, seen)))(batch.observation)
        likely = jnp.take_along_axis(jax.nn.log_softmax(logits), codes[:, None], 1)[:, 0]
        right = (jnp.argmax(logits, 1) == codes).astype(jnp.float32)
        return -masked_mean(likely, known), {"accuracy": masked_mean(right, known)}

    def policy(self, state: Trained) -> Policy:
        planner = CodePlanner(self.spec, state.model, self.codec, jnp.asarray(self.temperature, jnp.float32), self.history)
        return Receding(self.spec, planner, self.history, self.codec.horizon)


def context(spec: Any, observations: Any) -> Float[Array, "size"]:
    """A history of observations as one vector."""
    return jax.vmap(lambda seen: flatten(spec.observation, seen))(observations).ravel()


class CodePlanner(Policy):
    """Draws a code and decodes it; sees [history, ...] and gives a chunk [history - 1 + horizon, ...]."""

    prior: eqx.nn.MLP
    codec: Codec
    temperature: Float[Array, ""]
    history: int = eqx.field(static=True)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        logits = tempered(self.prior(context(self.spec, observation)), self.temperature)
        chunk = self.codec.decode(jax.random.categorical(key, logits)).reshape(self.codec.horizon, *self.spec.action.shape)
        past = jnp.zeros((self.history - 1, *self.spec.action.shape), jnp.float32)
        return Act(jnp.concatenate([past, chunk]), memory, {"passes": jnp.int32(1)})
