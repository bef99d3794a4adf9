"""The imitation methods on data whose right answer is known."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import acts, fit, learner, two_ways

from agir.core.nouns import Experience, Window
from agir.core.spaces import Box, Dict, Discrete, Spec
from agir.data.windows import Segment
from agir.methods.imitation.bc_rnn import RecurrentCloning, segment_loss
from agir.methods.imitation.behavior_cloning import BehaviorCloning
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.training.state import ema_decay

SMALL = {"width": 32, "depth": 2, "warmup": 10}


@pytest.mark.parametrize("head", ["mse", "mixture"])
def test_a_mixture_keeps_two_ways_apart_that_regression_averages(head):
    method = learner(BehaviorCloning, head=head, modes=2, horizon=4, execute=4, updates=400, **SMALL)
    state, losses = fit(method, two_ways, 400)
    drawn = acts(method.policy(state), jnp.ones((4, 2)), 64)[..., 0]
    assert losses[-20:].mean() < losses[:20].mean()
    if head == "mse":
        assert jnp.abs(drawn).max() < 0.25  # the mean of both, and of neither
    else:
        np.testing.assert_allclose(jnp.abs(drawn), 0.6, atol=0.05)
        assert (jnp.sign(drawn) == jnp.sign(drawn[:, :1])).all() and 0.2 < (drawn[:, 0] > 0).mean() < 0.8
        loud = learner(BehaviorCloning, head=head, modes=2, horizon=4, execute=4, updates=400, noise=1.0, **SMALL).policy(state)
        assert jnp.abs(acts(loud, jnp.ones((4, 2)), 64)[..., 0] - drawn).max() > 1e-4


def test_gaussian_cloning_learns_mean_and_deviation():
    def noisy(key):
        see, disturb = jax.random.split(key)
        seen = jax.random.uniform(see, (256, 1, 2), minval=-1.0)
        action = 0.5 * seen[..., :1] + 0.1 * jax.random.normal(disturb, (256, 1, 1))
        return Window(seen, action, jnp.ones((256, 1)))

    method = learner(BehaviorCloning, head="gaussian", noise=1.0, updates=400, **SMALL)
    state, _ = fit(method, noisy, 400)
    drawn = acts(method.policy(state), jnp.array([[0.8, 0.0], [-0.4, 0.5]]), 400)[..., 0]
    np.testing.assert_allclose(drawn.mean(0), [0.4, -0.2], atol=0.05)
    np.testing.assert_allclose(drawn.std(0), 0.1, atol=0.03)


def test_choices_and_numbers_together():
    spec = Spec(Box((2,)), Dict((("go", Box((2,), -1.0, 1.0)), ("grip", Discrete(3)))))

    def sorted_by_side(key):
        seen = jax.random.uniform(key, (128, 1, 2), minval=-1.0)
        grip = (seen[..., 0] > 0.3).astype(jnp.int32) + (seen[..., 0] > -0.3).astype(jnp.int32)
        return Window(seen, {"go": -0.5 * seen, "grip": grip}, jnp.ones((128, 1)))

    method = learner(BehaviorCloning, spec, rate=5e-3, updates=400, **SMALL)
    state, _ = fit(method, sorted_by_side, 400)
    seen = jnp.array([[-0.8, 0.1], [0.0, 0.1], [0.8, -0.3]])
    action = acts(method.policy(state), seen, 1)
    assert action["grip"][0].tolist() == [0, 1, 2]
    np.testing.assert_allclose(action["go"][0], -0.5 * seen, atol=0.08)


def cued(key, length=5, batch=64):
    """The first observation says which way; all actions of a segment go there, and later observations say nothing."""
    cue = jnp.where(jax.random.bernoulli(key, 0.5, (batch, 1, 1)), 1.0, -1.0)
    first = (jnp.arange(length) == 0).astype(jnp.float32)[None, :, None]
    seen = jnp.concatenate([cue * first, jnp.zeros((batch, length, 1))], -1)
    zero, never = jnp.zeros((batch, length)), jnp.zeros((batch, length), bool)
    action = jnp.broadcast_to(0.5 * cue, (batch, length, 1))
    return Segment(Experience(seen, action, zero, zero + 1, seen, never, never), jnp.ones((batch, length)))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_recurrent_memory_holds_a_cue_and_is_emptied(cell):
    method = learner(RecurrentCloning, head="mse", cell=cell, width=16, depth=1, warmup=10, rate=1e-2, updates=300)
    method = eqx.tree_at(lambda m: m.learns_from.length, method, 5)
    state, losses = fit(method, cued, 300)
    assert losses[-1] < 0.01
    seen = jnp.zeros((10, 2)).at[0, 0].set(1.0).at[5, 0].set(-1.0)  # a new cue when the memory was just emptied
    action = acts(method.policy(state), seen, 1)[0, :, 0]
    np.testing.assert_allclose(action, [0.5] * 5 + [-0.5] * 5, atol=0.15)
    without = acts(method.policy(state), jnp.zeros((10, 2)).at[0, 0].set(1.0), 1)[0, 5:, 0]
    assert jnp.abs(without - 0.5).min() > 0.15  # nothing of the first cue is left


def test_a_segments_padding_never_counts():
    method = learner(RecurrentCloning, width=8, depth=1)
    model, batch = method.init(jax.random.key(0)).model, cued(jax.random.key(0), batch=3)
    mask = jnp.array([[1.0, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]])
    spoil = lambda x: jnp.where(mask.reshape(3, 5, *(1,) * (x.ndim - 2)) > 0, x, 100.0)
    loss = eqx.filter_jit(eqx.filter_value_and_grad(segment_loss))
    experience = dataclasses.replace(
        batch.experience, observation=spoil(batch.experience.observation), action=spoil(batch.experience.action)
    )
    (value, gradient), (same, same_gradient) = (loss(model, Segment(x, mask), jax.random.key(0)) for x in (batch.experience, experience))
    assert value == same
    jax.tree.map(np.testing.assert_array_equal, eqx.filter(gradient, eqx.is_array), eqx.filter(same_gradient, eqx.is_array))


DENOISE = {"history": 2, "horizon": 4, "execute": 3, "steps": 20, "passes": 20, "rate": 5e-3, "warmup": 20}


def test_diffusion_keeps_two_ways_apart():
    method = learner(DiffusionPolicy, network="mlp", width=64, depth=2, sampler="ddpm", updates=1500, **DENOISE)
    state, losses = fit(method, lambda key: two_ways(key, history=2, batch=128), 1500)
    drawn = acts(method.policy(state), jnp.ones((3, 2)), 100)[..., 0]
    assert losses[-50:].mean() < 0.1
    assert jnp.abs(jnp.abs(drawn) - 0.6).mean() < 0.06
    assert 0.25 < (drawn[:, 0] > 0).mean() < 0.75
    assert ((drawn > 0) == (drawn[:, :1] > 0)).mean() > 0.97  # all of a chunk go one way


def test_the_weights_that_act_are_the_papers_average():
    decay = []

    def reference(step):  # EMAModel.get_decay with update_after_step 0, inv_gamma 1, power 0.75
        step = max(0, step - 0 - 1)
        return 0.0 if step <= 0 else min(1 - (1 + step) ** -0.75, 0.9999)

    for step_count in (0, 1, 2, 10, 5000, 10**7):
        decay.append((float(ema_decay(jnp.int32(step_count))), reference(step_count)))
    np.testing.assert_allclose(*zip(*decay), atol=1e-6)
    method = learner(DiffusionPolicy, network="mlp", width=8, depth=1, history=1, horizon=4, updates=50, warmup=1)
    step = eqx.filter_jit(lambda state, i: method.update(state, two_ways(jax.random.key(0)), i, jax.random.key(i))[0])
    state = eqx.filter_jit(method.init)(jax.random.key(0))
    weight = lambda model: np.asarray(model.generator.network.first.weight)
    average = weight(state.best)
    for i in range(5):
        state = step(state, jnp.int32(i))
        average = reference(i) * average + (1 - reference(i)) * weight(state.model)
        np.testing.assert_allclose(weight(state.best), average, atol=1e-6)
    assert np.abs(average - weight(state.model)).max() > 1e-5
    assert np.array_equal(weight(method.policy(state).planner.model), weight(state.best))


def test_images_are_seen():
    """A bright bar's side says the action; crops in training do not confuse it."""
    spec = Spec(Dict((("camera", Box((10, 10, 3), 0.0, 255.0, "uint8")),)), Box((1,), -1.0, 1.0))

    def bars(key):
        side = jax.random.bernoulli(key, 0.5, (32,))
        column = jnp.arange(10)[None] - jnp.where(side, 6, 2)[:, None]
        lit = jnp.where((column >= 0) & (column < 2), 255, 0).astype(jnp.uint8)
        image = jnp.broadcast_to(lit[:, None, None, :, None], (32, 1, 10, 10, 3))
        return Window({"camera": image}, jnp.where(side, 0.5, -0.5)[:, None, None], jnp.ones((32, 1)))

    method = learner(BehaviorCloning, spec, rate=3e-3, updates=40, **SMALL)
    state, losses = fit(method, bars, 40)
    assert losses[-5:].mean() < 0.05 < losses[0]
    assert eqx.filter_jit(method.validate)(state, bars(jax.random.key(9)), jax.random.key(0))["loss"] < 0.05
