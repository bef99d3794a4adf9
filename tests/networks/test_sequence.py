"""Piece by piece gives what the whole gives at once, and nobody sees what the mask hides."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.networks.layers import grown
from agir.networks.sequence import Sequence, TokenTransformer, causal

CONTEXT = jax.random.normal(jax.random.key(1), (2, 3))


def test_blocks_one_after_the_other_are_the_whole():
    network = grown(lambda draw: Sequence(6, (2, 3), draw, 8, 2), jax.random.key(0))
    x = jax.random.normal(jax.random.key(2), (6, 8))
    blocks = jnp.array([0, 1, 1, 2, 2, 2])

    @jax.jit
    def pieces():
        kept, said = network.begin(CONTEXT), []
        for begin, end in ((0, 1), (1, 3), (3, 6)):
            y, kept = network.advance(x[begin:end], jnp.int32(begin), kept)
            said.append(y)
        return jnp.concatenate(said)

    at_once = eqx.filter_jit(lambda x, context: network(x, context, causal(blocks)))
    whole = at_once(x, CONTEXT)
    np.testing.assert_allclose(pieces(), whole, atol=1e-5)
    later = at_once(x.at[3:].multiply(-1.0), CONTEXT)
    np.testing.assert_allclose(later[:3], whole[:3], atol=1e-6)
    assert jnp.abs(later[3:] - whole[3:]).min() > 1e-5
    assert jnp.abs(at_once(x, -CONTEXT) - whole).max() > 1e-4


def test_logits_of_a_token_see_those_before_it_alone():
    network = TokenTransformer.create(5, 4, (2, 3), jax.random.key(0), 8, 1)
    tokens = jnp.array([3, 1, 4, 0])
    logits, other = jax.jit(jax.vmap(network, (0, None)))(jnp.stack([tokens, tokens.at[2].set(2)]), CONTEXT)
    np.testing.assert_array_equal(other[:3], logits[:3])
    assert jnp.abs(other[3] - logits[3]).max() > 1e-4

    @jax.jit
    def one_by_one():
        once = lambda kept, i: network.next(tokens[jnp.maximum(i - 1, 0)], i, kept)[::-1]
        return jax.lax.scan(once, network.body.begin(CONTEXT), jnp.arange(4))[1]

    np.testing.assert_allclose(one_by_one(), logits, atol=1e-5)
