"""The buffer's levels, and its distribution where the denoiser is exact."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import CONTEXT

from agir.core.errors import BadSetting
from agir.generators.diffusion import kept
from agir.generators.staircase import Staircase

MEAN, DEVIATION, STEPS = 0.3, 0.2, 150


class ExactNoise(eqx.Module):
    """The mean of the noise in x, where all actions are N(MEAN, DEVIATION^2) and each has its own step."""

    def __call__(self, x, times, context):
        signal = jnp.asarray(kept(STEPS), jnp.float32)[times.astype(jnp.int32)][:, None]
        return jnp.sqrt(1 - signal) * (x - jnp.sqrt(signal) * MEAN) / (signal * DEVIATION**2 + 1 - signal)


def buffer(horizon=20, history=2, execute=8, passes=10, network=None, **more):
    settings = {"steps": STEPS, "sampling_passes": passes, "history": history, "execute": execute}
    return Staircase(network or ExactNoise(), horizon, (1,), **(settings | more))


def test_parts_and_passes_by_hand():
    found = buffer(steps=100)
    np.testing.assert_array_equal(found.part, [0] * 9 + [1] * 11)
    np.testing.assert_array_equal(found.left, [5] * 9 + [10] * 11)
    np.testing.assert_array_equal(found.at(0).step, [40] * 9 + [90] * 11)
    np.testing.assert_array_equal(found.at(4).step, [0] * 9 + [50] * 11)
    np.testing.assert_allclose(found.at(4).later, [1.0] * 9 + [kept(100)[40]] * 11, rtol=1e-5)
    assert found.plan_passes == 5 and buffer(horizon=8, history=1, execute=2, passes=8).plan_passes == 2
    for wrong in ({"passes": 9}, {"execute": 21}):
        with pytest.raises(BadSetting, match="are not a multiple"):
            buffer(**wrong)


def test_steps_of_training_are_a_staircase_or_one_for_all():
    generator = buffer(horizon=12, history=1, execute=4, passes=6)
    draw = lambda constant: np.asarray(
        jax.vmap(lambda key, own=dataclasses.replace(generator, constant=constant): own.draw_step(key, jnp.ones(own.horizon)))(
            jax.random.split(jax.random.key(0), 2000)
        )
    )
    one, stairs, mixed = draw(1.0), draw(0.0), draw(0.3)
    assert (one == one[:, :1]).all() and one.min() == 0 and one.max() == STEPS - 1
    tops = np.repeat([49, 99, 149], 4)  # 150 (i + 1) / 3 - 1
    down = tops[None] - stairs
    assert (down == down[:, :1]).all() and down.min() == 0 and down.max() == 49
    assert abs((mixed == mixed[:, :1]).all(1).mean() - 0.3) < 0.04


def test_every_plans_actions_and_the_whole_buffer_have_their_distribution():
    """Six plans in a row with an exact denoiser: what is done is N(m, s^2), and what waits is as noisy as the staircase says."""
    generator = buffer(horizon=8, history=2, execute=2, passes=150, sampler="ddpm", bound=None, steps=STEPS)  # 3 parts, one action over

    def lane(key):
        def plan(state, key):
            walk, follow = jax.random.split(key)
            done = generator.plan(state, CONTEXT, walk)
            state = generator.moved(done, follow)
            return state, (done, state)

        begin, key = jax.random.split(key)
        first = generator.first(jnp.bool_(False), jnp.zeros((8, 1)), CONTEXT, begin)
        return first, jax.lax.scan(plan, first, jax.random.split(key, 6))[1]

    first, (done, state) = jax.jit(jax.vmap(lane))(jax.random.split(jax.random.key(0), 3000))
    signal = np.asarray(generator.at(0).now)
    np.testing.assert_allclose(done[:, :, 1:3].mean((0, 3)), MEAN, atol=0.03)
    np.testing.assert_allclose(done[:, :, 1:3].std((0, 3)), DEVIATION, atol=0.03)
    for waits in (first[:, None], state):
        mean, deviation = waits[..., 0].mean(0), waits[..., 0].std(0)
        np.testing.assert_allclose(mean, np.broadcast_to(np.sqrt(signal) * MEAN, mean.shape), atol=0.06)
        np.testing.assert_allclose(deviation, np.broadcast_to(np.sqrt(signal * DEVIATION**2 + 1 - signal), mean.shape), atol=0.06)


def test_a_buffer_moves_up_by_what_was_done():
    generator = buffer(horizon=9, history=3, execute=2, passes=6, steps=STEPS)  # 3 parts of 2, one action over
    old = jnp.arange(9.0)[:, None]
    new, noise = generator.moved(old, jax.random.key(0)), generator.noise(jax.random.key(0))
    np.testing.assert_array_equal(new[2:6], old[4:8])
    np.testing.assert_array_equal(new[6:], noise[6:])
    signal = kept(STEPS)[(2 - 1) * (STEPS // 6)]
    np.testing.assert_allclose(new[:2], np.sqrt(signal) * old[2:4] + np.sqrt(1 - signal) * noise[:2], rtol=1e-5)


def test_a_first_buffer_is_paid_for_only_where_none_is_begun():
    class Poison(eqx.Module):
        def __call__(self, x, times, context):
            return jnp.full_like(x, jnp.nan)

    generator, old = buffer(network=Poison()), jnp.ones((20, 1))
    kept_as_it_is = generator.first(jnp.bool_(True), old, CONTEXT, jax.random.key(0))
    np.testing.assert_array_equal(kept_as_it_is, old)
    skipped = generator.denoise(old, CONTEXT, jax.random.key(0), jnp.int32(10))
    np.testing.assert_array_equal(skipped, old)  # no pass is left, so the network was not asked
