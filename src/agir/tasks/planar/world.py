"""The world of planar: a table of 1 m, a hand on it or above it, bodies that it pushes or grips, a fixture that it presses against.

Quasi-static (`agir.tasks.contact`): nothing moves by itself but the hand, and that only as far as it is commanded and let. A step
is 0.1 s, cut into SUBSTEPS where there are bodies. Bodies are rounded boxes; two bodies meet as the discs around them, and where a
body is stopped by the table's edge the hand is stopped by the body. The fixture's walls are upright boxes and meet the hand alone.
The hand meets bodies as a disc (or as two, its fingers) and walls as the box `hand`.

The force reading (N, on the hand) is STIFFNESS times how far the hand lags behind its command, as of a robot under impedance
control, plus the table's friction on what it pushes (`weight` N at most), averaged over the step.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.tasks.contact import apart, expelled, gripped, shove, sweep, touch

TABLE_M, TOP_M = 0.5, 0.4  # the table reaches from -TABLE_M to TABLE_M on both axes, the hand up to TOP_M
RATE_HZ, STRIDE_M = 10.0, 0.05  # the longest stride of a step: 0.5 m/s
HAND_M, FINGER_M, WIDEST_M = 0.03, 0.02, 0.2  # radii of a pushing hand and of a finger; the widest opening between fingers
STIFFNESS = 200.0  # N/m
SUBSTEPS, SETTLE = 4, 3


class Physics(NamedTuple):
    """All there is. What a scene has none of has no entries, or stays as it began."""

    hand: Float[Array, "3"]
    velocity: Float[Array, "3"]  # m/s, as the hand has just moved
    opening: Float[Array, ""]  # between the fingers
    bodies: Float[Array, "bodies 3"]
    force: Float[Array, "2"]
    fixture: Float[Array, "2"]  # where the walls stand, from where the scene draws them
    told: Float[Array, "2"]  # where they are said to stand
    jumps: Float[Array, "jumps 3"]  # before which step, and by how much, the fixture jumps
    goal: Float[Array, "3"]
    marks: Float[Array, "marks 2"]  # distractors: flat, in nobody's way
    path: Float[Array, "places 2"]
    letters: Int[Array, "letters"]  # the strokes to draw, or which cells are wiped
    visited: Int[Array, ""]  # places of the path, in order
    kept: Int[Array, ""]  # of those, how many as they should be
    phase: Int[Array, ""]  # as the last action was chosen: 0 in free space, 1 at work
    failed: Bool[Array, ""]
    done: Bool[Array, ""]
    clock: Int[Array, ""]
    look: Float[Array, "24"]  # the episode's own light, texture and cameras, in [-1, 1]
    order: Int[Array, "tokens"]


@dataclasses.dataclass(frozen=True)
class Outfit:
    """What never changes in a scene: outlines and frictions."""

    half: tuple[tuple[float, float], ...] = ()  # of each body
    radius: tuple[float, ...] = ()
    friction: float = 0.3  # between hand and bodies
    weight: float = 2.0  # N: the most that the table's friction holds a body with
    fingers: bool = False
    hand: tuple[float, float] = (HAND_M, HAND_M)  # half sides, against walls
    walls: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = ()

    @property
    def around(self) -> np.ndarray:
        """float32 [bodies]: the radii of the discs around them."""
        return np.float32([np.hypot(*half) + radius for half, radius in zip(self.half, self.radius)])

    @property
    def size(self) -> np.ndarray:
        """float32 [bodies]: largest torque over largest force under even pressure: 2/3 of a disc's radius; for a box, by quadrature."""
        return np.float32([lever(half, radius) for half, radius in zip(self.half, self.radius)])


def lever(half: tuple[float, float], radius: float) -> float:
    """The mean distance of an outline's points from its middle: what multiplies the largest friction force to the largest torque."""
    reach = np.hypot(*half) + radius
    x, y = np.meshgrid(*[np.linspace(-reach, reach, 801)] * 2)
    beyond = np.hypot(np.maximum(np.abs(x) - half[0], 0), np.maximum(np.abs(y) - half[1], 0))
    return float(np.hypot(x, y)[beyond <= radius].mean())


