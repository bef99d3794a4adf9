"""The one training loop: many updates a compiled block, several lanes (seeds, and values of a sweep) at once.

It carries (state, feed, step) and nothing else. The count of updates in a block is traced, so no cut changes the bits; all
randomness is a function of (seed, purpose, step). Lanes run at once (`vmap`) or in turn (`map`) by a fixed rule on sizes, never
by a timing; a single lane runs without either.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.keys import stream
from agir.core.nouns import Learner, Source
from agir.core.spaces import Key

LANES = eqx.if_array(0)  # the vmap axis of a value that has one entry a lane
SMALL = 100_000  # numbers in one lane's state up to which lanes run at once: above, wider kernels gain nothing on a CPU


class Fixed(eqx.Module):
    """What a block needs and does not change."""

    learner: Learner  # with its givens in place and its floats traced
    axes: Any = eqx.field(static=True)  # the learner's vmap axes: 0 for a stage's result or a swept float, else None
    source: Source  # bound
    keys: Key  # [lanes]
    over: str = eqx.field(static=True)  # "one" | "vmap" | "map"


class Axes:
    """A pytree of vmap axes that hashes by its contents, so that it can stand in a static field."""

    def __init__(self, tree: Any):
        leaves, structure = jax.tree.flatten(tree, is_leaf=lambda x: x is None)
        self.contents = (tuple(leaves), structure)

    @property
    def tree(self) -> Any:
        leaves, structure = self.contents
        return jax.tree.unflatten(structure, leaves)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Axes) and self.contents == other.contents

    def __hash__(self) -> int:
        return hash(self.contents)


@eqx.filter_jit
def for_lanes(lanes: int, module: Any, name: str, module_axes: Any, axes: tuple, *arguments: Any) -> Any:
    """`module.name(*arguments)` for each of `lanes`; compiled once, so that a loop on the host never compiles again."""
    call = lambda module, *arguments: getattr(module, name)(*arguments)
    return eqx.filter_vmap(call, in_axes=(module_axes, *axes), axis_size=lanes)(module, *arguments)


def begin(learner: Learner, axes: Any, source: Source, keys: Key) -> tuple[Any, Any]:
    """-> (state, feed), each with a leading lane axis."""
    lanes = len(keys)
    state = for_lanes(lanes, learner, "init", axes, (0,), stream(keys, "init"))
    policy = for_lanes(lanes, learner, "behaviour", axes, (LANES,), state)
    feed = stream(keys, "feed")
    if not source.compiled:
        return state, source.start(policy, feed)
    return state, for_lanes(lanes, source, "start", None, (LANES, 0), policy, feed)


def one_update(learner: Learner, source: Source, key: Key, carry: tuple, step: Any) -> tuple[tuple, dict]:
    """One update of one lane."""
    state, feed = carry
    draw, learn = jax.random.split(jax.random.fold_in(key, step))
    source = source.tuned(learner)
    feed, batch = source.next(feed, learner.behaviour(state), step, draw)
    state, metrics, *feedback = learner.update(state, batch, step, learn)
    return (state, source.receive(feed, *feedback) if feedback else feed), metrics


@eqx.filter_jit(donate="all-except-first")
def advance(fixed: Fixed, carry: tuple, step: Any, count: Any) -> tuple[tuple, dict]:
    """`count` updates of every lane, compiled -> carry, metrics [lanes] (means over the block)."""
    arrays, static = eqx.partition(carry, eqx.is_array)

    def block(learner: Learner, arrays: Any, key: Key) -> tuple:
        def once(arrays: Any, step: Any) -> tuple:
            carry, metrics = one_update(learner, fixed.source, key, eqx.combine(arrays, static), step)
            return eqx.filter(carry, eqx.is_array), jax.tree.map(jnp.float32, metrics)

        def body(i: Any, loop: tuple) -> tuple:
            arrays, metrics = once(loop[0], step + i)
            return arrays, jax.tree.map(jnp.add, loop[1], metrics)

        zeros = jax.tree.map(lambda m: jnp.zeros(m.shape, m.dtype), jax.eval_shape(once, arrays, step)[1])
        return jax.lax.fori_loop(0, count, body, (arrays, zeros))

    arrays, total = each_lane(block, fixed)(fixed.learner, arrays, fixed.keys)
    return eqx.combine(arrays, static), jax.tree.map(lambda x: x / count.astype(jnp.float32), total)


def each_lane(function: Any, fixed: Fixed) -> Any:
    """`function(learner, arrays, key)` for every lane: at once, one after the other, or the only one."""
    axes, lanes = fixed.axes.tree, len(fixed.keys)
    if fixed.over == "vmap":
        return eqx.filter_vmap(function, in_axes=(axes, 0, 0))

    def in_turn(learner: Learner, arrays: Any, keys: Key) -> Any:
        own, shared = eqx.partition(learner, jax.tree.map(lambda axis: axis == 0, axes, is_leaf=lambda axis: axis is None))

        def lane(i: Any) -> Any:
            mine, values, key = jax.tree.map(lambda x: x[i], (own, arrays, keys))
            return function(eqx.combine(mine, shared), values, key)

        if fixed.over == "one":
            return jax.tree.map(lambda x: x[None], lane(0))
        return jax.lax.map(lane, jnp.arange(lanes))

    return in_turn


def advance_on_host(fixed: Fixed, carry: tuple, step: Any, count: Any) -> tuple[tuple, dict]:
    """The same where batches come from the host: updates are compiled, one call each."""
    (state, feed), total, axes, lanes = carry, [], fixed.axes.tree, len(fixed.keys)
    source = fixed.source.tuned(fixed.learner)
    for i in range(int(count)):
        now = step + jnp.int32(i)
        draw, learn = update_keys(fixed.keys, now)
        feed, batch = source.next(feed, for_lanes(lanes, fixed.learner, "behaviour", axes, (LANES,), state), now, draw)
        state, metrics, *feedback = for_lanes(lanes, fixed.learner, "update", axes, (LANES, 0, None, 0), state, batch, now, learn)
        feed = source.receive(feed, *feedback) if feedback else feed
        total.append(metrics)
    return (state, feed), jax.tree.map(lambda *m: jnp.stack(m).astype(jnp.float32).mean(0), *total)


@jax.jit
def update_keys(keys: Key, step: Any) -> Key:
    """-> keys [2, lanes]: for the batch and for the update, the same as `one_update` draws."""
    return jax.vmap(lambda key: jax.random.split(jax.random.fold_in(key, step)), out_axes=1)(keys)


def lanes_over(state: Any, lanes: int) -> str:
    """How lanes run: a rule of sizes alone, because the bits depend on it."""
    if lanes == 1:
        return "one"
    size = sum(x.size for x in jax.tree.leaves(eqx.filter(state, eqx.is_array))) // lanes
    return "vmap" if size < SMALL else "map"


def traced(tree: Any) -> Any:
    """Floats as arrays, so that another value of a hyper-parameter is not another program."""
    return jax.tree.map(lambda x: jnp.float32(x) if isinstance(x, float) else x, tree)


def setup(learner: Learner, axes: Any, source: Source, keys: Key, over: str | None = None) -> tuple[Fixed, tuple]:
    """-> what stays and what is carried, at step 0. `learner` is filled (see stages.py) and `source` bound."""
    learner, source = traced(learner), traced(source)
    carry = begin(learner, axes, source, keys)
    over = "one" if len(keys) == 1 else over or lanes_over(carry[0], len(keys))
    return Fixed(learner, Axes(axes), source, stream(keys, "steps"), over), carry


def run_block(fixed: Fixed, carry: tuple, step: int, count: int) -> tuple[tuple, dict]:
    """`count` updates from `step`; `carry` is given up (its buffers are reused)."""
    move = advance if fixed.source.compiled else advance_on_host
    return move(fixed, carry, jnp.int32(step), jnp.int32(count))


def finish(fixed: Fixed, carry: tuple) -> Any:
    """-> the learner's result, with a leading lane axis."""
    return for_lanes(len(fixed.keys), fixed.learner, "result", fixed.axes.tree, (LANES,), carry[0])


@eqx.filter_jit
def validation(fixed: Fixed, source: Source, state: Any, step: Any, batches: int) -> dict:
    """-> the learner's validation metrics [lanes], the mean over `batches` batches of the held-out split."""

    def lane(learner: Learner, state: Any, key: Key) -> dict:
        def once(i: Any) -> dict:
            draw, check = jax.random.split(jax.random.fold_in(jax.random.fold_in(key, step), i))
            _, batch = source.next(source.start(None, draw), None, step, draw)
            return learner.validate(state, batch, check)

        return jax.tree.map(lambda m: m.astype(jnp.float32).mean(0), jax.lax.map(once, jnp.arange(batches)))

    keys = stream(fixed.keys, "validation")
    arrays, static = eqx.partition(state, eqx.is_array)
    over = dataclasses.replace(fixed, keys=keys)
    return each_lane(lambda learner, arrays, key: lane(learner, eqx.combine(arrays, static), key), over)(fixed.learner, arrays, keys)
