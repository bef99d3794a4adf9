"""A dataclass as a command line: what tyro is told, so that help and errors speak of flags and not of types."""

import dataclasses
from typing import Annotated, Any


def flags(kind: type, program: str, argv: list[str]) -> Any:
    """The dataclass from the command line; tyro prints help and exits by itself."""
    import tyro  # when it is needed: the listings have no flags

    for field in dataclasses.fields(kind):
        kind.__annotations__[field.name] = shown(field)
    return tyro.cli(kind, prog=program, args=argv, config=(tyro.conf.FlagCreatePairsOff,))


def shown(field: dataclasses.Field) -> Any:
    """A positional argument goes by its own name, a flag that may be left out by INT, and no default is shown that says nothing."""
    import tyro

    name, kind, parts = field.name, field.type, getattr(field.type, "__args__", ())
    many = name.endswith("s") and bool(getattr(kind, "__metadata__", ()))  # of a positional argument
    said = {"help_behavior_hint": ""} if many or field.default in (None, False, ()) else {}
    if getattr(kind, "__metadata__", ()):  # Positional
        return Annotated[kind, tyro.conf.arg(metavar=name.rstrip("s").upper() + " ..." * name.endswith("s"), **said)]
    if type(None) not in parts:
        return Annotated[kind, tyro.conf.arg(**said)]
    return Annotated[optional(kind), tyro.conf.arg(**said)]


def optional(kind: Any, metavar: str = "") -> Any:
    """`INT | None` for a flag that may be left out but has an INT where it is there: tyro alone would take "None" too, and say so."""
    import tyro

    wanted = next(part for part in kind.__args__ if part is not type(None))
    spec = tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar or wanted.__name__.upper(),
        instance_from_str=lambda words: wanted(words[0]),
        is_instance=lambda value: value is None or isinstance(value, wanted),
        str_from_instance=lambda value: [str(value)],
    )
    return Annotated[kind, spec]
