"""Correlated noise and its conditionals, where they are known in closed form."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from generators.exact import CONTEXT

from agir.generators.correlated import CorrelatedFlow, Moments, cholesky, propagation, shrunk
from agir.generators.flow import TOLD

DRAW = np.random.default_rng(0)
MIXING = DRAW.normal(size=(6, 6)) * 0.5 + np.eye(6)
SIGMA = np.asarray(MIXING @ MIXING.T / np.sqrt(np.outer(*[(MIXING**2).sum(1)] * 2)), np.float32)  # correlations


def test_factor_and_propagation_against_numpy():
    covariance = 0.7 * SIGMA + 0.3 * np.eye(6)
    factor = cholesky(shrunk(jnp.asarray(SIGMA), jnp.float32(0.7)))
    np.testing.assert_allclose(factor, np.linalg.cholesky(covariance), atol=1e-5)
    for known in (1, 4):
        wanted = covariance[:, :known] @ np.linalg.inv(covariance[:known, :known])
        np.testing.assert_allclose(propagation(factor, known), wanted, atol=1e-5)


def test_correlations_are_those_of_whole_chunks():
    chunks = (DRAW.normal(size=(500, 6)) @ MIXING.T * np.arange(1, 7) + 3).astype(np.float32)
    chunks[:, 5] = 2.0  # never changes
    whole = (np.arange(500) % 5 > 0).astype(np.float32)
    spoiled = np.where(whole[:, None] > 0, chunks, np.nan)
    moments = Moments.nothing(6)
    for rows in np.split(np.arange(500), 5):
        moments = moments.add(jnp.asarray(spoiled[rows]), jnp.asarray(whole[rows]))
    found = moments.correlations()
    np.testing.assert_allclose(found[:5, :5], np.corrcoef(chunks[whole > 0, :5].T), atol=1e-3)
    np.testing.assert_array_equal(found[5], np.eye(6)[5])


class Radial(eqx.Module):
    """The velocity of the flow from N(0, S) to N(0, S) itself: along a path the chunk keeps its direction."""

    def __call__(self, x, times, context):
        time = times[0] / TOLD
        return (2 * time - 1) / ((1 - time) ** 2 + time**2) * x


def flow(**more):
    settings = {"sampling_passes": 200, "factor": jnp.linalg.cholesky(jnp.asarray(SIGMA)), "known": 2, "until": 1.0}
    return CorrelatedFlow(Radial(), 3, (2,), **(settings | more))


def drawn(generator, told, given=True, count=20000):
    keys = jax.random.split(jax.random.key(0), count)
    one = lambda key: generator.inpaint(told, jnp.bool_(given), CONTEXT, key)
    return np.asarray(eqx.filter_jit(lambda keys: jax.vmap(one)(keys))(keys)).reshape(count, 6)


def test_behind_an_episodes_end_the_last_action_is_learnt_as_it_is_held():
    generator, key = flow(), jax.random.key(1)
    chunk = jnp.arange(6.0).reshape(3, 2)
    loss = lambda chunk, mask: generator.loss(chunk, jnp.array(mask), CONTEXT, key)
    whole = loss(chunk.at[2].set(chunk[1]), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(loss(chunk.at[2].set(jnp.nan), [1.0, 1.0, 0.0]).mean(), 1.5 * whole.mean(), rtol=1e-6)  # two steps share it
    assert len(set(np.asarray(whole).tolist())) == 1


TOLD_CHUNK = jnp.array([[0.5, -0.3], [0.4, 0.2], [9.0, 9.0]])


def test_noise_has_its_covariance_and_what_is_inpainted_the_gaussians_conditional():
    """Noise and data both N(0, S): then corrections leave what is not known given what is, and it is drawn from its conditional."""
    generator = flow()
    noise = jax.vmap(generator.noise)(jax.random.split(jax.random.key(1), 20000)).reshape(-1, 6)
    np.testing.assert_allclose(np.cov(np.asarray(noise).T), SIGMA, atol=0.04)
    found, known = drawn(generator, TOLD_CHUNK), slice(0, 4)
    np.testing.assert_allclose(found[:, known], np.broadcast_to(TOLD_CHUNK[:2].ravel(), (20000, 4)), atol=1e-5)
    through = SIGMA[4:, known] @ np.linalg.inv(SIGMA[known, known])
    np.testing.assert_allclose(found[:, 4:].mean(0), through @ np.asarray(TOLD_CHUNK[:2].ravel()), atol=0.03)
    np.testing.assert_allclose(np.cov(found[:, 4:].T), SIGMA[4:, 4:] - through @ SIGMA[known, 4:], atol=0.03)


def test_hard_inpainting_tells_the_others_nothing_and_without_a_last_plan_there_is_none():
    found = drawn(flow(propagates=False), TOLD_CHUNK, count=4000)
    np.testing.assert_allclose(found[:, :4], np.broadcast_to(TOLD_CHUNK[:2].ravel(), (4000, 4)), atol=1e-5)
    plain = flow(known=0)
    alone = drawn(plain, TOLD_CHUNK, count=4000)
    np.testing.assert_allclose(found[:, 4:], alone[:, 4:], atol=1e-4)  # the radial flow moves each entry by itself
    np.testing.assert_allclose(drawn(flow(), TOLD_CHUNK, given=False, count=4000), alone, atol=1e-5)


def test_the_flow_is_free_after_until():
    early = flow(until=0.5)
    found = drawn(early, TOLD_CHUNK, count=200)
    assert np.abs(found[:, :4] - np.asarray(TOLD_CHUNK[:2].ravel())).max() > 0.1
    silent = dataclasses.replace(early, until=jnp.float32(0.0))
    np.testing.assert_allclose(drawn(silent, TOLD_CHUNK, count=200), drawn(flow(known=0), TOLD_CHUNK, count=200), atol=1e-5)


def test_a_change_that_is_too_large_is_not_passed_on():
    told = 50 * TOLD_CHUNK
    found, hard = drawn(flow(sampling_passes=4), told, count=50), drawn(flow(sampling_passes=4, propagates=False), told, count=50)
    np.testing.assert_allclose(found[:, 4:], hard[:, 4:], atol=1e-4)
