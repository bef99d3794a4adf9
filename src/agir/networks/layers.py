"""The layers that every network here is built of; each acts on one item, with channels last.

Weights are stored [in, out] and used as `x @ weight`: with a vmap over items (and a history or a horizon) that is still ONE matrix
product, without a transpose. A convolution is one product too, of patches: measured on a CPU, `lax.conv` inside a compiled loop is
10 to 20 times slower than the same convolution written so.

Constructors take a `Draw`, and `grown(build, key)` makes it: all weights of a network come from one call of the generator. With a
call for each layer, compiling the drawing took longer than compiling the training (a U-Net: 10 s).
"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.spaces import Key


def mish(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """x * tanh(log(1 + e^x)) (Misra 2019), with one exponential: tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2)."""
    e = jnp.exp(jnp.minimum(x, 20.0))
    n = e * (e + 2.0)
    return x * (n / (n + 2.0))


ACTIVATIONS: dict[str, Callable] = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "elu": jax.nn.elu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "mish": mish,
}


def activation_named(name: str) -> Callable:
    """Raises BadSetting on an unknown name."""
    if name not in ACTIVATIONS:
        raise BadSetting(f"There is no activation called '{name}'. Known: {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]


class Draw:
    """Hands out pieces of one vector of numbers uniform in (-1, 1), in the order in which they are asked for."""

    def __init__(self, numbers: Float[Array, " count"] | None = None):
        self.numbers, self.used = numbers, 0  # without numbers it only counts

    def uniform(self, shape: tuple[int, ...], bound: float) -> Float[Array, "..."]:
        """Uniform within -bound and bound."""
        return bound * self._take(shape)

    def normal(self, shape: tuple[int, ...], deviation: float) -> Float[Array, "..."]:
        """Normal with mean 0."""
        return deviation * math.sqrt(2) * jax.lax.erf_inv(self._take(shape))

    def _take(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        begin, self.used = self.used, self.used + math.prod(shape)
        return jnp.zeros(shape) if self.numbers is None else self.numbers[begin : self.used].reshape(shape)


def grown(build: Callable[[Draw], Any], key: Key) -> Any:
    """`build(draw)` with all that it draws drawn at once."""
    counter = Draw()
    eqx.filter_eval_shape(lambda: build(counter))
    above = float(np.nextafter(np.float32(-1), np.float32(0)))  # -1 itself has no normal number
    return build(Draw(jax.random.uniform(key, (counter.used,), minval=above, maxval=1.0)))


class Linear(eqx.Module):
    """x @ weight + bias; starts uniform within `bound`, or normal with `deviation` and a bias of 0."""

    weight: Float[Array, "size outputs"]
    bias: Float[Array, " outputs"] | None

    def __init__(
        self, size: int, outputs: int, draw: Draw, *, bias: bool = True, bound: float | None = None, deviation: float | None = None
    ):
        """`bound` is 1 / sqrt(size) if nothing is said, as PyTorch's."""
        if deviation is not None:
            self.weight, self.bias = draw.normal((size, outputs), deviation), jnp.zeros(outputs) if bias else None
            return
        bound = 1 / math.sqrt(max(size, 1)) if bound is None else bound
        self.weight = draw.uniform((size, outputs), bound)
        self.bias = draw.uniform((outputs,), bound) if bias else None

    def __call__(self, x: Float[Array, "*lead size"]) -> Float[Array, "*lead outputs"]:
        y = x @ self.weight
        return y if self.bias is None else y + lift(self.bias, y)


def lift(vector: Any, like: Any) -> Any:
    """`vector` [channels] with axes of one in front, to stand beside `like` [..., channels]."""
    return vector.reshape((1,) * (like.ndim - 1) + vector.shape)


class LayerNorm(eqx.Module):
    """Mean 0 and deviation 1 over the channels of each position, then a scale and a shift."""

    scale: Float[Array, " channels"]
    shift: Float[Array, " channels"]

    def __init__(self, channels: int):
        self.scale, self.shift = jnp.ones(channels), jnp.zeros(channels)

    def __call__(self, x: Float[Array, "*lead channels"]) -> Float[Array, "*lead channels"]:
        mean = x.mean(-1, keepdims=True)
        x = x - mean
        variance = (x * x).mean(-1, keepdims=True)
        return x * jax.lax.rsqrt(variance + 1e-5) * lift(self.scale, x) + lift(self.shift, x)


