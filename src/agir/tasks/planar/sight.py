"""How planar is observed: a vector of the state, object tokens, images or keypoints in one or two calibrated views."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Box, Dict, Space
from agir.tasks.cameras import Camera, jittered, planes, project, texture
from agir.tasks.planar.scenes import Scene
from agir.tasks.planar.world import FINGER_M, HAND_M, Physics
from agir.tasks.raster import Figure, Figures, picture, stroke

MIDDLE = (0.0, 0.0, 0.0)
VIEWS = {"above": ((0.0, 0.0, 1.4), 1.2), "aside": ((0.8, -0.9, 1.1), 1.2)}  # where the eye is, and its focal length
KINDS = ("hand", "object", "goal", "distractor", "wall")  # of tokens
TOKEN = len(KINDS) + 8  # which of these it is; x, y, height (m); cosine and sine; half sides and radius (m)


def space(scene: Scene) -> Space:
    """What the observations are: see `agir.tasks.planar.task`."""
    of = scene.settings
    vector = lambda columns: Box(
        (sum(column.size for column in columns),),
        tuple(column.low for column in columns for _ in range(column.size)),
        tuple(column.high for column in columns for _ in range(column.size)),
    )
    if of.observe == "state":
        return vector(scene.columns)
    if of.observe == "tokens":
        return Box((token_count(scene), TOKEN), -1.0, 1.0)
    if of.observe == "keypoints":
        return Box((of.views, len(keypoints(of.embodiment, jnp.zeros(3), jnp.zeros(()))) + 1, 2), -1.0, 2.0)
    images = [("image" if i == 0 else "image_aside", Box((of.image, of.image, 3), 0.0, 255.0, "uint8")) for i in range(of.views)]
    return Dict((*images, ("hand", vector([column for column in scene.columns if column.own]))))


def observe(scene: Scene, physics: Physics) -> Any:
    of = scene.settings
    values = scene.values(physics)
    if of.observe == "state":
        return jnp.concatenate(values)
    if of.observe == "tokens":
        return tokens(scene, physics)
    cameras = views(physics, of.vary)[: of.views]
    if of.observe == "keypoints":
        points = jnp.concatenate([keypoints(of.embodiment, physics.hand, physics.opening), physics.goal[None]])
        return jnp.stack([project(camera, points, 1) for camera in cameras])
    own = [value for value, column in zip(values, scene.columns) if column.own]
    names = ("image", "image_aside")
    return {name: image(scene, physics, camera) for name, camera in zip(names, cameras)} | {"hand": jnp.concatenate(own)}


def views(physics: Physics, vary: Any) -> list[Camera]:
    """The two cameras; with `vary` they are the episode's own."""
    return [jittered(eye, MIDDLE, focal, vary, physics.look[6 * i : 6 * i + 6]) for i, (eye, focal) in enumerate(VIEWS.values())]


def keypoints(embodiment: str, hand: Float[Array, "3"], opening: Float[Array, ""]) -> Float[Array, "keypoints 3"]:
    """Two tips and the wrist, in the world: a gripper's jaws are level and symmetric, a hand's thumb and finger are not."""
    wide = opening / 2 + FINGER_M
    if embodiment == "hand":
        offsets = [(-0.8, -0.015, 0.0), (1.2, 0.02, 0.0)], (0.01, -0.06, 0.05)
    else:
        offsets = [(-1.0, 0.0, 0.0), (1.0, 0.0, 0.0)], (0.0, 0.0, 0.06)
    tips, wrist = offsets
    tips = [hand + jnp.stack([x * wide, jnp.float32(y), jnp.float32(z)]) for x, y, z in tips]
    return jnp.stack([*tips, hand + jnp.array(wrist, jnp.float32)])


def hand(scene: Scene, physics: Physics) -> list[Figure]:
    """How the hand looks: a disc (`point`), or two fingers and what joins them."""
    kind = scene.settings.embodiment
    if kind == "point":
        if scene.outfit.hand != (HAND_M, HAND_M):
            return [Figure("hand", physics.hand[:2], scene.outfit.hand)]
        return [Figure("hand", physics.hand[:2], radius=HAND_M, height=physics.hand[2])]
    left, right, wrist = keypoints(kind, physics.hand, physics.opening)
    colour = "skin" if kind == "hand" else "hand"
    arms = [stroke(colour, wrist[:2], tip[:2], 0.7 * FINGER_M, wrist[2]) for tip in (left, right)]
    return arms + [Figure(colour, tip[:2], radius=FINGER_M, height=tip[2]) for tip in (left, right)]


def image(scene: Scene, physics: Physics, camera: Camera) -> Any:
    """uint8 [image, image, 3]. With `vary` the ground has a texture and every colour is tinted, as drawn for the episode."""
    of = scene.settings
    figures = scene.figures(physics) + hand(scene, physics)
    if not of.vary:
        return picture(figures, camera, of.image)
    tint = 1 + 0.2 * of.vary * physics.look[20:23]
    return picture(figures, camera, of.image, tint, texture(planes(camera, of.image)[0], physics.look[12:20], of.vary))


def token_figures(scene: Scene, physics: Physics) -> list[Figure]:
    """The things that have a token: the hand first, then the scene's, but for the ground."""
    return [Figure("hand", physics.hand[:2], radius=HAND_M, height=physics.hand[2])] + [
        figure for figure in scene.figures(physics) if figure.kind in KINDS
    ]


def tokens(scene: Scene, physics: Physics) -> Float[Array, "objects features"]:
    """One row a thing: the hand's first, the others in an order that is the episode's own."""
    figures = token_figures(scene, physics)
    many = Figures.of(figures)
    kinds = jnp.array([[float(figure.kind == kind) for kind in KINDS] for figure in figures])
    turn = jnp.stack([jnp.cos(many.angle), jnp.sin(many.angle)], 1)
    rows = jnp.concatenate([kinds, many.centre, many.height[:, None], turn, many.half, many.radius[:, None]], 1)
    return jnp.concatenate([rows[:1], rows[1:][physics.order]])


def token_count(scene: Scene) -> int:
    """How many tokens the scene has."""
    found = []
    jax.eval_shape(lambda key: found.append(len(token_figures(scene, scene.begin(key)))), jax.random.key(0))
    return found[0]
