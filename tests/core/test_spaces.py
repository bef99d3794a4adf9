"""Spaces: what follows from a description alone."""

import json
import math
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSpec
from agir.core.spaces import (
    Box,
    Dict,
    Discrete,
    Meaning,
    MultiBinary,
    MultiDiscrete,
    Spec,
    flat_size,
    flatten,
    from_json,
    outline,
    sample,
    spec_from_json,
    spec_to_json,
    to_json,
    zeros,
)

SPACES = {
    "unbounded": Box((3,)),
    "scalar bounds": Box((2, 2), -1.0, 2.0),
    "own bounds": Box((2,), (-1.0, 0.0), (1.0, 5.0)),
    "half bounded": Box((400,), low=0.0),
    "mixed bounds": Box((2,), (-math.inf, 0.0), (0.5, math.inf)),
    "largest numbers": Box((50,), float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)),
    "no shape": Box((), 0.0, 1.0),
    "image": Box((4, 5, 3), dtype="uint8"),
    "small image": Box((2, 2, 1), 0.0, 7.0, "uint8"),
    "discrete": Discrete(5),
    "multi discrete": MultiDiscrete((2, 3, 7)),
    "multi binary": MultiBinary(4),
}
SPACES["dict"] = Dict(tuple(SPACES.items()))
SPACES["nested"] = Dict((("camera", SPACES["image"]), ("body", Dict((("joint", Box((2,))), ("grip", Discrete(2)))))))
each_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def inside(space, value) -> bool:
    match space:
        case Box():
            low, high = space.bounds
            value = np.asarray(value)
            return value.shape == space.shape and value.dtype == space.dtype and bool(((value >= low) & (value <= high)).all())
        case Dict():
            return set(value) == {name for name, _ in space.parts} and all(inside(part, value[name]) for name, part in space.parts)
    counts = {Discrete: lambda: space.count, MultiDiscrete: lambda: np.array(space.counts), MultiBinary: lambda: 2}[type(space)]()
    shape = () if isinstance(space, Discrete) else (len(space.counts) if isinstance(space, MultiDiscrete) else space.count,)
    return value.shape == shape and value.dtype == np.int32 and bool(((value >= 0) & (value < counts)).all())


@each_space
def test_samples_lie_inside(space):
    for seed in range(20):
        value = sample(space, jax.random.key(seed))
        assert inside(space, value)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(value))


def test_samples_reach_both_ends():
    values = jax.vmap(lambda key: sample(Box((2, 2, 1), 0.0, 7.0, "uint8"), key))(jax.random.split(jax.random.key(0), 200))
    assert set(np.unique(values)) == set(range(8))
    wide = sample(SPACES["largest numbers"], jax.random.key(0))
    assert wide.min() < -1e38 and wide.max() > 1e38
    image = jax.vmap(lambda key: sample(SPACES["image"], key))(jax.random.split(jax.random.key(0), 100))
    assert image.min() == 0 and image.max() == 255


@each_space
def test_json_there_and_back(space):
    assert from_json(json.loads(json.dumps(to_json(space)))) == space
    spec = Spec(space, Discrete(2), Meaning("delta", "m", "tool", 10.0))
    assert spec_from_json(json.loads(json.dumps(spec_to_json(spec), allow_nan=False))) == spec


def test_what_no_action_means_is_refused():
    with pytest.raises(BadSpec, match="Did you mean 'velocity'"):
        Meaning("Velocity")
    with pytest.raises(BadSpec, match="Known: absolute, delta"):
        Meaning("speed")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("agir.Spec(agir.Box((2,)), agir.Box((1,)), 'velocity')", "BadSpec: A spec's meaning is a Meaning, such as agir.Meaning"),
        (
            "agir.Dataset.from_episodes(agir.task('cartpole'), [{}])",
            "BadSpec: Episodes are of a Spec, which a task has as task.spec; this is a CartPole",
        ),
    ],
)
def test_what_is_no_meaning_and_no_spec_is_refused_where_no_test_checks_types(call, words):
    done = subprocess.run([sys.executable, "-c", f"import agir\n{call}"], capture_output=True, text=True)
    assert words in done.stderr


