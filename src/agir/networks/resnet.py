"""A small residual network for images, ending in the points that it looks at.

Diffusion Policy's two changes to a ResNet (section 3.2): group norm in place of batch norm (which an average of the weights would
break), and a spatial softmax in place of average pooling (Finn et al. 2016; robomimic's form, 32 points). Sized for a CPU: the
stem is 8 x 8 with stride 4, and one basic block a stage follows. The paper's ResNet-18 is stages of 64, 128, 256 and 512 channels
with two blocks each, at 76 to 84 pixels.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.networks.layers import Conv2d, Draw, GroupNorm, Linear, grown


class BasicBlock(eqx.Module):
    """Two 3 x 3 convolutions and a shortcut (He et al. 2015)."""

    first: Conv2d
    second: Conv2d
    norms: list[GroupNorm]
    shortcut: Conv2d | None

    def __init__(self, size: int, outputs: int, stride: int, draw: Draw):
        self.first, self.second = Conv2d(size, outputs, 3, draw, stride=stride), Conv2d(outputs, outputs, 3, draw)
        self.norms = [GroupNorm(outputs), GroupNorm(outputs)]
        self.shortcut = None if stride == 1 and size == outputs else Conv2d(size, outputs, 1, draw, stride=stride)

    def __call__(self, x: Float[Array, "height width size"]) -> Float[Array, "rows columns outputs"]:
        y = self.norms[1](self.second(jax.nn.relu(self.norms[0](self.first(x)))))
        return jax.nn.relu(y + (x if self.shortcut is None else self.shortcut(x)))


def spatial_softmax(x: Float[Array, "height width points"]) -> Float[Array, "twice"]:
    """The expected place (x, y), each from -1 to 1, of each channel's softmax over the image -> [2 * points], all x first."""
    height, width, points = x.shape
    weight = jax.nn.softmax(x.reshape(height * width, points), 0)
    across, down = jnp.meshgrid(jnp.linspace(-1.0, 1.0, width), jnp.linspace(-1.0, 1.0, height))
    return (jnp.stack([across.ravel(), down.ravel()]) @ weight).ravel()


def most_stages(image: tuple[int, int, int]) -> int:
    """How many stages an image [height, width, channels] allows: 2 x 2 places are left after the last."""
    return min(image[:2]).bit_length() - 3


class ResNet(eqx.Module):
    """`network(image uint8 [height, width, channels]) -> [features]`."""

    role = "image encoder"
    stem: Conv2d
    norm: GroupNorm
    stages: list[BasicBlock]
    points: Linear
    out: Linear

    @classmethod
    def create(
        cls, image: tuple[int, int, int], key: Key, width: int = 32, depth: int = 3, *, features: int = 64, points: int = 32
    ) -> "ResNet":
        """`depth` stages of width, 2 width, 4 width, ... channels; each after the first halves the image, the stem quarters it."""
        if depth > most_stages(image):
            raise BadSetting(f"An image of {image[0]} x {image[1]} is too small for {depth} stages: use at most {most_stages(image)}.")
        widths = [width * 2**stage for stage in range(depth)]
        build = lambda draw: cls(
            stem=Conv2d(image[2], width, 8, draw, stride=4),
            norm=GroupNorm(width),
            stages=[BasicBlock(max(width, w // 2), w, 1 if w == width else 2, draw) for w in widths],
            points=Linear(widths[-1], points, draw),
            out=Linear(2 * points, features, draw),
        )
        return grown(build, key)

    def __call__(self, image: UInt8[Array, "height width channels"]) -> Float[Array, " features"]:
        x = image.astype(jnp.float32) * (2 / 255) - 1
        x = jax.nn.relu(self.norm(self.stem(x)))
        for stage in self.stages:
            x = stage(x)
        return self.out(spatial_softmax(self.points(x)))
