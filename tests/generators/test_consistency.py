"""Consistency trajectories of a Gaussian, where the path of every point is known in closed form."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from generators.exact import CONTEXT, draw

from agir.generators.consistency import Consistency, told_twice
from agir.generators.diffusion import Diffusion, kept
from agir.networks.mlp import DenoisingMLP

MEAN, DEVIATION, STEPS = 0.3, 0.2, 100


class ExactNoise(eqx.Module):
    """The teacher: the mean of the noise in x, where actions are N(MEAN, DEVIATION^2)."""

    def __call__(self, x, times, context):
        signal = jnp.asarray(kept(STEPS), jnp.float32)[times.astype(jnp.int32)][:, None]
        return jnp.sqrt(1 - signal) * (x - jnp.sqrt(signal) * MEAN) / (signal * DEVIATION**2 + 1 - signal)


def path(z, now, later, deviation=DEVIATION):
    """Where z, with noise of the deviation `now`, is on its path when that is `later`."""
    return MEAN + (z - MEAN) * jnp.sqrt((later**2 + deviation**2) / (now**2 + deviation**2))


class ExactLeap(eqx.Module):
    """What makes G the path itself (of actions with this deviation)."""

    deviations: jax.Array
    deviation: jax.Array

    def __call__(self, x, times, context):
        last = len(self.deviations) - 1
        at, to = last - 1 - jnp.round(times * last / STEPS).astype(jnp.int32)  # the steps are 100 - 100 / last, ..., 0, -100 / last
        now, later = self.deviations[at], self.deviations[to]
        z, ratio = x * jnp.sqrt(1 + now**2), later / jnp.where(now > 0, now, 1.0)
        slope = MEAN + self.deviation**2 / (self.deviation**2 + now**2) * (z - MEAN)  # of the path: what is aimed at from level to level
        return jnp.where(ratio < 1, (path(z, now, later, self.deviation) - ratio * z) / jnp.where(ratio < 1, 1 - ratio, 1.0), slope)


def generator(levels=50, deviation=DEVIATION, **more):
    teacher = Diffusion(ExactNoise(), 1, (1,), STEPS, sampler="ddim", bound=None)
    settings = {"steps": STEPS, "levels": levels, "bound": None, "teacher": teacher}
    found = Consistency(None, 1, (1,), **(settings | more))
    return dataclasses.replace(found, network=ExactLeap(found.deviations, jnp.float32(deviation)))


def test_levels_are_those_of_the_teachers_sampler():
    found = generator(4)
    signal = kept(STEPS)[[75, 50, 25, 0]]
    np.testing.assert_allclose(found.deviations, [*np.sqrt((1 - signal) / signal), 0.0], rtol=1e-3)
    np.testing.assert_allclose(found.signal, [*np.sqrt(signal), 1.0], rtol=1e-3)


def test_leaps_follow_the_path_and_a_leap_to_where_one_is_stays():
    found, z = generator(), jnp.array([[1.7]])
    for at, to in ((0, 50), (10, 30), (20, 20), (50, 50), (49, 50)):
        now, later = found.deviations[at], found.deviations[to]
        np.testing.assert_allclose(found.leap(z, jnp.int32(at), jnp.int32(to), CONTEXT), path(z, now, later), rtol=1e-3)


def test_the_teachers_step_is_eulers_on_the_path():
    found, z = generator(), jnp.array([[2.0]])
    for at in (3, 40, 49):
        now, later = found.deviations[at], found.deviations[at + 1]
        clean = MEAN + DEVIATION**2 / (DEVIATION**2 + now**2) * (z - MEAN)
        np.testing.assert_allclose(found.taught(z, jnp.int32(at), CONTEXT), z + (later - now) * (z - clean) / now, rtol=2e-3)


@eqx.filter_jit
def mean_inconsistency(found):
    def one(key):
        draw, at, to = jax.random.split(key, 3)
        at = jax.random.randint(at, (), 0, found.levels)
        to = jax.random.randint(to, (), at, found.levels + 1)
        z = MEAN + jnp.sqrt(found.deviations[at] ** 2 + DEVIATION**2) * jax.random.normal(draw, (1, 1))
        return found.consistency(z, at, to, CONTEXT).mean()

    return jax.vmap(one)(jax.random.split(jax.random.key(0), 2000)).mean()


def test_the_path_is_consistent_and_another_is_not():
    """What is left is the error of the teacher's own steps."""
    assert mean_inconsistency(generator(100)) < 0.1 * mean_inconsistency(generator(100, deviation=0.6))


