"""The report's charts as PNG or SVG files by Matplotlib, for READMEs and papers: the same data, colours and rules as on the page."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from agir.core.errors import BadSetting
from agir.evaluation.axes import SERIES, linear_ticks, log_ticks, spread, tick_text
from agir.evaluation.drawing import Chart, Frontier, condensed, is_logarithmic, label_place, reach, unbeaten
from agir.evaluation.markup import printable
from agir.evaluation.scenes import ROLES, Camera, Rollouts, pack
from agir.evaluation.tables import MethodRow

INK, MUTED, HAIR = "#1b1d22", "#5c5f68", "#dfdcd3"
STYLE = {
    "font.size": 10, "axes.edgecolor": MUTED, "axes.labelcolor": MUTED, "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED,
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "axes.grid": True, "axes.grid.axis": "y",
    "grid.color": HAIR, "axes.axisbelow": True, "ytick.major.size": 0, "figure.dpi": 160, "savefig.bbox": "tight", "svg.fonttype": "none",
    "text.parse_math": False, "text.usetex": False,
}  # fmt: skip


@contextlib.contextmanager
def _figure(path: str | os.PathLike, title: str, y_label: str, x_label: str, size: float = 1.0) -> Iterator[Any]:
    """Axes in the house's style; saved to `path` at the end. No display is opened."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(5.6 * size, 3.4 * size))
        axes = figure.add_subplot()
        axes.set_title(printable(title), loc="left", fontweight="bold", fontsize=11, pad=22)
        axes.text(0, 1 + 0.04 / size, printable(y_label), transform=axes.transAxes, color=MUTED)
        axes.set_xlabel(printable(x_label), loc="right")
        yield axes
        figure.savefig(path)


def save_curve(path: str | os.PathLike, chart: Chart) -> None:
    """A line for each method at its mean, a band from the lowest to the highest seed, its name at its end."""
    lines = [(curve, *condensed(curve)) for curve in chart.curves]
    if not any(np.isfinite(mean).any() for _, _, mean, *_ in lines):
        raise BadSetting(f"The chart '{chart.title}' has nothing finite in it: record at least one number before drawing it.")
    slots = {name: i for i, name in enumerate(dict.fromkeys(curve.name for curve in chart.curves))}
    with _figure(path, chart.title, chart.y_label, chart.x_label) as axes:
        ends = []
        for curve, x, mean, low, high in lines:
            color, dotted = SERIES[slots[curve.name] % len(SERIES)][0], slots[curve.name] >= len(SERIES)
            axes.plot(x, mean, color=color, lw=1 if curve.dashed else 1.8, ls="--" if curve.dashed else ":" if dotted else "-")
            axes.fill_between(x, low, high, color=color, alpha=0.15, lw=0)
            if not curve.dashed and (there := np.isfinite(mean).nonzero()[0]).size:
                ends.append((printable(curve.name), float(mean[there[-1]])))
        seen = np.concatenate([np.concatenate([low, high]) for *_, low, high in lines])
        if is_logarithmic(chart, seen[np.isfinite(seen)]):
            axes.set_yscale("log")
        if chart.y_range:
            axes.set_ylim(chart.y_range)
        axes.set_xlim(*reach(chart.curves))
        _tick(axes)
        _name_ends(axes, ends)


def _tick(axes: Any) -> None:
    """The page's own ticks: round numbers, also on a logarithmic axis."""
    for axis, (low, high), scale in ((axes.xaxis, axes.get_xlim(), axes.get_xscale()), (axes.yaxis, axes.get_ylim(), axes.get_yscale())):
        ticks = (log_ticks if scale == "log" else linear_ticks)(float(low), float(high))
        axis.set_ticks(ticks, [tick_text(tick) for tick in ticks])
        axis.set_ticks([], minor=True)


def _name_ends(axes: Any, ends: list[tuple[str, float]]) -> None:
    """Names beside the lines' ends, pushed apart where they would overlap."""
    level = lambda value: axes.transAxes.inverted().transform(axes.transData.transform((axes.get_xlim()[1], value)))[1]
    for (name, _), place in zip(ends, spread([float(level(value)) for _, value in ends], 0.065, 0.0, 1.0)):
        axes.text(1.02, place, name, transform=axes.transAxes, va="center", fontweight="bold", fontsize=9)


FEW = 12  # methods that have a colour and a bold name each; of more, those that no other beats


def save_frontier(path: str | os.PathLike, frontier: Frontier) -> None:
    """Success with its interval over the latency per executed action, and the line that nothing measured is beyond."""
    rows = [row for row in frontier.rows if row.success and row.per_action]
    if not rows:
        raise BadSetting(f"No row of '{frontier.title}' has both a success rate and a latency per action.")
    edge, few = unbeaten(rows), len(rows) <= FEW
    with _figure(path, frontier.title, "success, %", "ms per executed action, median", 1.0 if few else 1.6) as axes:
        slots = iter(range(len(rows)))
        for row in rows:
            plain = row.floor or not (few or row in edge)
            color = MUTED if plain else SERIES[next(slots) % len(SERIES)][0]
            x, e = float(row.per_action.median_ms), row.success
            axes.plot([x, x], [100 * e.low, 100 * e.high], color=color, alpha=0.25 if plain and not few else 0.6)
            axes.plot([x], [100 * e.value], "o", color=color)
        ends = [float(row.per_action.median_ms) for row in edge]
        axes.set_xscale("log")
        axes.margins(x=0.15)
        axes.step(
            [*ends, axes.get_xlim()[1]],
            [100 * row.success.value for row in [*edge, *edge[-1:]]],
            where="post",
            color=MUTED,
            alpha=0.4,
            zorder=0,
        )
        axes.set_xlim(axes.get_xlim())
        _tick(axes)
        _name_points(axes, rows, rows if few else edge)


