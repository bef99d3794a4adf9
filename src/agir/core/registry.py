"""Names to things. The static tables need no JAX to be read; what they name is imported when it is asked for.

Own things join by a decorator (`@register.method("my-method", "one line")`), or from a package by an entry point of the
group `agir.methods`, `agir.tasks`, `agir.networks`, `agir.readers` or `agir.claims`.
"""

import importlib
import importlib.metadata
from typing import Any

from agir.core.errors import UnknownName
from agir.core.names import TABLES

_added: dict[str, dict[str, tuple[Any, str]]] = {kind: {} for kind in TABLES}


def add(kind: str, name: str, thing: Any, about: str = "") -> Any:
    """Adds `thing` under `name`; a name that exists is refused."""
    if name in names(kind):
        raise ValueError(f"{kind} '{name}' exists already: choose another name")
    _added[kind][name] = (thing, about or (thing.__doc__ or "").strip().split("\n")[0])
    return thing


def added() -> dict[str, dict[str, tuple[Any, str]]]:
    """What this program has added to the static tables: {kind: {name: (thing, one line)}}."""
    return _added


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
    raise UnknownName(kind, name, names(kind), f"agir {kind}s" if kind in ("task", "method", "claim") else None)


def name_of(kind: str, thing: Any) -> str | None:
    """The name under which a class stands in the tables, or None."""
    for name, (known, _) in _added[kind].items():
        if known is thing:
            return name
    path = f"{thing.__module__}:{thing.__qualname__}"
    return next((name for name, row in TABLES[kind].items() if row[0] == path), None)
