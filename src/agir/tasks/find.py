"""From a name to a task."""

from typing import Any

from agir.core.errors import BadSetting
from agir.core.nouns import Task
from agir.core.registry import find
from agir.tasks.options import build, split


def task(name: str, **options: Any) -> Task:
    """`task("multipath/modes=4")`, `task("lasa/Sine")`: the family before the first slash, and what it makes of the rest.

    A family is a class (or a function) whose parameters are its options (`agir.tasks.options`), or it has its own
    `from_name(rest, **options)`. Raises UnknownName with the nearest names on an unknown family, variant or option, and
    BadSetting on a value that does not fit.
    """
    family, _, rest = name.partition("/")
    make = find("task", family)
    if hasattr(make, "from_name"):
        return make.from_name(rest, **options)
    variant, written = split(rest)
    if twice := sorted(written.keys() & options.keys()):
        raise BadSetting(f"{', '.join(twice)}: given in the name '{name}' and as a keyword too. Give it once.")
    return build(make, family, variant, written | options)