def _name_points(axes: Any, rows: list[MethodRow], bold: list[MethodRow]) -> None:
    """Each name where it covers least of the points and of the names before it: those in bold come first."""
    axes.figure.canvas.draw()  # only then is it known where things are
    per_point = 72 / axes.figure.dpi
    at = lambda row: axes.transData.transform((float(row.per_action.median_ms), 100 * row.success.value)) * per_point
    places = {row.name: (float(x), -float(y)) for row, (x, y) in ((row, at(row)) for row in rows)}
    begin, end = (float(axes.transAxes.transform((x, 0))[0]) * per_point for x in (0, 1))
    floor = -float(axes.transAxes.transform((0, 0))[1]) * per_point
    top = -float(axes.transAxes.transform((0, 1))[1]) * per_point
    taken = [(0.0, end + 60, floor - 2, floor + 60), (0.0, end + 60, top - 200, top - 16)]  # the axis and its ticks, and the title
    taken.append((0.0, begin - 2, top - 200, floor + 60))  # the other axis' ticks
    taken += [(x - 4, x + 4, y - 4, y + 4) for x, y in places.values()]
    for row in sorted(rows, key=lambda row: row not in bold):
        size = 9 if row in bold else 7
        x, y = places[row.name]
        wide = 0.68 * size * len(row.name)
        left, base = label_place(x, y, wide, taken, end + 60, RINGS)
        taken.append((left, left + wide, base - size, base + 2))
        far = _apart(x, y, (left, left + 0.85 * wide, base - size, base + 2)) > NEAR  # what is written is narrower than what is kept free
        axes.annotate(
            printable(row.name), (float(row.per_action.median_ms), 100 * row.success.value), (left - x, y - base),
            textcoords="offset points", fontsize=size, fontweight="bold" if row in bold else "normal", color=INK if row in bold else MUTED,
            arrowprops=_leader((x - left) / wide, (base - y) / size) if far else None,
        )  # fmt: skip


RINGS = 5  # how far a name may go to where there is room
NEAR = 8.5  # points: a name that is farther from its dot is led there by a line


def _apart(x: float, y: float, box: tuple[float, float, float, float]) -> float:
    left, right, top, bottom = box
    return float(np.hypot(max(left - x, 0, x - right), max(top - y, 0, y - bottom)))


def _leader(across: float, up: float) -> dict:
    """A thin line from the place of the text that is nearest to the dot, in shares of its width and height."""
    nearest = tuple(float(np.clip(share, 0, 1)) for share in (across, up))
    return {"arrowstyle": "-", "linewidth": 0.5, "color": MUTED, "alpha": 0.6, "shrinkA": 0, "shrinkB": 3, "relpos": nearest}


# ----------------------------------------------------------------------------------------------------------------- stills
PANEL = 320.0  # units of a panel's width, as on the page
FILLS = {"ground": "#f0ede5", "demonstration": "none", "goal": "#0a8f632e", "obstacle": "#8b8f99cc", "object": "#e2a100"}
LINES = {"ground": "#dcd8cc", "demonstration": "#9aa2b180", "goal": "#0a8f63", "obstacle": "#8b8f99", "object": "#e2a100"}


def save_stills(path: str | os.PathLike, panels: Mapping[str, Rollouts], across: int = 4) -> None:
    """A panel for each name: the scene as the first episode began, and the ways of all its episodes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    down = -(-len(panels) // across)
    with rc_context(STYLE):
        figure = Figure(figsize=(2.3 * across, 2.4 * down))
        for place, (name, section) in enumerate(panels.items(), 1):
            axes = figure.add_subplot(down, across, place)
            axes.set_title(printable(name), loc="left", fontweight="bold", fontsize=9)
            axes.set_axis_off()
            _still(axes, section)
        figure.tight_layout(pad=0.6)
        figure.savefig(path)


def _still(axes: Any, section: Rollouts) -> None:
    packed = pack(section)
    camera = Camera(section, packed, PANEL)
    first = np.split(packed.points[0][0], np.cumsum(packed.counts)[:-1])
    shapes = [(shape, np.asarray(shape["points"], float)) for shape in section.scene["shapes"]] + list(zip(packed.moving, first))
    for shape, points in sorted(shapes, key=lambda pair: ROLES.index(pair[0].get("role", "object"))):
        _draw(axes, shape, camera(points))
    for place, frames in enumerate(packed.points if packed.traced is not None else []):
        way = camera(frames[:, packed.traced])
        axes.plot(way[:, 0], way[:, 1], color=SERIES[0][0], lw=0.8 if place else 1.4, alpha=0.3 if place else 0.9)
    axes.set(xlim=(0, camera.width), ylim=(camera.height, 0), aspect="equal")


def _draw(axes: Any, shape: dict, seen: np.ndarray) -> None:
    from matplotlib.patches import Circle, Polygon

    role = shape.get("role", "object")
    fill, line = FILLS.get(role, SERIES[0][0]), LINES.get(role, SERIES[0][0])
    if shape["kind"] == "line":
        points_wide = max(1.0, float(shape.get("width", 0.0) * seen[:, 2].mean()) * 0.45)
        axes.plot(seen[:, 0], seen[:, 1], color=line, lw=points_wide, solid_capstyle="round")
    elif shape["kind"] == "circle":
        axes.add_patch(Circle(seen[0, :2], max(3.0, float(shape.get("radius", 0.0) * seen[0, 2])), facecolor=fill, edgecolor=line, lw=0.8))
    else:
        axes.add_patch(Polygon(seen[:, :2], facecolor=fill, edgecolor=line, lw=0.8))
