"""CLASS: warped distances against a slow reference, the soft contrast against its closed form, and an encoder that learns by actions."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float
from methods.fitting import NUMBERS, learner

from agir.actions.warping import all_time_warped, time_warped
from agir.core.errors import BadSpec
from agir.core.nouns import Window
from agir.core.spaces import Box, Dict, Spec
from agir.methods.imitation.class_pretraining import CLASS
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.objectives.contrastive import soft_contrast
from agir.training.contrast import FitEncoder, FitSpread, Spread
from agir.training.state import Trained, apply


def slowly(a, b):
    """The least cost over all paths from (0, 0) to (last, last) by steps (1, 0), (0, 1), (1, 1), by trying every one."""
    cost = ((a[:, None] - b[None]) ** 2).sum(-1)

    def least(i, j):
        before = [(i - 1, j), (i, j - 1), (i - 1, j - 1)]
        costs = [least(*place) for place in before if min(place) >= 0]
        return cost[i, j] + (min(costs) if costs else 0.0)

    return least(len(a) - 1, len(b) - 1)


def test_warped_distances_are_those_of_all_alignments():
    draw = np.random.default_rng(0)
    chunks = draw.normal(size=(4, 5, 2)).astype(np.float32)
    found = jax.jit(all_time_warped)(jnp.asarray(chunks))
    for i, j in itertools.product(range(4), repeat=2):
        np.testing.assert_allclose(found[i, j], slowly(chunks[i], chunks[j]), rtol=1e-4, atol=1e-5)
    longer = draw.normal(size=(3, 2)).astype(np.float32)
    np.testing.assert_allclose(time_warped(jnp.asarray(chunks[0]), jnp.asarray(longer)), slowly(chunks[0], longer), rtol=1e-4)


def test_what_is_done_slower_is_the_same():
    motion = jnp.array([[0.0], [1.0], [2.0], [3.0]])
    np.testing.assert_allclose(time_warped(motion, jnp.repeat(motion, 3, 0)), 0.0)
    np.testing.assert_allclose(time_warped(motion, motion + 2.0), slowly(np.asarray(motion), np.asarray(motion) + 2.0))


def test_the_soft_contrast_of_three_by_hand():
    features = jnp.array([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0]])  # cosines: (0, 1): 0, (0, 2): 1, (1, 2): 0
    weights = jnp.array([[9.0, 0.2, 0.6], [0.5, 9.0, 0.0], [0.0, 0.0, 9.0]])  # the diagonal is not looked at; the third has none
    share = lambda own, other: np.log(np.exp(own / 0.5) / (np.exp(own / 0.5) + np.exp(other / 0.5)))
    first = -(0.2 * share(0, 1) + 0.6 * share(1, 0)) / 0.8
    second = -share(0, 0)
    np.testing.assert_allclose(soft_contrast(features, weights, jnp.float32(0.5)), (first + second) / 2, rtol=1e-5)
    assert soft_contrast(features, jnp.eye(3), jnp.float32(0.5)) == 0.0
    gradient = jax.grad(soft_contrast)(features, weights, jnp.float32(0.5))
    assert jnp.isfinite(gradient).all() and jnp.abs(gradient).max() > 0


def test_weights_fall_with_the_rank_of_the_distance():
    draw = np.random.default_rng(0)
    batch = Window(jnp.zeros((60, 1, 2)), jnp.float32(draw.normal(size=(60, 4, 1))), jnp.ones((60, 4)))
    stage = learner(FitSpread, NUMBERS, horizon=4, share=0.1)
    spread, metrics = eqx.filter_jit(stage.update)(stage.init(None), batch, jnp.int32(0), None)
    distances = np.asarray(all_time_warped(batch.action))[np.triu_indices(60, 1)]
    weights = np.asarray(spread.weight(jnp.asarray(distances)))
    np.testing.assert_allclose((weights > 0).mean(), 0.1, atol=0.005)
    rank = np.argsort(np.argsort(distances)) / len(distances)
    np.testing.assert_allclose(weights, np.maximum(1 - rank / 0.1, 0.0), atol=0.02)
    assert Spread(jnp.array([1.0, 2.0, 3.0])).weight(jnp.array([0.5, 1.0, 2.5, 3.0, 9.0])).tolist() == [1.0, 1.0, 0.25, 0.0, 0.0]


SEEN = Spec(Dict((("image", Box((16, 16, 3), 0.0, 255.0, "uint8")), ("hand", Box((1,))))), Box((1,), -1.0, 1.0))


def pictures(key, batch=48):
    """A bright half says which way to go; how bright it is, and the colour of everything, differ from picture to picture."""
    way, tint, light = jax.random.split(key, 3)
    left = jax.random.bernoulli(way, 0.5, (batch,)).astype(jnp.float32)
    half = (jnp.arange(16) < 8).astype(jnp.float32)[None, None, :, None]
    where = left[:, None, None, None] * half + (1 - left[:, None, None, None]) * (1 - half)
    ground = jax.random.uniform(tint, (batch, 1, 1, 3), maxval=120.0)
    image = (ground + where * jax.random.uniform(light, (batch, 1, 1, 1), minval=60.0, maxval=130.0)) * jnp.ones((1, 16, 1, 1))
    seen = {"image": image.astype(jnp.uint8)[:, None], "hand": jnp.zeros((batch, 1, 1))}
    return Window(seen, (2 * left - 1)[:, None, None] * jnp.ones((1, 4, 1)) * 0.6, jnp.ones((batch, 4)))


def test_features_become_alike_where_actions_are():
    stage = learner(FitEncoder, SEEN, horizon=4, rate=3e-3, updates=60, temperature=0.2, spread=Spread(jnp.array([0.1, 0.2])))

    @eqx.filter_jit
    def run(key):
        state = stage.init(key)
        arrays, static = eqx.partition(state, eqx.is_array)

        def once(arrays, step):
            state, metrics = stage.update(eqx.combine(arrays, static), pictures(jax.random.fold_in(key, step)), step, key)
            return eqx.filter(state, eqx.is_array), metrics["loss"]

        arrays, losses = jax.lax.scan(once, arrays, jnp.arange(60))
        batch = pictures(jax.random.key(99))
        before, after = (
            jax.vmap(lambda seen: model(seen).ravel())(batch.observation) for model in (state.model, eqx.combine(arrays, static).model)
        )
        return losses, before, after, batch.action[:, 0, 0] > 0

    losses, before, after, way = run(jax.random.key(0))

    def apart(features):
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        same = way[:, None] == way[None]
        return (unit @ unit.T)[same].mean() - (unit @ unit.T)[~same].mean()

    assert losses[-5:].mean() < losses[:5].mean() - 0.2
    assert apart(np.asarray(after)) > 0.8 and apart(np.asarray(after)) > 2 * apart(np.asarray(before))


def test_only_images_are_compared_and_numbers_stand_beside_them():
    stage = learner(FitEncoder, SEEN, horizon=4, temperature=0.2, spread=Spread(jnp.array([0.1, 0.2])))
    batch = pictures(jax.random.key(0), 12)
    hands = jax.random.normal(jax.random.key(1), (12, 1, 1))
    elsewhere = dataclasses.replace(batch, observation=batch.observation | {"hand": hands})

    @eqx.filter_jit
    def see(key):
        encoder = stage.init(key).model
        losses = [stage.loss(encoder, seen, None) for seen in (batch, elsewhere)]
        return losses, jax.vmap(encoder)(elsewhere.observation), jax.vmap(lambda x: encoder(x, numbers=False))(elsewhere.observation)

    losses, features, of_images = see(jax.random.key(0))
    assert losses[0] == losses[1]
    way = batch.action[:, 0, 0] > 0
    alike = jnp.float32(way[:, None] == way[None])  # equal actions are 0 apart, others more than the last level
    np.testing.assert_allclose(losses[0], soft_contrast(of_images[:, 0], alike, jnp.float32(0.2)), rtol=1e-5)
    np.testing.assert_array_equal(features, jnp.concatenate([of_images, hands], -1))  # in the order of what is seen


class Pair(eqx.Module):
    encoder: Float[Array, "3"]
    generator: Float[Array, "3"]


def test_the_encoder_goes_on_at_a_share_of_the_rate():
    """With decay and moments: on equal gradients it comes a tenth as far in a step as all else, and with a share of 1 as far."""
    start = jnp.array([0.5, -2.0, 1.0])

    def come(kind, **more):
        optimiser = kind(updates=10, warmup=1, weight_decay=0.1, **more).optimiser()
        state, ways = Trained.begin(Pair(start, start), optimiser), []
        for gradient in jnp.array([[1.0, 2.0, -3.0], [0.2, -4.0, 0.0]]):  # the first rate is 0
            model, moments = apply(optimiser, Pair(gradient, gradient), state.moments, Pair(start, start))
            ways.append(jax.tree.map(lambda new: new - start, model))
            state = Trained(model, moments)
        return ways[1]

    whole, slowed, equal = come(DiffusionPolicy), come(CLASS), come(CLASS, encoder_rate=1.0)
    assert jnp.abs(whole.encoder).max() > 5e-4
    np.testing.assert_array_equal(whole.encoder, whole.generator)
    np.testing.assert_allclose(slowed.encoder, 0.1 * whole.encoder, atol=3e-7)
    np.testing.assert_array_equal(slowed.generator, whole.generator)
    np.testing.assert_array_equal(equal.encoder, whole.encoder)


def test_the_policy_begins_with_the_learnt_encoder():
    encoder = learner(FitEncoder, SEEN, spread=Spread(jnp.zeros(2))).init(jax.random.key(3)).model
    method = learner(CLASS, SEEN, sight=encoder, network="mlp", width=8, depth=1, horizon=4, execute=2, updates=10)
    state = eqx.filter_jit(method.init)(jax.random.key(0))
    assert eqx.tree_equal(state.best.encoder, encoder) and eqx.tree_equal(state.model.encoder, encoder)
    with pytest.raises(BadSpec, match="Use diffusion-policy"):
        learner(FitEncoder, NUMBERS, spread=Spread(jnp.zeros(2))).init(jax.random.key(0))
    assert dataclasses.is_dataclass(method)


def test_without_a_rate_of_its_own_the_encoder_is_handed_on_as_it_came():
    sight = jnp.array([0.5, -2.0, 1.0])
    optimiser = CLASS(updates=1, encoder_rate=0.0).optimiser()
    state = Trained.begin(Pair(sight, sight), optimiser, average=True)
    state, *_ = state.descend(lambda model: ((model.encoder**2).sum() + (model.generator**2).sum(), {}), optimiser, jnp.float32(0.0))
    assert (state.model.encoder == sight).all() and (state.best.encoder == sight).all()
