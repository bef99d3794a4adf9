"""Observations of any space as features: numbers as they are, choices as one-hot, images through a network."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from agir.core.spaces import Box, Dict, Key, Space, flat_size, flatten
from agir.networks.resnet import ResNet, most_stages


class Encoder(eqx.Module):
    """`encoder(observation [history, ...]) -> [history, features]`; an image has its own ResNet, shared by the history."""

    images: dict[str, ResNet]
    space: Space = eqx.field(static=True)
    crop: int = eqx.field(static=True)  # per cent of an image's side that is looked at

    @classmethod
    def create(cls, space: Space, key: Key, *, crop: int = 90, width: int = 32, depth: int = 3, features: int = 64) -> "Encoder":
        """`width`, `depth` (less where an image is small) and `features` are the ResNet's; raises BadSetting on an image under 8 pixels."""
        found = sorted(images_in(space).items())
        keys = jax.random.split(key, max(len(found), 1))
        cut = lambda box: (*(side * crop // 100 for side in box.shape[:2]), box.shape[2])
        stages = lambda image: max(1, min(depth, most_stages(image)))
        nets = {
            path: ResNet.create(image, k, width, stages(image), features=features)
            for (path, image), k in zip(((path, cut(box)) for path, box in found), keys)
        }
        return cls(nets, space, crop)

    @property
    def features(self) -> int:
        return number_count(self.space) + sum(net.out.weight.shape[1] for net in self.images.values())

    def __call__(self, observation: Any, key: Key | None = None, *, numbers: bool = True) -> Float[Array, "history features"]:
        """With a key, images are cut at a random place (augmentation, in training); without, in the middle.

        One place for the whole history, so that a cut never looks like motion. Without `numbers`, the images' features alone.
        """
        return jax.vmap(lambda one: self._one(self.space, one, "", key, numbers))(observation)

    def _one(self, space: Space, value: Any, path: str, key: Key | None, numbers: bool) -> Float[Array, " features"]:
        if isinstance(space, Dict):
            return jnp.concatenate([self._one(part, value[name], f"{path}/{name}", key, numbers) for name, part in space.parts])
        if path not in self.images:
            return flatten(space, value) if numbers else jnp.zeros(0)
        return self.images[path](cut_out(value, self.crop, key))


def images_in(space: Space, path: str = "") -> dict[str, Box]:
    """-> {path: box} of all images in a space."""
    if isinstance(space, Dict):
        return {at: box for name, part in space.parts for at, box in images_in(part, f"{path}/{name}").items()}
    return {path: space} if isinstance(space, Box) and space.image else {}


def value_at(observation: Any, path: str) -> Any:
    """The part of an observation that stands at a path of its space, "/camera/left", with the leading axes that the observation has.

    Paths are those that `images_in` and `parts_of` (networks/tokens.py) give; "" is all of it. Raises KeyError where nothing is.
    """
    for name in path.split("/")[1:]:
        observation = observation[name]
    return observation


def numbers_in(space: Space, value: Any) -> Float[Array, " size"]:
    """All of an observation but its images, as one vector (choices as one-hot)."""
    if isinstance(space, Dict):
        return jnp.concatenate([numbers_in(part, value[name]) for name, part in space.parts])
    return jnp.zeros(0) if images_in(space) else flatten(space, value)


def number_count(space: Space) -> int:
    """The length of `numbers_in`'s vector."""
    return flat_size(space) - sum(flat_size(box) for box in images_in(space).values())


def cut_out(image: UInt8[Array, "height width channels"], percent: int, key: Key | None) -> UInt8[Array, "rows columns channels"]:
    """`percent` of each side: at a random place with a key, in the middle without."""
    height, width, channels = image.shape
    rows, columns = height * percent // 100, width * percent // 100
    spare = jnp.array([height - rows, width - columns])
    corner = spare // 2 if key is None else jax.random.randint(key, (2,), 0, spare + 1)
    return jax.lax.dynamic_slice(image, (corner[0], corner[1], jnp.zeros((), corner.dtype)), (rows, columns, channels))
