"""The report of a run or a comparison: one HTML file that needs nothing else, on screen, on paper, light and dark.

    write_report("runs/x/report.html", Report("Flow against regression", [Comparison(...), Curves(...), Rollouts(...), ...]))

Nothing in the file comes from elsewhere, and its content security policy forbids it to ask: no fonts, no scripts, no pictures
but those inside. All text is escaped where it is put in (`markup.element`); data stand in JSON blocks that cannot be left.
"""

import base64
import dataclasses
import hashlib
import importlib.resources
import json
import os
import pathlib
import re
from typing import Any, Literal

import numpy as np

from agir.core.arrays import write_atomically
from agir.core.errors import BadSetting
from agir.evaluation.axes import SERIES, Slots
from agir.evaluation.drawing import Curves, Episodes, Frontier, curves_chart, episode_strip, frontier_chart, lost_seeds
from agir.evaluation.markup import Markup, element, fragment, trusted
from agir.evaluation.scenes import Rollouts, pack, player_data, stills
from agir.evaluation.tables import Cell, Column, Comparison, MethodRow, columns, smallest_difference

HOW_NUMBERS_ARE_MADE = (
    ("Success", "Share of evaluation episodes in which the task was done, with n and a 95% interval. Over several training seeds the "
     "interval resamples seeds first, then episodes; with one seed it is Wilson's, and “one seed” is said."),
    ("Differences", "Paired: both methods start from the same evaluation seeds. Nothing is called better or worse unless the whole "
     "interval is on one side of zero; else it is undecided."),
    ("Smallest difference", "What two rates of so many independent episodes would show in 80% of repetitions, two-sided at 5%."),
    ("Returns", "Mean and interquartile mean over episodes, with a bootstrap interval, which is wider the fewer the seeds are "
     "(Student's t): of two or three seeds it may reach beyond what a return can be."),
    ("Starts", "An episode's start and goal follow from its index alone. Evaluation's are never those of the demonstrations, of "
     "training, or of choosing a checkpoint or a setting. The final checkpoint is the one reported."),
    ("Times", "Median, p95 and p99 in milliseconds after the result is on the host, compile time apart: per call of the policy, and per "
     "action executed."),
    ("Floors", "A still and a random policy on the same starts: what the task gives away for nothing."),
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Verdict:
    sentence: str
    outcome: Literal["holds", "fails", "undecided", ""] = ""


@dataclasses.dataclass(frozen=True)
class Highlight:
    """A figure that stands large at the top: `Highlight("92.4%", "success of flow", "90.1 to 94.3, n 2500")`."""

    value: str
    label: str
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where the numbers come from. What is empty is not shown."""

    task: str = ""
    command: str = ""
    date: str = ""
    commit: str = ""
    machine: str = ""
    versions: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class SmallPrint:
    """How the numbers are made, and the command lines (what it does, the command) that make them again."""

    commands: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    notes: tuple[tuple[str, str], ...] = HOW_NUMBERS_ARE_MADE
    title: str = "How these numbers are made"
    about: str = ""


Section = Comparison | Curves | Rollouts | Frontier | Episodes | SmallPrint


@dataclasses.dataclass(frozen=True)
class Report:
    title: str
    sections: list[Section | None]  # None, for what there is nothing of, is left out
    subtitle: str = ""
    verdict: Verdict | None = None
    origin: Origin = Origin()
    highlights: list[Highlight] = dataclasses.field(default_factory=list)


def write_report(path: str | os.PathLike, report: Report) -> pathlib.Path:
    """Writes the page, whole or not at all -> its path. Raises BadSetting where `path` does not end in .html."""
    path = pathlib.Path(path)
    if path.suffix != ".html":
        raise BadSetting(f"A report is an .html file, not '{path}': write '{path / 'report.html'}', say.")
    write_atomically(path, page(report).encode())
    return path


def page(report: Report) -> str:
    """The report as the text of an HTML file."""
    report = dataclasses.replace(report, sections=[section for section in report.sections if section is not None])
    rows = [row for section in report.sections if isinstance(section, Comparison | Frontier) for row in section.rows]
    slots = Slots([row.name for row in rows if row.floor])
    for row in rows:
        slots.mark(row.name)  # the table's order decides who has which colour
    names = _anchors([section.title for section in report.sections])
    script, style = trusted(_asset("report.js")), trusted(_asset("report.css") + _palette())
    sections = [_section(section, name, slots) for section, name in zip(report.sections, names)]
    contents = element("nav", [element("a", s.title, href=f"#{n}") for s, n in zip(report.sections, names)], aria_label="Contents")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{report.title} · agir"),
        element("style", style),
    )
    body = element(
        "body",
        element("a", "Skip to the results", href="#results", class_="skip"),
        _masthead(report, contents if len(sections) > 2 else None),
        element("main", sections, id="results"),
        element("footer", "Made by agir. This file needs nothing but itself.", class_="foot"),
        element("div", class_="tip", aria_hidden="true"),
        element("script", script),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _asset(name: str) -> str:
    return (importlib.resources.files("agir.evaluation") / "assets" / name).read_text(encoding="utf-8")


def _palette() -> str:
    """The series' colours as properties; the rest of the page's colours stand in report.css."""
    names = lambda side: "".join(f"--series-{i}:{pair[side]};" for i, pair in enumerate(SERIES))
    uses = "".join(f".s{i}{{--mark:var(--series-{i})}}" for i in range(len(SERIES)))
    return f":root{{{names(0)}}}@media screen and (prefers-color-scheme:dark){{:root{{{names(1)}}}}}{uses}"


def _policy(script: str) -> str:
    """Nothing is loaded, and of all scripts only the one with this digest runs."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _json(data: Any, **attributes: Any) -> Markup:
    """A block of data: with <, > and & written as \\u escapes no text in it can end it."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return element("script", trusted(text), type="application/json", **attributes)


def _anchors(titles: list[str]) -> list[str]:
    """An id for each title, unlike any other."""
    made: list[str] = []
    for title in titles:
        plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        made.append(plain if plain not in made else f"{plain}-{len(made)}")
    return made


# ----------------------------------------------------------------------------------------------------------- the masthead
def _masthead(report: Report, contents: Markup | None) -> Markup:
    verdict, origin = report.verdict, report.origin
    said = None
    if verdict:
        word = element("span", verdict.outcome, class_="outcome") if verdict.outcome else None
        said = element("p", word, verdict.sentence, class_=f"verdict {verdict.outcome}".strip())
    versions = ", ".join(f"{name} {version}" for name, version in origin.versions.items())
    facts = [("Task", origin.task), ("Date", origin.date), ("Commit", origin.commit), ("Machine", origin.machine), ("Versions", versions)]
    listed = [element("div", element("dt", name), element("dd", fact), class_=name.lower()) for name, fact in facts if fact]
    figures = [
        element("div", element("dd", h.value), element("dt", h.label, element("small", h.detail) if h.detail else None))
        for h in report.highlights
    ]
    brand = element("p", trusted(MARK), element("span", "agir"), class_="brand")
    return element(
        "header",
        element("div", brand, contents, class_="bar"),
        element("h1", report.title),
        element("p", report.subtitle, class_="subtitle") if report.subtitle else None,
        said,
        element("dl", figures, class_="highlights") if figures else None,
        element("dl", listed, class_="origin") if listed else None,
        _command("", origin.command) if origin.command else None,
        class_="masthead",
    )


MARK = (
    '<svg viewBox="0 0 34 24" aria-hidden="true"><path d="M4 19C9 19 9 6 16 6s6 10 12.5 8" fill="none" stroke="currentColor" '
    'stroke-width="2.2" stroke-linecap="round"/><circle cx="4" cy="19" r="3" fill="currentColor"/><circle cx="29" cy="13.6" r="4" '
    'fill="none" stroke="currentColor" stroke-width="2.2"/></svg>'
)


def _command(about: str, command: str) -> Markup:
    copy = element("button", "Copy", type="button", class_="copy script-only", aria_label="Copy the command")
    return element(
        "figure", element("figcaption", about) if about else None, element("pre", element("code", command)), copy, class_="command"
    )


# ----------------------------------------------------------------------------------------------------------- the sections
def _section(section: Section, name: str, slots: Slots) -> Markup:
    inside = {
        Comparison: _comparison,
        Curves: _curves,
        Rollouts: lambda rollouts, slots: _rollouts(rollouts, slots, name),
        Frontier: lambda frontier, slots: element("figure", frontier_chart(frontier, slots)),
        Episodes: _episodes,
        SmallPrint: _small_print,
    }[type(section)](section, slots)
    about = element("p", section.about, class_="about") if section.about else None
    kind = type(section).__name__.lower()
    return element(
        "section", element("h2", section.title, id=f"{name}-title"), about, inside, id=name, class_=kind, aria_labelledby=f"{name}-title"
    )


def _comparison(comparison: Comparison, slots: Slots) -> Markup:
    made, rows = columns(comparison), comparison.ordered
    heads = [element("th", _sorter("Method", None), scope="col", role="columnheader", class_="method")]
    heads += [
        element("th", _sorter(c.title, c.about), scope="col", role="columnheader", class_="wide" if c.scale else "number") for c in made
    ]
    lines = []
    for i, row in enumerate(rows):
        cells = [_cell(column, column.cells[i]) for column in made]
        classes = slots.mark(row.name) + " floor" * row.floor + " baseline" * (row.name == comparison.baseline)
        lines.append(element("tr", _method(row), cells, role="row", class_=classes))
    note = smallest_difference(comparison)
    return fragment(
        element(
            "table",
            element("caption", comparison.title, class_="unseen"),
            element("thead", element("tr", heads, role="row"), role="rowgroup"),
            element("tbody", lines, role="rowgroup"),
            role="table",
            class_="sortable",
        ),
        element("p", note, class_="note") if note else None,
    )


def _sorter(title: str, about: str | None) -> Markup:
    return element("button", title, element("small", about) if about else None, type="button", class_="sorter")


def _method(row: MethodRow) -> Markup:
    name = element("span", row.name, class_="name")
    about = row.about or ("floor" if row.floor else "")
    inside = (element("span", class_="swatch"), name, element("small", about) if about else None)
    return element("th", inside, scope="row", role="rowheader", class_="method")


def _cell(column: Column, cell: Cell) -> Markup:
    bar = None
    if cell.bar and column.scale:
        place = lambda value: round(100 * min(1.0, max(0.0, (value - column.scale[0]) / (column.scale[1] - column.scale[0]))), 2)
        low, value, high = map(place, cell.bar)
        zero = f";--zero:{place(column.zero)}%" if column.zero is not None else ""
        style = f"--low:{low}%;--value:{value}%;--high:{high}%{zero}"
        inside = (element("i", class_="zero") if zero else None, element("i", class_="range"), element("i", class_="point"))
        bar = element("span", inside, class_="interval", style=style, aria_hidden="true")
    measure = element("span", element("b", cell.text, class_="figure"), bar, class_="measure")
    details = [element("small", detail, class_="undecided" if detail == "undecided" else None) for detail in cell.detail]
    kind = "wide" if column.scale else "number"
    value = f"{cell.value:.9g}" if cell.value is not None else None
    return element(
        "td", measure, details, role="cell", class_=kind, data_value=value, data_title=column.title, data_none=cell.value is None
    )


def _curves(section: Curves, slots: Slots) -> Markup:
    made = []
    for chart in section.charts:
        spread = any(np.ndim(curve.y) > 1 for curve in chart.curves)
        kinds = [f"{line}: {what}." for line, what in (("Solid", chart.solid_means), ("Dashed", chart.dashed_means)) if what]
        words = ["Line: mean; band: lowest to highest seed." if spread else "", *kinds, *lost_seeds(chart)]
        said = element("p", " ".join(word for word in words if word), class_="note")
        made.append(element("figure", element("figcaption", chart.title, class_="title"), curves_chart(chart, slots), said))
    return element("div", made, class_="charts")


def _episodes(section: Episodes, slots: Slots) -> Markup:
    lines = []
    for outcomes in section.outcomes:
        mark = slots.mark(outcomes.name)
        name = element("span", element("i", class_="swatch"), outcomes.name, class_=f"name {mark}")
        lines.append(element("div", name, episode_strip(outcomes, slots), class_="episode-line"))
    key = element(
        "p", "A tick an episode, as high as the share of seeds that succeeded; a mark below the line where none did.", class_="note"
    )
    return fragment(lines, key)


def _small_print(section: SmallPrint, slots: Slots) -> Markup:
    notes = [element("div", element("dt", term), element("dd", text)) for term, text in section.notes]
    return fragment(
        element("dl", notes, class_="notes") if notes else None, [_command(about, command) for about, command in section.commands]
    )


# -------------------------------------------------------------------------------------------------------------- the player
def _rollouts(section: Rollouts, slots: Slots, name: str) -> Markup:
    packed = pack(section)
    data = player_data(section, packed, slots)
    turn = "Drag, or use the arrow keys, to turn the scene." if data["view"] == "3d" else ""
    panels = []
    for method, picture in stills(section, packed, slots):
        canvas = element("canvas", tabindex="0" if turn else None, role="img", aria_label=f"Animation of {method}. {turn}")
        badge = element("span", class_="badge", aria_live="off")
        heading = element(
            "div", element("i", class_="swatch"), element("span", method, class_="name", title=method), badge, class_="heading"
        )
        panels.append(element("div", heading, element("div", canvas, picture, class_="stage"), class_=f"panel {slots.mark(method)}"))
    thinned = f", one step in {packed.stride} of them" if packed.stride > 1 else ""
    speed = element("span", f" {data['rate']:g} steps a second at speed 1. {turn}", class_="script-only")
    return element(
        "div",
        _starts(data, name),
        element("div", panels, class_="panels", style=f"--columns:{len(panels) if len(panels) <= 4 else min(4, -(-len(panels) // 2))}"),
        _controls(data),
        element("p", _key(data), f"Drawn from recorded states{thinned}.", speed, class_="note"),
        _json(data, class_="data"),
        class_="player",
    )


def _key(data: dict) -> Markup:
    """What the colours that belong to no method mean, of those in the picture."""
    there = {shape["role"] for shape in data["fixed"] + data["moving"]}
    roles = [role for role in ("demonstration", "obstacle", "object", "goal") if role in there]
    swatch = lambda role: element("i", class_="swatch", style=f"--mark:var(--{role})")
    return fragment([element("span", swatch(role), role + "s" * (role == "demonstration"), class_="key") for role in roles])


def _starts(data: dict, name: str) -> Markup:
    """A radio button for each start, with a dot for each method: filled where it succeeded."""
    won = {(run["start"], run["method"]): run["success"] for run in data["runs"]}
    made = []
    for i, start in enumerate(data["starts"]):
        dots = [
            element("i", class_=f"{method['mark']} {'won' if won[i, m] else 'lost'}")
            for m, method in enumerate(data["methods"])
            if (i, m) in won
        ]
        choice = element("input", type="radio", name=f"{name}-start", value=i, checked=i == 0)
        made.append(element("label", choice, element("span", f"{start}", element("span", dots, class_="dots"))))
    return element("fieldset", element("legend", "Start"), made, class_="starts script-only")


def _controls(data: dict) -> Markup:
    speeds = [element("option", f"{speed}×", value=speed, selected=speed == "1") for speed in ("0.25", "0.5", "1", "2", "4")]
    everything = element("label", element("input", type="checkbox", class_="all", checked=data["view"] != "3d"), "all paths")
    onward = element("label", element("input", type="checkbox", class_="onward", checked=True), "play on")
    return element(
        "div",
        element("button", type="button", class_="play", aria_label="Play"),
        element("input", type="range", min=0, max=1, step="any", value=0, class_="scrub", aria_label="Step"),
        element("output", class_="clock"),
        element("label", "speed ", element("select", speeds, class_="speed")),
        everything if data["traced"] is not None else None,
        onward,
        element("button", "Reset view", type="button", class_="reset") if data["view"] == "3d" else None,
        class_="controls script-only",
    )
