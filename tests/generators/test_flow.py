"""Flows whose velocity is known in closed form."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import CONTEXT, Constant, ExactVelocity, draw
from scipy import stats

from agir.core.errors import BadSetting
from agir.generators.flow import LATEST, TOLD, Flow, draw_time


def test_euler_approaches_the_flow_of_a_gaussian():
    """For N(m, s^2) the flow maps e to m + s e; halving the step halves the error."""
    mean, deviation = 0.3, 0.4
    exact = ExactVelocity(jnp.array([[mean, mean]]), jnp.ones(1), deviation, TOLD)
    x, worst = jnp.array([[1.5, -0.8]]), {}
    for passes in (20, 40, 80):
        found = eqx.filter_jit(Flow(exact, 1, (2,), sampling_passes=passes).follow)(x, CONTEXT)
        worst[passes] = float(jnp.abs(found - (mean + deviation * x)).max())
    assert worst[80] < 0.015
    np.testing.assert_allclose([worst[20] / worst[40], worst[40] / worst[80]], 2.0, atol=0.15)


@pytest.mark.parametrize("passes, close", [(10, 0.06), (100, 0.02)])
def test_an_exact_velocity_gives_back_the_modes(passes, close):
    means, weights = jnp.array([[0.8, 0.2], [-0.6, 0.5], [0.0, -0.7]]), jnp.array([0.5, 0.3, 0.2])
    drawn = draw(Flow(ExactVelocity(means, weights, 0.05, TOLD), 1, (2,), sampling_passes=passes))[:, 0]
    distance = jnp.linalg.norm(drawn[:, None] - means[None], axis=-1)
    mode = jnp.argmin(distance, 1)
    assert (distance.min(1) < 0.25).mean() > 0.98
    np.testing.assert_allclose(np.bincount(mode) / len(drawn), weights, atol=0.035)
    for i in range(3):
        near = drawn[(mode == i) & (distance.min(1) < 0.25)]
        np.testing.assert_allclose(near.mean(0), means[i], atol=close)
        np.testing.assert_allclose(near.std(0), 0.05, atol=close)
    np.testing.assert_allclose(drawn.mean(0), weights @ means, atol=0.05)


def test_the_loss_of_an_exact_velocity_is_what_no_network_can_know():
    """E Var[a - e | x_t] over t, for a Gaussian: s^2 / (t^2 s^2 + (1 - t)^2), whose integral is s pi / 2 for any s."""
    deviation = 0.5
    generator = Flow(ExactVelocity(jnp.zeros((1, 1)), jnp.ones(1), deviation, TOLD), 1, (1,))

    def one(key):
        data, learn = jax.random.split(key)
        return generator.loss(deviation * jax.random.normal(data, (1, 1)), jnp.ones(1), CONTEXT, learn)[0]

    loss = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 40_000))
    np.testing.assert_allclose(loss.mean(), deviation * np.pi / 2, atol=4 * loss.std() / 200)


@pytest.mark.parametrize("kind, law", [("uniform", stats.uniform(0, 1)), ("beta", stats.beta(1, 1.5, 0, LATEST))])
def test_times_are_drawn_by_their_law(kind, law):
    drawn = jax.vmap(lambda key: draw_time(kind, key))(jax.random.split(jax.random.key(0), 4000))
    assert stats.kstest(np.asarray(drawn), law.cdf).pvalue > 0.01


def test_padding_and_passes():
    generator = Flow(Constant(jnp.zeros((4, 2))), 4, (2,))
    chunk, mask = 0.5 * jnp.ones((4, 2)), jnp.array([1.0, 1.0, 1.0, 0.0])
    keys = jax.random.split(jax.random.key(0), 2000)
    loss = jax.vmap(lambda key: generator.loss(chunk, mask, CONTEXT, key))(keys).mean(0)
    np.testing.assert_allclose(loss[:3], 1.25, atol=0.12)  # |a - e|^2 with a velocity of 0
    np.testing.assert_array_equal(
        generator.loss(chunk.at[3].set(jnp.nan), mask, CONTEXT, keys[0])[:3], generator.loss(chunk, mask, CONTEXT, keys[0])[:3]
    )
    assert generator.passes == 10
    for wrong, why in (({"time": "normal"}, "uniform or beta"), ({"sampling_passes": 0}, "at least one pass")):
        with pytest.raises(BadSetting, match=why):
            Flow(Constant(jnp.zeros((1, 2))), 1, (2,), **wrong)
