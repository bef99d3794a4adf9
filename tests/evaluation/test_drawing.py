"""Axes, lines, places of labels, and colours that everybody can tell apart."""

import dataclasses
import itertools
import re
import xml.etree.ElementTree

import numpy as np
import pytest
from evaluation.made_up import curves, rows

from agir.core.errors import BadSetting
from agir.evaluation.axes import SERIES, Axis, Slots, linear_ticks, log_ticks, path, spread, tick_text
from agir.evaluation.drawing import (
    MOST_POINTS,
    Chart,
    Curve,
    Frontier,
    Outcomes,
    condensed,
    curves_chart,
    episode_strip,
    frontier_chart,
    lost_seeds,
)
from agir.evaluation.figures import save_curve, save_frontier, save_stills
from agir.evaluation.markup import Markup, element, fragment, short
from agir.evaluation.report import _asset
from agir.evaluation.rollout import evaluate
from agir.evaluation.sections import rollouts
from agir.evaluation.statistics import wilson
from agir.evaluation.tables import MethodRow, Times
from agir.tasks.find import task as find_task
from agir.training.pages import by_factors

# Machado, Oliveira & Fernandes 2009, severity 1: linear RGB as it is seen.
SIGHT = {
    "normal": np.eye(3),
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])


def linear(color: str) -> np.ndarray:
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    x = XYZ @ np.clip(rgb, 0, 1) / [0.95047, 1, 1.08883]
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(a: str, b: str) -> float:
    dark, light = sorted((XYZ @ linear(color))[1] for color in (a, b))
    return (light + 0.05) / (dark + 0.05)


def page_colors(side: int) -> dict[str, str]:
    """The page's colours on light (0) and on dark (1), from its style."""
    blocks = re.findall(r":root \{(.*?)\}", _asset("report.css"), re.DOTALL)[:2]
    return dict(re.findall(r"--(\w+): (#\w{6})", blocks[side]))


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_the_palette_can_be_told_apart(side, sight):
    seen = [lab(np.asarray(SIGHT[sight]) @ linear(pair[side])) for pair in SERIES]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
def test_contrasts(side):
    """WCAG AA: 4.5 for text, 3 for what a chart is read by."""
    colors = page_colors(side)
    for name, ground in itertools.product(("ink", "muted", "good", "bad", "open", "accent"), ("paper", "raised", "sunk")):
        assert contrast(colors[name], colors[ground]) >= 4.5, (name, ground)
    for color in [pair[side] for pair in SERIES] + [colors[name] for name in ("floor", "goal", "bad")]:
        assert min(contrast(color, colors["paper"]), contrast(color, colors["scene"])) >= 3.0, color


# ------------------------------------------------------------------------------------------------------------------- axes
@pytest.mark.parametrize(
    "low, high, ticks",
    [(0, 100, [0, 20, 40, 60, 80, 100]), (-0.3, 0.72, [-0.2, 0, 0.2, 0.4, 0.6]), (40012, 40017, list(range(40012, 40018)))],
)
def test_linear_ticks(low, high, ticks):
    assert linear_ticks(float(low), float(high)) == pytest.approx(ticks)


@pytest.mark.parametrize(
    "low, high, ticks",
    [
        (0.04, 1.0, [0.1, 0.3, 1.0]),
        (0.04, 0.9, [0.05, 0.1, 0.2, 0.5]),
        (1e-4, 10.0, [1e-4, 1e-3, 1e-2, 0.1, 1, 10]),
        (2.2, 2.9, [2.2, 2.4, 2.6, 2.8]),
    ],
)
def test_log_ticks(low, high, ticks):
    assert log_ticks(low, high) == pytest.approx(ticks)


def test_an_axis_maps_its_ends_and_its_middle():
    assert [float(v) for v in Axis(0.0, 10.0, 40.0, 240.0)([0, 5, 10])] == [40.0, 140.0, 240.0]
    assert [float(v) for v in Axis(0.1, 1000.0, 200.0, 0.0, True)([0.1, 10.0, 1000.0])] == pytest.approx([200.0, 100.0, 0.0])
    assert [tick_text(v) for v in (0.0, 20_000.0, 1.5e6, -2500.0)] == ["0", "20k", "1.5M", "−2.5k"]


def test_a_line_breaks_where_a_number_is_missing():
    assert path([0, 1, 2, 3, 4], [0, 1, np.nan, 3, 4]) == "M0.0 0.0L1.0 1.0M3.0 3.0L4.0 4.0"


