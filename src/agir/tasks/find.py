"""From a name to a task, and from an address to recordings."""

import os
from pathlib import Path
from typing import Any

from agir.core.errors import BadSetting, UnknownName
from agir.core.nouns import Task
from agir.core.registry import find, names
from agir.data.dataset import Dataset
from agir.data.readers import read
from agir.tasks.options import build, split

TASK, AND = "task:", " + "


def task(name: str, **options: Any) -> Task:
    """`task("multipath/modes=4")`, `task("lasa/Sine")`: the family before the first slash, and what it makes of the rest.

    A family is a class (or a function) whose parameters are its options (`agir.tasks.options`), or it has its own
    `from_name(rest, **options)`. Raises UnknownName with the nearest names on an unknown family, variant or option, and
    BadSetting on a value that does not fit.
    """
    family, _, rest = name.partition("/")
    before, comma, after = family.partition(",")
    if comma and before in names("task"):
        raise BadSetting(f"'{name}': what is behind a task's name begins with a slash, {before}/{after}{'/' * bool(rest)}{rest}.")
    make = find("task", family)
    if hasattr(make, "from_name"):
        return make.from_name(rest, **options)
    variant, written = split(rest)
    if twice := sorted(written.keys() & options.keys()):
        raise BadSetting(f"{', '.join(twice)}: given in the name '{name}' and as a keyword too. Give it once.")
    return build(make, family, variant, written | options)


def task_of(what: Any) -> Task:
    """A task, or that of a name; raises BadSetting on anything else."""
    if isinstance(what, str):
        return task(what)
    if not isinstance(what, Task):
        kind = what.__name__ if isinstance(what, type) else f"a {type(what).__name__}"
        raise BadSetting(f"A task is a name or an agir.Task, not {kind}: of an environment, agir.from_gymnasium(make, name=...) makes one.")
    return what


def named_task(name: str, whose: str) -> Task:
    """The task whose name a run, a bundle or a policy holds; raises BadSetting where it is none that can be found by its name."""
    try:
        return task(name)
    except UnknownName as error:
        raise BadSetting(
            f"{error} {whose} is of a task of your own: from Python task=... takes it, in a program that registers it "
            "(docs/contributing.md) its name is known, and with `agir evaluate` --task names another."
        ) from error


def is_task(name: str) -> bool:
    """Whether its family is known, and no file or folder has this name."""
    return name.partition("/")[0] in names("task") and not Path(name).exists()


def recordings(address: str | os.PathLike, belongs: Task | None = None) -> Dataset:
    """The dataset at an address; several, as in "PATH + task:NAME", are joined.

        PATH                     a file or folder of a known format (agir.data.readers)
        hub:ORG/NAME             on the Hugging Face hub
        task:NAME                a task's demonstrations, as many as is usual; of another task than `belongs`, say
        task:NAME@EPISODES       so many
        task:NAME@FIRST:LAST     from the starts FIRST on, up to LAST (without it, as in Python), so that two addresses share none

    Raises BadSetting on an address that is none, and what `read` raises.
    """
    if not isinstance(address, str | os.PathLike):
        raise BadSetting(
            f"Data are a path, an address or an agir.Dataset (of episodes: Dataset.from_episodes), not a {type(address).__name__}."
        )
    parts = address.split(AND) if isinstance(address, str) else [address]
    said = [part.strip() if isinstance(part, str) else part for part in parts]
    made = [_made(str(part)) if str(part).startswith(TASK) else read(part, belongs) for part in said]
    return made[0] if len(made) == 1 else Dataset.join(made)


def _made(address: str) -> Dataset:
    name, at, which = address.removeprefix(TASK).partition("@")
    found = task(name)
    if not at:
        return found.demonstrations(found.usual_demonstrations)
    try:
        numbers = [int(number) for number in which.split(":")]
        first, last = (0, *numbers) if len(numbers) == 1 else numbers
    except ValueError as error:
        raise BadSetting(f"'{address}' does not say which episodes: write {TASK}NAME, {TASK}NAME@100 or {TASK}NAME@100:200.") from error
    return found.demonstrations(last - first, first)
