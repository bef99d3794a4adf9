"""Reactive Diffusion Policy: the decoder step by step, and what it does in answer to what is felt within a chunk."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, acts, fit, learner

from agir.core.errors import BadSetting
from agir.core.nouns import Foresight
from agir.core.spaces import Box, Dict, Spec
from agir.generators.reactive import ReactiveCodec
from agir.methods.imitation.reactive_diffusion_policy import ReactiveDiffusionPolicy
from agir.training.fit import FitReactive

SETTINGS = {"network": "mlp", "width": 64, "depth": 2, "history": 2, "horizon": 6, "execute": 5, "rate": 5e-3, "warmup": 20}
STAGE = FitReactive(horizon=5, latent=2, width=24, felt=(1,), rate=5e-3, updates=1000)


def pushed(key, history=1, horizon=5, batch=128):
    """All actions of a chunk go one of two ways, each moved by 0.3 times what is felt as it is done (the second number)."""
    see, choose, later = jax.random.split(key, 3)
    way = jnp.where(jax.random.bernoulli(choose, 0.5, (batch, 1, 1)), 0.5, -0.5)
    seen, ahead = jax.random.normal(see, (batch, history, 2)), jax.random.normal(later, (batch, horizon - history, 2))
    felt = jnp.concatenate([seen, ahead], 1)[..., 1:]
    return Foresight(seen, way + 0.3 * felt, jnp.ones((batch, horizon)), ahead, jnp.ones((batch, horizon - history)))


def test_a_chunk_is_decoded_as_its_actions_are_one_by_one():
    spec = Spec(Dict((("eye", Box((4, 4, 3), 0.0, 255.0, "uint8")), ("hand", Box((3,))))), Box((2, 2)))
    codec = eqx.filter_jit(lambda key: ReactiveCodec.create(spec, key, 6, latent=3, width=8, felt=(2, 0)))(jax.random.key(0))
    hand = jax.random.normal(jax.random.key(1), (6, 3))
    seen = {"eye": jnp.zeros((6, 4, 4, 3), jnp.uint8), "hand": hand}
    z, state, one_by_one = jax.random.normal(jax.random.key(2), codec.latent), codec.start(), []
    follow = eqx.filter_jit(lambda *now: codec.follow(*now))
    for step in range(6):
        action, state = follow(z, jax.tree.map(lambda x: x[step], seen), state)
        one_by_one.append(action)
    np.testing.assert_allclose(jnp.stack(one_by_one).reshape(6, 4), codec.decode(z, hand[:, jnp.array([2, 0])]), atol=1e-6)
    assert codec.latent == (2, 3) and one_by_one[0].shape == (2, 2)
    with pytest.raises(BadSetting, match="--felt names the number 3 of an observation, which has 3 of them"):
        ReactiveCodec.create(spec, jax.random.key(0), 6, felt=(3,))


def test_padding_says_nothing_to_the_codec():
    stage = dataclasses.replace(STAGE, spec=NUMBERS)
    part = eqx.filter_jit(stage.init)(jax.random.key(0)).model
    mask = jnp.array([1.0, 1, 1, 0, 0])
    batch = dataclasses.replace(pushed(jax.random.key(0), batch=1), mask=mask[None])
    spoiled = dataclasses.replace(batch, action=jnp.where(mask[None, :, None] > 0, batch.action, jnp.nan))
    loss = eqx.filter_jit(eqx.filter_value_and_grad(lambda part, batch: stage.loss(part, batch, jax.random.key(1))))
    (value, gradient), (same, same_gradient) = loss(part, batch), loss(part, spoiled)
    assert jnp.isfinite(value) and value == same
    jax.tree.map(np.testing.assert_array_equal, eqx.filter(gradient, eqx.is_array), eqx.filter(same_gradient, eqx.is_array))


def test_it_keeps_to_its_way_and_reacts_at_every_step():
    """In a chunk of five a force comes and goes: the way is drawn once, in one diffusion; the answer to the force is immediate."""
    stage = dataclasses.replace(STAGE, spec=NUMBERS)
    codec = stage.result(fit(stage, pushed, 1000)[0])
    method = learner(ReactiveDiffusionPolicy, codec=codec, updates=1000, **SETTINGS)
    state, _ = fit(method, lambda key: pushed(key, history=2, horizon=6), 1000)
    policy = method.policy(state)
    felt = jnp.array([0.0, 1.0, 1.0, -1.0, 0.0])
    drawn = acts(policy, jnp.stack([jnp.zeros(5), felt], 1), 200)[..., 0] - 0.3 * felt[None]
    assert jnp.abs(jnp.abs(drawn) - 0.5).mean() < 0.1
    assert ((drawn > 0) == (drawn[:, :1] > 0)).mean() > 0.97 and 0.25 < (drawn[:, 0] > 0).mean() < 0.75
    memory, paid = policy.start(jax.random.key(0)), []
    act = jax.jit(lambda *now: policy.act(*now))
    for step in range(6):
        _, memory, info = act(jnp.ones(2), memory, jax.random.key(step))
        paid.append(int(info["passes"]))
    assert paid == [10, 0, 0, 0, 0, 10]


def test_a_codec_of_another_length_is_refused():
    codec = eqx.filter_eval_shape(lambda: ReactiveCodec.create(NUMBERS, jax.random.key(0), 5, 2, 8))
    for settings, why in (({"horizon": 8}, "--horizon 6, or --codec.horizon 7"), ({"history": 1}, "--codec.horizon 6")):
        with pytest.raises(BadSetting, match=why):
            learner(ReactiveDiffusionPolicy, codec=codec, **SETTINGS | settings).init(jax.random.key(0))
    method = learner(ReactiveDiffusionPolicy, codec=codec, **SETTINGS | {"execute": 6})
    with pytest.raises(BadSetting, match="at most 5"):
        eqx.filter_eval_shape(lambda: method.policy(method.init(jax.random.key(0))))
