"""Stages and finished parts: every given in its place before the loop runs.

A given is brought by the caller (`--base RUN`), or its default is a Learner: a stage, learnt first by the same loop, a seed each.
"""

import dataclasses
from collections.abc import Callable, Collection
from typing import Any

import equinox as eqx
import jax

from agir.core import registry
from agir.core.errors import BadSetting
from agir.core.nouns import Learner, Policy
from agir.core.spaces import Spec


def givens(learner: Learner) -> dict[str, type]:
    """{field: what it must hold}."""
    return {f.name: f.metadata["given"] for f in dataclasses.fields(learner) if "given" in f.metadata}


def given_names(learner: Learner) -> set[str]:
    """The learner's givens and those of its stages."""
    stages = (getattr(learner, name) for name in givens(learner))
    return set(givens(learner)).union(*(given_names(stage) for stage in stages if isinstance(stage, Learner)))


def sized(learner: Learner, world: Any, brought: Collection[str] = ()) -> Learner:
    """The learner, and those of its stages that are not brought, with the settings of their sources that only the data say."""
    stages = {name: getattr(learner, name) for name in givens(learner) if name not in brought}
    learnt = {name: sized(stage, world, brought) for name, stage in stages.items() if isinstance(stage, Learner)}
    return dataclasses.replace(learner, learns_from=learner.learns_from.sized(world), **learnt)


def part_of(learner: Learner, name: str, value: Any) -> Any:
    """What the given `name` of the learner holds: the one such part in `value`, which may be a whole policy (or its shapes).

    Raises BadSetting where there is none or several.
    """
    wanted = givens(learner)[name]
    if isinstance(value, wanted):
        return value
    is_part = lambda x: isinstance(x, wanted)
    parts = [x for x in jax.tree.leaves(value, is_leaf=is_part) if is_part(x)]
    if len(parts) != 1:
        found = "nothing was given" if value is None else f"what was given has {len(parts) or 'none'} ({type(value).__name__})"
        raise BadSetting(f"{named(learner)} needs --{name} RUN, {about_given(learner, name)}; {found}.")
    return parts[0]


def check_brought(learner: Learner, brought: dict[str, Any]) -> None:
    """Raises BadSetting for a given that the learner does not take, or that it needs and is not there."""
    if unknown := sorted(set(brought) - given_names(learner)):
        known = ", ".join(f"--{name}" for name in sorted(given_names(learner))) or "nothing that is brought"
        raise BadSetting(f"{named(learner)} takes {known}, not --{', --'.join(unknown)}.")
    for name in needed_names(learner):
        if name not in brought:
            raise BadSetting(f"{named(learner)} needs --{name} RUN, {about_given(learner, name)}; nothing was given.")


def about_given(learner: Learner, name: str) -> str:
    """What a given is, in words."""
    field = next(field for field in dataclasses.fields(learner) if field.name == name)
    return field.metadata.get("about") or f"a run (or bundle) that holds one {field.metadata['given'].__name__}"


def needed_names(learner: Learner) -> list[str]:
    """The givens that it cannot do without."""
    return [f.name for f in dataclasses.fields(learner) if "given" in f.metadata and getattr(learner, f.name) is None]


def named(learner: Learner) -> str:
    """As users know it: by the name in the table of methods, where it stands there."""
    return registry.name_of("method", type(learner)) or type(learner).__name__


def check_base(name: str, value: Any, spec: Spec) -> None:
    """A brought policy must see and do what this run's does; raises BadSpec."""
    for policy in jax.tree.leaves(value, is_leaf=lambda x: isinstance(x, Policy)):
        if isinstance(policy, Policy):
            spec.require(policy.spec, "this run", f"--{name}")
            return


def fill(
    learner: Learner, spec: Spec, brought: dict[str, Any], learn: Callable[[str, Learner, dict], Any], own: Collection[str] = ()
) -> tuple[Learner, Any]:
    """-> the learner with its spec and every given in its place, and its vmap axes.

    What is brought is shared by the lanes (axis None), unless it is one of `own`, which have one entry a lane (axis 0), as a stage's
    result has.
    `learn(name, stage, brought)` learns a stage and gives its result [lanes, ...].
    """
    learner = dataclasses.replace(learner, spec=spec)
    learner.suits()
    axes = jax.tree.map(lambda _: None, learner)
    for name in givens(learner):
        value, axis = brought.get(name, getattr(learner, name)), 0 if name in own else None
        if isinstance(value, Learner):
            value, axis = learn(name, value, {other: brought[other] for other in brought if other in given_names(value)}), 0
        part = part_of(learner, name, value)
        learner = dataclasses.replace(learner, **{name: part})
        mapped = jax.tree.map(lambda x, axis=axis: axis if eqx.is_array(x) else None, part)
        axes = eqx.tree_at(lambda tree, name=name: getattr(tree, name), axes, mapped, is_leaf=lambda x: x is None)
    return learner, axes