def test_an_unknown_kind_is_refused():
    with pytest.raises(BadSpec, match="'Sphere'.*Known: Box, Discrete"):
        from_json({"kind": "Sphere"})


@each_space
def test_flatten_gives_flat_size_numbers(space):
    flat = flatten(space, sample(space, jax.random.key(0)))
    assert flat.shape == (flat_size(space),) and flat.dtype == jnp.float32
    assert flatten(space, zeros(space)).shape == flat.shape


def test_flatten_by_hand():
    space = Dict((("b", Box((2,))), ("a", Discrete(3)), ("m", MultiDiscrete((2, 3))), ("i", Box((1, 1, 2), dtype="uint8"))))
    value = {
        "a": jnp.int32(1),
        "b": jnp.array([0.5, -2.0]),
        "m": jnp.array([1, 2], jnp.int32),
        "i": jnp.array([[[0, 255]]], jnp.uint8),
    }
    assert flatten(space, value).tolist() == [0.5, -2, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1]  # in the order of the parts, not of the names


@each_space
def test_zeros_have_the_leading_axes(space):
    value = zeros(space, 4, 2)
    assert jax.tree.map(lambda x: (x.shape[:2], x.dtype), value) == jax.tree.map(
        lambda x: ((4, 2), x.dtype), sample(space, jax.random.key(0))
    )


def test_bounds():
    low, high = Box((2, 2), (1.0, 2.0, 3.0, 4.0), 9.0).bounds
    assert low.tolist() == [[1, 2], [3, 4]] and high.tolist() == [[9, 9], [9, 9]]
    assert [Box((1,)).bounded, Box((1,), 0.0).bounded, Box((1,), 0.0, 1.0).bounded] == [False, False, True]
    assert [bound.ravel().tolist() for bound in Box((1, 1, 1), dtype="uint8").bounds] == [[0], [255]]


SPEC = Spec(Box((3,), -1.0, 1.0), Box((2,)), Meaning("absolute", "m", "world", 10.0))


@pytest.mark.parametrize(
    "other, message",
    [
        (Spec(Box((4,)), SPEC.action, SPEC.meaning), r"observation of the task is Box\[3\] float32, but that of the data is Box\[4\]"),
        (
            Spec(SPEC.observation, Discrete(2), SPEC.meaning),
            r"action of the task is Box\[2\] float32, but that of the data is Discrete\(2\)",
        ),
        (Spec(SPEC.observation, SPEC.action, Meaning("delta", "m", "world", 10.0)), "kind = 'absolute', those of the data kind = 'delta'"),
        (Spec(SPEC.observation, SPEC.action, Meaning("absolute", "px", "world", 10.0)), "unit = 'm', those of the data unit = 'px'"),
        (Spec(SPEC.observation, SPEC.action, Meaning("absolute", "m", "tool", 10.0)), "frame = 'world', those of the data frame = 'tool'"),
        (Spec(SPEC.observation, SPEC.action, Meaning("absolute", "m", "world", 20.0)), "rate_hz = 10.0, those of the data rate_hz = 20.0"),
    ],
)
def test_require_names_what_differs(other, message):
    with pytest.raises(BadSpec, match=message):
        SPEC.require(other, "the task", "the data")


def test_require_does_not_mind_bounds():
    SPEC.require(Spec(Box((3,), -5.0, 5.0), SPEC.action, SPEC.meaning), "the task", "the data")


def test_outline():
    assert outline(SPACES["nested"]) == "{camera: Box[4, 5, 3] uint8, body: {joint: Box[2] float32, grip: Discrete(2)}}"
    assert outline(MultiDiscrete((2, 3))) == "MultiDiscrete[2, 3]" and outline(MultiBinary(4)) == "MultiBinary(4)"


def test_spaces_are_hashable():
    assert len({hash(Spec(space, Discrete(2))) for space in SPACES.values()}) == len(SPACES)
