"""lean_scan against lax.scan: the same values, whatever is early, late, constant or in the loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core import scans
from agir.core.lanes import begin_lanes, step_lanes
from agir.core.nouns import Act, Policy
from agir.core.scans import Parts, lean_scan
from agir.tasks.cartpole import CartPole

WEIGHT = jax.random.normal(jax.random.key(7), (3, 3))


def body(carry, key):
    place, count = carry
    noise = jax.random.normal(key, (3,))  # early
    moved = jnp.tanh(WEIGHT @ place) + noise
    out = {
        "late": jax.nn.logsumexp(jax.nn.relu(WEIGHT @ moved)),
        "early": noise * 2,
        "constant": WEIGHT.sum(),
        "literal": jnp.float32(3),
        "carry": count,
        "loop": moved,
        "x": key,
        "both": noise.sum() * place.sum(),
    }
    return (moved * 0.5, count + 1), out


def keys(*shape):
    return jax.random.split(jax.random.key(0), shape)


STEPS = scans.SHORT + 3
START = (jnp.ones(3), jnp.int32(0))


def assert_same(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b)):
        assert x.dtype == y.dtype and x.shape == y.shape
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_allclose(x, y, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_the_same_as_a_scan(wrap):
    assert_same(wrap(lambda c, k: lean_scan(body, c, k))(START, keys(STEPS)), jax.lax.scan(body, START, keys(STEPS)))


def test_the_same_under_vmap():
    lean, plain = (jax.vmap(lambda k, scan=scan: scan(body, START, k))(keys(5, STEPS)) for scan in (lean_scan, jax.lax.scan))
    assert_same(lean, plain)


@pytest.mark.parametrize("limit", ["BLOCK_BYTES", "STORED_BYTES"])
def test_the_same_where_memory_is_short(monkeypatch, limit):
    monkeypatch.setattr(scans, limit, 256)  # blocks of a few steps, the last one smaller; or no cut at all
    assert_same(lean_scan(body, START, keys(STEPS)), jax.lax.scan(body, START, keys(STEPS)))


def test_closed_over_tracers_and_branches_and_loops():
    def branchy(scale):
        def inside(carry, x):
            carry = jax.lax.cond(x > 0, lambda: carry + scale * x, lambda: carry - 1.0)
            later = jax.lax.fori_loop(0, 3, lambda i, y: y * 1.5, carry)
            return carry, (later, x * scale)

        return inside

    xs = jnp.tile(jnp.array([1.0, -1.0, 2.0, 0.5]), 5)
    lean = jax.jit(lambda scale: lean_scan(branchy(scale), jnp.float32(0), xs))(jnp.float32(3))
    assert_same(lean, jax.lax.scan(branchy(jnp.float32(3)), jnp.float32(0), xs))


def test_a_body_with_effects_is_left_as_it_is():
    seen = []

    def noted(carry, x):
        jax.debug.callback(lambda value: seen.append(float(value)), carry)
        return carry + x, carry

    lean_scan(noted, jnp.float32(0), jnp.ones(STEPS))
    jax.effects_barrier()
    assert sorted(seen) == list(range(STEPS))


class Linear(Policy):
    weight: jax.Array

    def act(self, observation, memory, key):
        logits = observation @ self.weight
        action = jax.random.categorical(key, logits).astype(jnp.int32)
        return Act(action, memory, {"log_prob": jax.nn.log_softmax(logits)[action]})


def test_a_rollout_keeps_no_random_number_in_the_loop():
    """The point of it all: resets and draws are early, the log-probability late, and the values are those of the plain scan."""
    env, policy = CartPole().environment(), Linear(CartPole().spec, jax.random.normal(jax.random.key(1), (4, 2)))
    lanes = begin_lanes(env, policy, keys(3), keys(3))
    one = lambda lanes, key: step_lanes(env, policy, lanes, key)
    leaves, tree = jax.tree.flatten(lanes)
    flat = lambda key, *leaves: [jax.tree.leaves(out) for out in one(jax.tree.unflatten(tree, leaves), key)]
    parts = Parts(jax.make_jaxpr(lambda *values: flat(values[-1], *values[:-1]))(*leaves, keys(1)[0]), len(leaves))
    names = lambda group: {operation.equation.primitive.name for operation in group}
    assert "random_bits" in names(parts.early) and not any("random" in name for name in names(parts.loop) | names(parts.late))
    assert "dot_general" in names(parts.loop) and "exp" in names(parts.late) and "exp" not in names(parts.loop)
    long = jax.random.split(jax.random.key(3), 100)
    assert_same(jax.jit(lambda: lean_scan(one, lanes, long))(), jax.jit(lambda: jax.lax.scan(one, lanes, long))())
