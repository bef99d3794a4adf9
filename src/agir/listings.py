"""What the command lists: its commands, tasks, methods, claims. Nothing here imports JAX, but for the variants of one family of tasks."""

import difflib
from collections.abc import Callable

from agir.core import registry
from agir.core.errors import BadSetting


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


def listing(kind: str, argv: list[str], columns: tuple[str, ...], cells: Callable[[str, str], tuple]) -> int:
    """A table of names, those that hold all of the words given."""
    from rich.console import Console
    from rich.table import Table

    if "-h" in argv or "--help" in argv:
        print(f"usage: agir {kind}s [WORD ...]\n\nLists the {kind}s whose name or description holds every WORD.")
        return 0
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
    Console().print(table, markup=False)
    return 0


def task_listing(argv: list[str]) -> int:
    """All families; of one that is named, its variants too (those that begin as said)."""
    family, _, begin = argv[0].partition("/") if len(argv) == 1 else ("", "", "")
    if family not in registry.names("task"):
        return listing("task", argv, ("task", ""), lambda name, about: (name, about))
    listing("task", [family], ("task", ""), lambda name, about: (name, about))
    variants = [name for name in getattr(registry.find("task", family), "variants", ()) if name.startswith(begin)]
    if begin and not variants:
        raise BadSetting(f"No variant of {family} begins with '{begin}'. `agir tasks {family}` lists all.")
    for name in sorted(variants):
        print(f"  {family}/{name}")
    example = f"{family}/{sorted(variants)[0]}," if variants else f"{family}/"
    print(f"\nSettings stand behind the name, with commas between: {example}NAME=VALUE,NAME=VALUE")
    return 0
