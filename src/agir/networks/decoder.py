"""From a vector back to observations: numbers by two layers, images by convolutions that double their size."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from agir.core.spaces import Key, Space
from agir.networks.encoder import images_in, number_count
from agir.networks.layers import Conv2d, Linear, grown

SIDE = 16  # of an image that is decoded


class Picture(eqx.Module):
    """[size] -> [SIDE, SIDE, channels]: 4 x 4 places, doubled twice."""

    begin: Linear
    convolutions: list[Conv2d]

    def __call__(self, x: Float[Array, " size"]) -> Float[Array, "side side channels"]:
        x = self.begin(x).reshape(4, 4, -1)
        for convolution in self.convolutions[:-1]:
            x = jax.nn.relu(convolution(jnp.repeat(jnp.repeat(x, 2, 0), 2, 1)))
        return self.convolutions[-1](x)


class StateDecoder(eqx.Module):
    """`decoder(vector [size])` -> the numbers of `history` observations, and an image of each view, the last one seen."""

    hidden: Linear
    numbers: Linear
    images: dict[str, Picture]
    history: int = eqx.field(static=True)

    @classmethod
    def create(cls, space: Space, history: int, size: int, key: Key, width: int = 128) -> "StateDecoder":
        def build(draw: Any) -> StateDecoder:
            picture = lambda channels: Picture(
                Linear(width, 4 * 4 * 32, draw), [Conv2d(32, 32, 3, draw), Conv2d(32, 16, 3, draw), Conv2d(16, channels, 3, draw)]
            )
            images = {path: picture(box.shape[2]) for path, box in sorted(images_in(space).items())}
            return cls(Linear(size, width, draw), Linear(width, history * number_count(space), draw), images, history)

        return grown(build, key)

    def __call__(
        self, vector: Float[Array, " size"]
    ) -> tuple[Float[Array, "history numbers"], dict[str, Float[Array, "side side channels"]]]:
        x = jax.nn.relu(self.hidden(vector))
        return self.numbers(x).reshape(self.history, -1), {path: picture(x) for path, picture in self.images.items()}


def small(image: UInt8[Array, "height width channels"]) -> Float[Array, "side side channels"]:
    """What `StateDecoder` is to give for an image: SIDE x SIDE, from -1 to 1."""
    plain = image.astype(jnp.float32) * (2 / 255) - 1
    return jax.image.resize(plain, (SIDE, SIDE, image.shape[2]), "linear")
