"""Calibrated pinhole cameras: points in the world (m, z up) to pixels, and back from several views.

Pixels are counted from the image's upper left corner, u to the right and v down, so that the first pixel's middle is (0.5, 0.5).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Camera(NamedTuple):
    eye: Float[Array, "3"]
    turn: Float[Array, "3 3"]  # rows: to the right, down and ahead, as seen by the camera
    focal: Float[Array, ""]  # in image widths: 1 is a field of view of 53 degrees


def look_at(eye: Any, target: Any, focal: Any = 1.0, roll: Any = 0.0) -> Camera:
    """A camera at `eye` whose middle is `target`; upright, or looking straight down with y up; then turned by `roll` (rad)."""
    eye, target = jnp.asarray(eye, jnp.float32), jnp.asarray(target, jnp.float32)
    ahead = target - eye
    ahead = ahead / jnp.sqrt((ahead**2).sum())
    steep = jnp.abs(ahead[2]) > 0.999
    up = jnp.where(steep, jnp.array([0.0, 1.0, 0.0]), jnp.array([0.0, 0.0, 1.0]))
    right = jnp.cross(ahead, up)
    right = right / jnp.sqrt((right**2).sum())
    down = jnp.cross(ahead, right)
    cos, sin = jnp.cos(jnp.asarray(roll, jnp.float32)), jnp.sin(jnp.asarray(roll, jnp.float32))
    return Camera(eye, jnp.stack([cos * right + sin * down, cos * down - sin * right, ahead]), jnp.asarray(focal, jnp.float32))


def project(camera: Camera, points: Float[Array, "points 3"], size: int) -> Float[Array, "points 2"]:
    """World points in front of the camera -> pixels of an image of `size` x `size`."""
    seen = (points - camera.eye[None]) @ camera.turn.T
    return size * (camera.focal * seen[:, :2] / seen[:, 2:] + 0.5)


def rays(camera: Camera, pixels: Float[Array, "points 2"], size: int) -> Float[Array, "points 3"]:
    """The directions (not of length 1) in which pixels look."""
    beside = (pixels / size - 0.5) / camera.focal
    return jnp.concatenate([beside, jnp.ones((len(pixels), 1))], 1) @ camera.turn


def triangulate(cameras: list[Camera], pixels: Float[Array, "views 2"], size: int) -> Float[Array, "3"]:
    """The world point nearest (in the mean square) to the rays of one pixel in each of two or more views."""
    total, middle = jnp.zeros((3, 3)), jnp.zeros(3)
    for camera, pixel in zip(cameras, pixels):
        ray = rays(camera, pixel[None], size)[0]
        across = jnp.eye(3) - jnp.outer(ray, ray) / (ray @ ray)
        total, middle = total + across, middle + across @ camera.eye
    return jnp.linalg.solve(total, middle)


def planes(camera: Camera, size: int) -> tuple[Float[Array, "size size 2"], Float[Array, "size size 2"]]:
    """Where each pixel's ray (row v, column u) meets the plane z = h: x, y = first + h * second. The camera must look down on it all."""
    middles = jnp.arange(size, dtype=jnp.float32) + 0.5
    u, v = jnp.meshgrid(middles, middles)
    ray = rays(camera, jnp.stack([u.ravel(), v.ravel()], 1), size).reshape(size, size, 3)
    slope = ray[..., :2] / ray[..., 2:]
    return camera.eye[None, None, :2] - camera.eye[2] * slope, slope


def jittered(eye: Any, target: Any, focal: Any, amount: Any, draw: Float[Array, "6"]) -> Camera:
    """A camera moved by up to 0.15 m, aimed up to 0.05 m aside and rolled by up to 0.3 rad, times `amount`; `draw` lies in [-1, 1]."""
    eye, target = jnp.asarray(eye, jnp.float32), jnp.asarray(target, jnp.float32)
    aside = jnp.append(draw[3:5], jnp.zeros(1))
    return look_at(eye + 0.15 * amount * draw[:3], target + 0.05 * amount * aside, focal, 0.3 * amount * draw[5])


def pixel_width(first: Float[Array, "size size 2"]) -> Float[Array, "size size"]:
    """How far (m) neighbouring pixels of a plane lie from each other, as the root of the area that a pixel covers."""
    down, across = (jnp.gradient(first, axis=axis) for axis in (0, 1))
    return jnp.sqrt(jnp.abs(down[..., 0] * across[..., 1] - down[..., 1] * across[..., 0]))


def texture(places: Float[Array, "size size 2"], draw: Float[Array, "8"], amount: Any) -> Float[Array, "size size 3"]:
    """A background of two waves of colour over the plane, in [0, 1]; `amount` 0 is an even light grey. `draw` lies in [-1, 1]."""
    waves = 12.0 * draw[:4].reshape(2, 2)
    phases = jnp.pi * draw[None, None, 4:6]
    light = jnp.sin(places @ waves.T + phases)
    tint = jnp.stack([draw[5:8], jnp.roll(draw[5:8], 1)])
    base = 0.85 - 0.25 * amount * jnp.abs(draw[6:7])
    return jnp.clip(base[None, None] + 0.15 * amount * (light @ tint), 0.0, 1.0)


def as_bytes(image: Float[Array, "height width 3"]) -> Any:
    return jnp.round(255.0 * jnp.clip(image, 0.0, 1.0)).astype(jax.numpy.uint8)
