"""Residual codes: every level codes what the ones before left, and the trained codec rebuilds better at every scale."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from agir.actions.residual import ResidualCodec, drawn_out, means
from agir.core.errors import BadSetting
from agir.core.spaces import Box, Discrete, Spec
from agir.training.state import Trained

SPEC = Spec(Box((3,)), Box((2,), -1.0, 1.0))


def codec(scales=(1, 2, 3), codes=8, **more):
    return ResidualCodec.create(SPEC, jax.random.key(0), 6, scales, codes, dim=4, width=16, **more)


def test_resizing_takes_means_and_draws_out():
    np.testing.assert_allclose(means(4, 2) @ [1, 3, 5, 9], [2, 7])
    np.testing.assert_allclose(means(4, 3) @ [1, 3, 5, 9], [2, 4, 7])  # overlapping parts
    np.testing.assert_allclose(drawn_out(2, 4) @ [0, 4], [0, 1, 3, 4])
    for parts in (1, 2, 3, 4):
        np.testing.assert_allclose(means(4, parts) @ np.ones(4), 1, rtol=1e-6)
        np.testing.assert_allclose(drawn_out(parts, 4) @ np.ones(parts), 1, rtol=1e-6)
    np.testing.assert_array_equal(drawn_out(4, 4), np.eye(4))


@pytest.mark.parametrize("shared", [True, False])
def test_each_level_takes_the_code_nearest_to_what_is_left(shared):
    made = codec(shared=shared)
    latent = jax.random.normal(jax.random.key(1), (3, 4))
    found = eqx.filter_jit(made.quantise)(latent)
    books, total, codes = np.asarray(made.books), np.zeros((3, 4)), []
    for level, parts in enumerate((1, 2, 3)):
        book = books[0 if shared else level]
        rest = means(3, parts) @ (np.asarray(latent) - total)
        mine = [int(np.argmin([np.sum((r - c) ** 2) for c in book])) for r in rest]
        total, codes = total + drawn_out(parts, 3) @ book[mine], codes + mine
        np.testing.assert_allclose(found.sums[level], total, atol=1e-5)
    assert found.codes.tolist() == codes and len(books) == (1 if shared else 3)
    np.testing.assert_allclose(made.sums(found.codes), found.sums, atol=1e-5)
    np.testing.assert_allclose(made.decode(found.codes), made.rebuild(found.sums[-1]), atol=1e-5)


def fitted(scales, shared):
    """On smooth random chunks -> the codec after and before, and chunks that it has not seen."""

    def draw(key, count):
        begin, end, bend = jax.random.uniform(key, (3, count, 1, 2), minval=-1.0)
        time = jnp.linspace(0, 1, 6)[None, :, None]
        return (1 - time) * begin + time * end + 0.5 * bend * time * (1 - time)

    before = ResidualCodec.create(SPEC, jax.random.key(0), 6, scales, 16, dim=4, width=32, shared=shared)
    optimiser = optax.adam(3e-3)
    arrays, static = eqx.partition(Trained.begin(before, optimiser), eqx.is_array)

    def once(arrays, key):
        chunks = draw(key, 64)
        state = eqx.combine(arrays, static)
        state, loss, _ = state.descend(lambda part: (part.loss(chunks, jnp.ones((64, 6)), jnp.float32(0.25)), {}), optimiser)
        return eqx.filter(state, eqx.is_array), loss

    arrays, _ = jax.jit(lambda keys: jax.lax.scan(once, arrays, keys))(jax.random.split(jax.random.key(1), 500))
    return eqx.combine(arrays, static).model, before, draw(jax.random.key(2), 400)


@pytest.mark.parametrize("scales, shared", [((1, 2, 3), True), ((1, 1), False)])
def test_a_trained_codec_rebuilds_better_at_every_scale_and_uses_its_codes(scales, shared):
    after, before, chunks = fitted(scales, shared)

    @eqx.filter_jit
    def errors(made):
        found = jax.vmap(lambda chunk: made.quantise(made.latent(chunk)))(chunks)
        rebuilt = jax.vmap(jax.vmap(made.rebuild))(found.sums)
        return ((rebuilt - chunks[:, None]) ** 2).mean((0, 2, 3)), found.codes

    by_level, codes = errors(after)
    assert (np.diff(by_level) < 0).all() and by_level[-1] < 0.7 * by_level[0] < 0.35 * errors(before)[0][-1]
    assert len(np.unique(np.asarray(codes)[:, 0])) >= 12  # of the 16 that the first token may be


def test_padding_never_counts_and_gradients_pass_the_rounding():
    made = codec()
    chunks = jax.random.normal(jax.random.key(1), (2, 6, 2))
    mask = jnp.array([[1.0] * 6, [1, 1, 1, 0, 0, 0]])
    latents = jax.vmap(made.latent)(chunks)
    found = eqx.filter_jit(eqx.filter_vmap(made.quantise))(latents)
    error = ((np.asarray(jax.vmap(made.rebuild)(found.sums[:, -1])) - np.asarray(chunks)) ** 2).mean(-1)
    distance = ((np.asarray(found.sums) - np.asarray(latents)[:, None]) ** 2).mean()
    asked = np.asarray(found.asked).reshape(-1, 1, 4)
    behind = ((asked - np.asarray(made.books[0])[None]) ** 2).mean(-1).min(0).mean()
    by_hand = (error * np.asarray(mask)).sum() / 9 + 1.5 * distance + 0.25 * behind
    value, gradient = eqx.filter_jit(eqx.filter_value_and_grad(lambda part: part.loss(chunks, mask, jnp.float32(0.5))))(made)
    np.testing.assert_allclose(value, by_hand, rtol=1e-5)
    for part in (gradient.encoder, gradient.decoder, gradient.books):
        assert any(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(part))


def test_what_cannot_be_coded_is_refused():
    with pytest.raises(BadSetting, match="numbers"):
        ResidualCodec.create(Spec(Box((3,)), Discrete(2)), jax.random.key(0), 4, (1,), 4)
    with pytest.raises(BadSetting, match="such as 1,2,3,4"):
        codec(scales=(1, 0))
