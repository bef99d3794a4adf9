"""Methods that learn actions and what will be seen together, in a linear Gaussian world (see tests/generators/test_joint.py)."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import fit, learner

from agir.core.errors import BadSetting
from agir.core.nouns import Foresight
from agir.core.spaces import Box, Spec
from agir.methods.imitation.pad import PAD
from agir.methods.imitation.uva import UVA
from agir.methods.imitation.uwm import UWM

WORLD = Spec(Box((1,)), Box((1,)))
SMALL = {"history": 1, "horizon": 1, "execute": 1, "frames": 1, "every": 1, "warmup": 20, "rate": 5e-3, "width": 48, "depth": 2}


def world(key, batch=128, labelled=0.5):
    """a = 0.5 o + 0.6 e1, f = 0.8 o + a + 0.3 e2; of half of the windows the action is not recorded, and there stands nonsense."""
    one, two, three, four = jax.random.split(key, 4)
    seen = jax.random.normal(one, (batch, 1, 1))
    action = 0.5 * seen + 0.6 * jax.random.normal(two, (batch, 1, 1))
    ahead = 0.8 * seen + action + 0.3 * jax.random.normal(three, (batch, 1, 1))
    mask = jax.random.bernoulli(four, labelled, (batch, 1)).astype(jnp.float32)
    return Foresight(seen, jnp.where(mask[..., None] > 0, action, 3.0), mask, ahead, jnp.ones((batch, 1)))


def moments(model, mode, count=2000, **given):
    """-> mean and deviation of actions, of what is seen, where 1 is seen now."""
    keys = jax.random.split(jax.random.key(5), count)
    generate = eqx.filter_jit(lambda model: jax.vmap(lambda key: model.generate(jnp.ones((1, 1)), key, mode, **given))(keys))
    return [(float(x.mean()), float(x.std())) for x in generate(model)]


def test_uwm_is_a_policy_a_forward_and_an_inverse_model_and_a_predictor():
    method = learner(UWM, WORLD, network="mlp", passes=20, updates=1500, **SMALL)
    state, losses = fit(method, world, 1500)
    assert losses[-100:].mean() < losses[:100].mean()
    model, close = method.tuned(state.best), {"atol": 0.12}
    np.testing.assert_allclose(moments(model, "policy")[0], (0.5, 0.6), **close)
    np.testing.assert_allclose(moments(model, "video")[1], (1.3, 0.67), **close)
    np.testing.assert_allclose(moments(model, "forward", actions=jnp.full((1, 1), 1.0))[1], (1.8, 0.3), **close)
    np.testing.assert_allclose(moments(model, "inverse", ahead=jnp.full((1, 1), 0.6))[0], (0.5 - 0.8 * 0.7, 0.27), **close)


def test_pad_generates_both_as_they_go_together():
    method = learner(PAD, WORLD, network="mlp", passes=20, updates=1500, **SMALL)
    state, _ = fit(method, world, 1500)
    model = method.tuned(state.best)
    keys = jax.random.split(jax.random.key(5), 2000)
    both = eqx.filter_jit(lambda model: jax.vmap(lambda key: model.generate(jnp.ones((1, 1)), key, "joint"))(keys))
    actions, ahead = (x.ravel() for x in both(model))
    np.testing.assert_allclose((actions.mean(), ahead.mean()), (0.5, 1.3), atol=0.12)
    np.testing.assert_allclose(np.cov(actions, ahead), [[0.36, 0.36], [0.36, 0.45]], atol=0.1)
    assert not (model.generator.absent == 0).all()  # what stands for actions that were not recorded is learnt
    acted = method.policy(state).planner.model.sample(jnp.ones((1, 1)), keys[0])
    np.testing.assert_allclose(acted.ravel(), actions[0], rtol=1e-5)  # it acts by generating both


def test_uva_is_all_of_them_by_what_it_is_shown():
    method = learner(UVA, WORLD, passes=20, head_width=32, updates=3000, **SMALL | {"width": 32, "depth": 1, "rate": 1e-3})
    state, _ = fit(method, world, 3000)
    generator, close = state.best.generator, {"atol": 0.12}

    def moments(generator, **given):
        keys = jax.random.split(jax.random.key(5), 2000)
        drawn = eqx.filter_jit(lambda generator: jax.vmap(lambda key: generator.generate(jnp.ones((1, 1)), key, **given))(keys))
        return [(float(x.mean()), float(x.std())) for x in drawn(generator)]

    actions, ahead = moments(generator)
    np.testing.assert_allclose(actions, (0.5, 0.6), **close)
    np.testing.assert_allclose(ahead, (1.3, 0.67), **close)
    np.testing.assert_allclose(moments(generator, actions=jnp.full((1, 1), 1.0))[1], (1.8, 0.3), **close)
    np.testing.assert_allclose(moments(generator, ahead=jnp.full((1, 1), 0.6))[0], (0.5 - 0.8 * 0.7, 0.27), **close)
    sample = eqx.filter_jit(lambda generator: generator.sample(jnp.ones((1, 1)), jax.random.key(0)))
    blind = dataclasses.replace(generator, seeing=jax.tree.map(lambda x: jnp.nan * x if eqx.is_array(x) else x, generator.seeing))
    np.testing.assert_array_equal(sample(generator), sample(blind))  # the head of what will be seen is not looked at
    assert generator.passes == 21


def test_what_uva_is_shown_goes_on_behind_an_episodes_end():
    """Actions that stay what they are tell a forward model the same, whether the last of them were recorded or lie behind the end."""
    method = learner(UVA, WORLD, head_width=8, **SMALL | {"width": 8, "depth": 1, "horizon": 4})
    generator = eqx.filter_jit(method.init)(jax.random.key(0)).model.generator
    given, keys = (jnp.full((4, 1), 0.7), jnp.full((1, 1), 0.2)), jax.random.split(jax.random.key(1), 20)

    def foretold(*recorded):
        masks = jnp.array(recorded, jnp.float32), jnp.ones(1)
        return jax.vmap(lambda key: generator.losses(given, masks, jnp.ones((1, 1)), key)[0][1])(keys)

    np.testing.assert_allclose(foretold(1, 1, 0, 0), foretold(1, 1, 1, 1), rtol=1e-5)


def test_where_nothing_can_be_predicted_it_says_so():
    eye = Spec(Box((16, 16, 3), 0.0, 255.0, "uint8"), Box((1,)))
    with pytest.raises(BadSetting, match="UWM predicts the numbers"):
        learner(UWM, eye).init(jax.random.key(0))
    with pytest.raises(BadSetting, match="use transformer or mlp"):
        learner(PAD, network="unet").init(jax.random.key(0))
