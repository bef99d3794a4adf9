"""The comparison of methods: one data structure, its figures put into words once, for the terminal and for the page."""

import csv
import dataclasses
import io
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from agir.core.errors import BadSetting
from agir.evaluation.markup import printable
from agir.evaluation.statistics import Interval, verdict

Number = float | int | np.number
Whole = int | np.integer


@dataclasses.dataclass(frozen=True)
class Times:
    """Milliseconds until the result is on the host; compile time is not in them."""

    median_ms: Number
    p95_ms: Number
    p99_ms: Number


@dataclasses.dataclass(frozen=True)
class MethodRow:
    """What was measured of one method, or of a floor (a still or a random policy). None: was not measured, and is not shown."""

    name: str
    success: Interval | None = None  # in [0, 1]
    about: str = ""  # one line under the name
    floor: bool = False
    difference: Interval | None = None  # paired: this method's success less the baseline's, in [-1, 1]
    mean_return: Interval | None = None
    iqm_return: Interval | None = None  # interquartile mean
    measures: dict[str, Interval] = dataclasses.field(default_factory=dict)  # the task's other numbers; for the spreadsheet alone
    per_pass: Times | None = None  # of the network
    per_call: Times | None = None
    to_first_action: Times | None = None  # from an episode's first observation on
    per_action: Times | None = None  # per action executed
    passes_per_action: Number | None = None  # of the network
    parameters: Whole | None = None
    training_s: Number | None = None


@dataclasses.dataclass(frozen=True)
class Comparison:
    rows: list[MethodRow]
    title: str = "Comparison"
    about: str = ""
    baseline: str = ""  # the name of the row that `difference` is against
    smallest_difference: tuple[Number, Number] | None = None  # of success, in [0, 1], that this n could have shown: least, most

    @property
    def ordered(self) -> list[MethodRow]:
        """The methods as given, then the floors."""
        return sorted(self.rows, key=lambda row: row.floor)


# --------------------------------------------------------------------------------------------------------------- in words
@dataclasses.dataclass(frozen=True)
class Cell:
    text: str = "–"
    detail: tuple[str, ...] = ()  # what stands under the figure, a line each
    value: float | None = None  # to sort by
    bar: tuple[float, float, float] | None = None  # low, value, high


@dataclasses.dataclass(frozen=True)
class Column:
    title: str
    about: str
    cells: list[Cell]
    scale: tuple[float, float] | None = None  # what the ends of a bar's track stand for
    zero: float | None = None  # a mark on the track: no difference, or the best floor


def significant(value: Number, digits: int = 3) -> str:
    """Three significant digits without an exponent where that is readable: 0.0123, 4.57, 1240."""
    value = float(f"{float(value):.{digits - 1}e}")
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits - 1}e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}".replace("-", "−")


def percent(value: Number) -> str:
    return f"{100 * float(value):.1f}".replace("-", "−")


def points(value: Number) -> str:
    return ("+" if value > 0 else "") + percent(value)


def count(value: Number) -> str:
    """980, 12.4 k, 1.24 M, 2.1 B."""
    value = float(value)
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * size:
            return f"{significant(value / size)} {letter}"
    return f"{value:g}"


def duration(seconds: Number) -> str:
    """0.42 s, 12.3 s, 4 min 05 s, 2 h 10 min."""
    seconds = float(seconds)
    if seconds < 99.95:
        return f"{significant(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def ends(interval: Interval, say: Callable[[Number], str]) -> str:
    return f"{say(interval.low)} to {say(interval.high)}"


def sample_size(interval: Interval, floor: bool = False) -> str:
    """How many episodes, and over how many seeds: `n 2500, 5 seeds x 500`. Of a floor the seeds are not said: nothing was trained."""
    return f"n {interval.count}" + (f", {interval.note}" if interval.note and not floor else "")


def leaning(difference: Interval) -> str:
    """What an interval of a difference allows to be said."""
    return {"holds": "better", "fails": "worse", "undecided": "undecided"}[verdict(difference, 0.0)]


def whiskers(interval: Interval, whose: str) -> tuple[float, float, float]:
    """-> low, value, high to draw; raises BadSetting, naming whose it is, where one of them is no number."""
    bar = (float(interval.low), float(interval.value), float(interval.high))
    if not all(map(math.isfinite, bar)) or interval.low > interval.high:
        raise BadSetting(f"The interval of '{whose}' is {interval}: it needs finite numbers with low <= high. Evaluate it again.")
    return bar


def columns(comparison: Comparison) -> list[Column]:
    """-> the columns that have something in them, one cell for each row of `comparison.ordered`."""
    rows = comparison.ordered
    floors = [float(row.success.value) for row in rows if row.floor and row.success]
    gaps = [abs(float(end)) for row in rows if row.difference for end in (row.difference.low, row.difference.high)]
    widest = max([0.05, *gaps])
    reach = [float(end) for row in rows if row.mean_return for end in (row.mean_return.low, row.mean_return.high)]
    against = f" against {comparison.baseline}" if comparison.baseline else ""
    made = [
        Column("Success, %", "share of episodes", [_success(row) for row in rows], (0.0, 1.0), max(floors, default=None)),
        Column("Difference, points", f"paired{against}", [_difference(row, comparison) for row in rows], (-widest, widest), 0.0),
        Column("Return", "mean", [_return(row) for row in rows], (min(reach), max(reach)) if reach and min(reach) < max(reach) else None),
        Column("ms per pass", "median", [_times(row.per_pass) for row in rows]),
        Column("ms per call", "median", [_times(row.per_call) for row in rows]),
        Column("ms to first", "median", [_times(row.to_first_action) for row in rows]),
        Column("ms per action", "median", [_times(row.per_action) for row in rows]),
        Column("Passes", "per action", [_plain(row.passes_per_action, significant) for row in rows]),
        Column("Parameters", "", [_plain(row.parameters, count) for row in rows]),
        Column("Training", "wall clock", [_plain(row.training_s, duration) for row in rows]),
    ]
    return [column for column in made if any(cell.value is not None for cell in column.cells)]