class GroupNorm(eqx.Module):
    """Mean 0 and deviation 1 over all positions and the channels of one group (Wu & He 2018), then a scale and a shift."""

    scale: Float[Array, " channels"]
    shift: Float[Array, " channels"]
    groups: int = eqx.field(static=True)

    def __init__(self, channels: int, groups: int = 8):
        self.groups = math.gcd(groups, channels)
        self.scale, self.shift = jnp.ones(channels), jnp.zeros(channels)

    def __call__(self, x: Float[Array, "*positions channels"]) -> Float[Array, "*positions channels"]:
        positions, channels = math.prod(x.shape[:-1]), x.shape[-1]
        over = 1.0 / (positions * (channels // self.groups))
        flat = x.reshape(positions, channels)
        mean = self._each_group(flat.sum(0)) * over
        centred = flat - mean[None]
        variance = self._each_group((centred * centred).sum(0)) * over
        scale = jax.lax.rsqrt(variance + 1e-5) * self.scale
        return (centred * scale[None] + self.shift[None]).reshape(x.shape)

    def _each_group(self, x: Float[Array, " channels"]) -> Float[Array, " channels"]:
        """The sum over each channel's group, at every channel of it."""
        grouped = x.reshape(self.groups, -1)
        return jnp.broadcast_to(grouped.sum(-1, keepdims=True), grouped.shape).reshape(x.shape)


class Conv1d(eqx.Module):
    """A convolution over time [time, size] -> [time / stride, outputs], padded by (kernel - 1) // 2 at both ends: one matrix product."""

    weight: Float[Array, "kernel size outputs"]
    bias: Float[Array, " outputs"]
    stride: int = eqx.field(static=True)

    def __init__(self, size: int, outputs: int, kernel: int, draw: Draw, *, stride: int = 1):
        bound = 1 / math.sqrt(size * kernel)
        self.weight, self.bias = draw.uniform((kernel, size, outputs), bound), draw.uniform((outputs,), bound)
        self.stride = stride

    def __call__(self, x: Float[Array, "time size"]) -> Float[Array, "steps outputs"]:
        kernel, size, outputs = self.weight.shape
        reach, steps = (kernel - 1) // 2, -(-x.shape[0] // self.stride)
        padded = jnp.pad(x, ((reach, kernel - 1 - reach), (0, 0)))
        columns = [padded[i : i + (steps - 1) * self.stride + 1 : self.stride] for i in range(kernel)]
        patches = jnp.concatenate(columns, -1) if kernel > 1 else columns[0]
        return patches @ self.weight.reshape(kernel * size, outputs) + self.bias[None]


class ConvTranspose1d(eqx.Module):
    """Twice as many steps: PyTorch's ConvTranspose1d(kernel 4, stride 2, padding 1), as a product for each parity.

    y[2 i] = x[i - 1] W[3] + x[i] W[1],    y[2 i + 1] = x[i] W[2] + x[i + 1] W[0]

    The weights stand as the products want them, so that no call has to put them together.
    """

    even: Float[Array, "pair outputs"]  # W[3] above W[1]
    odd: Float[Array, "pair outputs"]  # W[2] above W[0]
    bias: Float[Array, " outputs"]

    def __init__(self, size: int, outputs: int, draw: Draw):
        bound = 1 / math.sqrt(outputs * 4)
        weight, self.bias = draw.uniform((4, size, outputs), bound), draw.uniform((outputs,), bound)
        self.even, self.odd = (jnp.concatenate([weight[late], weight[early]]) for late, early in ((3, 1), (2, 0)))

    def __call__(self, x: Float[Array, "time size"]) -> Float[Array, "twice outputs"]:
        time = x.shape[0]
        padded = jnp.pad(x, ((1, 1), (0, 0)))
        even = jnp.concatenate([padded[:time], x], -1) @ self.even
        odd = jnp.concatenate([x, padded[2:]], -1) @ self.odd
        return jnp.stack([even, odd], 1).reshape(2 * time, -1) + self.bias[None]


class Conv2d(eqx.Module):
    """A convolution over an image [height, width, size], "same" padding: one product of patches."""

    weight: Float[Array, "kernel kernel size outputs"]
    stride: int = eqx.field(static=True)

    def __init__(self, size: int, outputs: int, kernel: int, draw: Draw, *, stride: int = 1):
        deviation = math.sqrt(2 / (outputs * kernel * kernel))  # He et al. 2015, fan out, as torchvision's ResNets
        self.weight = draw.normal((kernel, kernel, size, outputs), deviation)
        self.stride = stride

    def __call__(self, x: Float[Array, "height width size"]) -> Float[Array, "rows columns outputs"]:
        kernel, _, size, outputs = self.weight.shape
        reach, stride = kernel // 2, self.stride
        rows, columns = -(-x.shape[0] // stride), -(-x.shape[1] // stride)
        padded = jnp.pad(x, ((reach, reach), (reach, reach), (0, 0)))  # the last of these are never reached with an even kernel
        if stride > 1 and kernel % stride == 0:
            return self._in_blocks(padded, rows, columns)
        down = [slice(i, i + (rows - 1) * stride + 1, stride) for i in range(kernel)]
        across = [slice(j, j + (columns - 1) * stride + 1, stride) for j in range(kernel)]
        patches = jnp.concatenate([padded[i, j] for i in down for j in across], -1)
        return patches @ self.weight.reshape(kernel * kernel * size, outputs)

    def _in_blocks(self, padded: Float[Array, "height width size"], rows: int, columns: int) -> Float[Array, "rows columns outputs"]:
        """The same where the stride divides the kernel: `stride` x `stride` pixels become one place with as many more channels.

        A patch is then a few neighbouring places: 4 pieces instead of 64 for a kernel of 8 and a stride of 4.
        """
        kernel, _, size, outputs = self.weight.shape
        stride, times = self.stride, kernel // self.stride
        high, wide = rows + times - 1, columns + times - 1
        blocks = padded[: high * stride, : wide * stride].reshape(high, stride, wide, stride, size)
        blocks = blocks.transpose(0, 2, 1, 3, 4).reshape(high, wide, stride * stride * size)
        patches = [blocks[i : i + rows, j : j + columns] for i in range(times) for j in range(times)]
        weight = self.weight.reshape(times, stride, times, stride, size, outputs).transpose(0, 2, 1, 3, 4, 5)
        return jnp.concatenate(patches, -1) @ weight.reshape(kernel * kernel * size, outputs)
