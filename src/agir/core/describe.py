"""Modules in words and back: what a run and a bundle write down about a learner, without arrays and without pickle.

A description is JSON: {"class": "agir.methods.online.dqn:DQN", "fields": {...}}. Only classes of agir itself, and those that the
user's own program has registered, are built from one: a description is data, and no code comes from data.
"""

import dataclasses
import importlib
import json
from typing import Any

import equinox as eqx
import jax
import numpy as np

from agir.core import registry
from agir.core.errors import AgirError, BadCheckpoint
from agir.core.registry import path_of


def describe(value: Any) -> Any:
    """JSON for a module of plain settings. Givens that hold arrays are left out: they are kept apart."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, jax.Array | np.ndarray | np.generic) and np.ndim(value) == 0:
        return np.asarray(value).item()
    if isinstance(value, list | tuple):
        return {"tuple": [describe(x) for x in value]}
    if isinstance(value, dict):
        return {"dict": {name: describe(x) for name, x in value.items()}}
    if isinstance(value, type):
        return {"type": path_of(value)}
    if isinstance(value, eqx.Module):
        fields = {f.name: describe(getattr(value, f.name)) for f in settings(value)}
        return {"class": path_of(type(value)), "fields": fields}
    raise AgirError(f"{type(value).__name__} cannot be a setting: use numbers, strings, tuples or modules of them.")


def settings(module: Any) -> list[dataclasses.Field]:
    """The fields that are the user's to set: neither the spec, nor what a source is bound to, nor a given that is filled."""
    fields = []
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        filled = "given" in field.metadata and not hasattr(value, "learns_from")
        if not (field.name == "spec" or "bound" in field.metadata or filled):
            fields.append(field)
    return fields


def build(text: Any) -> Any:
    """The inverse of `describe`; raises BadCheckpoint for a class that is not known here, or fields that it does not have."""
    if not isinstance(text, dict):
        return text
    if "tuple" in text:
        return tuple(build(x) for x in text["tuple"])
    if "dict" in text:
        return {name: build(x) for name, x in text["dict"].items()}
    if "type" in text:
        return class_of(text["type"])
    kind = class_of(text["class"])
    known = {field.name for field in dataclasses.fields(kind)}
    if unknown := set(text["fields"]) - known:
        raise BadCheckpoint(f"{text['class']} has no field {', '.join(sorted(unknown))}: written by another version of it?")
    return kind(**{name: build(x) for name, x in text["fields"].items()})


def class_of(path: str) -> type:
    """The class that a description names."""
    known = registry.registered(path)
    if isinstance(known, type):
        return known
    module, _, name = path.partition(":")
    if module.split(".")[0] != "agir":
        raise BadCheckpoint(f"This was made with {path}, which is not registered here: import the program that registers it first.")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadCheckpoint(f"This was made with {path}, which this version of agir does not have ({error}).") from error
    if not (isinstance(kind, type) and issubclass(kind, eqx.Module)):
        raise BadCheckpoint(f"{path} is not a part that a description may name.")
    return kind


def canonical(text: Any) -> str:
    """One string for equal descriptions."""
    return json.dumps(text, sort_keys=True, separators=(",", ":"))
