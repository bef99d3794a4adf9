"""Charts as inline SVG: learning curves, the success-latency frontier, the strip of episodes. Text stays text, colours follow the page."""

import dataclasses
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from agir.core.errors import BadSetting
from agir.evaluation.axes import Axis, Slots, frame, path, picture, shorten, spread, widen
from agir.evaluation.markup import Markup, element, fragment
from agir.evaluation.tables import MethodRow, Number, ends, percent, sample_size, significant, whiskers

MOST_POINTS = 160  # of a drawn line; more are averaged in blocks, and the band keeps their extremes


@dataclasses.dataclass(frozen=True)
class Curve:
    """One method's line. `y` is [points], or [seeds, points]: then the line is the mean, the band from the lowest to the highest seed."""

    name: str
    x: Sequence[Number] | np.ndarray
    y: Sequence | np.ndarray
    dashed: bool = False  # a companion of the method's main line (the training loss beside the validation loss): not labelled


@dataclasses.dataclass(frozen=True)
class Chart:
    title: str
    curves: list[Curve]
    y_label: str  # with its unit, if it has one
    x_label: str = "updates"
    solid_means: str = ""  # what the solid and the dashed lines are, where there are both: "validation", "training"
    dashed_means: str = ""
    logarithmic: bool | None = None  # the y axis; None: where all is positive and spans more than a factor of 50
    y_range: tuple[Number, Number] | None = None


@dataclasses.dataclass(frozen=True)
class Curves:
    charts: list[Chart]
    title: str = "Learning curves"
    about: str = ""


@dataclasses.dataclass(frozen=True)
class Frontier:
    """Success against latency per executed action, from the rows of a comparison; those without either are left out."""

    rows: list[MethodRow]
    title: str = "Success and latency"
    about: str = ""


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Which episodes a method succeeded in: bool [episodes], or [seeds, episodes]; `start_index` [episodes] says which start each is."""

    name: str
    success: Any
    start_index: Any


@dataclasses.dataclass(frozen=True)
class Episodes:
    outcomes: list[Outcomes]
    title: str = "Episode by episode"
    about: str = ""


# ----------------------------------------------------------------------------------------------------------------- curves
WIDTH, HEIGHT = 470.0, 290.0


def condensed(curve: Curve) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """-> x, mean, low, high [at most MOST_POINTS]; raises BadSetting where the lengths of x and y differ."""
    x, y = np.asarray(curve.x, float), np.atleast_2d(np.asarray(curve.y, float))
    if x.ndim != 1 or y.ndim != 2 or y.shape[1] != len(x):
        raise BadSetting(f"The curve of '{curve.name}' has x {x.shape} and y {y.shape}: y must be [points] or [seeds, points].")
    blocks = np.array_split(np.arange(len(x)), min(len(x), MOST_POINTS)) if len(x) else []
    y = np.where(np.isfinite(y), y, np.nan)
    over = lambda how, rows: np.array([how(rows[..., b]) if np.isfinite(rows[..., b]).any() else np.nan for b in blocks])
    return np.array([x[b].mean() for b in blocks]), over(np.nanmean, y), over(np.nanmin, y), over(np.nanmax, y)


def curves_chart(chart: Chart, slots: Slots) -> Markup:
    """One chart: a line a method with its band, its name at the line's end, and the numbers for the read-out."""
    lines = [(curve, *condensed(curve)) for curve in chart.curves]
    seen = np.concatenate([np.concatenate([low, high]) for *_, low, high in lines] or [np.zeros(0)])
    seen = seen[np.isfinite(seen)]
    if not seen.size:
        return element("p", "Nothing finite was recorded.", class_="empty")
    logarithmic = is_logarithmic(chart, seen)
    named = [line for line in lines if not line[0].dashed]
    room = 27 + 7.2 * max([len(shorten(line[0].name)) for line in named], default=0)
    x = Axis(*reach(chart.curves), 46.0, WIDTH - room)
    low, high = map(float, chart.y_range) if chart.y_range else widen(float(seen.min()), float(seen.max()), logarithmic)
    y = Axis(max(low, 0.0) if seen.min() >= 0 and not logarithmic else low, high, HEIGHT - 44, 34.0, logarithmic)
    drawn = [_curve(line, x, y, slots) for line in sorted(lines, key=lambda line: not line[0].dashed)]
    ends = [_last(line) for line in named]
    text = f"{chart.title}: {chart.y_label} against {chart.x_label}. " + " ".join(
        f"{line[0].name} ends at {significant(end[1])}." for line, end in zip(named, ends) if math.isfinite(end[1])
    )
    numbers = {
        "x": [x.low, x.high, x.start, x.end],
        "label": chart.x_label,
        "order": " · ".join(part for part in (chart.solid_means, chart.dashed_means) if part),
        "lines": [{"name": c.name, "mark": slots.mark(c.name), "x": _listed(cx), "y": _listed(mean)} for c, cx, mean, *_ in lines],
    }
    y_label = ", ".join(part for part in (chart.y_label, "log scale" if logarithmic else "") if part)
    inside = (frame(x, y, chart.x_label, y_label), drawn, _end_labels(named, ends, x, y, slots))
    return picture(WIDTH, HEIGHT, text, *inside, class_="chart readable", tabindex="0", data_chart=json.dumps(numbers))


