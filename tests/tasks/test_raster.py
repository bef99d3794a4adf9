"""Cameras and images against geometry: areas, centres, heights, two views, a slow painter."""

import jax.numpy as jnp
import numpy as np
import pytest

from agir.tasks.cameras import jittered, look_at, pixel_width, planes, project, rays, triangulate
from agir.tasks.raster import Figure, Figures, drawing, paint, stroke

ABOVE = look_at((0.0, 0.0, 1.4), (0.0, 0.0, 0.0), 1.2)
ASIDE = look_at((0.9, -1.0, 1.0), (0.0, 0.0, 0.0), 1.1)
WHITE, BLACK = jnp.ones(3), jnp.zeros(3)


def shown(figures, camera, size=64):
    """The share of each pixel that is covered: black figures on white."""
    image = paint(Figures.of(figures), jnp.zeros((len(figures), 3)), camera, jnp.ones((size, size, 3)))
    assert image.dtype == jnp.uint8
    return 1 - np.asarray(image[..., 0], float) / 255


def test_the_view_from_above_is_a_map_with_y_up():
    seen = project(ABOVE, jnp.array([[0.0, 0.0, 0.0], [0.35, 0.0, 0.0], [0.0, 0.35, 0.0], [0.35, 0.0, 0.7]]), 64)
    # By similar triangles: focal 1.2 widths, 1.4 m away: 0.35 m is 0.3 widths; and 0.6 at half the distance.
    np.testing.assert_allclose(seen, [[32, 32], [32 + 19.2, 32], [32, 32 - 19.2], [32 + 38.4, 32]], atol=1e-4)


@pytest.mark.parametrize("camera", [ABOVE, ASIDE, look_at((0.5, 0.2, 1.0), (0.1, 0.0, 0.0), 1.0, 0.4)], ids=["above", "aside", "rolled"])
def test_a_pixels_ray_meets_a_plane_where_that_point_is_projected(camera):
    first, slope = planes(camera, 16)
    for height in (0.0, 0.3):
        places = (first + height * slope).reshape(-1, 2)
        seen = project(camera, jnp.concatenate([places, jnp.full((256, 1), height)], 1), 16)
        u, v = np.meshgrid(np.arange(16) + 0.5, np.arange(16) + 0.5)
        np.testing.assert_allclose(seen, np.stack([u.ravel(), v.ravel()], 1), atol=2e-3)


def test_two_views_give_the_point_back_and_one_does_not():
    point = jnp.array([0.12, -0.2, 0.17])
    pixels = jnp.concatenate([project(camera, point[None], 64) for camera in (ABOVE, ASIDE)])
    np.testing.assert_allclose(triangulate([ABOVE, ASIDE], pixels, 64), point, atol=1e-4)
    ray = rays(ABOVE, pixels[:1], 64)[0]
    other = ABOVE.eye + 0.5 * ray  # another point that looks the same from above, and not from aside
    np.testing.assert_allclose(project(ABOVE, other[None], 64), pixels[:1], atol=1e-3)
    assert np.abs(project(ASIDE, other[None], 64) - pixels[1:]).max() > 3


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.2, -0.13)])
def test_a_disc_covers_its_area_about_its_centre(place):
    cover = shown([Figure("object", jnp.array(place), radius=0.1)], ABOVE)
    metres = 1.4 / 1.2 / 64  # a pixel's width on the table
    assert cover.sum() * metres**2 == pytest.approx(np.pi * 0.1**2, rel=0.01)
    middles = np.arange(64) + 0.5
    centre = [(cover.sum(0) * middles).sum() / cover.sum(), (cover.sum(1) * middles).sum() / cover.sum()]
    np.testing.assert_allclose(centre, project(ABOVE, jnp.array([[*place, 0.0]]), 64)[0], atol=0.05)


