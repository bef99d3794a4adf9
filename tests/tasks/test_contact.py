"""Contact against closed forms: pushes through the centre and beside it, sticking and sliding, walls, clusters and grasps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.tasks.contact import apart, expelled, gripped, reach, shove, sweep, touch, turned, yielding

DISC, PUSHER = 0.05, 0.02
ROUND = (jnp.zeros(2), DISC, 2 / 3 * DISC)
BOX = (jnp.array([0.06, 0.04]), 0.0, 0.045)


@eqx.filter_jit
def pushed(start, stride, pose, outline, friction, steps):
    """A pusher goes `steps` strides -> the poses and forces after each, and the last place of the pusher."""

    def one(carry, _):
        place, pose = carry
        pose, force = shove(place + stride, PUSHER, stride, pose, outline, friction)
        return (place + stride, pose), (pose, force)

    (place, _), rows = jax.lax.scan(one, (start, pose), None, steps)
    return *rows, place


@pytest.mark.parametrize("friction", [0.0, 0.4])
def test_a_push_through_the_centre_moves_a_disc_straight_by_the_pushers_travel_after_contact(friction):
    poses, forces, _ = pushed(jnp.array([-0.1, 0.0]), jnp.array([0.01, 0.0]), jnp.zeros(3), ROUND, friction, 20)
    travel = np.maximum(-0.1 + 0.01 * np.arange(1, 21) + DISC + PUSHER, 0)
    np.testing.assert_allclose(poses, np.stack([travel, 0 * travel, 0 * travel], 1), atol=1e-6)
    np.testing.assert_allclose(forces, np.stack([(travel > 1e-7).astype(float), 0 * travel], 1), atol=1e-5)  # the whole weight, ahead


def test_a_disc_that_is_not_pushed_any_more_stops_at_once():
    poses, _, place = pushed(jnp.array([-0.08, 0.0]), jnp.array([0.01, 0.0]), jnp.zeros(3), ROUND, 0.0, 5)
    after, forces, _ = pushed(place, jnp.array([-0.01, 0.0]), poses[-1], ROUND, 0.0, 5)
    assert (np.asarray(after) == np.asarray(poses[-1])).all() and (forces == 0).all()


@pytest.mark.parametrize("steps, allowed", [(25, 4e-3), (200, 5e-4)])
def test_a_push_beside_the_centre_deflects_a_smooth_disc_by_the_closed_form(steps, allowed):
    """tan(theta / 2) grows as exp(s / D), where theta is the angle between the push and the normal, D the sum of the radii."""
    reached, angle, way = DISC + PUSHER, 0.3, 0.1
    start = -reached * jnp.array([jnp.cos(angle), jnp.sin(angle)])
    poses, _, place = pushed(start, jnp.array([way / steps, 0.0]), jnp.zeros(3), ROUND, 0.0, steps)
    after = 2 * np.arctan(np.tan(angle / 2) * np.exp(way / reached))
    wanted = np.asarray(place) + reached * np.array([np.cos(after), np.sin(after)])
    np.testing.assert_allclose(poses[-1, :2], wanted, atol=allowed)
    assert abs(poses[-1, 2]) < 1e-6 and float(touch(place, PUSHER, poses[-1], *ROUND[:2])[0]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("slope", [-3.0, -0.5, 0.0, 0.4, 3.0])
@pytest.mark.parametrize("friction", [0.0, 0.3, 1.0])
def test_a_contact_on_a_disc_sticks_within_the_cone_and_slides_at_its_edge(slope, friction):
    """By hand: sticking, f_t / f_n = slope / (1 + (R / size)^2) = slope / 3.25; beyond the friction it is the friction."""
    moved, wrench = yielding(jnp.array([-DISC, 0.0]), jnp.array([1.0, 0.0]), jnp.array([1.0, slope]), friction, 2 / 3 * DISC)
    shear = np.clip(slope / 3.25, -friction, friction)
    torque = -DISC * shear
    np.testing.assert_allclose(moved, [1.0, shear, torque / (2 / 3 * DISC) ** 2], rtol=1e-5, atol=1e-6)
    whole = np.array([1.0, shear, torque / (2 / 3 * DISC)])
    np.testing.assert_allclose(wrench, whole / np.linalg.norm(whole), rtol=1e-5, atol=1e-6)
    # The body's point of contact follows the pusher: along the normal always, along the face where it sticks.
    follows = np.asarray(moved[:2]) + moved[2] * np.array([0.0, -DISC])
    assert follows[0] == pytest.approx(1.0, abs=1e-5) and (abs(slope / 3.25) > friction or follows[1] == pytest.approx(slope, abs=1e-4))


@pytest.mark.parametrize("seed", range(4))
def test_a_contact_anywhere_obeys_the_ellipsoid_and_the_cone(seed):
    """Against a search over all forces in the cone: the one under which the contact follows, or slips against its friction."""
    draw = np.random.default_rng(seed)
    lever, size, friction = draw.uniform(-0.06, 0.06, 2), 0.045, 0.5
    normal = -lever / np.linalg.norm(lever) @ np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]])
    tangent = np.array([-normal[1], normal[0]])
    travel = normal + draw.uniform(-2, 2) * tangent
    moved, _ = yielding(*map(jnp.float32, (lever, normal, travel)), friction, size)
    found = []
    for share in np.linspace(-friction, friction, 20001):
        force = normal + share * tangent
        twist = np.append(force, (lever[0] * force[1] - lever[1] * force[0]) / size**2)
        follows = lambda twist: twist[:2] + twist[2] * np.array([-lever[1], lever[0]])
        twist = twist / (follows(twist) @ normal)
        slip = (travel - follows(twist)) @ tangent  # the pusher's, along the body
        edge = abs(share) == friction
        found.append((0.0 if edge and np.sign(slip) == np.sign(share) else abs(slip), twist))
    np.testing.assert_allclose(moved, min(found, key=lambda pair: pair[0])[1], rtol=2e-3, atol=2e-3)


def test_a_box_pushed_through_its_middle_goes_straight_and_beside_it_turns_away():
    straight, _, _ = pushed(jnp.array([-0.1, 0.0]), jnp.array([0.01, 0.0]), jnp.zeros(3), BOX, 0.3, 10)
    np.testing.assert_allclose(straight[-1], [0.08, 0, 0], atol=1e-6)
    beside, _, _ = pushed(jnp.array([-0.1, 0.02]), jnp.array([0.01, 0.0]), jnp.zeros(3), BOX, 0.3, 10)
    assert beside[-1, 2] < -0.2 and 0 < beside[-1, 0] < 0.08  # pushed above its middle it turns clockwise, and lags


def test_the_nearest_point_of_a_box_is_that_of_a_dense_grid_of_its_edge():
    half = np.array([0.06, 0.04])
    steps = np.linspace(-1, 1, 4001)
    level, upright = (
        np.concatenate([np.stack([steps, np.full_like(steps, s)], 1) for s in (-1, 1)])[:, order] for order in ([0, 1], [1, 0])
    )
    edge = np.concatenate([level, upright])
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (200, 2)).astype(np.float32)
    distance, normal = jax.vmap(lambda point: reach(point, jnp.float32(half)))(points)
    away = np.linalg.norm(points[:, None] - edge * half, axis=-1)
    inside = (np.abs(points) < half).all(1)
    np.testing.assert_allclose(distance, np.where(inside, -1, 1) * away.min(1), atol=5e-5)
    nearest = points - np.asarray(distance)[:, None] * np.asarray(normal)
    np.testing.assert_allclose((np.abs(nearest) / half).max(1), 1, atol=1e-4)


def test_turning_turns_counterclockwise():
    np.testing.assert_allclose(turned(jnp.array([1.0, 0.0]), jnp.float32(np.pi / 2)), [0, 1], atol=1e-6)


def test_overlapping_discs_part_until_they_touch_and_keep_their_middle():
    places, radii = jnp.array([[0.0, 0.0], [0.06, 0.0], [0.5, 0.5]]), jnp.array([0.05, 0.03, 0.05])
    parted = apart(places, radii)
    np.testing.assert_allclose(parted, [[-0.01, 0], [0.07, 0], [0.5, 0.5]], atol=1e-6)
    row = jnp.stack([jnp.linspace(0.0, 0.24, 5), jnp.zeros(5)], 1)  # five discs, each overlapping the next by 0.04
    for _ in range(200):
        row = apart(row, jnp.full(5, 0.05))
    np.testing.assert_allclose(row[:, 0], 0.12 + 0.1 * (np.arange(5) - 2), atol=1e-4)


SLOT = jnp.array([[[-0.5, -0.2], [-0.01, 0.0]], [[0.01, -0.2], [0.5, 0.0]]])  # a slot 0.02 wide in a block whose top is at 0


@pytest.mark.parametrize("width, x, enters", [(0.018, 0.0, True), (0.018, 0.0009, True), (0.018, 0.0015, False), (0.022, 0.0, False)])
def test_a_peg_enters_a_slot_that_is_wider_and_right_below_it_and_no_other(width, x, enters):
    half = jnp.array([width / 2, 0.03])
    middle = sweep(jnp.array([x, 0.1]), half, jnp.array([0.0, -0.15]), SLOT)
    np.testing.assert_allclose(middle, [x, -0.05 if enters else 0.03], atol=1e-6)
    if enters:  # and its sides are then held
        aside = sweep(middle, half, jnp.array([0.1, 0.0]), SLOT)
        np.testing.assert_allclose(aside, [0.01 - width / 2, -0.05], atol=1e-6)


def test_a_stride_of_any_length_ends_at_the_wall_and_slides_along_it():
    middle = sweep(jnp.array([-0.7, -0.1]), jnp.full(2, 0.02), jnp.array([5.0, -0.3]), SLOT)
    np.testing.assert_allclose(middle, [-0.52, -0.4], atol=1e-6)
    free = sweep(jnp.array([0.0, 0.1]), jnp.full(2, 0.02), jnp.array([0.3, 0.2]), jnp.zeros((0, 2, 2)))
    np.testing.assert_allclose(free, [0.3, 0.3], atol=1e-6)


def test_a_wall_that_moves_into_a_box_moves_it_by_the_overlap():
    raised = SLOT + jnp.array([[[0.0, 0.013]]])
    np.testing.assert_allclose(expelled(jnp.array([0.2, 0.02]), jnp.full(2, 0.02), raised), [0.2, 0.033], atol=1e-6)
    np.testing.assert_allclose(expelled(jnp.array([0.2, 0.2]), jnp.full(2, 0.02), raised), [0.2, 0.2], atol=0)


@pytest.mark.parametrize("friction", [0.2, 0.5])
def test_two_fingers_hold_a_disc_whose_contacts_lie_in_both_cones(friction):
    limit = (DISC + PUSHER) * np.sin(np.arctan(friction))
    for offset, holds in ((0.0, True), (0.95 * limit, True), (1.05 * limit, False)):
        opening, held = gripped(jnp.array([0.0, offset]), DISC, 0.1, PUSHER, friction)
        assert bool(held) == holds
        finger = jnp.stack([opening / 2 + PUSHER, jnp.zeros(())])  # at this opening it touches
        assert float(touch(finger, PUSHER, jnp.array([0.0, offset, 0.0]), *ROUND[:2])[0]) == pytest.approx(0, abs=1e-6)
    assert not gripped(jnp.array([0.2, 0.0]), DISC, 0.1, PUSHER, friction)[1]  # it lies beside the fingers
