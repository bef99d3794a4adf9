"""Sequences of tokens on a problem small enough to enumerate: probabilities sum to one, and draws have these probabilities."""

import collections
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from generators.exact import CONTEXT, draw

from agir.actions.frequencies import FastTokens
from agir.core.spaces import Box, Spec
from agir.generators.autoregressive import Autoregressive
from agir.networks.sequence import TokenTransformer

SPEC = Spec(Box((1,)), Box((1,), -1.0, 1.0))


def generator(past=0, temperature=1.0):
    """Chunks of two integers of five each; (0, 0) and (1, 0), with 0 in the middle, are tokens of their own."""
    tokens = FastTokens.create(SPEC, 2, 1, 2)
    for at, pair in enumerate(((2, 2), (3, 2))):
        tokens = tokens.learn(jnp.array([[*pair]] * 2, jnp.int32), jnp.array([2, 2], jnp.int32), jnp.int32(at))
    network = TokenTransformer.create(tokens.vocabulary, tokens.longest, (1, 1), jax.random.key(0), 8, 1)
    network = eqx.tree_at(lambda n: n.head.weight, network, 15 * network.head.weight)
    return Autoregressive(past, (1,), network, tokens, temperature)


def test_all_sequences_that_say_a_chunk_sum_to_one_and_draws_have_their_probabilities():
    made = generator()
    tokens = made.tokens
    sequences = [(a, b) for a, b in itertools.product(range(5), range(5))] + [(5, 0), (6, 0)]
    counts = [2] * 25 + [1, 1]
    chances = np.exp(jax.jit(jax.vmap(made.log_prob, (0, 0, None)))(jnp.array(sequences), jnp.array(counts), CONTEXT))
    np.testing.assert_allclose(chances.sum(), 1, atol=1e-5)
    wanted = collections.defaultdict(float)
    for sequence, count, chance in zip(sequences, counts, chances):
        said = tuple(itertools.chain.from_iterable(np.asarray(tokens.pairs.spelling)[t, : tokens.lengths[t]] for t in sequence[:count]))
        wanted[said] += float(chance)
    drawn = np.asarray(jax.vmap(tokens.integers)(draw(made, 20_000))).reshape(-1, 2) + tokens.limit
    seen = collections.Counter(map(tuple, drawn.tolist()))
    assert max(wanted.values()) < 0.6  # a distribution that says something
    for said, chance in wanted.items():
        assert abs(seen[said] / 20_000 - chance) < 4 * np.sqrt(chance * (1 - chance) / 20_000) + 1e-4


def test_passes_are_the_tokens_drawn_and_the_likeliest_is_drawn_in_the_cold():
    made = generator(temperature=1e-4)
    keys = jax.random.split(jax.random.key(0), 20)
    chunks, passes = jax.jit(jax.vmap(lambda key: made.draw(CONTEXT, key)))(keys)
    first = int(jnp.argmax(made.network(jnp.zeros(2, jnp.int32), CONTEXT)[0]))
    assert passes.tolist() == [1 if first >= 5 else 2] * 20
    assert (chunks == chunks[:1]).all()
    assert made.tokens.pairs.spelling[first][0] == made.tokens.integers(chunks[0])[0, 0] + made.tokens.limit


def test_a_chunk_begins_now_and_padding_repeats_what_counts():
    made, context = generator(past=1), CONTEXT
    chunk, mask = jnp.array([[9.0], [0.5], [-0.5]]), jnp.array([1.0, 1.0, 0.0])
    loss = made.loss(chunk, mask, context, jax.random.key(0))
    alone = made.whole_loss(jnp.array([[0.5], [0.5]]), context, jax.random.key(0))
    np.testing.assert_allclose(loss, [0, alone, alone], rtol=1e-6)  # in shares of the one step that counts
    drawn = made.sample(context, jax.random.key(0))
    assert drawn.shape == (3, 1) and drawn[0, 0] == 0
