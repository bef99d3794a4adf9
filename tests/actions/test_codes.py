"""Finite scalar quantisation: codes and grid points are one to one, and rounding stays on the grid."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.actions.codes import ScalarCodec
from agir.core.errors import BadSetting
from agir.core.nouns import Window
from agir.core.spaces import Box, Discrete, Spec

SPEC = Spec(Box((3,)), Box((2,), -1.0, 1.0))


@pytest.mark.parametrize("levels", [(5, 5, 5), (2,), (4, 3), (8, 6, 5)])
def test_every_code_is_one_point_of_the_grid(levels):
    codec = ScalarCodec.create(SPEC, jax.random.key(0), 4, levels, 8)
    codes = jnp.arange(codec.codes)
    grid = jax.vmap(codec.grid)(codes)
    np.testing.assert_array_equal(jax.vmap(codec.code)(grid), codes)
    assert len(np.unique(np.asarray(grid), axis=0)) == codec.codes == np.prod(levels)
    lowest, highest = grid.min(0), grid.max(0)
    np.testing.assert_array_equal(lowest, [-(n // 2) for n in levels])
    np.testing.assert_array_equal(highest, [(n - 1) // 2 for n in levels])


@pytest.mark.parametrize("levels", [(5, 5), (4, 2)])
def test_any_chunk_rounds_to_a_point_of_the_grid(levels):
    codec = ScalarCodec.create(SPEC, jax.random.key(0), 4, levels, 8)
    chunks = 30 * jax.random.normal(jax.random.key(1), (500, 4, 2))
    points = np.round(np.asarray(jax.vmap(codec.latent)(chunks)))
    codes = np.asarray(jax.vmap(codec.encode)(chunks))
    assert codes.min() >= 0 and codes.max() < codec.codes
    np.testing.assert_array_equal(jax.vmap(codec.grid)(codes), points)
    assert len(np.unique(codes)) > 1


def test_padding_never_counts():
    codec = ScalarCodec.create(SPEC, jax.random.key(0), 4, (5, 5), 8)
    action, mask = jax.random.normal(jax.random.key(1), (4, 2)), jnp.array([1.0, 1.0, 0.0, 0.0])
    rebuilt = codec.rebuild(jnp.round(codec.latent(action)))
    by_hand = np.mean((np.asarray(rebuilt)[:2] - np.asarray(action)[:2]) ** 2)
    loss = codec.loss(Window(jnp.zeros((1, 3)), action, mask), jax.random.key(2))
    np.testing.assert_allclose(loss, by_hand, rtol=1e-6)


def test_what_cannot_be_coded_is_refused():
    with pytest.raises(BadSetting, match="numbers"):
        ScalarCodec.create(Spec(Box((3,)), Discrete(2)), jax.random.key(0), 4)
    with pytest.raises(BadSetting, match="two or more"):
        ScalarCodec.create(SPEC, jax.random.key(0), 4, (5, 1))