def test_samples_have_the_distribution_in_one_pass_and_in_several():
    for passes in (1, 3):
        found = generator(sampling_passes=passes)
        drawn = draw(found)
        np.testing.assert_allclose([drawn.mean(), drawn.std()], [MEAN, DEVIATION], atol=0.02)
        assert found.passes == passes


def test_data_are_fitted_best_by_the_path_or_by_the_mean():
    """The slope of the path is the posterior's mean, so both terms have one optimum; a leap to the end has another."""

    def error(fits, at):
        found, keys = generator(fits=fits), jax.random.split(jax.random.key(0), 4000)
        chunk = lambda key: MEAN + DEVIATION * jax.random.normal(key, (1, 1))
        now, last = found.deviations[at], jnp.int32(50)

        def one(key):
            draw, disturb = jax.random.split(key)
            z = chunk(draw) + now * jax.random.normal(disturb, (1, 1))
            said = found.aim(z, jnp.int32(at), jnp.int32(at), CONTEXT) if fits == "instant" else found.leap(z, jnp.int32(at), last, CONTEXT)
            return ((said - chunk(draw)) ** 2).mean()

        return jax.jit(jax.vmap(one))(keys).mean()

    least = DEVIATION**2 * generator().deviations[30] ** 2 / (DEVIATION**2 + generator().deviations[30] ** 2)
    np.testing.assert_allclose(error("instant", 30), least, rtol=0.1)
    assert error("leap", 5) > 1.5 * DEVIATION**2  # two draws from the same distribution, where the mean would be off by one deviation


def test_a_student_learns_the_closed_form():
    """Of the teacher's own steps, five: from one level to the next Euler's step moves a point by a factor towards the mean."""
    network = eqx.filter_jit(lambda key: DenoisingMLP.create((1, 1), (1, 1), key, 32, 1, times=2))(jax.random.key(0))
    found = dataclasses.replace(generator(5), network=network)
    optimiser = optax.adam(optax.cosine_decay_schedule(5e-3, 800))

    def loss(network, key):
        model = dataclasses.replace(found, network=network)
        draw, key = jax.random.split(key)
        chunks = MEAN + DEVIATION * jax.random.normal(draw, (64, 1, 1))
        return jax.vmap(lambda chunk, key: model.loss(chunk, jnp.ones(1), CONTEXT, key).mean())(chunks, jax.random.split(key, 64)).mean()

    @eqx.filter_jit
    def trained(network):
        def once(carry, key):
            arrays, moments = carry
            gradient = jax.grad(lambda arrays: loss(eqx.combine(arrays, static), key))(arrays)
            with jax.numpy_dtype_promotion("standard"):
                change, moments = optimiser.update(gradient, moments, arrays)
            return (eqx.apply_updates(arrays, change), moments), None

        arrays, static = eqx.partition(network, eqx.is_array)
        (arrays, _), _ = jax.lax.scan(once, (arrays, optimiser.init(arrays)), jax.random.split(jax.random.key(1), 800))
        return eqx.combine(arrays, static)

    found = dataclasses.replace(found, network=trained(network))
    for at in (0, 2):
        now = found.deviations[at]
        z = MEAN + jnp.sqrt(now**2 + DEVIATION**2) * jnp.linspace(-1.5, 1.5, 7)
        leapt = jax.vmap(lambda z, at=at: found.leap(z.reshape(1, 1), jnp.int32(at), jnp.int32(5), CONTEXT)[0, 0])(z)
        shrinks = [
            1 + (later - now) * now / (now**2 + DEVIATION**2) for now, later in zip(found.deviations[at:], found.deviations[at + 1 :])
        ]
        np.testing.assert_allclose(leapt, MEAN + np.prod(shrinks) * (z - MEAN), atol=0.06)


def test_told_of_a_second_time_a_denoiser_says_what_it_said():
    once, twice = (DenoisingMLP.create((4, 2), (1, 3), jax.random.key(seed), 16, 1, times=1 + seed) for seed in (0, 1))
    x, context = jax.random.normal(jax.random.key(1), (4, 2)), jnp.ones((1, 3))
    for second in (0.0, 70.0):
        said = told_twice(once, twice)(x, jnp.array([30.0, second]), context)
        np.testing.assert_allclose(said, once(x, jnp.array([30.0]), context), rtol=1e-5)