@pytest.mark.parametrize("seed", range(20))
def test_labels_keep_their_order_and_their_distance(seed):
    random = np.random.default_rng(seed)
    wanted = random.uniform(0, 200, random.integers(1, 12)).tolist()
    places = np.array(spread(wanted, 14.0, 0.0, 200.0))
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(places[order]) >= 14.0 - 1e-9).all() and places.min() >= -1e-9 and places.max() <= 200 + 1e-9
    if np.diff(np.sort(wanted)).min(initial=99) >= 14:
        assert places == pytest.approx(wanted)


def test_more_labels_than_fit_are_spread_evenly():
    assert spread([5.0] * 5, 14.0, 0.0, 20.0) == pytest.approx([0, 5, 10, 15, 20])


# ----------------------------------------------------------------------------------------------------------------- curves
def test_condensing_keeps_the_extremes_and_the_mean():
    y = np.zeros((3, 5000))
    y[1, 777], y[2, 4100] = 9.0, -4.0
    x, mean, low, high = condensed(Curve("a", np.arange(5000), y))
    assert len(x) == MOST_POINTS and high.max() == 9.0 and low.min() == -4.0
    assert np.isclose(np.average(mean, weights=[len(b) for b in np.array_split(np.arange(5000), MOST_POINTS)]), y.mean())
    few = condensed(Curve("a", [1, 2], [[1.0, 5.0], [3.0, np.inf]]))
    assert [part.tolist() for part in few] == [[1, 2], [2, 5], [1, 5], [3, 5]]


def test_a_seed_that_diverged_is_named():
    chart = Chart("Loss", [Curve("a", [1, 2], [[1.0, 5.0], [3.0, np.nan]]), Curve("b", [1, 2], [1.0, 1.0])], "loss")
    assert lost_seeds(chart) == ["a: 1 of 2 seeds not finite at the end, and not in the mean there."]


def test_a_log_scale_is_said_and_a_loss_that_is_always_positive_has_one():
    for values, scale in (([0.3, 0.2], True), ([0.3, -0.2], None), ([np.nan, 0.2], True)):
        curves = [Curve("a", np.array([1, 2]), np.array([values]))]
        assert by_factors("loss", curves) is scale and by_factors("accuracy", curves) is None
        drawn = curves_chart(Chart("loss", curves, "nats", logarithmic=scale), Slots())
        assert ("nats, log scale" in drawn) is (scale is True) and "nats" in drawn


@pytest.mark.parametrize(
    "chart, match",
    [
        (Chart("Loss", [Curve("a", [1, 2, 3], [1.0, 2.0])], "loss"), "'a' has x"),
        (Chart("Loss", [Curve("a", [1, 2], [1.0, -2.0])], "loss", logarithmic=True), "'Loss' asks for a logarithmic axis"),
        (Chart("Loss", [Curve("a", [1, 2], [1.0, 2.0])], "loss", logarithmic=True, y_range=(0, 3)), "'Loss' asks for a logarithmic axis"),
    ],
)
def test_charts_that_cannot_be_drawn_are_refused(chart, match):
    with pytest.raises(BadSetting, match=match):
        curves_chart(chart, Slots())


@pytest.mark.parametrize(
    "curve",
    [
        Curve("one point", [5], [1.0]),
        Curve("constant", [1, 2, 3], [2.0, 2.0, 2.0]),
        Curve("gap", [1, 2, 3, 4], [1.0, np.nan, 1.0, 2.0]),
        Curve("wide", np.arange(300), np.exp(np.linspace(-9, 9, 300))),
        Curve("negative", [0, 1], [[-3.0, -1.0], [-2.0, -1.0]]),
    ],
    ids=lambda curve: curve.name,
)
def test_odd_curves_are_drawn_inside_the_picture(curve):
    drawn = xml.etree.ElementTree.fromstring(curves_chart(Chart("Loss", [curve], "loss"), Slots()))
    line = next(part for part in drawn.iter("path") if part.get("class") == "line")
    numbers = np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", line.get("d")), float)
    assert ((numbers >= 0) & (numbers <= [470, 290])).all() and len(numbers) == min(
        np.isfinite(curve.y[-1] if np.ndim(curve.y) > 1 else curve.y).sum(), MOST_POINTS
    )


def test_nothing_finite_is_said():
    assert "Nothing finite" in curves_chart(Chart("Loss", [Curve("a", [1, 2], [np.nan, np.nan])], "loss"), Slots())
    assert "Nothing finite" in curves_chart(Chart("Loss", [], "loss"), Slots())