def move(outfit: Outfit, physics: Physics, stride: Float[Array, "3"], closing: Float[Array, ""]) -> Physics:
    """The hand, commanded by `stride` (m) and the fingers by `closing` (m, negative closes), and all that it touches, after a step."""
    edge = jnp.array([TABLE_M, TABLE_M, TOP_M])
    wanted = jnp.clip(physics.hand + stride, jnp.array([-TABLE_M, -TABLE_M, 0.0]), edge)
    place, opening, bodies, force = physics.hand[:2], physics.opening, physics.bodies, jnp.zeros(2)
    if outfit.walls:
        walls = jnp.float32(outfit.walls) + physics.fixture[None, None]
        half = jnp.float32(outfit.hand)
        place = expelled(place, half, walls)
        place = sweep(place, half, wanted[:2] - place, walls)
    elif outfit.half or outfit.fingers:
        part = (wanted[:2] - place) / SUBSTEPS
        one = lambda carry, _: (_substep(outfit, carry, part, closing / SUBSTEPS), None)
        (place, opening, bodies, force), _ = jax.lax.scan(one, (place, opening, bodies, force), None, SUBSTEPS)
    else:
        place = wanted[:2]
    hand = jnp.append(place, wanted[2])
    force = force * (outfit.weight / SUBSTEPS) + STIFFNESS * (place - wanted[:2])
    return physics._replace(hand=hand, velocity=(hand - physics.hand) * RATE_HZ, opening=opening, bodies=bodies, force=force)


def _substep(outfit: Outfit, carry: tuple, stride: Float[Array, "2"], closing: Float[Array, ""]) -> tuple:
    """-> hand, opening, bodies, and the force so far on the hand, as a share of a body's weight."""
    hand, opening, bodies, force = carry
    half, radius = jnp.float32(outfit.half), jnp.float32(outfit.radius)
    limit = (TABLE_M - jnp.asarray(outfit.around))[:, None]
    before, held = opening, jnp.zeros((), bool)
    if outfit.fingers:
        stop, holds = gripped(bodies[0, :2] - hand, radius[0], opening, FINGER_M, outfit.friction)
        wanted = jnp.clip(opening + closing, 0.0, WIDEST_M)
        opening = jnp.where(holds, jnp.maximum(wanted, stop), wanted)
        held = holds & (wanted <= stop + 1e-5)
        bodies = bodies.at[0, :2].add(jnp.where(held, stride, 0.0))
    hand = hand + stride
    for side in (-1.0, 1.0) if outfit.fingers else (0.0,):
        pusher, along = _pusher(outfit, hand, opening, side), stride + side * jnp.stack([(opening - before) / 2, jnp.zeros(())])
        outline = (half, radius, jnp.asarray(outfit.size))
        moved, wrench = jax.vmap(lambda pose, outline: shove(*pusher, along, pose, outline, outfit.friction))(bodies, outline)
        bodies = jnp.where(held, bodies, moved)
        force = force - jnp.where(held, 0.0, wrench.sum(0))
    inside = lambda places: jnp.clip(places, -limit, limit)
    bodies = bodies.at[:, :2].set(inside(bodies[:, :2]))
    for _ in range(SETTLE if len(outfit.radius) > 1 else 0):
        bodies = bodies.at[:, :2].set(apart(bodies[:, :2], jnp.asarray(outfit.around)))
        for side in (-1.0, 1.0) if outfit.fingers else (0.0,):
            depth, normal = _overlap(outfit, hand, opening, side, bodies)
            bodies = bodies.at[:, :2].add(depth[:, None] * normal)
        bodies = bodies.at[:, :2].set(inside(bodies[:, :2]))
    for side in (-1.0, 1.0) if outfit.fingers else (0.0,):  # what could not get out of the way stops the hand
        depth, normal = _overlap(outfit, hand, opening, side, bodies)
        hand = hand - jnp.where(held, 0.0, (depth[:, None] * normal).sum(0))
    return hand, opening, bodies, force


def _pusher(outfit: Outfit, hand: Float[Array, "2"], opening: Any, side: float) -> tuple[Float[Array, "2"], float]:
    """-> the middle and the radius of the hand, or of its left (-1) or right finger."""
    if not outfit.fingers:
        return hand, HAND_M
    return hand + side * jnp.stack([opening / 2 + FINGER_M, jnp.zeros(())]), FINGER_M


def _overlap(outfit: Outfit, hand: Any, opening: Any, side: float, bodies: Any) -> tuple[Float[Array, "bodies"], Float[Array, "bodies 2"]]:
    pusher = _pusher(outfit, hand, opening, side)
    outlines = jnp.float32(outfit.half), jnp.float32(outfit.radius)
    depth, normal, _ = jax.vmap(lambda pose, half, radius: touch(*pusher, pose, half, radius))(bodies, *outlines)
    return jnp.maximum(depth, 0.0), normal
