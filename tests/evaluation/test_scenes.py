"""Frames packed small, cameras, and stills."""

import base64

import numpy as np
import pytest
from evaluation.made_up import arm, forked

from agir.core.errors import BadData
from agir.evaluation.axes import Slots
from agir.evaluation.scenes import Camera, Rollout, Rollouts, pack, player_data, quantised, still

BOX = {"view": "3d", "bounds": [[-1, 1], [-1, 1], [-1, 1]], "shapes": []}


def dot(*point: float, **more) -> dict:
    return {"kind": "circle", "points": [list(point)], "radius": 0.0, "role": "agent"} | more


def one(*frames: list[dict], scene: dict = BOX) -> Rollouts:
    return Rollouts(scene, [Rollout("flow", 3, True, list(frames))])


def test_points_come_back_to_within_half_a_level():
    points, low, high = np.random.default_rng(0).uniform(-3, 5, (40, 7, 3)), np.full(3, -3.0), np.full(3, 5.0)
    levels = np.frombuffer(base64.b64decode(quantised(points, low, high)), "<u2").reshape(points.shape)
    assert np.abs(low + levels / 65535 * (high - low) - points).max() <= 8 / 65535 / 2 + 1e-12


def test_points_beyond_the_bounds_are_kept():
    packed = pack(one([dot(-4.0, 0.0, 0.0)], [dot(0.0, 7.0, 0.0)]))
    assert packed.low.tolist() == [-4, -1, -1] and packed.high.tolist() == [1, 7, 1]


@pytest.mark.parametrize("steps, budget, stride, kept", [(90, 10**6, 1, 91), (90, 300, 2, 46), (91, 300, 2, 47), (0, 1, 6, 1)])
def test_a_section_over_its_budget_keeps_every_nth_step_and_the_last(steps, budget, stride, kept):
    section = one(*([dot(t / 100, 0.0, 0.0)] for t in range(steps + 1)))
    packed = pack(section, budget)
    assert packed.stride == stride and packed.points[0].shape == (kept, 1, 3)
    assert packed.points[0][-1, 0, 0] == steps / 100
    assert player_data(section, packed, Slots())["runs"][0]["steps"] == steps


def test_the_page_of_a_long_run_stays_small():
    section = forked()
    frames = section.rollouts[0].frames * 20
    packed = pack(Rollouts(section.scene, [Rollout("flow", i, True, frames) for i in range(30)]), 100_000)
    assert sum(points.size * 2 for points in packed.points) <= 110_000


@pytest.mark.parametrize(
    "frames, match",
    [
        ([], "has no frames"),
        ([[dot(0.0, 0.0, 0.0)], [dot(0.0, np.nan, 0.0)]], "frame 1 has a coordinate"),
        ([[dot(0.0, 0.0, 0.0)], [dot(0.0, 0.0, 0.0), dot(0.0, 0.0, 0.0)]], "frame 1: the shapes are not"),
        ([[dot(0.0, 0.0, 0.0)], [dot(0.0, 0.0, 0.0, role="goal")]], "frame 1: the shapes are not"),
        ([[dot(0.0, 0.0, 0.0, kind="cube")]], "frame 0: a shape needs a kind"),
        ([[dot(0.0, 0.0, 0.0, role="hero")]], "frame 0: a shape needs a kind"),
    ],
)
def test_frames_that_cannot_be_drawn_are_refused_by_name(frames, match):
    with pytest.raises(BadData, match=f"'flow' from start 3.*{match}"):
        pack(one(*frames))


def test_a_section_without_rollouts_is_refused():
    with pytest.raises(BadData, match="has no rollouts"):
        pack(Rollouts(BOX, []))


def test_what_is_traced():
    assert pack(arm()).traced == 9  # the second point of the first finger, after the arm's eight joints
    assert pack(forked()).traced == 0
    link = {"kind": "line", "points": [[0, 0, 0], [0, 0, 1], [0, 1, 1]], "role": "link"}
    assert pack(one([dot(0.0, 0.0, 0.0, role="object"), link])).traced == 3
    assert pack(one([dot(0.0, 0.0, 0.0, role="goal")])).traced is None
    assert pack(one([])).traced is None


# ----------------------------------------------------------------------------------------------------------------- cameras
def corners(scene: dict) -> Rollouts:
    """Two points at the ends of the bounds, so that these are what the picture must show."""
    ends = np.asarray(scene["bounds"], float).T
    return one([dot(*ends[0].tolist()), dot(*ends[1].tolist())], scene=scene)


def test_a_flat_scene_has_y_upwards_and_fills_the_width():
    section = corners({"view": "2d", "bounds": [[0, 4], [0, 2]], "shapes": []})
    camera = Camera(section, pack(section), 420.0)
    # 400 units for a width of 4: 100 a unit; the picture is half as high as wide, and the scene stands in its middle
    assert camera.height == 210.0 and np.allclose(camera([[0, 0], [4, 2], [2, 1]])[:, :2], [[20, 200], [400, 10], [210, 105]], atol=10.1)
    assert np.allclose(camera([[2, 1]]), [[210, 105, camera.scale]]) and camera([[2, 2]])[0, 1] < 105


def test_from_the_side_the_nearer_is_the_larger():
    """Seen from +x (azimuth 0, elevation 0): +y is to the right, +z is up, and a point at x = 1 is nearer than one at -1."""
    section = corners(BOX | {"camera": [0.0, 0.0]})
    camera = Camera(section, pack(section), 320.0)
    eye = 3.4 * np.sqrt(3)  # radii of the box's sphere
    near, far = camera.seen([[1, 0.5, 0.25], [-1, 0.5, 0.25]])
    assert np.allclose(near, [0.5 * eye / (eye - 1), 0.25 * eye / (eye - 1), eye / (eye - 1)])
    assert np.allclose(far, [0.5 * eye / (eye + 1), 0.25 * eye / (eye + 1), eye / (eye + 1)])


def test_from_above_y_is_up():
    """Azimuth -90, elevation 90: the eye is over the scene, x to the right and y up, as in 2-D."""
    section = corners(BOX | {"camera": [-90.0, 90.0]})
    seen = Camera(section, pack(section), 320.0).seen([[0.5, 0.25, 0.0]])
    assert np.allclose(seen, [[0.5, 0.25, 1.0]])


@pytest.mark.parametrize("make", [arm, forked])
def test_all_that_moves_is_in_the_picture(make):
    section = make()
    packed = pack(section)
    camera = Camera(section, packed, 320.0)
    for points in packed.points:
        seen = camera(points.reshape(-1, points.shape[-1]))
        assert (seen[:, :2] > -12).all() and (seen[:, 0] < camera.width + 12).all() and (seen[:, 1] < camera.height + 12).all()


def test_a_still_says_what_it_shows():
    section = forked()
    text = still(section, pack(section), "regression", Slots())
    assert "regression, start 40012: failure after 24 steps" in text and text.count('class="way') == 6
    assert text.count("way lost") == 3 and 'class="ghost"' in text
    assert still(arm(), pack(arm()), "flow", Slots()).count('class="way') == 1
