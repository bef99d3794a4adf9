"""Low frequencies by hand, the kept ones and the hidden steps round by round, and a chunk from exact parts."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import CONTEXT, draw

from agir.actions.frequencies import cosine_matrix
from agir.core.errors import BadSetting
from agir.generators.diffusion import Apart, kept
from agir.generators.frequency import FrequencyAutoregression, StepDenoiser, Trunk, low


class Says(eqx.Module):
    """z is the chunk that is seen, whether each step is hidden, and the level."""

    def __call__(self, chunk, hidden, level, context, mask):
        return jnp.concatenate([chunk, hidden.astype(jnp.float32)[:, None], level[:, None]], 1)


class Draws(Apart):
    """Draws what z says plus one, instead of denoising."""

    def sample(self, context, key):
        return context[:, :1] + 1.0


def made(levels=4, order="frequency", head=None):
    return FrequencyAutoregression(Says(), head or Draws(None, 8, (1,), 10, sampling_passes=2), levels, order)


def test_low_frequencies_are_those_of_the_cosine_transform():
    chunk = np.asarray(jax.random.normal(jax.random.key(0), (8, 2)))
    matrix = cosine_matrix(8)
    for count in (0, 1, 3, 8):
        np.testing.assert_allclose(low(jnp.asarray(chunk), jnp.int32(count)), matrix[:count].T @ matrix[:count] @ chunk, atol=1e-5)


def test_rounds_by_hand():
    """Each round adds 1 where a step is seen as it was left; the frequencies of a constant are its lowest alone."""
    assert made().kept.tolist() == [0, 2, 5, 8] and made(1).kept.tolist() == [0]
    assert made().passes == 12
    np.testing.assert_allclose(made().sample(CONTEXT, jax.random.key(0)), 4.0, atol=1e-5)
    in_time = made(order="time").sample(CONTEXT, jax.random.key(0))[:, 0]
    np.testing.assert_allclose(in_time, [1, 1, 2, 2, 3, 3, 4, 4], atol=1e-6)


def test_training_sees_what_acting_shows():
    """Over many draws: what is hidden, and that what is seen has the frequencies that m says."""
    chunk = jax.random.normal(jax.random.key(1), (8, 1))
    show = jax.jit(jax.vmap(lambda key: made().shown(chunk, key)))
    seen, hidden, count = map(np.asarray, show(jax.random.split(jax.random.key(2), 400)))
    assert set(count.tolist()) == set(range(9)) and abs(count.mean() - 4) < 0.5
    matrix = cosine_matrix(8)
    for i in range(50):
        np.testing.assert_allclose(seen[i], matrix[: count[i]].T @ matrix[: count[i]] @ np.asarray(chunk), atol=1e-5)
    assert hidden.sum(1).min() >= 6 and hidden.sum(1).max() == 8 and hidden.mean(0).std() < 0.06  # ceil(0.7 * 8), any of them


@pytest.mark.parametrize("levels", [1, 4, 8])
def test_in_the_order_of_time_a_step_sees_the_rounds_before_its_own(levels):
    trunk = Trunk.create((8, 1), CONTEXT.shape, jax.random.key(0), 8, 1)
    model = dataclasses.replace(made(levels, "time"), trunk=trunk)
    chunk, each = jax.random.normal(jax.random.key(1), (8, 1)), 8 // levels
    slope = jax.jacobian(lambda chunk: model.after_rounds(chunk, CONTEXT))(chunk)  # [step, width, step, 1]
    rounds = np.arange(8) // each
    np.testing.assert_array_equal(np.abs(slope).max((1, 3)) > 1e-9, rounds[:, None] > rounds[None])


@pytest.mark.parametrize("order", ["frequency", "time"])
def test_padding_is_held_before_frequencies_are_taken_and_every_step_is_asked_for(order):
    chunk, mask = jax.random.normal(jax.random.key(1), (8, 1)), jnp.array([1.0] * 6 + [0.0] * 2)

    class Compares(Draws):  # says what is to be learnt
        def loss(self, chunk, mask, context, key):
            return jnp.abs(chunk[:, 0])

    loss = made(order=order, head=Compares(None, 8, (1,), 10, sampling_passes=2)).loss(chunk, mask, CONTEXT, jax.random.key(0))
    whole = np.abs(np.asarray(chunk)[[0, 1, 2, 3, 4, 5, 5, 5], 0]).sum()  # in shares of those that count
    np.testing.assert_allclose(loss, [whole / 6] * 8, rtol=1e-6)


def test_the_head_denoises_each_step_by_itself_and_exactly_where_it_can():
    head = StepDenoiser.create(2, 3, jax.random.key(0), 16, 1)
    x, z = jax.random.normal(jax.random.key(1), (4, 2)), jax.random.normal(jax.random.key(2), (4, 3))
    out = head(x, jnp.ones(4), z)
    other = head(x.at[1].add(1.0), jnp.ones(4).at[2].set(5.0), z.at[3].add(1.0))
    np.testing.assert_array_equal(out[0], other[0])
    assert (jnp.abs(out - other)[1:] > 1e-6).all()

    class Exact(eqx.Module):  # what is clean stands in z
        def __call__(self, x, times, z):
            signal = jnp.asarray(kept(20), jnp.float32)[times[0].astype(jnp.int32)]
            return (x - jnp.sqrt(signal) * z[:, :1]) / jnp.sqrt(1 - signal)

    half = dataclasses.replace(made(), trunk=lambda *_: jnp.full((8, 1), 0.5))
    exact = dataclasses.replace(half, head=Apart(Exact(), 8, (1,), 20, sampler="ddim", sampling_passes=5))
    np.testing.assert_allclose(draw(exact, 3), 0.5, atol=1e-3)


def test_settings_that_make_no_sense_are_refused():
    for wrong, why in (
        ({"order": "space"}, "frequency, time"),
        ({"levels": 9}, "1 to 8 levels"),
        ({"levels": 3, "order": "time"}, "divide"),
    ):
        with pytest.raises(BadSetting, match=why):
            made(**wrong)
