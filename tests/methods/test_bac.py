"""BAC on a trained policy's weights."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, learner, two_ways

from agir.core.errors import BadSetting
from agir.generators.cached import Cached
from agir.methods.imitation.bac import BAC
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.methods.imitation.rti_dp import RTIDP
from agir.methods.imitation.sdp import SDP

SMALL = {"width": 8, "depth": 1, "history": 2, "horizon": 4, "execute": 2}


def base(kind=DiffusionPolicy, network="transformer", **more):
    method = learner(kind, network=network, **(SMALL | more))
    return method.policy(eqx.filter_jit(method.init)(jax.random.key(0)))


def cached(policy, **settings):
    return dataclasses.replace(BAC(base=policy, **({"passes": 6, "computed": 3, "bubbled": 1, "execute": 2} | settings)), spec=NUMBERS)


def test_calibrated_on_windows_it_acts_and_with_all_computed_it_is_the_base():
    policy = base(sampler="ddpm", passes=6)
    method = cached(policy)
    state = method.init(jax.random.key(0))
    update = eqx.filter_jit(lambda state, step: method.update(state, two_ways(jax.random.key(step), 2, 4, 3), step, jax.random.key(1)))
    for step in range(2):
        state, metrics = update(state, jnp.int32(step))
    assert method.history == 2 and method.horizon == 4
    np.testing.assert_allclose(jnp.diagonal(state.cosine, axis1=1, axis2=2), 1.0, atol=1e-3)  # a mean of what is 1 in every window
    table = np.asarray(method.table(state))
    assert table.shape == (6, 3) and table[0].all() and table[-1].all() and (table.sum(0) >= 3).all() and table[:, 2].sum() in (3, 4)
    np.testing.assert_allclose(metrics["computed_share"], table.mean())
    seen, keys = jnp.ones((3, 2)), jax.random.split(jax.random.key(2), 3)

    def walk(policy):
        step = lambda memory, now: policy.act(now[0], memory, now[1])[1::-1]
        return eqx.filter_jit(lambda: jax.lax.scan(step, policy.start(keys[0]), (seen, keys))[1])()

    full = cached(policy, computed=6)
    np.testing.assert_allclose(walk(full.policy(state)), walk(policy), atol=1e-5)
    even = np.asarray(cached(policy, schedule="uniform").table(state))
    np.testing.assert_array_equal(even, np.repeat(np.array([1, 0, 1, 0, 1, 0], bool)[:, None], 3, 1))


def test_what_cannot_be_cached_is_refused():
    for policy, settings, why in (
        (base(network="mlp"), {}, "a Diffusion with a DenoisingMLP"),
        (base(SDP, horizon=5, passes=10), {}, "holds a BufferPlanner"),
        (base(), {"computed": 7}, "--computed is 1 to 6"),
        (base(), {"schedule": "random"}, "adaptive or uniform"),
    ):
        with pytest.raises(BadSetting, match=why):
            cached(policy, **settings).init(jax.random.key(0))


def test_a_warm_start_of_cached_blocks_makes_as_many_passes_as_they_were_settled_for():
    method = cached(base(sampler="ddim", passes=6), schedule="uniform")
    policy = method.policy(method.init(jax.random.key(0)))
    warm = lambda passes: RTIDP(base=policy, sampler="ddim", passes=passes, warm=2)
    assert isinstance(warm(6).model().generator, Cached)
    with pytest.raises(BadSetting, match="settled for 6 passes, not 10: use as many"):
        warm(10).model()
