"""Average velocities that are known in closed form, the identity, and its Jacobian-vector product against finite differences."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import CONTEXT, draw

from agir.generators.mean_flow import TOLD, MeanFlow, dispersive, draw_times

MEAN, DEVIATION = 0.3, 0.4


def spread(t):
    """Of z_t, where a ~ N(MEAN, DEVIATION^2)."""
    return jnp.sqrt((1 - t) ** 2 * DEVIATION**2 + t**2)


def marginal(z, t):
    """E[e - a | z_t = z]."""
    return -MEAN + (t - (1 - t) * DEVIATION**2) / spread(t) ** 2 * (z - (1 - t) * MEAN)


class ExactAverage(eqx.Module):
    """The flow keeps (z_t - (1 - t) m) / spread(t); so where it was at r, and the average velocity since, is known."""

    def __call__(self, z, times, context):
        t, r = times / TOLD
        before = (1 - r) * MEAN + spread(r) / spread(t) * (z - (1 - t) * MEAN)
        return jnp.where(t - r < 1e-6, marginal(z, t), (z - before) / jnp.maximum(t - r, 1e-6))


class Smooth(eqx.Module):
    """A network of one layer."""

    weight: jax.Array

    def __call__(self, x, times, context):
        return jnp.tanh(x @ self.weight[:2] + (times @ self.weight[2:4] + context[0] @ self.weight[4:])[None])


NETWORK = Smooth(jax.random.normal(jax.random.key(0), (7, 2)) / 2)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_the_exact_average_is_its_own_target(guidance):
    generator = MeanFlow(ExactAverage(), 2, (1,), None, guidance=guidance)
    z = jnp.array([[0.7], [-1.1]])
    for r, t in ((0.1, 0.8), (0.0, 1.0), (0.4, 0.41), (0.5, 0.5)):
        r, t = jnp.float32(r), jnp.float32(t)
        found = generator.target(z, marginal(z, t), r, t, CONTEXT)
        np.testing.assert_allclose(found, generator.average(z, r, t, CONTEXT), rtol=2e-4, atol=2e-4)


def test_one_pass_with_the_exact_average_draws_the_data():
    drawn = draw(MeanFlow(ExactAverage(), 1, (2,), None))
    np.testing.assert_allclose(drawn.mean((0, 1)), MEAN, atol=0.03)
    np.testing.assert_allclose(drawn.std((0, 1)), DEVIATION, atol=0.02)


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_the_target_against_finite_differences(guidance):
    generator = MeanFlow(NETWORK, 4, (2,), None, guidance=guidance)
    z, v, context = (jax.random.normal(jax.random.key(i), shape) for i, shape in enumerate([(4, 2), (4, 2), (1, 3)]))
    r, t, step = jnp.float32(0.2), jnp.float32(0.7), 1e-2
    v = v / 4
    moved = guidance * v + (1 - guidance) * generator.average(z, t, t, context)
    after, before = (generator.average(z + sign * step * moved, r, t + sign * step, context) for sign in (1, -1))
    np.testing.assert_allclose(generator.target(z, v, r, t, context), moved - (t - r) * (after - before) / (2 * step), atol=1e-3)


def test_where_r_is_t_the_loss_is_that_of_flow_matching():
    generator = MeanFlow(NETWORK, 4, (2,), None, share=1.0, guidance=1.0, power=0.0)
    chunk, mask, context = jax.random.normal(jax.random.key(1), (4, 2)), jnp.ones(4), jnp.ones((1, 3))

    @eqx.filter_value_and_grad
    def plain(generator, key):
        times, disturb = jax.random.split(key)
        (_, t), noise = draw_times(times, jnp.float32(1.0)), jax.random.normal(disturb, (4, 2))
        return ((generator.network((1 - t) * chunk + t * noise, TOLD * jnp.stack([t, t]), context) - (noise - chunk)) ** 2).mean()

    ours = eqx.filter_value_and_grad(lambda generator, key: generator.loss(chunk, mask, context, key).mean())
    (wanted, gradient), (found, own) = (eqx.filter_jit(loss)(generator, jax.random.key(3)) for loss in (plain, ours))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), eqx.filter(gradient, eqx.is_array), eqx.filter(own, eqx.is_array)
    )
    weighed = dataclasses.replace(generator, power=0.5).loss(chunk, mask, context, jax.random.key(3)).mean()
    np.testing.assert_allclose(weighed, wanted / jnp.sqrt(wanted + 1e-3), rtol=1e-5)


def test_times_and_their_share():
    r, t = jax.vmap(lambda key: draw_times(key, jnp.float32(0.3)))(jax.random.split(jax.random.key(0), 4000))
    assert (r <= t).all() and abs((r == t).mean() - 0.3) < 0.03
    logit = np.log(r / (1 - r))[r < t], np.log(t / (1 - t))
    between = np.sqrt(1 / np.pi)  # the larger and the smaller of two normal numbers are so far from their mean
    np.testing.assert_allclose([x.mean() for x in logit], [-0.4 - between, -0.4 + between], atol=0.06)


def test_dispersion_by_hand():
    points = jnp.array([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]])
    square = np.array([[0, 25, 16], [25, 0, 9], [16, 9, 0]]) / 25
    np.testing.assert_allclose(dispersive(points), np.log(np.exp(-square).mean()), rtol=1e-6)
    together = jnp.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.1]])
    assert dispersive(together) > dispersive(points) == dispersive(10 * points)
    assert jnp.isfinite(jax.grad(dispersive)(jnp.zeros((3, 2)))).all()
