"""Quasi-static contact in the plane: what is pushed moves with the push, and stops where the push stops.

An outline is a rounded box: a box of half sides `half` about its middle, grown by `radius` (a disc has half sides 0). A pose is x, y
(m) and the angle (rad). Nothing has momentum: a body rests under Coulomb friction on the table, and a pusher of whatever strength
moves it just out of its own way. The table's friction answers a sliding body with a wrench on an ellipsoid (Howe & Cutkosky 1996),

    |f|^2 + (torque / size)^2 = weight^2,       the body's slip being along its normal:  (v, angle') ~ (f, torque / size^2),

where `size` is the largest torque over the largest force (2/3 of a disc's radius under even pressure), and the contact's force stays
in its cone |f_t| <= friction * f_n: within it the contact sticks, at its edge it slides (Lynch, Maekawa & Tanie 1992).
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

TINY = 1e-9


def length(vector: Float[Array, "*n 2"]) -> Float[Array, "*n"]:
    return jnp.sqrt(jnp.maximum((vector**2).sum(-1), TINY**2))


def turned(vector: Float[Array, "2"], angle: Float[Array, ""]) -> Float[Array, "2"]:
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.stack([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])


def reach(point: Float[Array, "2"], half: Float[Array, "2"]) -> tuple[Float[Array, ""], Float[Array, "2"]]:
    """From a box about the origin to a point -> the distance (negative inside), and the outward normal where the point is nearest."""
    beyond = jnp.abs(point) - half
    sign = jnp.where(point >= 0, 1.0, -1.0)
    outside = jnp.maximum(beyond, 0.0)
    far = length(outside)
    face = jnp.where(beyond[0] >= beyond[1], jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0]))
    normal = sign * jnp.where((beyond > 0).any(), outside / far, face)
    return jnp.where((beyond > 0).any(), far, beyond.max()), normal


def yielding(
    lever: Float[Array, "2"], normal: Float[Array, "2"], travel: Float[Array, "2"], friction: Any, size: Any
) -> tuple[Float[Array, "3"], Float[Array, "3"]]:
    """How a body gives way to a contact that moves by `travel` (its part along `normal`, into the body, is not negative).

    `lever` is the contact seen from the body's middle. -> the body's displacement (x, y, angle), and the wrench (f, torque / size)
    that it takes, of length 1 (times the weight: in N). W = 1 + p p^T / size^2, p = lever turned by 90 degrees, is the travel for a unit
    of force; where W^-1 travel leaves the cone, the force is on the cone's edge and the contact slides.
    """
    cross = jnp.stack([-lever[1], lever[0]])
    tangent = jnp.stack([-normal[1], normal[0]])
    square = size**2
    stuck = travel - cross * (cross @ travel) / (square + lever @ lever)
    push, shear = stuck @ normal, stuck @ tangent
    edge = normal + jnp.where(shear >= 0, friction, -friction) * tangent
    slid = edge * (travel @ normal) / (edge @ normal + (cross @ normal) * (cross @ edge) / square)
    force = jnp.where(jnp.abs(shear) <= friction * push, stuck, slid)
    moved = jnp.append(force, (cross @ force) / square)
    wrench = moved * jnp.stack([1.0, 1.0, size])
    return moved, wrench / jnp.maximum(jnp.sqrt((wrench**2).sum()), TINY)


def touch(
    pusher: Float[Array, "2"], pusher_radius: Any, pose: Float[Array, "3"], half: Float[Array, "2"], radius: Any
) -> tuple[Float[Array, ""], Float[Array, "2"], Float[Array, "2"]]:
    """A round pusher and a body -> by how much they overlap (negative: apart), the normal into the body, and the body's nearest point."""
    distance, normal = reach(turned(pusher - pose[:2], -pose[2]), half)
    normal = turned(normal, pose[2])
    return radius + pusher_radius - distance, -normal, pusher - normal * (distance - radius)


