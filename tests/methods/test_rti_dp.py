"""Warm starts against the base that they start from, and against a slow reference."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, learner

from agir.core.errors import BadSetting
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.methods.imitation.flow_policy import FlowPolicy
from agir.methods.imitation.rti_dp import RTIDP
from agir.methods.imitation.uwm import UWM

SMALL = {"network": "mlp", "width": 8, "depth": 1, "history": 2, "horizon": 6, "execute": 1}


def base(kind=DiffusionPolicy, **more):
    method = learner(kind, **SMALL, **more)
    return method.policy(eqx.filter_jit(method.init)(jax.random.key(0)))


def warmed(policy, **settings):
    method = dataclasses.replace(RTIDP(base=policy, **settings), spec=NUMBERS)
    return method.policy(method.init(jax.random.key(0)))


def walk(policy, steps=5):
    """-> actions, passes of one lane."""
    seen = jax.random.normal(jax.random.key(1), (steps, 2))

    def step(memory, now):
        action, memory, info = policy.act(now[0], memory, now[1])
        return memory, (action, info["passes"])

    keys = jax.random.split(jax.random.key(2), steps)
    return jax.jit(lambda: jax.lax.scan(step, policy.start(keys[0]), (seen, keys))[1])()


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_with_all_passes_it_is_the_base(sampler):
    policy = base(sampler=sampler, passes=6)
    (actions, passes), (wanted, paid) = walk(warmed(policy, sampler=sampler, passes=6, warm=6)), walk(policy)
    np.testing.assert_allclose(actions, wanted, atol=1e-5)
    np.testing.assert_array_equal(passes, paid)


def test_warm_plans_equal_the_slow_reference():
    policy = base(sampler="ddim", passes=6)
    actions, passes = walk(warmed(policy, sampler="ddim", passes=6, warm=2))
    assert passes.tolist() == [6, 2, 2, 2, 2]
    seen, keys = jax.random.normal(jax.random.key(1), (5, 2)), jax.random.split(jax.random.key(2), 5)
    model, chunk = policy.planner.model, None
    for step in range(5):
        context = model.encoder(jnp.stack([seen[max(0, step - 1)], seen[step]]))
        begin, key = jax.random.split(keys[step])
        if chunk is None:
            chunk = model.generator.denoise(jax.random.normal(begin, (6, 1)), context, key)
        else:
            chunk = model.generator.denoise(jnp.concatenate([chunk[1:], chunk[-1:]]), context, key, skip=4)
        np.testing.assert_allclose(actions[step], chunk[1], atol=1e-5)


def test_lanes_that_begin_again_are_denoised_in_full():
    policy = warmed(base(sampler="ddim", passes=6), sampler="ddim", passes=6, warm=1)
    fresh, key = policy.start(jax.random.key(0)), jax.random.key(3)
    acts = jax.jit(jax.vmap(policy.act, in_axes=(0, 0, None)))
    stack = lambda *trees: jax.tree.map(lambda *x: jnp.stack(x), *trees)
    seen = jnp.ones((2, 2))
    _, later, _ = acts(seen, stack(fresh, fresh), key)
    begun = jax.tree.map(lambda x: x[0], later)
    mixed, _, info = acts(seen, stack(begun, fresh), key)
    alone = [acts(seen, stack(memory, memory), key)[0][0] for memory in (begun, fresh)]
    assert info["passes"].tolist() == [1, 6]
    np.testing.assert_allclose(mixed, jnp.stack(alone), atol=1e-5)


def test_a_lane_that_begins_again_makes_no_other_pay():
    """Of 16 lanes one makes all 6 passes and each of the others one."""
    calls = []

    def count(x):
        calls.append(1)
        return np.asarray(x)

    class Counted(eqx.Module):
        def __call__(self, x, times, context):
            return jax.pure_callback(count, x, x, vmap_method="sequential")

    policy = base(sampler="ddim", passes=6)
    policy = eqx.tree_at(lambda policy: policy.planner.model.generator.network, policy, Counted())
    policy = warmed(policy, sampler="ddim", passes=6, warm=1)
    keys, seen, acts = jax.random.split(jax.random.key(0), 16), jnp.ones((16, 2)), jax.jit(jax.vmap(policy.act))
    memory = jax.vmap(policy.start)(keys)
    for paid in (16 * 6, 15 + 6):
        calls.clear()
        _, later, info = acts(seen, memory, keys)
        assert info["passes"].sum() == len(calls) == paid
        memory = jax.tree.map(lambda fresh, old: old.at[0].set(fresh[0]), memory, later)


def test_what_cannot_be_warmed_is_refused():
    for policy, settings, why in (
        (base(FlowPolicy), {}, "holds a Flow"),
        (base(UWM), {}, "holds a Joint"),
        (base(), {"warm": 0}, "1 to 100"),
    ):
        with pytest.raises(BadSetting, match=why):
            warmed(policy, **settings)
