"""Modules in words and back: settings only, and no code from data."""

import json
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from agir import register
from agir.core import registry
from agir.core.describe import build, canonical, describe
from agir.core.errors import AgirError, BadCheckpoint
from agir.core.names import TABLES
from agir.core.nouns import Method, bound, fixed, given
from agir.core.spaces import Box, Spec
from agir.training.sources import Mixture, Rollout, Transitions


class Inner(eqx.Module):
    sizes: tuple = (3, 4)
    share: float = 0.5


class Own(Method):
    rate: float = 1e-3
    name: str = "x"
    often: bool = True
    nothing: Any = None
    inner: Inner = Inner()
    kind: type = Inner
    chosen: str = fixed("author's")
    table: Any = bound()
    base: Any = given(Inner)
    learns_from: Any = Mixture({"own": Rollout(envs=2), "data": Transitions(batch=7)})
    updates: int = 5


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(registry, "_added", {kind: {} for kind in TABLES})
    register.method("own-described")(Own)
    register.part("inner-described")(Inner)


def test_there_and_back():
    own = Own(rate=0.25, inner=Inner((1,), 0.75), table=jnp.ones(3), base=Inner(share=jnp.ones(2)), spec=Spec(Box((2,)), Box((1,))))
    text = json.loads(json.dumps(describe(own)))
    assert not {"table", "base", "spec"} & set(text["fields"])  # set by the loop, or kept apart
    back = build(text)
    assert eqx.tree_equal(back, Own(rate=0.25, inner=Inner((1,), 0.75)))
    assert canonical(describe(back)) == canonical(text)


def test_scalars_of_arrays_are_numbers():
    assert describe([np.float32(0.5), jnp.int32(3), True, None]) == {"tuple": [0.5, 3, True, None]}


def test_what_is_no_setting_is_refused():
    for value in (jnp.ones(3), object(), lambda: None):
        with pytest.raises(AgirError, match="cannot be a setting"):
            describe(value)


@pytest.mark.parametrize(
    "text, message",
    [
        ({"class": "os:system", "fields": {}}, "made with os:system, which is not registered here"),
        ({"class": "agir.core.describe:json.loads", "fields": {}}, "which this version of agir does not have"),
        ({"class": "agir.core.describe:build", "fields": {}}, "not a part that a description may name"),
        ({"class": "agir.core.errors:AgirError", "fields": {}}, "not a part that a description may name"),
        ({"class": "agir.nowhere:Thing", "fields": {}}, "which this version of agir does not have"),
        ({"type": "builtins:eval"}, "not registered here"),
    ],
)
def test_no_code_comes_from_data(text, message):
    with pytest.raises(BadCheckpoint, match=message):
        build(text)


def test_fields_of_another_version_are_named():
    text = describe(Own())
    text["fields"]["rat"] = 1.0
    with pytest.raises(BadCheckpoint, match="has no field rat"):
        build(text)
