"""Multilayer perceptrons: the plain one, and the one that denoises a chunk."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.networks.layers import Draw, LayerNorm, Linear, activation_named, grown, mish
from agir.networks.positional import sinusoidal


class MLP(eqx.Module):
    """`depth` hidden layers of `width`, then a linear one; acts on [..., size] -> [..., outputs]."""

    layers: list[Linear]
    norms: list[LayerNorm] | None  # one before each activation
    activation: Callable = eqx.field(static=True)

    def __init__(
        self,
        size: int,
        outputs: int,
        key: Key,
        *,
        width: int = 256,
        depth: int = 2,
        activation: str = "relu",
        layer_norm: bool = False,
    ):
        """Raises BadSetting on an unknown activation."""
        sizes = [size, *[width] * depth, outputs]
        self.layers = grown(lambda draw: [Linear(i, o, draw) for i, o in zip(sizes, sizes[1:])], key)
        self.norms = [LayerNorm(width) for _ in range(depth)] if layer_norm else None
        self.activation = activation_named(activation)

    def __call__(self, x: Float[Array, "*lead size"]) -> Float[Array, "*lead outputs"]:
        for i, layer in enumerate(self.layers[:-1]):
            x = layer(x)
            x = self.activation(x if self.norms is None else self.norms[i](x))
        return self.layers[-1](x)


class TimeEmbedding(eqx.Module):
    """Step numbers [times] as a vector: sinusoids, then two layers with Mish between (Diffusion Policy's)."""

    first: Linear
    second: Linear

    def __init__(self, size: int, draw: Draw, times: int = 1):
        self.first, self.second = Linear(times * size, 4 * size, draw), Linear(4 * size, size, draw)

    def __call__(self, times: Float[Array, " times"]) -> Float[Array, " size"]:
        return self.second(mish(self.first(sinusoidal(times, self.second.weight.shape[1]).ravel())))


class DenoisingMLP(eqx.Module):
    """`network(chunk [horizon, size], times [times], context [history, features]) -> [horizon, size]`: all in one vector."""

    role = "denoiser"
    time: TimeEmbedding
    body: MLP

    @classmethod
    def create(
        cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 256, depth: int = 3, *, times: int = 1
    ) -> "DenoisingMLP":
        """`chunk` is (horizon, size), `context` (history, features)."""
        keys = jax.random.split(key)
        embedding = 32
        size = chunk[0] * chunk[1]
        body = MLP(size + embedding + context[0] * context[1], size, keys[1], width=width, depth=depth, activation="mish")
        return cls(grown(lambda draw: TimeEmbedding(embedding, draw, times), keys[0]), body)

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        return self.body(jnp.concatenate([chunk.ravel(), self.time(times), context.ravel()])).reshape(chunk.shape)
