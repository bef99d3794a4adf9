"""A task's name says its options: `family`, `family/variant`, `family/option=value,...` or `family/variant,option=value,...`.

The options are the parameters of the family's constructor (the fields of a dataclass), so they are also keyword arguments:
`task("multipath/modes=4,pauses=1")` is `task("multipath", modes=4, pauses=1)` is `Multipath(modes=4, pauses=1)`.
"""

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from agir.core.errors import BadSetting, UnknownName
from agir.core.nouns import Task

WORDS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def split(rest: str) -> tuple[str, dict[str, str]]:
    """What stands after a family's slash -> its variant ("" none) and its options as text; raises BadSetting."""
    variant, options = "", {}
    for place, part in enumerate(rest.split(",") if rest else []):
        name, equals, value = part.partition("=")
        if not equals and place == 0 and part:
            variant = part
        elif not equals or not name or not value:
            raise BadSetting(f"'{part}' in '{rest}' is not an option. Write option=value, with commas between, after the variant if any.")
        elif name in options:
            raise BadSetting(f"The option '{name}' stands twice in '{rest}'.")
        else:
            options[name] = value
    return variant, options


def build(make: Callable[..., Any], family: str, variant: str, options: dict[str, Any]) -> Any:
    """Calls a family (a class or a function) with its options; those given as text are read by the parameter's type.

    A family with variants has a parameter `variant`, and may list the known ones in an attribute `variants`. Raises
    UnknownName on a variant or an option that is not there, BadSetting on a value of the wrong type.
    """
    parameters = inspect.signature(make, eval_str=True).parameters
    if variant and "variant" not in parameters:
        raise BadSetting(f"The task '{family}' has no variants, so '{family}/{variant}' is none. Write '{family}'.")
    if variant:
        options = {"variant": variant} | options
    elif "variant" in parameters and parameters["variant"].default is inspect.Parameter.empty and "variant" not in options:
        known = ", ".join(sorted(getattr(make, "variants", ()))[:12])
        raise BadSetting(f"'{family}' is a family of tasks: write '{family}/VARIANT'." + (f" Known: {known}." if known else ""))
    for name in options:
        if name not in parameters:
            raise UnknownName(f"option of the task '{family}'", name, parameters)
    values = {name: read(value, parameters[name].annotation, f"{family}'s {name}") for name, value in options.items()}
    known = getattr(make, "variants", None)
    if known and "variant" in values and values["variant"] not in known:
        raise UnknownName(f"variant of the task '{family}'", values["variant"], known)
    return make(**values)


def read(value: Any, kind: Any, what: str) -> Any:
    """A value as its type (int, float, bool, str, or one of these or None) wants it; raises BadSetting."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union else (kind,)
    if type(None) in kinds and value in (None, "none"):
        return None
    kind = next(kind for kind in kinds if kind is not type(None))
    if kind is inspect.Parameter.empty or type(value) is kind:
        return value
    try:
        if kind is bool:
            return WORDS[str(value).lower()]
        if kind in (int, float) and (isinstance(value, str) or (kind is float and type(value) is int)):
            return kind(value)
    except (KeyError, ValueError):
        pass
    raise BadSetting(f"{what} should be a value of type {getattr(kind, '__name__', kind)}, not {value!r}.")


def write(value: Any) -> str:
    """A value as `read` reads it."""
    if isinstance(value, bool):
        return str(int(value))
    return "none" if value is None else f"{value:.9g}" if isinstance(value, float) else str(value)


class Optioned(Task):
    """A task that is a frozen dataclass whose fields are its options; its name follows from those that are not at their default."""

    family: str
    variants: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """{option: its value}, without the variant; the comments behind the fields say what they mean."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "variant"}

    @property
    def name(self) -> str:
        variant, parts = getattr(self, "variant", ""), []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name != "variant" and value != field.default:
                parts.append(f"{field.name}={write(value)}")
        default = next((field.default for field in dataclasses.fields(self) if field.name == "variant"), "")
        said = ([variant] if variant != default else []) + parts
        return self.family + ("/" + ",".join(said) if said else "")
