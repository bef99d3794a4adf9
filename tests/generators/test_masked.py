"""Masked discrete diffusion with exact conditionals in the network's place: rounds keep tokens together that one pass mixes."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import CONTEXT, draw

from agir.actions.frequencies import FastTokens
from agir.core.errors import BadSetting
from agir.core.spaces import Box, Spec
from agir.generators.masked import Board, Masked

TOKENS = FastTokens.create(Spec(Box((1,)), Box((1,), -1.0, 1.0)), 4, 1, transform="none")  # -1, 0 and 1


class Exact(eqx.Module):
    """p(token_i | the others that are seen) of a table of sequences [count, length] with weights."""

    sequences: jax.Array
    weights: jax.Array

    def __call__(self, tokens, hidden, context):
        agrees = (self.sequences == tokens[None]) | hidden[None]
        others = jnp.stack([jnp.delete(agrees, i, axis=1).all(1) for i in range(len(tokens))])  # [length, count]
        share = others.astype(jnp.float32) * self.weights[None]
        chance = jnp.einsum("lc,clt->lt", share, jax.nn.one_hot(self.sequences, 3))
        return jnp.log(chance / jnp.maximum(chance.sum(-1, keepdims=True), 1e-9) + 1e-9)


WAYS = Exact(jnp.array([[0, 0, 0, 0], [2, 2, 2, 2], [0, 2, 0, 2]]), jnp.array([0.5, 0.3, 0.2]))
KNOWN = ((-1, -1, -1, -1), (1, 1, 1, 1), (-1, 1, -1, 1))


def masked(network=WAYS, **more):
    return Masked(0, (1,), network, TOKENS, **{"rounds": 4, "reopened": 0} | more)


def test_one_round_mixes_ways_and_a_round_a_token_does_not():
    once = np.asarray(draw(masked(rounds=1), 4000))[..., 0]
    np.testing.assert_allclose((once > 0).mean(0), [0.3, 0.5, 0.3, 0.5], atol=0.03)  # each token by itself is right
    together = np.mean([tuple(row) in KNOWN for row in once])
    apart = sum(np.prod([(0.7, 0.5, 0.7, 0.5)[i] if x < 0 else (0.3, 0.5, 0.3, 0.5)[i] for i, x in enumerate(way)]) for way in KNOWN)
    assert abs(together - apart) < 0.03 and apart < 0.35
    one_by_one = masked(rounds=8)  # 8 cosine steps decide at most one of 4 tokens each
    drawn = np.asarray(draw(one_by_one, 1000))[..., 0]
    assert all(tuple(row) in KNOWN for row in drawn) and len({tuple(row) for row in drawn}) == 3


def test_surest_first_takes_the_likelier_way_and_disorder_both():
    ways = Exact(jnp.array([[0, 0, 0, 0], [2, 2, 2, 2]]), jnp.array([0.6, 0.4]))
    shares = [float((draw(masked(ways, rounds=8, disorder=disorder), 2000)[:, 0, 0] < 0).mean()) for disorder in (0.0, 100.0)]
    assert abs(shares[0] - (1 - 0.4**4)) < 0.02  # only where no token drew the likelier one
    assert abs(shares[1] - 0.6) < 0.04


def test_the_schedule_is_the_cosine_and_the_surest_are_decided():
    made = masked(rounds=4)
    board = Board(jnp.zeros(4, jnp.int32), jnp.ones(4, bool), jnp.zeros(4))
    left = []
    for i in range(4):
        before = board
        board = made.round(board, jnp.int32(i), CONTEXT, jax.random.key(i))
        left.append(int(board.hidden.sum()))
        assert (board.tokens == before.tokens)[~before.hidden].all()  # decided is decided
    assert left == [int(np.floor(4 * np.cos(np.pi / 2 * k / 4) + 1e-6)) for k in (1, 2, 3, 4)] == [3, 2, 1, 0]
    chances = jnp.log(jnp.array([[0.8, 0.1, 0.1], [0.4, 0.3, 0.3], [0.98, 0.01, 0.01], [0.6, 0.2, 0.2]]))
    cold = masked(lambda tokens, hidden, context: chances, temperature=1e-4)
    board = cold.round(Board(jnp.zeros(4, jnp.int32), jnp.ones(4, bool), jnp.zeros(4)), jnp.int32(1), CONTEXT, jax.random.key(0))
    assert board.hidden.tolist() == [False, True, False, True]
    np.testing.assert_allclose(board.sure[jnp.array([0, 2])], [0.8, 0.98], rtol=1e-5)


@pytest.mark.parametrize("measure, wanted", [("confidence", [0.5, 0.2]), ("gap", [0.1, -0.4])])
def test_how_sure(measure, wanted):
    chance = jnp.array([[0.5, 0.4, 0.1], [0.6, 0.2, 0.2]])
    np.testing.assert_allclose(masked(measure=measure).sureness(chance, jnp.array([0, 1])), wanted, rtol=1e-5)


def test_what_became_unsure_is_opened_again_but_not_in_the_last_round():
    chances = jnp.log(jnp.array([[0.9, 0.05, 0.05], [0.3, 0.6, 0.1], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]]))
    board = Board(jnp.zeros(4, jnp.int32), jnp.array([False, False, False, True]), jnp.array([0.8, 0.9, 0.25, 0.0]))
    network = lambda tokens, hidden, context: chances
    again = lambda number, **more: masked(network, **more).round(board, jnp.int32(number), CONTEXT, jax.random.key(0)).hidden.tolist()
    assert again(2, reopened=1) == [False, True, False, True]  # fell by 0.6; the last one is left for the next round
    assert again(2, reopened=3) == [False, True, True, True]  # one has risen, and stays
    assert again(2, threshold=0.3) == [False, False, True, True]  # 0.2 is below three quarters of 0.3, 0.3 is not
    assert again(3, reopened=3, threshold=1.0) == [False] * 4


def test_an_error_is_mended_by_looking_again():
    """The first token was decided wrongly; the others, decided since, speak against it."""
    wrong = Board(jnp.array([2, 0, 0, 0]), jnp.array([False, False, False, True]), jnp.array([0.9, 0.5, 0.5, 0.0]))
    for reopened, mended in ((0, False), (1, True)):
        board, made = wrong, masked(rounds=8, reopened=reopened)
        for i in range(5, 8):
            board = made.round(board, jnp.int32(i), CONTEXT, jax.random.key(i))
        assert (board.tokens.tolist() == [0, 0, 0, 0]) == mended and not board.hidden.any()


def test_the_loss_is_the_likelihood_of_what_is_hidden():
    """With exact conditionals and nothing checked: the mean over masks of 4 |H|^-1 sum_H -log p(token | seen), by enumeration."""
    made = masked(checked=0.0)
    chunk = jnp.array([[-1.0], [1.0], [-1.0], [1.0]])
    losses = jax.jit(jax.vmap(lambda key: made.whole_loss(chunk, CONTEXT, key)))(jax.random.split(jax.random.key(0), 4000))
    tokens, wanted = jnp.array([0, 2, 0, 2]), 0.0
    edges = [1 - 2 / np.pi * np.arcsin(k / 4) for k in range(5)]  # u for which 4 cos(pi u / 2) = k
    for count in range(1, 5):
        chance = edges[count - 1] - edges[count]
        each = []
        for chosen in itertools.combinations(range(4), count):
            hidden = jnp.zeros(4, bool).at[jnp.array(chosen)].set(True)
            logits = WAYS(tokens, hidden, CONTEXT)
            each.append(-4 * np.mean([float(logits[i, tokens[i]]) for i in chosen]))
        wanted += chance * np.mean(each)
    np.testing.assert_allclose(losses.mean(), wanted, atol=4 * float(losses.std()) / np.sqrt(4000))


def test_settings_that_make_no_sense_are_refused():
    for wrong, why in (({"measure": "entropy"}, "confidence, gap"), ({"rounds": 0}, "at least 1 round")):
        with pytest.raises(BadSetting, match=why):
            dataclasses.replace(masked(), **wrong)