def test_a_figure_nearer_to_the_camera_looks_larger_and_shifted_as_projected():
    cover = shown([Figure("hand", jnp.array([0.1, 0.0]), radius=0.05, height=0.7)], ABOVE)
    metres = 0.7 / 1.2 / 64
    assert cover.sum() * metres**2 == pytest.approx(np.pi * 0.05**2, rel=0.02)


@pytest.mark.parametrize("camera", [ABOVE, ASIDE], ids=["above", "aside"])
def test_against_a_slow_painter(camera):
    """Nine points a pixel, each tested by hand for lying in a turned box, a disc or a stroke."""
    size, dense = 48, 48 * 3
    figures = [
        Figure("wall", jnp.array([0.1, 0.1]), (0.2, 0.08), 0.0, 0.5),
        Figure("object", jnp.array([-0.1, 0.0]), radius=0.12),
        stroke("ground", (-0.3, -0.3), (0.2, -0.2), 0.03),
    ]
    first, _ = planes(camera, dense)
    x, y = np.asarray(first[..., 0]), np.asarray(first[..., 1])
    cos, sin = np.cos(0.5), np.sin(0.5)
    box = (np.abs(cos * (x - 0.1) + sin * (y - 0.1)) < 0.2) & (np.abs(cos * (y - 0.1) - sin * (x - 0.1)) < 0.08)
    disc = (x + 0.1) ** 2 + y**2 < 0.12**2
    along = np.clip(((x + 0.3) * 0.5 + (y + 0.3) * 0.1) / 0.26, 0, 1)
    line = (x + 0.3 - 0.5 * along) ** 2 + (y + 0.3 - 0.1 * along) ** 2 < 0.03**2
    slow = (box | disc | line).reshape(size, 3, size, 3).mean((1, 3))
    assert np.abs(shown(figures, camera, size) - slow).mean() < 0.1 * slow.mean() and slow.mean() > 0.03


def test_later_figures_lie_on_top():
    both = Figures.of([Figure("a", jnp.zeros(2), radius=0.2), Figure("b", jnp.zeros(2), radius=0.1)])
    image = paint(both, jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), ABOVE, jnp.ones((32, 32, 3)))
    assert image[16, 16].tolist() == [0, 0, 255] and image[16, 20].tolist() == [255, 0, 0] and image[0, 0].tolist() == [255] * 3


def test_jitter_moves_a_camera_and_none_does_not():
    draw = jnp.array([1.0, -1.0, 0.5, 0.3, 1.0, -1.0])
    still, moved = (jittered((0.0, 0.0, 1.4), (0.0, 0.0, 0.0), 1.2, amount, draw) for amount in (0.0, 1.0))
    for mine, wanted in zip(still, ABOVE):
        np.testing.assert_allclose(mine, wanted, atol=1e-6)
    assert np.abs(project(moved, jnp.zeros((1, 3)), 64) - 32).max() > 1
    np.testing.assert_allclose(moved.turn @ moved.turn.T, np.eye(3), atol=1e-5)
    assert float(pixel_width(planes(ABOVE, 64)[0])[10, 10]) == pytest.approx(1.4 / 1.2 / 64, rel=1e-3)


def test_what_is_painted_is_what_the_report_draws():
    shapes = drawing(
        [
            Figure("hand", np.zeros(2), radius=0.1),
            Figure("wall", np.ones(2), (0.2, 0.1), 0.0, np.pi / 2),
            stroke("ground", (0.0, 0.0), (0.3, 0.4), 0.02),
        ]
    )
    assert [(shape["kind"], shape["role"]) for shape in shapes] == [("circle", "agent"), ("polygon", "obstacle"), ("line", "ground")]
    np.testing.assert_allclose(shapes[1]["points"], [[1.1, 0.8], [1.1, 1.2], [0.9, 1.2], [0.9, 0.8]], atol=1e-6)
    np.testing.assert_allclose(shapes[2]["points"], [[0, 0], [0.3, 0.4]], atol=1e-6)
