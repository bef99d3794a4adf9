"""Heads: what a network's numbers mean as a distribution over the values of an action space.

A head has no parameters. It reads numbers [size, *batch], features FIRST, so that the same lines serve one item [size] and a
minibatch in columns [size, batch], where sums over the few features are sums of long rows (on a CPU several times faster than
rows of two). Actions stand in columns too (`columns`).
"""

import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSpec
from agir.core.spaces import Box, Discrete, Key, MultiBinary, MultiDiscrete, Space, outline

LOG_2_PI = math.log(2 * math.pi)


class Head(eqx.Module):
    """`size` numbers -> a distribution. All results over a batch are [*batch]."""

    @property
    def size(self) -> int:
        raise NotImplementedError

    def sample(self, numbers: Float[Array, "size"], key: Key) -> Any:
        """-> one action, as the space has it."""
        raise NotImplementedError

    def mode(self, numbers: Float[Array, "size"]) -> Any:
        """-> the likeliest action, as the space has it."""
        raise NotImplementedError

    def log_prob(self, numbers: Float[Array, "size *batch"], action: Any) -> Float[Array, "*batch"]:
        """`action` in columns, as `columns` gives it."""
        raise NotImplementedError

    def entropy(self, numbers: Float[Array, "size *batch"]) -> Float[Array, "*batch"]:
        raise NotImplementedError

    def columns(self, action: Any) -> Any:
        """Actions [*batch, ...] -> [features, *batch], flat."""
        raise NotImplementedError


class Categorical(Head):
    """One choice or several independent ones; the numbers are logits, one choice's after the other's."""

    counts: tuple[int, ...] = eqx.field(static=True)
    single: bool = eqx.field(static=True, default=True)  # the action is [], not [choices]

    @property
    def size(self) -> int:
        return sum(self.counts)

    def split(self, numbers: Float[Array, "size *batch"]) -> list[Float[Array, "count *batch"]]:
        ends = list(itertools.accumulate(self.counts))
        return [numbers[end - count : end] for end, count in zip(ends, self.counts)]

    def _join(self, choices: list) -> Int[Array, "*choices"]:
        return (choices[0] if self.single else jnp.stack(choices)).astype(jnp.int32)

    def sample(self, numbers: Float[Array, "size"], key: Key) -> Int[Array, "*choices"]:
        noisy = numbers + jax.random.gumbel(key, numbers.shape)
        return self._join([logits.argmax(0) for logits in self.split(noisy)])

    def mode(self, numbers: Float[Array, "size"]) -> Int[Array, "*choices"]:
        return self._join([logits.argmax(0) for logits in self.split(numbers)])

    def log_prob(self, numbers: Float[Array, "size *batch"], action: Int[Array, "choices *batch"]) -> Float[Array, "*batch"]:
        return sum(chosen(jax.nn.log_softmax(logits, 0), action[i]) for i, logits in enumerate(self.split(numbers)))

    def entropy(self, numbers: Float[Array, "size *batch"]) -> Float[Array, "*batch"]:
        logs = [jax.nn.log_softmax(logits, 0) for logits in self.split(numbers)]
        return sum(-(jnp.exp(log) * log).sum(0) for log in logs)

    def columns(self, action: Int[Array, "*batch_and_choices"]) -> Int[Array, "choices *batch"]:
        return action[None] if self.single else jnp.moveaxis(action, -1, 0)


def chosen(log_probs: Float[Array, "count *batch"], choice: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
    """A masked sum, because the gradient of an index is a slow scatter."""
    index = jnp.arange(log_probs.shape[0]).reshape(-1, *(1,) * choice.ndim)
    return jnp.where(index == choice[None], log_probs, 0.0).sum(0)


def tempered(logits: Float[Array, "*lead count"], temperature: Any) -> Float[Array, "*lead count"]:
    """Logits of a draw at a temperature: 1 draws as was learnt, 0 the likeliest (the temperature is kept at 1e-6 or above)."""
    return logits / jnp.maximum(jnp.asarray(temperature, jnp.float32), 1e-6)


class Bernoulli(Head):
    """Independent bits; the numbers are logits of 1."""

    count: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        return self.count

    def sample(self, numbers: Float[Array, "size"], key: Key) -> Int[Array, "size"]:
        return (jax.random.logistic(key, numbers.shape) < numbers).astype(jnp.int32)

    def mode(self, numbers: Float[Array, "size"]) -> Int[Array, "size"]:
        return (numbers > 0).astype(jnp.int32)

    def log_prob(self, numbers: Float[Array, "size *batch"], action: Int[Array, "size *batch"]) -> Float[Array, "*batch"]:
        return jax.nn.log_sigmoid(jnp.where(action == 1, numbers, -numbers)).sum(0)

    def entropy(self, numbers: Float[Array, "size *batch"]) -> Float[Array, "*batch"]:
        one = jax.nn.sigmoid(numbers)
        return -(one * jax.nn.log_sigmoid(numbers) + (1.0 - one) * jax.nn.log_sigmoid(-numbers)).sum(0)

    def columns(self, action: Int[Array, "*batch size"]) -> Int[Array, "size *batch"]:
        return jnp.moveaxis(action, -1, 0)


class DiagonalGaussian(Head):
    """A Gaussian in each entry of a box: first all means, then all logarithms of deviations. Not bounded: whoever acts clips."""

    shape: tuple[int, ...] = eqx.field(static=True)

    @property
    def size(self) -> int:
        return 2 * math.prod(self.shape)

    def sample(self, numbers: Float[Array, "size"], key: Key) -> Float[Array, "*shape"]:
        mean, log_deviation = jnp.split(numbers, 2)
        return (mean + jnp.exp(log_deviation) * jax.random.normal(key, mean.shape)).reshape(self.shape)

    def mode(self, numbers: Float[Array, "size"]) -> Float[Array, "*shape"]:
        return jnp.split(numbers, 2)[0].reshape(self.shape)

    def log_prob(self, numbers: Float[Array, "size *batch"], action: Float[Array, "entries *batch"]) -> Float[Array, "*batch"]:
        mean, log_deviation = jnp.split(numbers, 2)
        distance = (action - mean) * jnp.exp(-log_deviation)
        return -(0.5 * distance**2 + log_deviation + 0.5 * LOG_2_PI).sum(0)

    def entropy(self, numbers: Float[Array, "size *batch"]) -> Float[Array, "*batch"]:
        return (jnp.split(numbers, 2)[1] + 0.5 * (1.0 + LOG_2_PI)).sum(0)

    def columns(self, action: Float[Array, "*batch_and_shape"]) -> Float[Array, "entries *batch"]:
        batch = action.shape[: action.ndim - len(self.shape)]
        return jnp.moveaxis(action.reshape(*batch, -1), -1, 0)


def head_of(space: Space) -> Head:
    """The head of an action space; raises BadSpec where there is none (images, dicts)."""
    match space:
        case Discrete():
            return Categorical((space.count,))
        case MultiDiscrete():
            return Categorical(space.counts, single=False)
        case MultiBinary():
            return Bernoulli(space.count)
        case Box(dtype="float32"):
            return DiagonalGaussian(space.shape)
    raise BadSpec(f"No distribution is known over {outline(space)} actions: use Discrete, MultiDiscrete, MultiBinary or a float Box.")