def is_logarithmic(chart: Chart, seen: np.ndarray) -> bool:
    """Whether the y axis is; `seen` are all finite values. Raises BadSetting where it is asked for and cannot be."""
    positive = bool(seen.min() > 0) and (chart.y_range is None or chart.y_range[0] > 0)
    if chart.logarithmic and not positive:
        raise BadSetting(f"The chart '{chart.title}' asks for a logarithmic axis, but not all of its values, or its range, are positive.")
    return positive and (
        chart.logarithmic is None and chart.y_range is None and bool(seen.max() > 50 * seen.min()) or bool(chart.logarithmic)
    )


def lost_seeds(chart: Chart) -> list[str]:
    """A sentence for each line whose mean at the end is not of all its seeds: nobody should have to guess that one diverged."""
    found = []
    for curve in chart.curves:
        last = np.atleast_2d(np.asarray(curve.y, float))[:, -1:]
        if lost := int((~np.isfinite(last)).sum()):
            found.append(f"{curve.name}: {lost} of {len(last)} seeds not finite at the end, and not in the mean there.")
    return found


def reach(curves: list[Curve]) -> tuple[float, float]:
    """The range of x; it begins at 0 where the first point is near it."""
    xs = np.concatenate([np.asarray(curve.x, float) for curve in curves])
    low, high = float(xs.min()), float(xs.max())
    return (0.0 if 0 < low < 0.05 * high else low, high) if low < high else widen(low, high)


def _listed(values: np.ndarray) -> list:
    return [float(f"{v:.5g}") if math.isfinite(v) else None for v in values]


def _curve(line: tuple, x: Axis, y: Axis, slots: Slots) -> Markup:
    curve, cx, mean, low, high = line
    there = np.isfinite(low)
    band = ""
    if np.atleast_2d(np.asarray(curve.y)).shape[0] > 1 or len(np.asarray(curve.x)) > MOST_POINTS:
        edge = np.concatenate([there.nonzero()[0], there.nonzero()[0][::-1]])
        sides = np.concatenate([high[there], low[there][::-1]])
        band = element("path", d=path(x(cx[edge]), y(sides)) + "Z", class_="band") if there.any() else ""
    single = there.sum() == 1
    dot = element("circle", cx=float(x(cx[there][0])), cy=float(y(mean[there][0])), r=3, class_="dot") if single else None
    return element(
        "g", band, element("path", d=path(x(cx), y(mean)), class_="line" + " dashed" * curve.dashed), dot, class_=slots.mark(curve.name)
    )


