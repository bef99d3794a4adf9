"""Names to things. The static tables need no JAX to be read; what they name is imported when it is asked for.

Own things join by a decorator (`@agir.register.method("my-method", "one line")`), or from a package by an entry point of the
group `agir.methods`, `agir.tasks`, `agir.networks`, `agir.parts`, `agir.readers` or `agir.claims`.
"""

import importlib
import importlib.metadata
from typing import Any

from agir.core.errors import BadSetting, UnknownName
from agir.core.names import TABLES

LISTED = ("task", "method", "claim")  # kinds that have a command of their own
_added: dict[str, dict[str, tuple[Any, str]]] = {kind: {} for kind in TABLES}


def add(kind: str, name: str, thing: Any, about: str = "") -> Any:
    """Adds `thing` under `name`; a name that exists is refused, unless it is the same thing, defined anew (in a notebook)."""
    again = name in _added[kind] and path_of(_added[kind][name][0]) == path_of(thing) is not None
    if not again and name in names(kind):
        raise BadSetting(f"There is a {kind} called '{name}' already. Choose another name.")
    _added[kind][name] = (thing, about or (getattr(thing, "__doc__", None) or "").strip().split("\n")[0])
    return thing


def path_of(thing: Any) -> str | None:
    """`module:name` of a class or a function; None for what has no name."""
    return f"{thing.__module__}:{thing.__qualname__}" if hasattr(thing, "__qualname__") else None


def _entry_points(kind: str) -> dict:
    return {point.name: point for point in importlib.metadata.entry_points(group=f"agir.{kind}s")}


def names(kind: str) -> dict[str, str]:
    """-> {name: one line} of all that can be asked for, without importing any of it."""
    table = {name: row[1] for name, row in TABLES[kind].items()}
    table |= {name: f"from the package {point.dist.name}" for name, point in _entry_points(kind).items()}
    return table | {name: about for name, (_, about) in _added[kind].items()}


def find(kind: str, name: str) -> Any:
    """-> the thing; raises UnknownName with the nearest names."""
    if name in _added[kind]:
        return _added[kind][name][0]
    if name in TABLES[kind]:
        module, _, attribute = TABLES[kind][name][0].partition(":")
        return getattr(importlib.import_module(module), attribute)
    if point := _entry_points(kind).get(name):
        return point.load()
    raise _unknown(kind, name)


def require(kind: str, name: str) -> None:
    """Raises what `find` would of a name that is none, and imports nothing."""
    if name not in names(kind):
        raise _unknown(kind, name)


def _unknown(kind: str, name: str) -> UnknownName:
    other = next((other for other in LISTED if other != kind and name.partition("/")[0] in names(other)), None)
    return UnknownName(kind, name, names(kind), f"agir {kind}s" if kind in LISTED else None, other or "")


def name_of(kind: str, thing: Any) -> str | None:
    """The name under which a class stands in the tables, or None."""
    for name, (known, _) in _added[kind].items():
        if known is thing:
            return name
    paths = {name: row[0] for name, row in TABLES[kind].items()} | {name: point.value for name, point in _entry_points(kind).items()}
    return next((name for name, path in paths.items() if path == path_of(thing)), None)


def registered(path: str) -> Any:
    """What this program or an installed package has registered and that is defined at `module:name`; None if nothing is."""
    for kind in TABLES:
        for thing, _ in _added[kind].values():
            if path_of(thing) == path:
                return thing
        for point in _entry_points(kind).values():
            if point.value == path:
                return point.load()
    return None
