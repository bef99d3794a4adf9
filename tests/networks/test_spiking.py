"""Spiking neurons by hand, their gradients, and what the network does with them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from networks.test_denoisers import CHUNK, CONTEXT, inputs

from agir.networks.layers import grown
from agir.networks.spiking import SPIKES, Neurons, Spiking, SpikingAttention, SpikingCross, fire, spike
from agir.training.state import Trained


def test_a_neuron_by_hand():
    """u = v + (x - v) / 2: 0.75, then 1.125 (a spike, reset), 0.75, 1.125; with more current one each time; with little none."""
    currents = jnp.array([[1.5, 3.0, 0.9, -5.0]] * 4)
    np.testing.assert_array_equal(fire(currents), [[0, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]])


def test_the_surrogate_is_the_arctans_derivative():
    u = jnp.array([0.2, 1.0, 1.7])
    arctan = lambda u: jnp.arctan(jnp.pi / 2 * 2.0 * (u - 1)) / jnp.pi + 0.5
    np.testing.assert_allclose(jax.vmap(jax.grad(lambda u: spike(u)))(u), jax.vmap(jax.grad(arctan))(u), rtol=1e-5)
    # through two steps of a neuron, without the reset's own gradient: u_2 = u_1 (1 - s_1) + (x - u_1 (1 - s_1)) / 2
    x, slope = 0.8, jax.grad(arctan)
    through = slope(0.5 * x) * 0.5 + slope(0.75 * x) * 0.75
    np.testing.assert_allclose(jax.grad(lambda x: fire(jnp.stack([x, x])).sum())(jnp.float32(x)), through, rtol=1e-5)


def test_attention_is_of_spikes_and_masked():
    attention = grown(lambda draw: SpikingAttention(8, draw), jax.random.key(0))
    spikes = jax.random.bernoulli(jax.random.key(1), 0.5, (SPIKES, 3, 8)).astype(jnp.float32)
    mask = np.tril(np.ones((3, 3), bool))
    found = attention(spikes, spikes, jnp.asarray(mask))
    query, key, value = (np.asarray(part(spikes)) for part in (attention.query, attention.key, attention.value))
    assert set(np.unique(query)) <= {0.0, 1.0} and query.any()
    looked = np.zeros((SPIKES, 3, 8), np.float32)
    for time in range(SPIKES):
        for head in range(4):
            part = slice(2 * head, 2 * head + 2)
            score = query[time, :, part] @ key[time, :, part].T * mask
            looked[time, :, part] = score @ value[time, :, part] / np.sqrt(2)
    np.testing.assert_allclose(found, attention.out(fire(attention.norm(jnp.asarray(looked)))), atol=1e-5)


@pytest.mark.parametrize("kind", [Spiking, SpikingCross])
def test_every_input_matters_and_an_action_sees_no_later_one(kind):
    chunk, times, context = inputs()
    variants = [(chunk, times, context), (chunk.at[4].add(9.0), times, context), (chunk, times + 30, context), (chunk, times, context + 9)]
    variants.append((chunk, times, context[::-1]))  # which is the newest

    @jax.jit
    def say(key, many):
        net = kind.create(CHUNK, CONTEXT, key, 64, 1)
        leaves, tree = jax.tree.flatten(net)
        net = jax.tree.unflatten(tree, [x + 0.3 * jax.random.normal(jax.random.fold_in(key, i), x.shape) for i, x in enumerate(leaves)])
        return jax.vmap(net)(*many)

    out = say(jax.random.key(0), [jnp.stack(x) for x in zip(*variants)])
    assert out.shape == (5, *CHUNK)
    for other in out[1:]:
        assert jnp.abs(other - out[0]).max() > 1e-4
    np.testing.assert_array_equal(out[1, :4], out[0, :4])


def test_normalised_neurons_are_neither_silent_nor_always_on():
    neurons = grown(lambda draw: Neurons(32, 64, draw), jax.random.key(0))
    rate = lambda spikes: float(neurons(spikes).mean())
    for share in (0.05, 0.5):
        spikes = jax.random.bernoulli(jax.random.key(1), share, (SPIKES, 20, 32)).astype(jnp.float32)
        assert 0.02 < rate(spikes) < 0.4


def test_products_are_learnt_through_spikes():
    """Of what an earlier action and another one are, and of what it and the observation are: no linear network says either.

    Of four seeds two at least: where a spike falls is a matter of the last bit, and some are stuck for long.
    """
    optimiser = optax.adam(5e-3)

    def loss(network, key):
        act, see = jax.random.split(key)
        actions, seen = jax.random.rademacher(act, (16, 3, 1), jnp.float32), jax.random.rademacher(see, (16, 1, 2), jnp.float32)
        said = jax.vmap(network)(actions, jnp.zeros((16, 1)), seen)[:, 1:, 0]
        wanted = actions[:, 0] * jnp.stack([actions[:, 1, 0], seen[:, 0, 0]], 1)
        return ((said - wanted) ** 2).mean(0)

    def step(state, key):
        state, _, each = state.descend(lambda network: (lambda each: (each.sum(), each))(loss(network, key)), optimiser)
        return state, each

    @jax.jit
    def learn(key):
        begin = Trained.begin(Spiking.create((3, 1), (1, 2), key, 16, 1), optimiser)
        return jax.lax.scan(step, begin, jax.random.split(key, 600))[1]

    losses = jax.vmap(learn)(jax.random.split(jax.random.key(0), 4))
    assert losses[:, :5].mean() > 0.9 and (losses[:, -50:].mean(1) < 0.1).all(1).sum() >= 2
