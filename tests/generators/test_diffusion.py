"""Diffusion against closed forms: betas, posterior, samplers whose denoiser is exact, padding."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import CONTEXT, Constant, draw

from agir.core.errors import BadSetting
from agir.generators.diffusion import Apart, Diffusion, Pass, cosine_betas, kept
from agir.generators.generator import mean_loss
from agir.networks.mlp import DenoisingMLP


class ExactMixture(eqx.Module):
    """The mean of the noise in x, where the clean chunk [1, 2] is one of `means` [modes, 2] plus a little noise."""

    means: jax.Array
    weights: jax.Array
    deviation: float
    steps: int

    def __call__(self, x, times, context):
        signal = jnp.asarray(kept(self.steps), jnp.float32)[times[0].astype(jnp.int32)]
        variance = signal * self.deviation**2 + 1 - signal
        off = x - jnp.sqrt(signal) * self.means
        share = jax.nn.softmax(jnp.log(self.weights) - 0.5 * (off**2).sum(-1) / variance)
        return jnp.sqrt(1 - signal) * (share @ off / variance)[None]


def test_betas_are_those_of_the_squared_cosine():
    bar = lambda t: math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
    np.testing.assert_allclose(cosine_betas(100), [min(1 - bar((i + 1) / 100) / bar(i / 100), 0.999) for i in range(100)], rtol=1e-9)
    assert cosine_betas(100)[-1] == 0.999 and kept(100)[-1] < 1e-6


def test_the_steps_that_are_visited():
    table = Pass.table(100, 10)
    np.testing.assert_array_equal(table.step, np.arange(10)[::-1] * 10)
    np.testing.assert_allclose(table.now, kept(100)[np.arange(10)[::-1] * 10], rtol=1e-6)
    np.testing.assert_allclose(table.later, [*kept(100)[np.arange(9)[::-1] * 10], 1.0], rtol=1e-6)
    assert Pass.table(100, 8).step[0] == 84  # 7 * (100 // 8)


@pytest.mark.parametrize("passes, number", [(100, 0), (100, 40), (100, 98), (10, 5), (100, 99)])
def test_a_ddpm_step_is_the_posterior(passes, number):
    """q(x_j | x_k, x_0) by Bayes' rule from q(x_j | x_0) and q(x_k | x_j)."""
    clean, x = jnp.array([[0.4, -0.7]]), jnp.array([[0.3, 1.2]])
    generator = Diffusion(Constant(clean), 1, (2,), prediction="sample", sampling_passes=passes)
    at, key = jax.tree.map(lambda column: column[number], Pass.table(100, passes)), jax.random.key(3)
    stepped = generator.step(x, at, CONTEXT, key)
    visited = np.arange(passes)[::-1] * (100 // passes)
    now, later = kept(100)[visited[number]], 1.0 if number == passes - 1 else kept(100)[visited[number + 1]]
    if later == 1.0:
        mean, variance = np.asarray(clean), 0.0
    else:
        alpha = now / later
        variance = 1 / (1 / (1 - later) + alpha / (1 - alpha))
        mean = variance * (math.sqrt(later) * np.asarray(clean) / (1 - later) + math.sqrt(alpha) * np.asarray(x) / (1 - alpha))
    noise = np.asarray(jax.random.normal(key, x.shape))
    np.testing.assert_allclose(stepped, mean + math.sqrt(variance) * noise, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sampler, passes, close", [("ddpm", 100, 0.03), ("ddim", 100, 0.03), ("ddim", 20, 0.06)])
def test_an_exact_denoiser_gives_back_the_modes(sampler, passes, close):
    means, weights = jnp.array([[0.8, 0.2], [-0.6, 0.5], [0.0, -0.7]]), jnp.array([0.5, 0.3, 0.2])
    exact = ExactMixture(means, weights, 0.05, 100)
    drawn = draw(Diffusion(exact, 1, (2,), sampler=sampler, sampling_passes=passes))[:, 0]
    distance = jnp.linalg.norm(drawn[:, None] - means[None], axis=-1)
    mode = jnp.argmin(distance, 1)
    assert (distance.min(1) < 0.25).mean() > 0.995
    np.testing.assert_allclose(np.bincount(mode) / len(drawn), weights, atol=0.035)
    for i in range(3):
        np.testing.assert_allclose(drawn[mode == i].mean(0), means[i], atol=close)
        np.testing.assert_allclose(drawn[mode == i].std(0), 0.05, atol=0.5 * close)
    np.testing.assert_allclose(drawn.mean(0), weights @ means, atol=0.05)


def test_ddim_approaches_the_flow_of_its_differential_equation():
    """For normal data N(m, s^2) the flow maps x at the last step to m + s (x - sqrt(A) m) / sqrt(A s^2 + 1 - A)."""
    mean, deviation = 0.3, 0.4
    worst = {}
    for steps in (50, 200, 800):
        exact = ExactMixture(jnp.array([[mean, mean]]), jnp.ones(1), deviation, steps)
        generator = Diffusion(exact, 1, (2,), steps=steps, sampler="ddim", sampling_passes=steps, bound=None)
        x = jnp.array([[1.5, -0.8]])
        signal = kept(steps)[-1]
        wanted = mean + deviation * (x - math.sqrt(signal) * mean) / math.sqrt(signal * deviation**2 + 1 - signal)
        found = eqx.filter_jit(generator.denoise)(x, CONTEXT, jax.random.key(0))
        worst[steps] = float(jnp.abs(found - wanted).max())
    assert worst[200] < 0.5 * worst[50] and worst[800] < 0.5 * worst[200] and worst[800] < 0.01, worst


def test_starting_later_skips_passes():
    network = DenoisingMLP.create((1, 2), (1, 1), jax.random.key(0), 8, 1)
    generator = Diffusion(network, 1, (2,), sampler="ddim", sampling_passes=4)
    x, key = jnp.array([[0.5, -0.5]]), jax.random.key(0)
    table = Pass.table(100, 4)
    for number in (2, 3):
        x = generator.step(x, jax.tree.map(lambda column: column[number], table), CONTEXT, key)
    np.testing.assert_allclose(generator.denoise(jnp.array([[0.5, -0.5]]), CONTEXT, key, skip=2), x, atol=1e-5)


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
def test_the_loss_of_an_exact_answer_and_what_padding_is(prediction):
    generator = Diffusion(Constant(jnp.zeros((4, 2))), 4, (2,), prediction=prediction)
    chunk, mask = 0.5 * jnp.ones((4, 2)), jnp.array([1.0, 1.0, 1.0, 0.0])
    keys = jax.random.split(jax.random.key(0), 2000)
    loss = jax.vmap(lambda key: generator.loss(chunk, mask, CONTEXT, key))(keys).mean(0)
    mean_kept = kept(100).mean()
    expected = {"epsilon": 1.0, "sample": 0.25, "v": mean_kept + 0.25 * (1 - mean_kept)}[prediction]
    np.testing.assert_allclose(loss[:3], expected, atol=0.06)


@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v"])
def test_what_is_to_be_said_gives_back_the_chunk_and_the_noise(prediction):
    generator = Diffusion(None, 4, (2,), prediction=prediction, bound=None)
    chunk = jax.random.normal(jax.random.key(1), (4, 2))
    told, target, noisy = generator.disturbed(chunk, jnp.ones(4), jax.random.key(2))
    now = jnp.float32(kept(100)[int(told[0])])
    clean, noise = dataclasses.replace(generator, network=Constant(target)).guess(noisy, Pass(told[0], now, now), CONTEXT)
    np.testing.assert_allclose(clean, chunk, atol=1e-4)
    np.testing.assert_allclose(jnp.sqrt(now) * chunk + jnp.sqrt(1 - now) * noise, noisy, atol=1e-5)


def test_every_action_may_have_a_step_of_its_own():
    """Over many draws all steps come for every action, none tells another's; what is said is told what the chunk was disturbed by."""
    model = Apart(Constant(0.0), 3, (1,), 10, sampling_passes=5)
    steps = np.asarray(jax.vmap(lambda key: model.draw_step(key, jnp.ones(3)))(jax.random.split(jax.random.key(0), 4000)))
    assert steps.min(0).tolist() == [0] * 3 and steps.max(0).tolist() == [9] * 3
    assert np.abs(np.corrcoef(steps.T) - np.eye(3)).max() < 0.06
    chunk = jnp.array([[0.5], [-0.5], [0.2]])
    told, noise, noisy = model.disturbed(chunk, jnp.ones(3), jax.random.key(1))
    signal = np.asarray(kept(10))[np.asarray(told, int)][:, None]
    assert len(set(told.tolist())) > 1
    np.testing.assert_allclose(noisy, np.sqrt(signal) * chunk + np.sqrt(1 - signal) * noise, atol=1e-6)
    assert model.told(jnp.float32(4)).tolist() == [4.0] * 3  # in sampling all are at one


def test_padding_and_other_rows_change_nothing():
    generator = Diffusion(DenoisingMLP.create((4, 2), (1, 3), jax.random.key(0), 8, 1), 4, (2,))
    chunks, contexts = jax.random.normal(jax.random.key(1), (3, 4, 2)), jax.random.normal(jax.random.key(2), (3, 1, 3))
    mask = jnp.array([[1.0, 1, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]])
    bad = jnp.where(mask[..., None] > 0, chunks, jnp.nan)
    loss = eqx.filter_jit(eqx.filter_value_and_grad(lambda g, c: mean_loss(g, c, mask, contexts, jax.random.key(0))))
    (value, gradient), (same, same_gradient) = loss(generator, chunks), loss(generator, bad)
    assert jnp.isfinite(value) and value == same
    jax.tree.map(np.testing.assert_array_equal, eqx.filter(gradient, eqx.is_array), eqx.filter(same_gradient, eqx.is_array))
    keys = jax.random.split(jax.random.key(0), 3)
    sample = eqx.filter_jit(lambda contexts: jax.vmap(generator.sample)(contexts, keys))
    np.testing.assert_array_equal(sample(contexts)[::2], sample(contexts.at[1].add(1.0))[::2])


def test_settings_out_of_range_are_refused():
    for wrong, why in (
        ({"prediction": "noise"}, "epsilon, sample"),
        ({"sampler": "euler"}, "ddpm, ddim"),
        ({"sampling_passes": 101}, "1 to 100"),
    ):
        with pytest.raises(BadSetting, match=why):
            Diffusion(Constant(jnp.zeros((1, 2))), 1, (2,), **wrong)
