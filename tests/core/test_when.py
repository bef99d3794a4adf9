"""`when` equals the naive choice, under any nesting of vmaps, and pays for the lanes that are due."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.when import when


class Scale(eqx.Module):
    weight: jax.Array
    power: int = eqx.field(static=True)


def compute(module, x):
    return {"y": module.weight * x["x"] ** module.power, "sum": x["x"].sum()}


def lazily(module, due, x, old, block=None):
    return when(due, compute, module, (x,), old, block)


def naively(module, due, x, old):
    return jax.tree.map(lambda new, old: jnp.where(due, new, old), compute(module, x), old)


def lanes(shape, share, seed=0):
    draw = np.random.default_rng(seed)
    x = {"x": jnp.asarray(draw.normal(size=(*shape, 2)), jnp.float32)}
    old = {"y": jnp.full((*shape, 2), 7.0), "sum": jnp.full(shape, 8.0)}
    return jnp.asarray(draw.random(shape) < share), x, old


def same(a, b):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), a, b)


SCALE = Scale(jnp.float32([2.0, 3.0]), 2)
MODULES = Scale(jnp.arange(6, dtype=jnp.float32).reshape(3, 2), 2)  # of three seeds


def test_one_lane_without_vmap():
    _, x, old = lanes((), 1.0)
    one = jax.jit(lambda due: lazily(SCALE, due, x, old))
    for due in (jnp.bool_(True), jnp.bool_(False)):
        same(one(due), naively(SCALE, due, x, old))


@pytest.mark.parametrize("count, block", [(1, None), (7, None), (16, 1), (16, 5), (16, 100)])
def test_lanes_due_at_random(count, block):
    every = jax.jit(jax.vmap(lambda *x: lazily(SCALE, *x, block)))
    for share in (0.0, 0.3, 0.7, 1.0):
        inputs = lanes((count,), share)
        same(every(*inputs), jax.vmap(lambda *x: naively(SCALE, *x))(*inputs))


def test_lanes_of_lanes_with_a_part_that_is_not_mapped():
    due, x, old = lanes((3, 4), 0.5)
    x, old = jax.tree.map(lambda v: v[0], (x, old))  # the same in the outer lanes
    both = lambda function: jax.jit(jax.vmap(jax.vmap(lambda *a: function(SCALE, *a)), (0, None, None)))(due, x, old)
    same(both(lazily), both(naively))


def test_arrays_may_be_empty():
    due, x, old = lanes((5,), 0.5)
    x, old = x | {"x": x["x"][:, :0]}, old | {"y": old["y"][:, :0]}
    module = Scale(jnp.zeros(0), 2)
    same(jax.vmap(lambda *a: lazily(module, *a))(due, x, old), jax.vmap(lambda *a: naively(module, *a))(due, x, old))


@pytest.mark.parametrize("seeds_outside", [True, False])
def test_seeds_with_their_own_modules(seeds_outside):
    inputs = lanes((3, 8), 0.4)

    def both(function):
        if seeds_outside:
            return jax.jit(jax.vmap(lambda module, *x: jax.vmap(lambda *x: function(module, *x))(*x)))(MODULES, *inputs)
        return jax.jit(jax.vmap(lambda *x: jax.vmap(function)(MODULES, *x), in_axes=1, out_axes=1))(*inputs)

    same(both(lazily), both(naively))


def test_in_a_scan_under_seeds_and_lanes():
    """As an executor uses it: what is kept is carried from step to step."""
    dues, x, old = lanes((5, 3, 8), 0.3)

    def both(function):
        def one(module, dues, x, kept):
            step = lambda kept, now: (function(module, *now, kept),) * 2
            return jax.lax.scan(step, kept, (dues, x))[1]

        rolled = jax.vmap(jax.vmap(one, (None, 1, 1, 0)), (0, 1, 1, 0))
        return jax.jit(rolled)(MODULES, dues, x, jax.tree.map(lambda v: v[0], old))

    same(both(lazily), both(naively))


def test_random_keys_can_be_kept():
    """A memory may hold keys: they are gathered and scattered like numbers."""
    keys = jax.random.split(jax.random.key(0), 6)
    due = jnp.arange(6) % 2 == 0
    function = lambda module, key: jax.random.fold_in(key, 1)
    found = jax.vmap(lambda due, key: when(due, function, (), (key,), key))(due, keys)
    expected = jax.random.key_data(jax.vmap(lambda key: jax.random.fold_in(key, 1))(keys))
    expected = jnp.where(due[:, None], expected, jax.random.key_data(keys))
    np.testing.assert_array_equal(jax.random.key_data(found), expected)


def counted(calls):
    """A function that counts its calls; a pure one, which the compiler is free to compute whether it is due or not."""

    def call(x):
        calls.append(1)
        return np.asarray(x)

    return lambda module, x: module * jax.pure_callback(call, x, x, vmap_method="sequential")


@pytest.mark.parametrize("due, paid", [(0, 0), (1, 4), (4, 4), (5, 8), (16, 16)])
def test_only_the_lanes_that_are_due_are_paid(due, paid):
    """16 lanes in blocks of a quarter: whole blocks, and none where nothing is due."""
    function = counted(calls := [])
    one = jax.jit(jax.vmap(lambda due, x: when(due, function, jnp.float32(2.0), (x,), x)))
    found = one(jnp.arange(16) % 16 < due, jnp.arange(16, dtype=jnp.float32))
    np.testing.assert_array_equal(found, np.arange(16) * np.where(np.arange(16) < due, 2, 1))
    assert len(calls) == paid


def test_one_lane_pays_only_when_it_is_due():
    """As a robot's one policy, and as one of several seeds with a lane each."""
    function = counted(calls := [])
    one = jax.jit(lambda due, x: when(due, function, jnp.float32(2.0), (x,), x))
    for due, value, paid in ((False, 3.0, 0), (True, 6.0, 1), (False, 3.0, 1)):
        assert one(jnp.bool_(due), jnp.float32(3.0)) == value and len(calls) == paid
    seeds = jax.jit(jax.vmap(lambda module, due, x: when(due, function, module, (x,), x)))
    calls.clear()
    for due, paid in (([False, False], 0), ([False, True], 2)):
        found = seeds(jnp.float32([2.0, 3.0]), jnp.array(due), jnp.float32([3.0, 3.0]))
        assert found.tolist() == [3.0, 9.0 if due[1] else 3.0] and len(calls) == paid


TABLE = np.float32([0.5, 1.5, 2.5])  # a constant of the program


def test_one_within_another_for_seeds_of_one_lane_each():
    """As a policy of several seeds is vmapped whose planner chooses too: constants of the inner one are not to be mapped."""

    def twice(choose, module, due, x, old):
        inner = lambda module, x: jax.tree.map(
            lambda y: y + jnp.asarray(TABLE)[jnp.int32(0 * y.sum())] * module.weight[0], compute(module, x)
        )
        outer = lambda module, x, old, again: choose(again, inner, module, (x,), old)
        return choose(due, outer, module, (x, old, ~due), old), choose(due, outer, module, (x, old, due), old)

    at_once = lambda due, function, module, given, old: jax.tree.map(lambda a, b: jnp.where(due, a, b), function(module, *given), old)
    (_, x, old), due = lanes((3,), 0.5), jnp.array([True, False, True])
    found, wanted = (jax.jit(jax.vmap(lambda *given, how=how: twice(how, *given)))(MODULES, due, x, old) for how in (when, at_once))
    same(found, wanted)