def shove(
    pusher: Float[Array, "2"], pusher_radius: Any, stride: Float[Array, "2"], pose: Float[Array, "3"], outline: tuple, friction: Any
) -> tuple[Float[Array, "3"], Float[Array, "2"]]:
    """What a pusher that has just moved by `stride` does to a body with the `outline` (half, radius, size).

    -> the body's new pose, which it just touches, and the force on the body as a share of its weight (0 without contact).
    """
    half, radius, size = outline
    overlap, normal, point = touch(pusher, pusher_radius, pose, half, radius)
    depth = jnp.maximum(overlap, 0.0)
    tangent = jnp.stack([-normal[1], normal[0]])
    share = jnp.clip(depth / jnp.maximum(stride @ normal, TINY), 0.0, 1.0)  # of the stride that was made in contact
    moved, wrench = yielding(point - pose[:2], normal, depth * normal + share * (stride @ tangent) * tangent, friction, size)
    touched = depth > 0
    return pose + jnp.where(touched, moved, 0.0), jnp.where(touched, wrench[:2], 0.0)


def apart(places: Float[Array, "n 2"], radii: Float[Array, "n"]) -> Float[Array, "n 2"]:
    """Discs that overlap, each moved by half the overlap (once: repeat it until none is left)."""
    between = places[:, None] - places[None]
    distance = length(between)
    depth = jnp.maximum(radii[:, None] + radii[None] - distance, 0.0) * (1 - jnp.eye(len(radii)))
    return places + 0.5 * (depth[..., None] * between / distance[..., None]).sum(1)


def sweep(
    middle: Float[Array, "2"], half: Float[Array, "2"], stride: Float[Array, "2"], walls: Float[Array, "walls 2 2"]
) -> Float[Array, "2"]:
    """Moves an upright box along x and then along y, each as far as the walls (lower left, upper right corners) let it -> its middle."""
    for axis in (0, 1):
        other = 1 - axis
        aside = (walls[:, 0, other] - half[other] >= middle[other] - 1e-6) | (walls[:, 1, other] + half[other] <= middle[other] + 1e-6)
        before = walls[:, 0, axis] - half[axis] - middle[axis]  # room ahead where the wall lies above
        behind = walls[:, 1, axis] + half[axis] - middle[axis]  # and, negative, where it lies below
        up = jnp.where(~aside & (before >= -1e-6), before, jnp.inf).min(initial=jnp.inf)
        down = jnp.where(~aside & (behind <= 1e-6), behind, -jnp.inf).max(initial=-jnp.inf)
        middle = middle.at[axis].add(jnp.clip(stride[axis], jnp.minimum(down, 0.0), jnp.maximum(up, 0.0)))
    return middle


def expelled(middle: Float[Array, "2"], half: Float[Array, "2"], walls: Float[Array, "walls 2 2"]) -> Float[Array, "2"]:
    """An upright box that a moved wall has come to overlap, put outside of it by the nearest way; one wall after the other."""
    for i in range(walls.shape[0]):
        distance, normal = reach(middle - walls[i].mean(0), (walls[i, 1] - walls[i, 0]) / 2 + half)
        middle = middle + jnp.maximum(-distance, 0.0) * normal
    return middle


def gripped(place: Float[Array, "2"], radius: Any, opening: Any, finger: Any, friction: Any) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """A disc at `place`, seen from the middle between two round fingers (radius `finger`) that close along x.

    -> the opening (between the fingers' inner faces) at which both touch it when it is centred, and whether they hold it if they
    close further: it lies between them, and the line between the contacts lies in both cones of friction (Nguyen 1988).
    """
    reached = (radius + finger) ** 2 - place[1] ** 2
    across = jnp.sqrt(jnp.maximum(reached, 0.0))
    between = (reached > 0) & (jnp.abs(place[0]) < opening / 2 + finger)
    return 2 * (across - finger), between & (jnp.abs(place[1]) <= friction * across)
