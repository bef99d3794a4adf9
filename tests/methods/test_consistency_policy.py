"""A student of a trained diffusion policy."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, acts, fit, learner, two_ways

from agir.core.errors import BadSetting
from agir.generators.diffusion import kept
from agir.methods.imitation.consistency_policy import ConsistencyPolicy
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.methods.imitation.flow_policy import FlowPolicy

SETTINGS = {"network": "mlp", "width": 64, "depth": 2, "history": 1, "horizon": 4, "execute": 3, "rate": 5e-3, "warmup": 20}


def untrained(kind, **more):
    method = learner(kind, **(SETTINGS | {"width": 8} | more))
    return method.policy(eqx.filter_jit(method.init)(jax.random.key(0)))


class TwoWays(eqx.Module):
    """The noise in x, where all of a chunk is 0.6 or all is -0.6: what a teacher would learn."""

    def __call__(self, x, times, context):
        signal = jnp.asarray(kept(100), jnp.float32)[times[0].astype(jnp.int32)]
        clean = 0.6 * jnp.tanh(0.6 * jnp.sqrt(signal) * x.sum() / (1 - signal))
        return (x - jnp.sqrt(signal) * clean) / jnp.sqrt(1 - signal)


def test_one_pass_keeps_the_teachers_two_ways_apart():
    base = untrained(DiffusionPolicy)
    base = eqx.tree_at(lambda policy: policy.planner.model.generator.network, base, TwoWays())
    student = learner(ConsistencyPolicy, base=base, levels=8, updates=1500, **SETTINGS)
    state, _ = fit(student, lambda key: two_ways(key, history=1, batch=64), 1500)
    policy = student.policy(state)
    drawn = acts(policy, jnp.ones((3, 2)), 100)[..., 0]
    assert policy.planner.model.generator.passes == 1 and policy.planner.model.generator.teacher is None
    assert jnp.abs(jnp.abs(drawn) - 0.6).mean() < 0.15
    assert 0.25 < (drawn[:, 0] > 0).mean() < 0.75
    assert ((drawn > 0) == (drawn[:, :1] > 0)).mean() > 0.95


@pytest.mark.parametrize("network", ["mlp", "unet", "transformer"])
def test_a_student_begins_as_its_teacher(network):
    """Wherever it is to go, what it aims at is the chunk that the teacher sees."""
    base = untrained(DiffusionPolicy, network=network, prediction="sample")
    student = learner(ConsistencyPolicy, base=base, levels=4, **(SETTINGS | {"network": network, "width": 8}))
    found = student.init(jax.random.key(1)).model.generator
    context, z = jnp.ones((1, 2)), jax.random.normal(jax.random.key(2), (4, 1))
    for at, to in ((0, 4), (1, 2), (3, 3)):
        teacher = dataclasses.replace(student.teacher, bound=None)
        clean, _ = teacher.guess(found.signal[at] * z, jax.tree.map(lambda column: column[at], found.table), context)
        np.testing.assert_allclose(found.aim(z, jnp.int32(at), jnp.int32(to), context), clean, rtol=1e-4, atol=1e-4)


def test_a_teacher_that_does_not_fit_is_refused():
    for base, settings, why in (
        (untrained(FlowPolicy), {}, "holds a Flow"),
        (untrained(DiffusionPolicy, horizon=8), {}, "chunks of 8 actions after 1"),
        (untrained(DiffusionPolicy), {"levels": 101}, "2 to 100"),
        (untrained(DiffusionPolicy), {"fits": "mean"}, "instant or leap"),
        (untrained(DiffusionPolicy), {"levels": 4, "passes": 5}, "at most as many, not 5"),
        (untrained(DiffusionPolicy), {"begins": "teacher"}, "train it with --prediction sample"),
        (untrained(DiffusionPolicy, prediction="sample"), {"width": 16}, "set these as the teacher's were"),
        (untrained(DiffusionPolicy, prediction="sample"), {"network": "transformer"}, "do not fit a student of --network transformer"),
        (untrained(DiffusionPolicy), {"begins": "anyhow"}, "teacher or own"),
    ):
        with pytest.raises(BadSetting, match=why):
            learner(ConsistencyPolicy, NUMBERS, base=base, **(SETTINGS | {"width": 8} | settings)).init(jax.random.key(0))