def _success(row: MethodRow) -> Cell:
    if (e := row.success) is None:
        return Cell()
    return Cell(percent(e.value), (ends(e, percent), sample_size(e, row.floor)), float(e.value), whiskers(e, row.name))


def _difference(row: MethodRow, comparison: Comparison) -> Cell:
    if comparison.baseline and row.name == comparison.baseline:
        return Cell("baseline")
    if (e := row.difference) is None:
        return Cell()
    return Cell(points(e.value), (ends(e, points), leaning(e)), float(e.value), whiskers(e, row.name))


def _return(row: MethodRow) -> Cell:
    if (e := row.mean_return) is None:
        return Cell()
    middle = (f"IQM {significant(row.iqm_return.value)}",) if row.iqm_return else ()
    return Cell(significant(e.value), (ends(e, significant), *middle), float(e.value), whiskers(e, row.name))


def _times(times: Times | None) -> Cell:
    if times is None:
        return Cell()
    return Cell(
        significant(times.median_ms), (f"p95 {significant(times.p95_ms)}", f"p99 {significant(times.p99_ms)}"), float(times.median_ms)
    )


def _plain(value: Number | None, say: Callable[[Number], str]) -> Cell:
    return Cell() if value is None else Cell(say(value), (), float(value))


def smallest_difference(comparison: Comparison) -> str:
    """The sentence that says what the table could not have seen; empty where it is not known, or one method stands alone."""
    if comparison.smallest_difference is None or sum(not row.floor for row in comparison.rows) < 2:
        return ""
    least, most = map(percent, comparison.smallest_difference)
    if least == most:
        return f"The smallest difference of success that these numbers of episodes could have shown is {least} points."
    return (
        f"The smallest difference of success that these numbers of episodes could have shown is {least} points between two methods like "
        f"the one that is the surest here, and {most} like the one whose seeds differ most."
    )


# -------------------------------------------------------------------------------------------------------- the spreadsheet
def spreadsheet(comparison: Comparison) -> str:
    """-> comma-separated values: a line a row, every figure with the ends of its interval, times in ms; empty where not measured."""
    lines = [{"method": row.name} | dict(_figures(row)) for row in comparison.ordered]
    names = list(dict.fromkeys(name for line in lines for name in line))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _figures(row: MethodRow) -> Iterator[tuple[str, Number]]:
    for name in (field.name for field in dataclasses.fields(MethodRow)):
        value = getattr(row, name)
        found = value if name == "measures" else {name: value}
        for title, figure in found.items():
            if isinstance(figure, Interval):
                yield from ((title, figure.value), (f"{title}_low", figure.low), (f"{title}_high", figure.high))
            elif isinstance(figure, Times):
                yield from ((f"{title}_{part}", time) for part, time in dataclasses.asdict(figure).items())
            elif name in ("passes_per_action", "parameters", "training_s") and figure is not None:
                yield title, figure


# ----------------------------------------------------------------------------------------------------------- the terminal
TRACK = 12  # characters of a bar


def terminal_table(comparison: Comparison, width: int = 0) -> Any:
    """-> something for `rich.console.Console.print`: the page's columns, in as many tables below each other as `width` asks for.

    A width of 0 is the terminal's.
    """
    from rich.console import Console, Group
    from rich.text import Text

    width = width or Console().width
    names = max([len(printable(row.name)) for row in comparison.rows], default=0)
    groups: list[list[Column]] = [[]]
    for column in columns(comparison):
        if groups[-1] and names + 4 + sum(_terminal_width(c) + 3 for c in [*groups[-1], column]) > width:
            groups.append([])
        groups[-1].append(column)
    note = smallest_difference(comparison)
    tables = [_terminal_part(comparison, group) for group in groups]
    return Group(Text(printable(comparison.title), style="bold"), *tables, *([Text(note, style="dim")] if note else []))


def _terminal_width(column: Column) -> int:
    barred = 2 + TRACK if any(cell.bar for cell in column.cells) and column.scale == (0.0, 1.0) else 0
    texts = [len(cell.text) + barred for cell in column.cells] + [len(line) for cell in column.cells for line in cell.detail]
    return max([len(column.title), *texts])


def _terminal_part(comparison: Comparison, group: list[Column]) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Method", no_wrap=True, overflow="fold")
    for column in group:
        table.add_column(Text(column.title), justify="left" if column.scale else "right", no_wrap=True)
    for i, row in enumerate(comparison.ordered):
        style = "dim" if row.floor else "bold"
        name = Text(printable(row.name), style=style)
        table.add_row(name, *(_terminal_cell(column, column.cells[i], style) for column in group))
    return table


def _terminal_cell(column: Column, cell: Cell, style: str) -> Any:
    from rich.text import Text

    text = Text(cell.text, style=style)
    if cell.bar and column.scale == (0.0, 1.0):
        text.append("  ").append(_terminal_bar(cell.bar, column.scale), style="dim" if style == "dim" else "not bold cyan")
    for line in cell.detail:
        text.append("\n" + line, style="dim not bold")
    return text


def _terminal_bar(bar: tuple[float, float, float], scale: tuple[float, float]) -> str:
    low, value, high = (min(TRACK - 1, max(0, round((end - scale[0]) / (scale[1] - scale[0]) * (TRACK - 1)))) for end in bar)
    return "".join("●" if i == value else "━" if low <= i <= high else "·" for i in range(TRACK))
