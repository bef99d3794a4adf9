"""The report's charts as PNG or SVG files by Matplotlib, for READMEs and papers: the same data, colours and rules as on the page."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from agir.core.errors import BadSetting
from agir.evaluation.axes import SERIES, linear_ticks, log_ticks, spread, tick_text
from agir.evaluation.drawing import Chart, Frontier, condensed, is_logarithmic, label_place, reach, unbeaten
from agir.evaluation.markup import printable
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
    end = float(axes.transAxes.transform((1, 1))[0]) * per_point
    taken = [(x - 4, x + 4, y - 4, y + 4) for x, y in places.values()]
    for row in sorted(rows, key=lambda row: row not in bold):
        size = 9 if row in bold else 7
        x, y = places[row.name]
        wide = 0.68 * size * len(row.name)
        left, base = label_place(x, y, wide, taken, end + 60)
        taken.append((left, left + wide, base - size, base + 2))
        axes.annotate(
            printable(row.name), (float(row.per_action.median_ms), 100 * row.success.value), (left - x, y - base),
            textcoords="offset points", fontsize=size, fontweight="bold" if row in bold else "normal", color=INK if row in bold else MUTED,
        )  # fmt: skip
