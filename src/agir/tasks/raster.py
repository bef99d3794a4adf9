"""Flat figures through a calibrated camera to an image, compiled: what any 2-D task can be seen as.

A figure is a rounded box (`agir.tasks.contact`): a disc, a box, or a stroke (a box of half sides length / 2 and 0, rounded). It
lies at some height above the table. Figures are painted in their order; an edge is as soft as a pixel is wide.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from agir.tasks.cameras import Camera, as_bytes, pixel_width, planes


class Figure(NamedTuple):
    """Where and what. All in m and rad; `kind` says what it is to the task, and `agir.core.nouns.Task.scene` knows it as its role."""

    kind: str
    centre: Any  # float32 [2]
    half: Any = (0.0, 0.0)
    radius: Any = 0.0
    angle: Any = 0.0
    height: Any = 0.0


def stroke(kind: str, start: Any, end: Any, radius: Any, height: Any = 0.0) -> Figure:
    """A straight line with round ends."""
    start, along = jnp.asarray(start, jnp.float32), jnp.asarray(end, jnp.float32) - jnp.asarray(start, jnp.float32)
    long = jnp.sqrt((along**2).sum() + 1e-12)
    half = jnp.stack([long / 2, jnp.zeros(())])
    return Figure(kind, start + along / 2, half, radius, jnp.arctan2(along[1], along[0] + 1e-12), height)


COLOURS = {  # of the kinds
    "ground": (0.72, 0.72, 0.66),
    "goal": (0.35, 0.75, 0.4),
    "wall": (0.35, 0.35, 0.4),
    "distractor": (0.85, 0.65, 0.3),
    "object": (0.25, 0.4, 0.85),
    "hand": (0.85, 0.25, 0.25),
    "skin": (0.8, 0.55, 0.45),
}


class Figures(NamedTuple):
    """Figures as arrays, one row each."""

    centre: Float[Array, "figures 2"]
    half: Float[Array, "figures 2"]
    radius: Float[Array, "figures"]
    angle: Float[Array, "figures"]
    height: Float[Array, "figures"]

    @classmethod
    def of(cls, figures: list[Figure]) -> "Figures":
        column = lambda name: jnp.stack([jnp.asarray(getattr(figure, name), jnp.float32) for figure in figures])
        return cls(*(column(name) for name in cls._fields))


def paint(
    figures: Figures, colours: Float[Array, "figures 3"], camera: Camera, ground: Float[Array, "size size 3"]
) -> UInt8[Array, "size size 3"]:
    """The image of figures on a background, both with colours in [0, 1]."""
    size = ground.shape[0]
    first, slope = planes(camera, size)
    width = pixel_width(first)

    def one(image, row):
        (centre, half, radius, angle, height), colour = row
        place = first + height * slope - centre[None, None]
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        x, y = cos * place[..., 0] + sin * place[..., 1], cos * place[..., 1] - sin * place[..., 0]
        beyond = jnp.abs(x) - half[0], jnp.abs(y) - half[1]
        outside = jnp.sqrt(jnp.maximum(beyond[0], 0.0) ** 2 + jnp.maximum(beyond[1], 0.0) ** 2)
        distance = outside + jnp.minimum(jnp.maximum(*beyond), 0.0) - radius
        cover = jnp.clip(0.5 - distance / width, 0.0, 1.0)[..., None]
        return image + cover * (colour[None, None] - image), None

    return as_bytes(jax.lax.scan(one, ground, (figures, colours))[0])


def picture(figures: list[Figure], camera: Camera, size: int, tint: Any = None, ground: Any = None) -> UInt8[Array, "size size 3"]:
    """The figures in the colours of their kinds, times `tint` [3], on an even light grey or on `ground` [size, size, 3]."""
    colours = jnp.array([COLOURS[figure.kind] for figure in figures], jnp.float32)
    colours = colours if tint is None else jnp.clip(colours * tint[None], 0.0, 1.0)
    return paint(Figures.of(figures), colours, camera, jnp.full((size, size, 3), 0.85) if ground is None else ground)


ROLES = {"hand": "agent", "wall": "obstacle", "distractor": "obstacle"}  # kinds that a drawing calls otherwise


def drawing(figures: list[Figure]) -> list[dict]:
    """The same figures (with NumPy's numbers) as shapes of `Task.shapes`: discs as circles, thin ones as lines, the rest as polygons."""
    shapes = []
    for figure in figures:
        (x, y), (long, wide), role = np.float64(figure.centre), np.float64(figure.half), ROLES.get(figure.kind, figure.kind)
        radius, angle = float(figure.radius), float(figure.angle)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        spread = lambda corners: (np.array(corners) @ turn + [x, y]).tolist()
        if max(long, wide) == 0:
            shapes.append({"kind": "circle", "points": [[float(x), float(y)]], "radius": radius, "role": role})
        elif wide == 0:
            shapes.append({"kind": "line", "points": spread([[-long, 0], [long, 0]]), "width": 2 * radius, "role": role})
        else:
            corners = [[-long, -wide], [long, -wide], [long, wide], [-long, wide]]
            shapes.append({"kind": "polygon", "points": spread(corners), "width": 2 * radius, "role": role})
    return shapes
