"""Two-step regression where both its answers are known in closed form."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from generators.exact import CONTEXT, posterior

from agir.generators.flow import TOLD
from agir.generators.two_step import TwoStep


class Exact(eqx.Module):
    """At 0 the mean of all actions, at t the mean of those that x = t a + (1 - t) e may come from."""

    means: jax.Array
    weights: jax.Array
    deviation: float

    def __call__(self, x, times, context):
        noised = posterior(x, times[0] / TOLD, self.means, self.weights, self.deviation)[0]
        return jnp.where(times[0] == 0, (self.weights @ self.means)[None], noised)


def test_the_loss_of_the_exact_answers():
    """Var a + Var[a | t a + (1 - t) e] / (1 - t)^2, the second s^2 / (t^2 s^2 + (1 - t)^2) for N(m, s^2)."""
    deviation, time = 0.3, 0.8
    generator = TwoStep(Exact(jnp.array([[0.2]]), jnp.ones(1), deviation), 1, (1,), time)

    def one(key):
        data, learn = jax.random.split(key)
        return generator.loss(0.2 + deviation * jax.random.normal(data, (1, 1)), jnp.ones(1), CONTEXT, learn)[0]

    loss = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 40_000))
    wanted = deviation**2 * (1 + 1 / (time**2 * deviation**2 + (1 - time) ** 2))
    np.testing.assert_allclose(loss.mean(), wanted, atol=4 * loss.std() / 200)


def test_the_second_pass_takes_the_likelier_way_where_the_first_gives_the_mean():
    ways, spread = jnp.array([[-0.6, 0.1], [0.6, 0.1]]), 0.02
    off = 0.9 * 0.24 - 0.9 * 0.6  # from the likelier way's middle to what the second pass is given: it is drawn a little that way
    near = 0.6 + 0.9 * spread**2 * off / (0.9**2 * spread**2 + 0.1**2)
    for weights, wanted in (([0.5, 0.5], [0.0, 0.1]), ([0.3, 0.7], [near, 0.1]), ([0.7, 0.3], [-near, 0.1])):
        generator = TwoStep(Exact(ways, jnp.array(weights), spread), 1, (2,))
        np.testing.assert_allclose(generator.sample(CONTEXT, jax.random.key(0))[0], wanted, atol=2e-3)
    assert generator.passes == 2


def test_nothing_is_drawn_in_acting_and_padding_counts_for_nothing():
    generator = TwoStep(Exact(jnp.array([[0.3]]), jnp.ones(1), 0.1), 1, (1,))
    assert generator.sample(CONTEXT, jax.random.key(0)) == generator.sample(CONTEXT, jax.random.key(1))
    losses = [generator.loss(jnp.full((1, 1), x), jnp.zeros(1), CONTEXT, jax.random.key(0)) for x in (0.5, jnp.nan)]
    assert losses[0] == losses[1] and jnp.isfinite(losses[0])
