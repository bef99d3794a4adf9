"""Multilayer perceptrons: the plain one, and the one that denoises a chunk."""

from collections.abc import Callable

import equinox as eqx
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


class FilmLayer(eqx.Module):
    """x + Mish(scale * (x W + b) + shift), scale and shift from the time (FiLM)."""

    inside: Linear
    film: Linear

    def __init__(self, width: int, embedding: int, draw: Draw):
        self.inside, self.film = Linear(width, width, draw), Linear(embedding, 2 * width, draw)

    def __call__(self, x: Float[Array, " width"], time: Float[Array, " embedding"]) -> Float[Array, " width"]:
        scale, shift = jnp.split(self.film(time), 2)
        return x + mish(self.inside(x) * (1 + scale) + shift)


class DenoisingMLP(eqx.Module):
    """`network(chunk [horizon, size], times [times], context [history, features]) -> [horizon, size]`: all in one vector.

    The time scales and shifts every layer, and scales what of the noisy chunk goes straight to the output: much noise is then
    predicted by the chunk itself. (On handwriting, 4000 updates: success 0.89, against 0.00 for a plain MLP of the same cost and
    0.02 with residuals alone, at nearly the same loss: what matters is the precision where there is most noise.)
    """

    role = "denoiser"
    time: TimeEmbedding
    first: Linear
    layers: list[FilmLayer]
    last: Linear
    straight: Linear

    @classmethod
    def create(
        cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 256, depth: int = 3, *, times: int = 1
    ) -> "DenoisingMLP":
        """`chunk` is (horizon, size), `context` (history, features)."""
        size, embedding = chunk[0] * chunk[1], 32
        build = lambda draw: cls(
            time=TimeEmbedding(embedding, draw, times),
            first=Linear(size + context[0] * context[1], width, draw),
            layers=[FilmLayer(width, embedding, draw) for _ in range(depth)],
            last=Linear(width, size, draw),
            straight=Linear(embedding, size, draw),
        )
        return grown(build, key)

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        time = mish(self.time(times))
        x = self.first(jnp.concatenate([chunk.ravel(), context.ravel()]))
        for layer in self.layers:
            x = layer(x, time)
        return (self.last(x) + self.straight(time) * chunk.ravel()).reshape(chunk.shape)
