"""A method's settings by name: what the command line offers as flags, and `agir.train` takes as keywords.

A setting is a field of the method, of its source (`--batch`), or of a stage (`--codec.updates`).
"""

import dataclasses
import functools
import inspect
import re
from collections.abc import Mapping
from typing import Any

from agir.core import registry
from agir.core.errors import BadSetting, UnknownName
from agir.core.nouns import Learner, Method, Source
from agir.core.stages import named
from agir.training.sources import Nothing


@dataclasses.dataclass(frozen=True)
class Setting:
    """One field that a user may set."""

    path: tuple[str, ...]  # attributes from the learner down
    kind: Any  # int, float, bool, str or tuple
    value: Any  # the default
    about: str  # the comment behind the field


def settings_of(learner: Learner) -> dict[str, Setting]:
    """{flag: Setting}. A source's fields go by their own names, a stage's after the given's name and a point."""
    return _settings(learner, (), "")


def _settings(module: Any, path: tuple[str, ...], prefix: str) -> dict[str, Setting]:
    found, comments = {}, field_comments(type(module))
    for field in dataclasses.fields(module):
        value, here = getattr(module, field.name), (*path, field.name)
        if field.name == "spec" or field.metadata.keys() & {"bound", "fixed"}:
            continue
        if isinstance(value, Source):
            found = _source_settings(value, here, prefix) | found  # the learner's own fields come first
        elif isinstance(value, Learner):
            found |= _settings(value, here, f"{prefix}{field.name}.")
        elif isinstance(value, bool | int | float | str | tuple) and "given" not in field.metadata:
            found[prefix + field.name] = Setting(here, type(value), value, comments.get(field.name, ""))
    return found


def _source_settings(source: Source, path: tuple[str, ...], prefix: str) -> dict[str, Setting]:
    parts = getattr(source, "parts", None)
    if not parts:
        own = {f.name for f in dataclasses.fields(source)}
        return {flag: s for flag, s in _settings(source, path, prefix).items() if flag.removeprefix(prefix) in own}
    found = {}
    for name, part in parts.items():
        found |= _source_settings(part, (*path, "parts", name), f"{prefix}{name}.")
    return found


@functools.cache  # reading sources is most of what building a method takes
def field_comments(kind: type) -> Mapping[str, str]:
    """{field: the comment behind it in the source}, base classes included."""
    found = {}
    for base in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(base) or base.__module__.startswith("equinox"):
            continue
        try:
            text = inspect.getsource(base)
        except OSError:  # a class typed at a prompt has no source to read
            continue
        for match in re.finditer(r"^    (\w+): [^#\n]*?(?:#\s*(.*))?$", text, re.MULTILINE):
            if match[2] or match[1] not in found:
                found[match[1]] = (match[2] or "").strip()
    return found


def with_settings(learner: Learner, values: dict[str, Any]) -> Learner:
    """The learner with these settings; raises UnknownName or BadSetting, naming the flag."""
    known = settings_of(learner)
    for flag, value in values.items():
        if flag not in known:
            raise UnknownName(f"setting of {named(learner)}", flag, known)
        if flag == "updates" and value and isinstance(learner.learns_from, Nothing):
            raise BadSetting(f"{named(learner)} learns nothing: leave --updates at 0.")
        learner = _replace(learner, known[flag].path, fitted(flag, known[flag], value))
    return learner


def fitted(flag: str, setting: Setting, value: Any) -> Any:
    """The value as the setting's type; whole numbers may stand for floats, nothing else is converted."""
    if setting.kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if setting.kind is tuple and isinstance(value, list):
        value = tuple(value)
    if type(value) is not setting.kind:
        raise BadSetting(f"--{flag} should be of type {setting.kind.__name__}, such as {setting.value!r}, not {value!r}.")
    check_sign(flag, setting, value)
    return value


POSITIVE = ("rate", "updates", "batch", "history", "horizon", "steps", "passes")


def check_sign(flag: str, setting: Setting, value: Any) -> None:
    """No setting whose default is 0 or more is negative; those of `POSITIVE` whose default is not 0 are above it. Raises BadSetting."""
    if isinstance(value, bool) or not isinstance(value, int | float) or setting.value < 0:
        return
    positive = flag.rpartition(".")[2] in POSITIVE and setting.value > 0
    if value != value or value < 0 or (positive and value == 0):
        raise BadSetting(f"--{flag} should be {'above 0' if positive else '0 or more'}, not {value:g}.")


def _replace(module: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    if isinstance(module, dict):
        return module | {path[0]: _replace(module[path[0]], path[1:], value)}
    return dataclasses.replace(module, **{path[0]: _replace(getattr(module, path[0]), path[1:], value)})


def make_method(method: str | Method | type, values: dict[str, Any]) -> Method:
    """A method by name, class or instance, with settings."""
    if isinstance(method, str):
        method = registry.find("method", method)
    return with_settings(method() if isinstance(method, type) else method, values)
