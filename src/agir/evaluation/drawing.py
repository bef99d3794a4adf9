"""Charts as inline SVG: learning curves, the success-latency frontier, the strip of episodes. Text stays text, colours follow the page."""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agir.core.errors import BadSetting
from agir.evaluation.markup import Markup, element, fragment
from agir.evaluation.tables import MethodRow, Number, ends, percent, printable, sample_size, significant, whiskers

# (on light, on dark). Chosen by search: the smallest CIE76 distance of any two is over 20 for normal, deuteranope, protanope and
# tritanope sight (Machado et al. 2009, severity 1), and every one has a contrast of at least 3 against its page; a test checks both.
SERIES = (
    ("#0b44d6", "#9898f3"),
    ("#db6800", "#ff662e"),
    ("#097a57", "#0f8e82"),
    ("#bb6bb7", "#fec0bc"),
    ("#994a17", "#daeb6f"),
    ("#1194ff", "#8cdffc"),
    ("#582f1f", "#c47b5a"),
    ("#4b2a8a", "#8a4ce3"),
)
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


class Slots(dict):
    """Which place of the palette a method has: in the order of first asking, the same all over a page. Floors are grey."""

    def __init__(self, floors: Sequence[str] = ()):
        super().__init__()
        self.floors = frozenset(floors)

    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]

    def mark(self, name: str) -> str:
        """-> the classes that give an element the method's colour; past the palette's end they also say that lines are dotted."""
        if name in self.floors:
            return "s-floor"
        return f"s{self[name] % len(SERIES)}" + " again" * (self[name] >= len(SERIES))


# ------------------------------------------------------------------------------------------------------------------- axes
@dataclasses.dataclass(frozen=True)
class Axis:
    """Maps [low, high] to [start, end] of the picture, linearly or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: Any) -> Any:
        low, high, value = (np.log10(np.maximum(v, 1e-300)) if self.logarithmic else v for v in (self.low, self.high, value))
        return self.start + (np.asarray(value, float) - low) / (high - low) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        return (log_ticks if self.logarithmic else linear_ticks)(self.low, self.high, about)


def linear_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """-> round numbers (1, 2 or 5 times a power of ten) in [low, high]."""
    power = 10.0 ** math.floor(math.log10((high - low) / about))
    inside = lambda step: math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) + 1
    step = min((power * nice for nice in (10, 5, 2, 1)), key=lambda step: abs(inside(step) - about))
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float, about: int = 5) -> list[float]:
    decades = [10.0**k for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    for nice in ((1,), (1, 3), (1, 2, 5)):
        ticks = [round(n * d, 12) for d in decades for n in nice if low * 0.999 <= n * d <= high * 1.001]
        if len(ticks) >= 3:
            return ticks[:: max(1, math.ceil(len(ticks) / (about + 2)))]
    return ticks or linear_ticks(low, high, about)


def tick_text(value: float) -> str:
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def widen(low: float, high: float, logarithmic: bool = False) -> tuple[float, float]:
    """A range with some air; one of no extent is opened."""
    if logarithmic:
        return (low / 1.5, high * 1.5) if high <= low * 1.0001 else (low / (high / low) ** 0.05, high * (high / low) ** 0.05)
    room = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def frame(x: Axis, y: Axis, x_label: str, y_label: str, say: Callable[[float], str] = tick_text) -> Markup:
    """Grid lines, ticks, and both labels: y's stands level over the axis, where it can be read without turning the head."""
    left, right, bottom, top = min(x.start, x.end), max(x.start, x.end), y.start, y.end
    lines = [element("line", x1=left, x2=right, y1=float(y(t)), y2=float(y(t)), class_="grid") for t in y.ticks()]
    texts = [element("text", say(t), x=left - 7, y=float(y(t)) + 4, class_="tick end") for t in y.ticks()]
    texts += [element("text", tick_text(t), x=float(x(t)), y=bottom + 17, class_="tick middle") for t in x.ticks()]
    marks = [element("line", x1=float(x(t)), x2=float(x(t)), y1=bottom, y2=bottom + 4, class_="axis") for t in x.ticks()]
    axis = element("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis")
    labels = [
        element("text", y_label, x=2, y=top - 14, class_="label"),
        element("text", x_label, x=right, y=bottom + 34, class_="label end"),
    ]
    return fragment(lines, axis, marks, texts, labels)