def _last(line: tuple) -> tuple[float, float]:
    """The last finite point of a line."""
    _, x, mean, *_ = line
    there = np.isfinite(mean).nonzero()[0]
    return (float(x[there[-1]]), float(mean[there[-1]])) if len(there) else (math.nan, math.nan)


def _end_labels(named: list, ends: list, x: Axis, y: Axis, slots: Slots) -> Markup:
    pairs = [(line, end) for line, end in zip(named, ends) if math.isfinite(end[1])]
    places = spread([float(y(end[1])) for _, end in pairs], 14.5, y.end, y.start)
    made = []
    for (line, end), place in zip(pairs, places):
        px, py = float(x(end[0])), float(y(end[1]))
        leader = element("path", d=f"M{px + 2:.1f} {py:.1f}L{x.end + 12:.1f} {place:.1f}", class_="leader")
        name = element("text", shorten(line[0].name), element("title", line[0].name), x=x.end + 19, y=place + 4, class_="name")
        dots = [element("circle", cx=cx, cy=cy, r=2.8, class_="dot") for cx, cy in ((px, py), (x.end + 12, place))]
        made.append(element("g", leader, dots, name, class_=slots.mark(line[0].name)))
    return fragment(made)


# --------------------------------------------------------------------------------------------------------------- frontier
def frontier_chart(frontier: Frontier, slots: Slots) -> Markup:
    """Success with its interval over the latency per executed action (logarithmic), and the line that nothing measured is beyond."""
    rows = [row for row in frontier.rows if row.success and row.per_action and float(row.per_action.median_ms) > 0]
    if not rows:
        return element("p", "No row has both a success rate and a latency.", class_="empty")
    times = [float(row.per_action.median_ms) for row in rows]
    width, height = 520.0, 320.0
    low, high = widen(min(times), max(times), True)
    x = Axis(low / 1.15, high * 1.15, 46.0, width - 60, True)
    shares = [end for row in rows for end in whiskers(row.success, row.name)]
    y = Axis(max(0.0, math.floor(10 * min(shares) - 0.3) / 10), min(1.0, math.ceil(10 * max(shares) + 0.3) / 10), height - 44, 34.0)
    corner = [(float(x(row.per_action.median_ms)), float(y(row.success.value))) for row in unbeaten(rows)]
    steps = "".join(f"L{px:.1f} {before:.1f}L{px:.1f} {py:.1f}" for (_, before), (px, py) in zip(corner, corner[1:]))
    edge = f"M{corner[0][0]:.1f} {corner[0][1]:.1f}{steps}L{x.end:.1f} {corner[-1][1]:.1f}" if corner else ""
    hint = element("text", "↖ faster and surer", x=x.end, y=10, class_="hint end") if len(rows) > 1 else None  # no name is so high
    inside = [frame(x, y, "ms per executed action, median", "success, %", lambda t: f"{100 * t:g}"), hint]
    inside += [element("path", d=edge, class_="edge") if edge else None, _frontier_points(rows, times, x, y, slots)]
    text = "Success against latency. " + " ".join(
        f"{row.name}: {percent(row.success.value)}% at {significant(time)} ms." for row, time in zip(rows, times)
    )
    return picture(width, height, text, *inside, class_="chart wide")


def unbeaten(rows: list[MethodRow]) -> list[MethodRow]:
    """Those that no faster or equally fast method succeeds as often as, from the fastest to the surest; all with success and latency."""
    best, found = -1.0, []
    for row in sorted(rows, key=lambda row: (float(row.per_action.median_ms), -float(row.success.value))):
        if not row.floor and float(row.success.value) > best:
            best = float(row.success.value)
            found.append(row)
    return found


