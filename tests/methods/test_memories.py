"""Methods that act from memories: what is in them, how it is found, and that MCNN never leaves its bound."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, acts, fit, learner
from training.toys import Toy

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Window
from agir.core.spaces import Box, Dict, Discrete, Spec
from agir.core.stages import sized
from agir.generators.consistent import Consistent, bound
from agir.generators.nearest import Memories, recalled
from agir.methods.imitation.mcnn import MCNN
from agir.methods.imitation.nearest_neighbors import Recall
from agir.networks.encoder import Encoder
from agir.networks.mlp import MLP
from agir.training.loop import finish, run_block, setup
from agir.training.memory import FitIndex, Index, NeuralGas, Untrained, ranks
from agir.training.settings import make_method
from agir.training.train import resume, train
from agir.training.world import make_world
from agir.verbs import load


def memories(places=30, size=2, seed=0):
    draw = np.random.default_rng(seed)
    keys, chunks = draw.uniform(-1, 1, (places, size)), draw.uniform(-1, 1, (places, 2, 1))
    return Memories(jnp.float32(keys), jnp.float32(chunks), jnp.ones((places, 2)), 1)


def test_the_nearest_are_those_of_a_slow_search_and_empty_places_hold_nothing():
    held = memories()
    held = dataclasses.replace(held, mask=held.mask.at[::3].set(0.0))
    for key in np.float32(np.random.default_rng(1).uniform(-1, 1, (5, 2))):
        distance, places = held.nearest(jnp.asarray(key), 4)
        known = [i for i in range(30) if i % 3]
        slow = sorted(known, key=lambda i: np.linalg.norm(np.asarray(held.keys)[i] - key))[:4]
        assert places.tolist() == slow
        np.testing.assert_allclose(distance, [np.linalg.norm(np.asarray(held.keys)[i] - key) for i in slow], rtol=1e-5)
        weight = np.exp(-np.asarray(distance))
        mean = (weight[:, None, None] * np.asarray(held.chunks)[slow]).sum(0) / weight.sum()
        np.testing.assert_allclose(recalled(held, jnp.asarray(key), 4), mean, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(recalled(held, jnp.asarray(key)), held.chunks[slow[0]])


def test_directions_weigh_by_their_cosines():
    """Three directions at cosines 1, 0.8 and 0 from what is seen: 1 - cos is 0, 0.2 and 1."""
    keys = jnp.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
    held = Memories(keys, jnp.array([[[1.0]], [[2.0]], [[5.0]]]), jnp.ones((3, 1)), 1)
    weight = np.exp(-np.array([0.0, 0.2, 1.0]) / 0.5)
    seen = {"of": jnp.array([2.0, 0.0])}
    index = Index(Encoder({}, Dict((("of", Box((2,))),)), 100), held, cosine=True)
    recall = Recall(NUMBERS, index, jnp.float32(0.5), 3)
    said = recall.act(jax.tree.map(lambda x: x[None], seen), None, None).action
    np.testing.assert_allclose(said, [[(weight * [1.0, 2.0, 5.0]).sum() / weight.sum()]], rtol=1e-5)
    apart = np.exp(-np.sqrt([0.0, 0.4, 2.0]) / 0.5)  # VINN's distance
    np.testing.assert_allclose(recalled(held, keys[0], 3, jnp.float32(0.5)), [[(apart * [1.0, 2.0, 5.0]).sum() / apart.sum()]], rtol=1e-5)


@pytest.mark.parametrize("decay, reach", [(10.0, 1.0), (0.5, 3.0), (200.0, 0.2)])
def test_an_output_never_leaves_its_bound(decay, reach):
    """Whatever the network's weights are, and wherever one looks; at a memory it is what was done there."""
    held = memories()
    network = MLP(2, 2, jax.random.key(0), width=16, depth=1)
    network = jax.tree.map(lambda x: 30.0 * x if eqx.is_inexact_array(x) else x, network)
    model = Consistent(network, held, jnp.float32(decay), jnp.float32(reach))
    queries = 3 * jax.random.normal(jax.random.key(1), (500, 2))

    def one(query):
        distance, place = held.nearest(query)
        memory = held.chunk(place[0])
        said = model.sample(query[None], jax.random.key(0))
        return jnp.abs(said - memory), bound(memory, distance[0], jnp.float32(decay), jnp.float32(reach))

    apart, limit = jax.vmap(one)(queries)
    assert (apart <= limit + 1e-5).all()
    assert (apart > 0.5 * limit).any()  # the bound is not an idle one
    there = jax.vmap(lambda key: model.sample(key[None], jax.random.key(0)))(held.keys)
    np.testing.assert_allclose(there, held.chunks, atol=1e-5)


def rows(key, batch=64):
    """a = 0.5 x - 0.3 y at places of a fixed grid of 400."""
    grid = jnp.stack(jnp.meshgrid(jnp.linspace(-1, 1, 20), jnp.linspace(-1, 1, 20)), -1).reshape(-1, 2)
    seen = grid[jax.random.randint(key, (batch,), 0, 400)]
    return Window(seen[:, None], (seen @ jnp.array([[0.5], [-0.3]]))[:, None], jnp.ones((batch, 1)))


@eqx.filter_jit
def codebook(updates=300, units=40):
    gas = learner(NeuralGas, units=units, updates=updates)
    once = lambda state, step: gas.update(state, rows(jax.random.fold_in(jax.random.key(1), step)), step, None)
    return jax.lax.scan(once, gas.init(jax.random.key(0)), jnp.arange(updates))


