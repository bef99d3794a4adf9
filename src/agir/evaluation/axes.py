"""What all drawings share: axes with round ticks, lines, places of labels, and who has which colour."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agir.evaluation.markup import Markup, element, fragment, printable
from agir.evaluation.tables import Number

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
