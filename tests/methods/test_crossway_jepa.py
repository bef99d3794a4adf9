"""Methods that learn more than actions, and act without it: Crossway Diffusion and ACT-JEPA."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import acts, fit, learner, two_ways

from agir.core.errors import BadSetting
from agir.core.nouns import Foresight, Window
from agir.core.spaces import Box, Dict, Spec
from agir.generators.diffusion import Diffusion
from agir.methods.imitation.act_jepa import ACTJEPA, standard
from agir.methods.imitation.crossway_diffusion import CrosswayDiffusion
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.networks.decoder import small
from agir.training.state import Trained

SEEING = Spec(Dict((("eye", Box((16, 16, 3), 0.0, 255.0, "uint8")), ("hand", Box((2,))))), Box((1,), -1.0, 1.0))
TINY = {"width": 8, "depth": 1, "history": 1, "horizon": 4, "execute": 2, "warmup": 10}


def lit(key, batch=16):
    """An image whose brightness is the first number of the hand."""
    hand = jax.random.uniform(key, (batch, 1, 2), minval=-1.0)
    level = (127.5 * (hand[..., :1] + 1)).astype(jnp.uint8)
    image = jnp.broadcast_to(level[..., None, None], (batch, 1, 16, 16, 3))
    return Window({"eye": image, "hand": hand}, jnp.broadcast_to(0.5 * hand[..., 1:], (batch, 4, 1)), jnp.ones((batch, 4)))


def test_without_its_second_term_crossway_is_diffusion_policy():
    """The same draws give the same loss, and whatever the term, the policy that acts is a plain diffusion of the same size."""
    crossway, plain = learner(CrosswayDiffusion, network="unet", alpha=0.0, **TINY), learner(DiffusionPolicy, network="unet", **TINY)
    batch, keys = two_ways(jax.random.key(1), batch=4), jax.random.split(jax.random.key(2), 4)

    @eqx.filter_jit
    def both():
        state = crossway.init(jax.random.key(0))
        diffusion = state.model.generator.turned(Diffusion)
        alone = lambda window, key: diffusion.loss(window.action, window.mask, window.observation, jax.random.split(key)[1])
        return crossway.loss(state.model, batch, jax.random.key(2)), jax.vmap(alone)(batch, keys).mean()

    np.testing.assert_allclose(*both(), rtol=1e-5)
    acting = eqx.filter_eval_shape(lambda: crossway.policy(crossway.init(jax.random.key(0)))).planner.model.generator
    wanted = eqx.filter_eval_shape(lambda: plain.init(jax.random.key(0))).model.generator
    assert type(acting) is Diffusion and jax.tree.map(lambda x: x.shape, acting) == jax.tree.map(lambda x: x.shape, wanted)


def test_all_that_the_diffusion_is_goes_over_to_the_one_that_acts():
    """What the network says, above all: noise taken for a chunk would be done."""
    method = learner(CrosswayDiffusion, network="unet", **TINY)
    other = {"steps": 50, "prediction": "v", "sampler": "ddpm", "sampling_passes": 7, "bound": None}

    def acting():
        model = method.init(jax.random.key(0)).model
        learnt = dataclasses.replace(model, generator=dataclasses.replace(model.generator, **other))
        return method.policy(Trained(learnt, None)).planner.model.generator

    found = eqx.filter_eval_shape(acting)
    assert type(found) is Diffusion and {name: getattr(found, name) for name in other} == other


def test_what_was_seen_can_be_told_from_the_middle():
    method = learner(CrosswayDiffusion, SEEING, network="unet", alpha=1.0, rate=3e-3, updates=150, **TINY)
    state, losses = fit(method, lit, 150)
    batch = lit(jax.random.key(7), 32)

    def told(window, key):
        return state.model.generator.both(window.action, window.mask, state.model.encoder(window.observation), key)[1]

    numbers, images = eqx.filter_jit(jax.vmap(told))(batch, jax.random.split(jax.random.key(8), 32))
    assert ((numbers - batch.observation["hand"]) ** 2).mean() < 0.3 * batch.observation["hand"].var()
    wanted = jax.vmap(small)(batch.observation["eye"][:, 0])
    assert images["/eye"].shape == (32, 16, 16, 3) and ((images["/eye"] - wanted) ** 2).mean() < 0.3 * wanted.var()


def test_a_picture_is_told_whole_whatever_the_encoder_sees_of_it():
    """By a decoder that says nothing, the second term is what there is to be told: it does not depend on where the encoder's cut is."""
    batch = lit(jax.random.key(1), 8)
    picture = jax.random.randint(jax.random.key(2), batch.observation["eye"].shape, 0, 255).astype(jnp.uint8)
    seen = dataclasses.replace(batch, observation=batch.observation | {"eye": picture}, mask=jnp.zeros_like(batch.mask))
    method = learner(CrosswayDiffusion, SEEING, network="unet", alpha=1.0, **TINY)
    model = eqx.filter_jit(method.init)(jax.random.key(0)).model
    model = eqx.tree_at(lambda model: model.generator.decoder, model, jax.tree.map(jnp.zeros_like, model.generator.decoder))
    loss = eqx.filter_jit(lambda model, key: method.loss(model, seen, key))
    level = jax.vmap(small)(picture[:, 0])
    wanted = (batch.observation["hand"] ** 2).mean() + (level**2).mean() / level.var(0).mean()
    np.testing.assert_allclose([loss(model, jax.random.key(i)) for i in range(3)], wanted, rtol=1e-4)