def path(xs: Any, ys: Any) -> str:
    """The d of a line that breaks where a number is missing."""
    parts, pen = [], "M"
    for x, y in zip(np.asarray(xs, float), np.asarray(ys, float)):
        if not (math.isfinite(x) and math.isfinite(y)):
            pen = "M"
            continue
        parts.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(parts)


def spread(wanted: list[float], gap: float, low: float, high: float) -> list[float]:
    """Places of labels, as near to where they want to be as a gap between neighbours allows; order is kept."""
    order = np.argsort(wanted, kind="stable")
    gap = min(gap, (high - low) / max(1, len(wanted) - 1)) if len(wanted) > 1 else gap
    # In the coordinates place - rank * gap the labels only need to be in order: isotonic regression, by pooling neighbours.
    pools: list[list[float]] = []
    for rank, index in enumerate(order):
        pools.append([min(max(wanted[index], low), high) - rank * gap, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [[(a * n + b * m) / (n + m), n + m]]
    placed = [place for place, n in pools for _ in range(int(n))]
    shift = max(0.0, low - placed[0]) if placed else 0.0
    places = [0.0] * len(wanted)
    for rank, index in enumerate(order):
        places[index] = min(placed[rank] + shift, high - (len(wanted) - 1) * gap) + rank * gap
    return places


def shorten(name: str, letters: int = 20) -> str:
    name = printable(name)
    return name if len(name) <= letters else name[: letters - 1] + "…"


def picture(width: Number, height: Number, label: str, *children: Any, **attributes: Any) -> Markup:
    return element("svg", *children, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label, **attributes)


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
    room = 22 + 7.2 * max([len(shorten(line[0].name)) for line in named], default=0)
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
    inside = (frame(x, y, chart.x_label, chart.y_label), drawn, _end_labels(named, ends, x, y, slots))
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
        leader = element("path", d=f"M{px + 2:.1f} {py:.1f}L{x.end + 10:.1f} {place:.1f}", class_="leader")
        name = element("text", shorten(line[0].name), element("title", line[0].name), x=x.end + 14, y=place + 4, class_="name")
        made.append(element("g", leader, element("circle", cx=px, cy=py, r=2.6, class_="dot"), name, class_=slots.mark(line[0].name)))
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
    best, corner = -1.0, []
    for time, row in sorted(zip(times, rows), key=lambda pair: (pair[0], -float(pair[1].success.value))):
        if not row.floor and float(row.success.value) > best:
            best = float(row.success.value)
            corner.append((float(x(time)), float(y(best))))
    steps = "".join(f"L{px:.1f} {before:.1f}L{px:.1f} {py:.1f}" for (_, before), (px, py) in zip(corner, corner[1:]))
    edge = f"M{corner[0][0]:.1f} {corner[0][1]:.1f}{steps}L{x.end:.1f} {corner[-1][1]:.1f}" if corner else ""
    hint = element("text", "faster and surer ↖", x=x.start + 8, y=y.end + 14, class_="hint") if len(rows) > 1 else None
    inside = [frame(x, y, "ms per executed action, median", "success, %", lambda t: f"{100 * t:g}"), hint]
    inside += [element("path", d=edge, class_="edge") if edge else None, _frontier_points(rows, times, x, y, slots)]
    text = "Success against latency. " + " ".join(
        f"{row.name}: {percent(row.success.value)}% at {significant(time)} ms." for row, time in zip(rows, times)
    )
    return picture(width, height, text, *inside, class_="chart wide")


def _frontier_points(rows: list[MethodRow], times: list[float], x: Axis, y: Axis, slots: Slots) -> Markup:
    made, taken = [], []
    for row, time in sorted(zip(rows, times), key=lambda pair: -float(pair[0].success.value)):
        e, px = row.success, float(x(time))
        py = float(y(e.value))
        text = 7.4 * len(shorten(row.name))
        left = min(px + 6, x.end + 55 - text)
        place = py - 8
        while any(abs(place - other) < 14 and left < end and start < left + text for other, start, end in taken):
            place += 3.5
        taken.append((place, left, left + text))
        whisker = element("line", x1=px, x2=px, y1=float(y(e.low)), y2=float(y(e.high)), class_="whisker")
        about = f"{row.name}: {percent(e.value)}% ({ends(e, percent)}, {sample_size(e, row.floor)}) at {significant(time)} ms"
        dot = element("circle", element("title", about), cx=px, cy=py, r=5, class_="dot")
        name = element("text", shorten(row.name), x=left, y=place, class_="name")
        made.append(element("g", whisker, dot, name, class_=slots.mark(row.name)))
    return fragment(made)


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
