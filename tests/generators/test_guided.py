"""Guidance where both answers are known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from generators.exact import CONTEXT, draw

from agir.generators.diffusion import kept
from agir.generators.guided import Guided

STEPS, DEVIATION = 100, 0.3


class Exact(eqx.Module):
    """The mean of the noise in x, where actions are N(context, DEVIATION^2)."""

    def __call__(self, x, times, context):
        signal = jnp.asarray(kept(STEPS), jnp.float32)[times.astype(jnp.int32)][:, None]
        return jnp.sqrt(1 - signal) * (x - jnp.sqrt(signal) * context) / (signal * DEVIATION**2 + 1 - signal)


def guided(**more):
    settings = {"steps": STEPS, "sampler": "ddim", "sampling_passes": 100, "bound": None, "absent": jnp.full((1, 1), -0.4)}
    return Guided(Exact(), 1, (1,), **(settings | more))


def test_two_gaussians_are_left_on_the_other_side():
    """With one deviation s for both, e(f_0) + g (e(f) - e(f_0)) is the answer for the mean m_0 + g (m - m_0)."""
    for guidance, mean in ((1.0, 0.0), (1.5, 0.2), (0.0, -0.4)):
        drawn = draw(guided(guidance=guidance))
        np.testing.assert_allclose(drawn.mean(), mean, atol=0.02)
        np.testing.assert_allclose(drawn.std(), DEVIATION, atol=0.02)
    assert guided().passes == 200


class Says(eqx.Module):
    """Its answer is its context."""

    def __call__(self, x, times, context):
        return jnp.broadcast_to(context, x.shape)


def test_a_share_of_the_windows_is_learnt_without_its_context():
    generator = eqx.tree_at(lambda g: g.absent, guided(drop=0.3), jnp.full((1, 1), 100.0))
    generator = eqx.tree_at(lambda g: g.network, generator, Says())
    loss = jax.jit(jax.vmap(lambda key: generator.loss(jnp.zeros((1, 1)), jnp.ones(1), CONTEXT, key)))
    dropped = np.asarray(loss(jax.random.split(jax.random.key(0), 4000)))[:, 0] > 1000
    assert abs(dropped.mean() - 0.3) < 0.03