# ---------------------------------------------------------------------------------------------------- frontier and strips
def test_the_frontier_joins_what_no_other_method_beats():
    slots = Slots(["random", "still"])
    drawn = xml.etree.ElementTree.fromstring(frontier_chart(Frontier(rows()), slots))
    corners = re.findall(r"[ML]([\d.]+) ([\d.]+)", next(p for p in drawn.iter("path") if p.get("class") == "edge").get("d"))
    assert len(corners) == 4  # two-step regression, up to flow, and on to the right; diffusion is slower and no better
    assert float(corners[0][0]) < float(corners[2][0]) and float(corners[0][1]) > float(corners[2][1])
    assert "No row" in frontier_chart(Frontier([]), slots)


def test_names_on_the_frontier_do_not_cover_each_other():
    """Twelve methods of which many are alike: every name is readable."""
    random = np.random.default_rng(3)
    crowd = [
        MethodRow(
            f"method {i}", wilson(int(random.integers(60, 95)), 100), per_action=Times(float(10 ** random.uniform(-1, 0.5)), 9.0, 9.0)
        )
        for i in range(12)
    ]
    drawn = xml.etree.ElementTree.fromstring(frontier_chart(Frontier(crowd), Slots()))
    names = [part for part in drawn.iter("text") if part.get("class") == "name"]
    boxes = [(float(n.get("x")), float(n.get("x")) + 6.5 * len(n.text), float(n.get("y")) - 8, float(n.get("y"))) for n in names]
    apart = lambda a, b: a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]
    assert len(boxes) == 12 and all(apart(a, b) for a, b in itertools.combinations(boxes, 2))


def test_a_strip_has_a_tick_for_each_episode():
    drawn = xml.etree.ElementTree.fromstring(episode_strip(Outcomes("a", [[True, False, True], [True, False, False]], [7, 8, 9]), Slots()))
    won, lost = drawn.iter("path")
    assert won.get("d").count("M") == 2 and "M2 20v-10h" in won.get("d") and lost.get("d").startswith("M1 22")
    assert drawn.get("aria-label") == "a: 50.0% of 3 episodes, over 2 seeds."
    with pytest.raises(BadSetting, match="'a' are"):
        episode_strip(Outcomes("a", [True, False], [1, 2, 3]), Slots())


def test_colours_follow_the_order_and_floors_have_none():
    slots = Slots(["still"])
    assert [slots.mark(name) for name in ("a", "still", "b", "a")] == ["s0", "s-floor", "s1", "s0"]
    assert [slots.mark(str(i)) for i in range(7)][-1] == "s0 again"


# ----------------------------------------------------------------------------------------------------- markup and figures
def test_markup_escapes_all_but_itself():
    made = element(
        "a", "x < y", Markup("<b>z</b>"), [None, False, "&"], data_index=3, hidden=True, title='"<', skipped=None, x=1.0, y=-0.001
    )
    assert made == '<a data-index="3" hidden title="&quot;&lt;" x="1" y="0">x &lt; y<b>z</b>&amp;</a>'
    assert fragment("a\x00\x1b[1m", element("br")) == "a[1m<br>" and short(2.345678) == "2.35"


def test_figures_are_written(tmp_path):
    from PIL import Image

    save_curve(tmp_path / "curve.png", curves().charts[0])
    save_curve(tmp_path / "curve.svg", curves().charts[1])
    save_frontier(tmp_path / "frontier.png", Frontier(rows()))
    save_frontier(tmp_path / "crowd.png", Frontier([dataclasses.replace(row, name=f"{row.name} {i}") for i in range(5) for row in rows()]))
    expert = {"demonstrator": evaluate(find_task("planar/push").expert(), find_task("planar/push"), 3, purpose="demonstrations", record=3)}
    assert expert["demonstrator"].success.all()  # it is shown what no observation holds
    save_stills(tmp_path / "stills.png", {"push": rollouts(find_task("planar/push"), expert)}, across=1)
    for name in ("curve.png", "frontier.png", "crowd.png"):
        pixels = np.asarray(Image.open(tmp_path / name).convert("RGB"), float)
        assert pixels.shape[1] > 600 and 0.01 < (np.abs(pixels - 255).max(-1) > 40).mean() < 0.5
    text = (tmp_path / "curve.svg").read_text()
    assert "two-step regression" in text and "<text" in text
    assert np.asarray(Image.open(tmp_path / "stills.png").convert("RGB")).std() > 10
    with pytest.raises(BadSetting, match="nothing finite"):
        save_curve(tmp_path / "x.png", Chart("Loss", [Curve("a", [1], [np.nan])], "loss"))
