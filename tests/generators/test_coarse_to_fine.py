"""Coarse to fine on a problem small enough to enumerate: probabilities sum to one, and draws have these probabilities."""

import collections
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from generators.exact import CONTEXT, draw

from agir.actions.residual import ResidualCodec
from agir.core.spaces import Box, Spec
from agir.generators.coarse_to_fine import CoarseToFine, ScaleTransformer

SPEC = Spec(Box((1,)), Box((1,), -1.0, 1.0))


def test_codes_sum_to_one_and_draws_have_their_probabilities():
    codec = ResidualCodec.create(SPEC, jax.random.key(0), 3, (1, 2), 3, dim=2, width=8, shared=False)
    codec = eqx.tree_at(lambda c: c.books, codec, jax.random.normal(jax.random.key(5), (2, 3, 2)))
    network = ScaleTransformer.create(codec, (1, 1), jax.random.key(1), 8, 1)
    network = eqx.tree_at(lambda n: (n.head.weight, n.first), network, (15 * network.head.weight, 50 * network.first))
    made = CoarseToFine(0, (1,), network, codec)
    codes = jnp.array(list(itertools.product(range(3), repeat=3)))
    chances = np.exp(jax.jit(jax.vmap(made.log_prob, (0, None)))(codes, CONTEXT))
    np.testing.assert_allclose(chances.sum(), 1, atol=1e-5)
    coarse = chances.reshape(3, 9).sum(1)
    assert np.abs(chances.reshape(3, 9) / coarse[:, None] - chances.reshape(3, 9).sum(0)).max() > 0.02  # the fine see the coarse
    said = np.asarray(jax.vmap(codec.decode)(codes))[..., 0]
    drawn = np.asarray(draw(made, 20_000))[..., 0]
    which = np.argmin(((drawn[:, None] - said[None]) ** 2).sum(-1), 1)
    np.testing.assert_allclose(drawn, said[which], atol=1e-5)
    seen = collections.Counter(which.tolist())
    for i, chance in enumerate(chances):
        assert abs(seen[i] / 20_000 - chance) < 4 * np.sqrt(chance * (1 - chance) / 20_000) + 1e-4
    assert int(made.draw(CONTEXT, jax.random.key(0))[1]) == 2 == made.passes