def test_a_gas_spreads_over_the_data_and_keeps_true_rows():
    gas, metrics = codebook()
    held = gas.memories
    assert (held.known == 1).all()
    np.testing.assert_allclose(held.chunks[:, 0, 0], held.keys @ jnp.array([0.5, -0.3]), atol=1e-6)  # a memory is a row, not a mean
    np.testing.assert_allclose((held.keys + 1) * 9.5, jnp.round((held.keys + 1) * 9.5), atol=1e-4)
    # 40 units on a square of side 2: a regular pattern's mean distance is near 0.38 of the spacing sqrt(4 / 40).
    assert float(metrics["distance"][-20:].mean()) < 1.15 * 0.38 * np.sqrt(4 / 40)
    assert float(metrics["distance"][:5].mean()) > 2 * float(metrics["distance"][-20:].mean())


def test_ranks_count_the_nearer_units():
    units, keys = jnp.array([[0.0], [1.0], [3.0]]), jnp.array([[0.9], [2.9]])
    assert ranks(units, keys)[0].tolist() == [[1, 0, 2], [2, 1, 0]]


def test_mcnn_learns_and_acts_within_its_bound():
    gas, _ = codebook()
    method = learner(MCNN, memories=gas.memories, width=32, depth=1, rate=5e-3, warmup=10, updates=300)
    state, losses = fit(method, rows, 300)
    assert losses[-20:].mean() < 2e-3 < losses[0]
    seen = jnp.array([[0.3, -0.4], [-0.7, 0.1], [0.05, 0.9]])
    np.testing.assert_allclose(acts(method.policy(state), seen, 1)[0, :, 0], seen @ jnp.array([0.5, -0.3]), atol=0.06)
    assert state.model.generator.memories is None  # they are not trained
    with pytest.raises(BadSpec, match="Use behavior-cloning"):
        learner(MCNN, Spec(Box((2,)), Discrete(3)), memories=gas.memories).suits()


def test_an_index_holds_every_row_in_order():
    world = make_world(Toy(), {"demonstrations": Toy().demonstrations(4)})
    stage = sized(FitIndex(history=2, horizon=2), world)
    assert stage.learns_from.batch == 30  # three of four episodes, of ten rows
    stage = dataclasses.replace(stage, spec=world.spec, encoder=learner(Untrained, world.spec).init(jax.random.key(0)))
    source = stage.learns_from.bind(world, stage)
    axes = jax.tree.map(lambda _: None, stage)
    fixed, carry = setup(stage, axes, source, jax.vmap(jax.random.key)(jnp.arange(1)))
    held = jax.tree.map(lambda x: x[0], finish(fixed, run_block(fixed, carry, 0, 1)[0])).memories
    table = world.table("demonstrations", "training")
    assert held.known.tolist() == [1.0] * 30
    seen, action = np.asarray(table.columns["observation"]), np.asarray(table.columns["action"])
    np.testing.assert_allclose(held.keys[7], np.concatenate([seen[6], seen[7]]), atol=1e-6)
    np.testing.assert_allclose(held.keys[10], np.concatenate([seen[10], seen[10]]), atol=1e-6)  # an episode's first
    np.testing.assert_allclose(held.chunks[7], action[6:8], atol=1e-6)


def test_keys_without_numbers_are_of_images_alone():
    seen = Dict((("image", Box((16, 16, 3), 0.0, 255.0, "uint8")), ("hand", Box((2,)))))
    encoder = learner(Untrained, Spec(seen, NUMBERS.action)).init(jax.random.key(0))
    image = jax.random.randint(jax.random.key(1), (1, 16, 16, 3), 0, 255).astype(jnp.uint8)
    key = lambda index, hand: index.key({"image": image, "hand": jnp.full((1, 2), hand)})
    whole, alone = Index(encoder, memories()), Index(encoder, memories(), numbers=False)
    assert key(alone, 0.0).shape == (encoder.features - 2,) and (key(alone, 0.0) == key(alone, 1.0)).all()
    assert key(whole, 0.0).shape == (encoder.features,) and (key(whole, 0.0) != key(whole, 1.0)).sum() == 2
    stage = dataclasses.replace(FitIndex(numbers=False), spec=NUMBERS, encoder=Encoder({}, NUMBERS.observation, 100))
    with pytest.raises(BadSetting, match="no images are seen. Leave --index.numbers on"):
        stage.init(jax.random.key(0))


def test_nearest_neighbours_copy_what_was_done(tmp_path):
    """From a run to a bundle and back: the index goes along."""
    data = Toy().demonstrations(6)
    settings = {"seeds": 2, "run": tmp_path / "run", "data": data, "validation_share": 0.2}
    policy = load(train(Toy(), "nearest-neighbors", **settings), seed=1)
    kept, _ = data.split(0.2)
    for row in (0, 13, 37):
        seen = jnp.asarray(kept.columns["observation"][row])
        action = policy.act(seen, policy.start(jax.random.key(0)), jax.random.key(0)).action
        np.testing.assert_allclose(action, kept.columns["action"][row], atol=1e-5)
    with pytest.raises(BadSetting, match="nearest-neighbors learns nothing: leave --updates at 0"):  # nor is there more to learn
        resume(tmp_path / "run", updates=5, task=Toy(), data=data)


@pytest.mark.parametrize("name", ["ensemble", "nearest-neighbors", "redrawn", "rti-dp", "zip"])
def test_updates_of_what_learns_nothing_are_refused_before_anything_is_begun(name):
    with pytest.raises(BadSetting, match=f"{name} learns nothing: leave --updates at 0"):
        make_method(name, {"updates": 3})
    assert make_method(name, {"updates": 0}).updates == 0
