"""Caching: the same as without where all is computed; schedules against brute force; bubbling by hand."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.generators.cached import Cached, best_schedule, bubbled, likeness, uniform_schedule
from agir.generators.diffusion import Diffusion, Pass
from agir.networks.denoiser import create_denoiser

PASSES, CHUNK, CONTEXT = 5, (4, 1), (2, 3)
HOW = {"steps": 20, "sampling_passes": PASSES, "sampler": "ddpm", "bound": None}


def network(name="transformer", depth=1):
    net = eqx.filter_jit(lambda key: create_denoiser(name, CHUNK, CONTEXT, key, 8, depth))(jax.random.key(0))
    return jax.tree.map(lambda x: x + 0.3 * jax.random.normal(jax.random.key(x.size), x.shape) if eqx.is_array(x) else x, net)


@eqx.filter_jit
def denoised(generator, begin, context, skip):
    return generator.denoise(begin, context, jax.random.key(3), skip)


def sampled(generator, begin, skip=0):
    return denoised(generator, begin, jax.random.normal(jax.random.key(1), CONTEXT), jnp.int32(skip))


BEGIN = jax.random.normal(jax.random.key(2), CHUNK)


@pytest.mark.parametrize("name", ["transformer", "dit"])
def test_with_every_block_computed_in_every_pass_it_is_the_plain_sampler(name):
    net = network(name)
    plain = Diffusion(net, 4, (1,), **HOW)
    cached = Cached(net, 4, (1,), **HOW, schedule=jnp.ones((PASSES, len(net.kinds)), bool))
    np.testing.assert_allclose(sampled(cached, BEGIN), sampled(plain, BEGIN), atol=1e-5)
    nothing = eqx.tree_at(lambda c: c.schedule, cached, jnp.zeros_like(cached.schedule))
    assert jnp.abs(sampled(nothing, BEGIN) - sampled(plain, BEGIN)).max() > 1e-3  # what is kept does matter
    np.testing.assert_allclose(
        sampled(nothing, BEGIN, PASSES - 1), sampled(plain, BEGIN, PASSES - 1), atol=1e-5
    )  # a first pass computes all


def test_what_is_kept_equals_the_slow_reference():
    net = network()
    schedule = np.zeros((PASSES, 3), bool)
    schedule[0], schedule[2, :2], schedule[3, 1:], schedule[4, 2] = True, True, True, True
    context, table = jax.random.normal(jax.random.key(1), CONTEXT), Pass.table(20, PASSES)
    plain, keys = Diffusion(net, 4, (1,), **HOW), jax.random.split(jax.random.key(3), PASSES)
    x, kept = BEGIN, {}
    for i in range(PASSES):
        at = jax.tree.map(lambda column, i=i: column[i], table)

        def slow(chunk, times, context, i=i):
            stream, blocks = net.enter(chunk, times, context)
            for j, block in enumerate(blocks):
                if schedule[i, j]:
                    kept[j] = block(stream)
                stream = stream + kept[j]
            return net.leave(stream, chunk, times)

        x = dataclasses.replace(plain, network=slow).step(x, at, context, keys[i])
    np.testing.assert_allclose(sampled(Cached(net, 4, (1,), **HOW, schedule=jnp.asarray(schedule)), BEGIN), x, atol=1e-4)


def test_a_block_that_is_not_due_is_not_computed():
    """The loop's body holds one branch for each block, so that a pass pays for those that are due alone."""
    net = network()
    cached = Cached(net, 4, (1,), **HOW, schedule=jnp.ones((PASSES, 3), bool))
    text = str(jax.make_jaxpr(lambda x: cached.denoise(x, jnp.zeros(CONTEXT), jax.random.key(0)))(BEGIN))
    assert text.count("cond[") == 3


def test_schedules_are_the_best_of_all():
    draw = np.random.default_rng(0)
    for passes, computed in ((6, 3), (7, 4), (5, 5), (6, 1), (7, 2)):
        similar = draw.uniform(-1, 1, (passes, passes)).astype(np.float32)
        found = np.flatnonzero(np.asarray(best_schedule(jnp.asarray(similar), computed)))

        def total(begins, similar=similar, passes=passes):
            stretches = zip(begins, [*begins[1:], passes])
            return sum(similar[j, j:k].sum() for j, k in stretches)

        choices = [(0, *rest) for rest in itertools.combinations(range(1, passes), computed - 1)]
        assert len(found) == computed and found[0] == 0
        np.testing.assert_allclose(total(tuple(found)), max(map(total, choices)), rtol=1e-5)
    assert np.flatnonzero(np.asarray(uniform_schedule(10, 4))).tolist() == [0, 2, 5, 7]
    with pytest.raises(BadSetting, match="1 to 4 compute a block, not 5"):
        best_schedule(jnp.ones((4, 4)), 5)


def test_bubbling_by_hand():
    kinds = ("attention", "feed-forward", "attention", "feed-forward")
    schedule = jnp.array([[1, 1, 1, 1], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], bool)
    change = jnp.array([3.0, 1.0, 0.5, 2.0])
    columns = lambda blocks: np.asarray(bubbled(schedule, change, kinds, blocks)).T.astype(int).tolist()
    assert columns(0) == np.asarray(schedule).T.astype(int).tolist()
    assert columns(1) == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 1]]  # the first attention, by both behind it
    assert columns(3) == [[1, 1, 1, 1], [1, 1, 0, 1], [1, 0, 0, 0], [1, 0, 0, 1]]  # the first feed-forward too; the last has none behind


def test_likeness_against_numpy():
    net = network()
    generator, context = Diffusion(net, 4, (1,), **HOW), jax.random.normal(jax.random.key(1), CONTEXT)
    found = eqx.filter_jit(likeness)(generator, context, jax.random.key(4))
    begin, walk = jax.random.split(jax.random.key(4))
    x, table, added = generator.noise(begin), Pass.table(20, PASSES), []
    for i, key in enumerate(jax.random.split(walk, PASSES)):
        at = jax.tree.map(lambda column, i=i: column[i], table)
        stream, blocks = net.enter(x, at.step[None], context)
        row = []
        for block in blocks:
            row.append(np.asarray(block(stream)).ravel())
            stream = stream + block(stream)
        added.append(row)
        x = generator.step(x, at, context, key)
    added = np.array(added)
    for b in range(3):
        one = added[:, b]
        unit = one / np.linalg.norm(one, axis=1, keepdims=True)
        np.testing.assert_allclose(found.cosine[b], unit @ unit.T, atol=1e-3)
        np.testing.assert_allclose(found.change[b], np.abs(one[:, None] - one[None]).mean(), rtol=1e-2)
