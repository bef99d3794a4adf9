"""The parts of a variational loss against their definitions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.generators.variational import Variational, divergence
from agir.networks.layers import Linear, grown
from agir.networks.mlp import MLP


class Given(eqx.Module):
    """An encoder that always says the same."""

    value: jax.Array

    def __call__(self, x):
        return self.value


class Echo(eqx.Module):
    """A decoder that repeats the first row of its context, which is z projected."""

    def __call__(self, x, times, context):
        return jnp.broadcast_to(context[0], x.shape)


def test_the_divergence_is_its_integral():
    mean, log_variance = jnp.array([0.5, -1.0]), jnp.array([0.3, -0.8])
    z = np.linspace(-12, 12, 200_001)
    wanted = 0.0
    for m, v in zip(np.asarray(mean, float), np.exp(np.asarray(log_variance, float))):
        log_q, log_p = -0.5 * ((z - m) ** 2 / v + np.log(2 * np.pi * v)), -0.5 * (z**2 + np.log(2 * np.pi))
        wanted += np.trapezoid(np.exp(log_q) * (log_q - log_p), z)
    np.testing.assert_allclose(divergence(mean, log_variance), wanted, rtol=1e-5)
    assert divergence(jnp.zeros(3), jnp.zeros(3)) == 0.0


def made(beta):
    encoder = Given(jnp.array([0.5, -1.0, 0.3, -0.8]))
    project = eqx.tree_at(
        lambda layer: (layer.weight, layer.bias), grown(lambda draw: Linear(2, 2, draw), jax.random.key(0)), (jnp.eye(2), jnp.zeros(2))
    )
    return Variational(Echo(), 3, (2,), encoder, project, 2, beta)


def test_the_loss_is_the_absolute_error_at_a_drawn_z_and_the_divergence():
    """|z - a|_1 for z ~ N(m, v): its mean is known (the folded normal's)."""
    chunk, context = jnp.array([[0.2, 0.4]] * 3), jnp.ones((1, 2))
    keys = jax.random.split(jax.random.key(1), 20_000)
    loss = jax.jit(jax.vmap(lambda key: made(2.0).loss(chunk, jnp.ones(3), context, key)))(keys)
    mean, deviation = np.array([0.5, -1.0]) - np.array([0.2, 0.4]), np.exp(0.5 * np.array([0.3, -0.8]))
    erf = np.asarray(jax.scipy.special.erf(jnp.asarray(mean / deviation / np.sqrt(2), jnp.float32)))
    folded = deviation * np.sqrt(2 / np.pi) * np.exp(-(mean**2) / (2 * deviation**2)) + mean * erf
    wanted = folded.mean() + 2.0 * float(divergence(jnp.array([0.5, -1.0]), jnp.array([0.3, -0.8])))
    np.testing.assert_allclose(loss.mean(0), wanted, atol=0.02)


def test_acting_takes_z_0_and_draws_nothing_and_the_encoder_is_told_the_mask():
    generator, context = made(1.0), jnp.ones((1, 2))
    np.testing.assert_array_equal(generator.sample(context, jax.random.key(0)), jnp.zeros((3, 2)))
    generator = eqx.tree_at(
        lambda g: g.encoder, generator, MLP(3 * 3 + 2, 4, jax.random.key(0), width=4, depth=1), is_leaf=lambda x: isinstance(x, Given)
    )
    zeros = jnp.zeros((3, 2))
    whole, cut = (generator.encode(zeros, mask, context)[0] for mask in (jnp.ones(3), jnp.array([1.0, 1.0, 0.0])))
    assert jnp.abs(whole - cut).max() > 1e-4