def test_a_view_that_changes_little_counts_as_much_as_any():
    """Its error is in units of its variance: the same pictures at a tenth of the contrast, told as wrongly, cost the same."""
    method = learner(CrosswayDiffusion, SEEING, network="unet", alpha=1.0, **TINY)
    model = eqx.filter_jit(method.init)(jax.random.key(0)).model
    batch = lit(jax.random.key(1), 8)
    model = eqx.tree_at(lambda model: model.generator.decoder, model, jax.tree.map(jnp.zeros_like, model.generator.decoder))
    picture = batch.observation["eye"]
    numbers = (batch.observation["hand"] ** 2).mean()

    @eqx.filter_jit
    def loss(model, seen):
        return method.loss(model, seen, jax.random.key(2), augment=False)

    def missed(picture):  # (the model is an argument: convolutions of nothing but constants are NaN after some compilations of XLA's)
        seen = dataclasses.replace(batch, observation=batch.observation | {"eye": picture}, mask=jnp.zeros_like(batch.mask))
        return loss(model, seen) - numbers

    level = jax.vmap(small)(picture[:, 0])
    wanted = lambda level: (level**2).mean() / level.var(0).mean()
    np.testing.assert_allclose(missed(picture), wanted(level), rtol=1e-3)
    faint = (100 + picture // 10).astype(jnp.uint8)
    np.testing.assert_allclose(missed(faint), wanted(jax.vmap(small)(faint[:, 0])), rtol=1e-3)
    assert missed(picture[:1].repeat(8, 0)) > 1e3  # nothing changes: no division by zero


def test_the_second_term_reaches_the_encoder_of_images():
    method = learner(CrosswayDiffusion, SEEING, network="unet", **TINY)
    model = eqx.filter_jit(method.init)(jax.random.key(0)).model
    batch = dataclasses.replace(lit(jax.random.key(0), 2), mask=jnp.zeros((2, 4)))  # no action counts: what is left is the second term
    gradient = eqx.filter_jit(eqx.filter_grad(lambda model: method.loss(model, batch, jax.random.key(1), augment=False)))(model)
    size = lambda tree: float(sum(jnp.abs(x).sum() for x in jax.tree.leaves(eqx.filter(tree, eqx.is_array))))
    assert size(gradient.encoder) > 0 and size(gradient.generator.decoder) > 0 and size(gradient.generator.network.down) > 0
    assert size(gradient.generator.network.last) == 0  # what leads to actions alone
    with pytest.raises(BadSetting, match="use unet"):
        learner(CrosswayDiffusion, SEEING, network="mlp", **TINY).init(jax.random.key(0))


def turning(key, batch=128, labelled=0.5):
    """What is seen turns by a quarter at each step; the action is half of its first number. Beside it stands noise of no meaning."""
    place, noise, last, choose = jax.random.split(key, 4)
    now = jax.random.normal(place, (batch, 1, 2))
    later = jnp.concatenate([-now[..., 1:], now[..., :1]], -1)
    see = lambda x, key: jnp.concatenate([x, jax.random.normal(key, (batch, 1, 1))], -1)
    mask = jnp.broadcast_to(jax.random.bernoulli(choose, labelled, (batch, 1)), (batch, 2)).astype(jnp.float32)
    action = jnp.where(mask[..., None] > 0, 0.5 * now[..., :1], 9.0)
    return Foresight(see(now, noise), action, mask, see(later, last), jnp.ones((batch, 1)))


WORLD = Spec(Box((3,)), Box((1,)))
ABSTRACT = {"network": "mlp", "width": 32, "depth": 1, "history": 1, "horizon": 2, "execute": 1, "frames": 1, "every": 1, "embedding": 16}


def test_act_jepa_acts_and_foretells():
    """It clones the actions from the windows that have them; of what will be seen it foretells more than a constant could."""
    method = learner(ACTJEPA, WORLD, rate=5e-3, warmup=20, updates=800, **ABSTRACT)
    state, losses = fit(method, turning, 800)
    seen = jnp.array([[0.8, 0.3, 1.0], [-0.6, 1.0, -1.0]])
    drawn = acts(method.policy(state), seen, 1)[0, :, 0]
    np.testing.assert_allclose(drawn, 0.5 * seen[:, 0], atol=0.08)
    batch, generator = turning(jax.random.key(9), 512), state.best.generator
    wanted = jax.vmap(generator.target)(batch.ahead)[:, 0]
    foretold = jax.vmap(generator.foretell)(batch.observation)[:, 0]
    assert wanted.std(0).mean() > 0.3  # it has not collapsed
    constant = jnp.abs(wanted - jnp.median(wanted, 0)[None]).mean()
    assert jnp.abs(foretold - wanted).mean() < 0.7 * constant


def test_targets_have_no_gradient_and_come_from_the_average():
    method = learner(ACTJEPA, WORLD, **ABSTRACT)
    init = eqx.filter_jit(method.init)
    model, other = (init(jax.random.key(seed)).model for seed in (0, 1))
    batch = turning(jax.random.key(0), 8)
    loss = eqx.filter_jit(lambda model, target: method.loss(model, batch, jax.random.key(0), augment=False, target=target))
    gradient = eqx.filter_jit(eqx.filter_grad(lambda both: loss(*both)))((model, other))
    assert all((x == 0).all() for x in jax.tree.leaves(eqx.filter(gradient[1], eqx.is_array)))
    assert loss(model, other) != loss(model, model) and loss(model, None) == loss(model, model)
    unrecorded = dataclasses.replace(batch, mask=jnp.zeros_like(batch.mask))
    acting = eqx.filter_jit(eqx.filter_grad(lambda model: method.loss(model, unrecorded, jax.random.key(0))))(model).generator
    assert all((x == 0).all() for x in jax.tree.leaves(eqx.filter(acting.network, eqx.is_array)))
    assert any((x != 0).any() for x in jax.tree.leaves(eqx.filter(acting.embed, eqx.is_array)))
    rows = standard(jnp.array([[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 8.0]]))
    np.testing.assert_allclose(rows.mean(1), 0.0, atol=1e-6)
    np.testing.assert_allclose(rows.std(1), 1.0, atol=1e-4)