def _frontier_points(rows: list[MethodRow], times: list[float], x: Axis, y: Axis, slots: Slots) -> Markup:
    made, places = [], [(float(x(time)), float(y(row.success.value))) for row, time in zip(rows, times)]
    taken = [(px - 6, px + 6, py - 6, py + 6) for px, py in places]
    for row, time, (px, py) in zip(rows, times, places):
        e, text = row.success, shorten(row.name)
        left, base = label_place(px, py, 7.3 * len(text), taken, x.end + 55)
        taken.append((left, left + 7.3 * len(text), base - 10, base + 3))
        whisker = element("line", x1=px, x2=px, y1=float(y(e.low)), y2=float(y(e.high)), class_="whisker")
        about = f"{row.name}: {percent(e.value)}% ({ends(e, percent)}, {sample_size(e, row.floor)}) at {significant(time)} ms"
        dot = element("circle", element("title", about), cx=px, cy=py, r=5, class_="dot")
        made.append(element("g", whisker, dot, element("text", text, x=left, y=base, class_="name"), class_=slots.mark(row.name)))
    return fragment(made)


def label_place(px: float, py: float, width: float, taken: list[tuple], end: float, rings: int = 1) -> tuple[float, float]:
    """-> where a point's name begins: the place around it that covers least of what is `taken` (left, right, top, bottom).

    `rings` is how far away it may be, where a line leads there; what is farther must cover so much less.
    """
    drops = [(-8.0, 4.0, 17.0, -20.0, 29.0), *((-20.0 - 12 * ring, 29.0 + 12 * ring) for ring in range(1, rings))]
    outward = [8.0 + 24 * ring for ring in range(rings)]
    around = [(side, drop) for ring in drops for drop in ring for out in outward for side in (out, -out - width)]

    def covered(place: tuple) -> float:
        left, base = px + place[0], py + place[1]
        overlap = lambda box: (
            max(0.0, min(left + width, box[1]) - max(left, box[0])) * max(0.0, min(base + 3, box[3]) - max(base - 10, box[2]))
        )
        far = max(0.0, place[0] - 8, -8 - width - place[0]) + max(0.0, place[1] - 29, -20 - place[1])
        return sum(map(overlap, taken)) + 1.5 * far + 1e3 * max(0.0, left + width - end) + 1e3 * max(0.0, 44 - left)

    side, drop = min(around, key=covered)
    return px + side, py + drop


# ----------------------------------------------------------------------------------------------------------------- strips
def episode_strip(outcomes: Outcomes, slots: Slots) -> Markup:
    """A tick for each episode, as high as the share of seeds that succeeded; a failure of all is a short mark under the line."""
    success = np.atleast_2d(np.asarray(outcomes.success, float))
    starts = np.asarray(outcomes.start_index)
    if success.shape[1:] != starts.shape:
        raise BadSetting(f"The outcomes of '{outcomes.name}' are {success.shape} for {starts.shape} start indices.")
    share = success.mean(0)
    thick = 0.74 if len(starts) <= 250 else 1  # beyond that a gap would be thinner than a pixel
    won = "".join(f"M{i} 20v{-20 * s:.3g}h{thick}v{20 * s:.3g}z" for i, s in enumerate(share) if s > 0)
    lost = "".join(f"M{i} 22v4h{thick}v-4z" for i, s in enumerate(share) if s == 0)
    text = (
        f"{outcomes.name}: {percent(share.mean())}% of {len(starts)} episodes" + (f", over {len(success)} seeds" * (len(success) > 1)) + "."
    )
    inside = (element("path", d=won, class_="won"), element("path", d=lost, class_="lost"))
    numbers = {"starts": starts.tolist(), "share": [round(float(s), 3) for s in share], "seeds": len(success)}
    attributes = {"class_": "strip " + slots.mark(outcomes.name), "preserveAspectRatio": "none", "tabindex": "0"}
    return picture(len(starts), 26, text, *inside, data_strip=json.dumps(numbers), **attributes)
