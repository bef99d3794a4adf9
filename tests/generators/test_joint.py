"""Joint denoising against a linear Gaussian world, in which every conditional and marginal is known.

a = 0.5 o + 0.6 e1,    f = 0.8 o + a + 0.3 e2,      o is the context, 1 here
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import Constant

from agir.core.errors import BadSetting
from agir.generators.diffusion import kept
from agir.generators.joint import Joint

STEPS = 100
MEAN, COVARIANCE = np.array([0.5, 1.3]), np.array([[0.36, 0.36], [0.36, 0.45]])
CONTEXT = jnp.ones((1, 1))


def conditional(which, value):
    """Mean and deviation of the other entry, given entry `which`."""
    other = 1 - which
    slope = COVARIANCE[other, which] / COVARIANCE[which, which]
    return MEAN[other] + slope * (value - MEAN[which]), np.sqrt(COVARIANCE[other, other] - slope * COVARIANCE[which, other])


class ExactWorld(eqx.Module):
    """E[e | a_k, f_j] by Gaussian conditioning: with signals s = sqrt(A), x = s v + sqrt(1 - A) e."""

    def __call__(self, x, times, context):
        signal = jnp.asarray(kept(STEPS), jnp.float32)[times.astype(jnp.int32)]
        mean, covariance = jnp.float32(MEAN) * context[0, 0], jnp.float32(COVARIANCE)
        d, off = jnp.sqrt(signal), x[:, 0] - jnp.sqrt(signal) * mean
        total = d[:, None] * covariance * d[None] + jnp.diag(1 - signal)
        inverse = jnp.array([[total[1, 1], -total[0, 1]], [-total[1, 0], total[0, 0]]]) / (total[0, 0] * total[1, 1] - total[0, 1] ** 2)
        return (jnp.sqrt(1 - signal) * (inverse @ off))[:, None]


def drawn(mode, together=False, count=3000, **given):
    world = Joint.of(ExactWorld(), (1, 1), (1, 1), STEPS, sampler="ddpm", sampling_passes=100, bound=None, together=together)
    keys = jax.random.split(jax.random.key(0), count)
    return eqx.filter_jit(lambda keys: jax.vmap(lambda key: world.generate(CONTEXT, key, mode, **given))(keys))(keys)


def agree(values, mean, deviation):
    np.testing.assert_allclose(values.mean(), mean, atol=4 * deviation / np.sqrt(values.size) + 0.02)
    np.testing.assert_allclose(values.std(), deviation, rtol=0.06)


def test_the_policy_and_the_video_are_marginals():
    agree(drawn("policy")[0], MEAN[0], np.sqrt(COVARIANCE[0, 0]))
    agree(drawn("video")[1], MEAN[1], np.sqrt(COVARIANCE[1, 1]))


def test_forward_and_inverse_are_conditionals():
    actions, ahead = drawn("forward", actions=jnp.full((1, 1), 1.2))
    assert (actions == 1.2).all()
    agree(ahead, *conditional(0, 1.2))
    actions, ahead = drawn("inverse", ahead=jnp.full((1, 1), 0.4))
    assert (ahead == jnp.float32(0.4)).all()
    agree(actions, *conditional(1, 0.4))


@pytest.mark.parametrize("together", [False, True])
def test_jointly_both_are_as_they_go_together(together):
    actions, ahead = drawn("joint", together)
    agree(actions, MEAN[0], np.sqrt(COVARIANCE[0, 0]))
    agree(ahead, MEAN[1], np.sqrt(COVARIANCE[1, 1]))
    np.testing.assert_allclose(np.cov(actions.ravel(), ahead.ravel()), COVARIANCE, atol=0.04)


def test_packing_is_undone_and_masks_stand_beside_their_numbers():
    joint = Joint.of(Constant(jnp.zeros((20, 1))), (4, 2), (3, 4), STEPS, bound=0.5)
    actions, ahead = jax.random.normal(jax.random.key(0), (4, 2)), jax.random.normal(jax.random.key(1), (3, 4))
    back = joint.unpack(joint.pack(actions, ahead))
    np.testing.assert_array_equal(back[0], actions)
    np.testing.assert_array_equal(back[1], ahead)
    assert joint.acts.tolist() == [True] * 8 + [False] * 12
    clipped = joint.unpack(joint.clipped(joint.pack(2 * jnp.ones((4, 2)), 2 * jnp.ones((3, 4)))))
    assert (clipped[0] == 0.5).all() and (clipped[1] == 2).all()


def test_steps_are_drawn_independently_or_as_one():
    for together, same in ((False, False), (True, True)):
        joint = Joint.of(Constant(jnp.zeros((3, 1))), (1, 2), (1, 1), STEPS, together=together)
        steps = jax.vmap(lambda key, joint=joint: joint.draw_step(key, jnp.ones(3)))(jax.random.split(jax.random.key(0), 500))
        assert (steps[:, 0] == steps[:, 1]).all() and (steps[:, 0] == steps[:, 2]).all() == same
        if not same:
            assert abs(np.corrcoef(steps[:, 0], steps[:, 2])[0, 1]) < 0.15


class Told(eqx.Module):
    """Says as its noise what it is shown, and in the last entry the actions' time."""

    def __call__(self, x, times, context):
        return x.at[-1, 0].set(times[0])


def test_what_is_not_recorded_is_never_shown():
    """Its actions are pure noise at the last step, or a learnt value: in neither case does the loss move with what stands there."""
    mask = jnp.array([0.0, 0.0, 1.0])
    chunks = [jnp.array([[0.3], [value], [0.7]]) for value in (-0.9, 0.9)]
    for absent in (None, jnp.array([5.0, 6.0])):
        joint = Joint.of(Told(), (2, 1), (1, 1), STEPS, absent=absent, together=absent is not None)
        losses = jax.jit(lambda chunk, joint=joint: joint.loss(chunk, mask, CONTEXT, jax.random.key(0)))
        one, other = (losses(chunk) for chunk in chunks)
        np.testing.assert_array_equal(one, other)
        noise = joint.noise(jax.random.split(jax.random.key(0))[1])
        if absent is None:
            np.testing.assert_allclose(one[2], (99.0 - noise[2, 0]) ** 2, rtol=1e-4)
            np.testing.assert_allclose(one[:2], 0.0, atol=1e-6)  # what is shown is the noise itself
        else:
            np.testing.assert_allclose(one[:2], (absent - noise[:2, 0]) ** 2, rtol=1e-4)


def test_an_unknown_mode_is_refused():
    with pytest.raises(BadSetting, match="policy, forward, inverse, video, joint, not 'dream'"):
        Joint.of(Constant(jnp.zeros((2, 1))), (1, 1), (1, 1), STEPS, mode="dream")
