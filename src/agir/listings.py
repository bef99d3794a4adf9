"""What the command lists: its commands, tasks, methods, claims. Nothing here imports JAX, but for what explains one of them."""

import difflib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agir.core import registry
from agir.core.errors import BadSetting, UnknownName

if TYPE_CHECKING:
    from rich.console import Console

    from agir.core.nouns import Task


def show_help(commands: dict[str, tuple[str, str]]) -> int:
    """Of commands {name: (arguments, one line)}."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print("[bold]agir[/]: learn action policies, evaluate them with statistics, act with them.\n\nusage: agir COMMAND ...\n")
    table = Table.grid(padding=(0, 2))
    for name, (arguments, about) in commands.items():
        table.add_row(f"  [cyan]{name}[/] {arguments.replace('[', chr(92) + '[')}", about)
    console.print(table)
    console.print("\n`agir COMMAND --help` has the flags; `agir train TASK METHOD --help` those of the method.\nStart with: agir demo")
    return 0


def listing(
    kind: str,
    argv: list[str],
    columns: tuple[str, ...],
    cells: Callable[[str, str], tuple],
    page: Callable[[str], int] | None = None,
    legend: str = "",
) -> int:
    """A table of names, those that hold all of the words given, and what its signs mean; of one that is named, its `page`."""
    from rich.console import Console
    from rich.table import Table

    if "-h" in argv or "--help" in argv:
        print(f"usage: agir {kind}s [WORD ...]\n\nLists the {kind}s whose name or description holds every WORD.")
        print(f"`agir {kind}s NAME` explains one.")
        return 0
    if page is not None and len(argv) == 1 and argv[0] in registry.names(kind):
        return page(argv[0])
    rows = [
        (name, about)
        for name, about in sorted(registry.names(kind).items())
        if all(word.lower() in f"{name} {about}".lower() for word in argv)
    ]
    if not rows and argv:
        near = difflib.get_close_matches(argv[0], registry.names(kind), n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"`agir {kind}s` lists all."
        raise BadSetting(f"No {kind} holds {' and '.join(repr(word) for word in argv)}. {hint}")
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for name, about in rows:
        table.add_row(*cells(name, about))
    console = Console()
    console.print(table, markup=False)
    if legend:
        console.print(f"\n{legend}", highlight=False, markup=False)
    return 0


def flowing(console: "Console", text: str) -> None:
    """Prints text whose paragraphs fill the line, however long its own lines are; indented ones (equations) are left as they are."""
    for number, paragraph in enumerate(text.strip("\n").split("\n\n")):
        lines = paragraph.splitlines()
        as_it_is = any(line.startswith(" ") for line in lines)
        shown = paragraph if as_it_is else " ".join(lines)
        console.print("\n" * (number > 0) + shown, highlight=False, markup=False, soft_wrap=as_it_is)


def task_listing(argv: list[str]) -> int:
    """All families; of one that is named, its variants (those that begin as said); of one task, what it is."""
    family, _, rest = argv[0].partition("/") if len(argv) == 1 else ("", "", "")
    if family not in registry.names("task"):
        return listing("task", argv, ("task", ""), lambda name, about: (name, about))
    known, rest = getattr(registry.find("task", family), "variants", ()), rest.rstrip(",")
    if rest in known or "=" in rest or not known:
        return task_page(f"{family}/{rest}".rstrip("/"))
    variants = sorted(name for name in known if name.startswith(rest))
    if not variants:
        raise UnknownName(f"variant of {family}", rest, known, f"agir tasks {family}")
    listing("task", [family], ("task", ""), lambda name, about: (name, about))
    for name in variants:
        print(f"  {family}/{name}")
    print(f"\n`agir tasks {family}/{variants[0]}` says what it is, and its settings.")
    return 0


def task_page(name: str) -> int:
    """What is seen and done, who shows it, what it is good for, and its settings."""
    from rich.console import Console
    from rich.text import Text

    from agir.tasks.find import task
    from agir.training.settings import field_comments

    its, console = task(name), Console()
    console.print(_grid([(Text(what), Text(fact)) for what, fact in _facts(its).items() if fact]))
    if text := _own_text(type(its)):
        console.print()
        flowing(console, text)
    if settings := getattr(its, "settings", {}):
        joint = "," if "/" in name else "/"
        console.print(f"\nSettings, behind the name with commas between: {name}{joint}NAME=VALUE,NAME=VALUE\n", highlight=False)
        comments = field_comments(type(its))
        console.print(_grid([(Text(option), str(value), Text(comments.get(option, ""))) for option, value in settings.items()]))
    return 0


def method_page(name: str) -> int:
    """What it is, by its file, how it is trained, and what came of its claims."""
    from rich.console import Console

    from agir.core import ledger

    kind, console, rows = registry.find("method", name), Console(), ledger.latest()
    console.print(f"{name}: {registry.names('method')[name]}\n", highlight=False, markup=False)
    flowing(console, inspect.getdoc(inspect.getmodule(kind)) or inspect.getdoc(kind) or "")
    train = training_command(kind())
    console.print(f"\n  {train}\n  {train} --help   has its settings\n", highlight=False, markup=False)
    for slug in registry.names("claim"):
        if registry.find("claim", slug).method == name:
            came = rows[slug].tally if slug in rows else "not run"
            console.print(f"claim {slug}: {came}   `agir claims {slug}` says more", highlight=False)
    return 0


def training_command(learner: Any) -> str:
    """`agir train TASK NAME`, with the flags without which it is refused."""
    from agir.core.stages import named, needed_names
    from agir.training.train import wanted_data

    runs = [f"--{given} RUN" for given in needed_names(learner)]
    data = [f"--{name}-data PATH" for name in sorted(wanted_data(learner))]
    return " ".join(("agir train TASK", named(learner), *runs, *data))


def claim_page(name: str) -> int:
    """The sentence, its parts with what came of each, its arms, and how to run it."""
    from rich.console import Console

    from agir.core import ledger

    claim, row, console = registry.find("claim", name), ledger.latest().get(name), Console()
    found = {part["sentence"]: part for part in row.parts} if row else {}
    lines = [f"{claim.sentence}", f"{claim.source}. Of {claim.method}, on {claim.task}.", ""]
    for part in claim.parts:
        got = found.get(part.sentence)
        figure = f" ({ledger.told(got)})" if got else ""
        lines.append(f"  {ledger.SIGNS[got['verdict']] if got else 'not run'}  {part.sentence}{figure}")
    lines += ["", f"Arms: {'; '.join(claim.arms)}.", "", claim.note, ""]
    lines += [f"Last run on {row.whole['when'][:10]} at commit {(row.whole['commit'] or 'unknown')[:10]}."] if row else []
    size = f"{claim.seeds} seeds, {claim.episodes} episodes each"
    lines += [f"`agir claim {name}` runs it ({size}), in about {claim.budget_s / 60:.0f} minutes."]
    lines += [f"`agir study TASK {name}` trains its arms on a task of yours."]
    console.print("\n".join(lines), highlight=False, markup=False)
    return 0


def _facts(its: "Task") -> dict[str, str]:
    """{what: in words}; empty where there is nothing to say."""
    from agir.core.spaces import outline

    meaning, rate_hz = its.spec.meaning, its.spec.meaning.rate_hz
    means = ", ".join(word for word in (meaning.kind, meaning.unit, meaning.frame, f"{rate_hz:g} Hz" if rate_hz else "") if word)
    return {
        its.name: its.about,
        "shows": its.shows,
        "observation": outline(its.spec.observation) + (f": {its.observed}" if its.observed else ""),
        "action": f"{outline(its.spec.action)} ({means})",
        "horizon": f"{its.horizon} steps" + (f", {its.horizon / rate_hz:g} s" if rate_hz else ""),
        "demonstrator": "" if its.expert_rate is None else f"succeeds in {100 * its.expert_rate:g}% of its episodes (measured)",
    }


def _own_text(kind: type) -> str:
    """A class's own docstring (a dataclass without one is given its signature by Python), else of its file's."""
    text = kind.__dict__.get("__doc__") or ""
    return inspect.getdoc(inspect.getmodule(kind)) or "" if text.startswith(f"{kind.__name__}(") else inspect.cleandoc(text)


def _grid(rows: list[tuple]) -> Any:
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table
