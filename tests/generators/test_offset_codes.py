"""VQ-BeT's loss against values by hand: the focal loss, the codes' weights, and offsets that move the decoded chunk."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from generators.exact import CONTEXT

from agir.actions.residual import ResidualCodec
from agir.core.spaces import Box, Spec
from agir.generators.offset_codes import CodeHeads, OffsetCodes, focal

SPEC = Spec(Box((1,)), Box((2,), -1.0, 1.0))


def test_the_focal_loss_is_the_papers_and_cross_entropy_at_gamma_0():
    chance = jnp.array([0.9, 0.5, 0.01])
    np.testing.assert_allclose(focal(jnp.log(chance), jnp.float32(2)), -((1 - chance) ** 2) * np.log(chance), rtol=1e-5)
    np.testing.assert_allclose(focal(jnp.log(chance), jnp.float32(0)), -np.log(chance), rtol=1e-5)


def test_loss_and_draws_are_those_by_hand():
    codec = ResidualCodec.create(SPEC, jax.random.key(0), 3, (1, 1), 4, dim=3, width=8, shared=False)
    network = CodeHeads.create(codec, 6, (1, 1), jax.random.key(1), 8, 1)
    assert (network(codec, CONTEXT)[1] == 0).all()  # offsets begin at 0
    network = eqx.tree_at(lambda n: n.offsets[1].weight, network, jax.random.normal(jax.random.key(2), (16, 48)))
    made = OffsetCodes(0, (2,), network, codec, gamma=1.5, primary=5.0, secondary=0.5, offset=3.0)
    chunk = jax.random.uniform(jax.random.key(3), (3, 2))
    codes, (logits, offsets) = codec.encode(chunk), network(codec, CONTEXT)
    chance = np.exp(np.asarray(jax.nn.log_softmax(logits)))[np.arange(2), np.asarray(codes)]
    told = -((1 - chance) ** 1.5) * np.log(chance)
    rebuilt = np.asarray(codec.decode(codes)) + np.asarray(offsets)[np.arange(2), np.asarray(codes)].sum(0).reshape(3, 2)
    by_hand = 5 * told[0] + 0.5 * told[1] + 3 * np.abs(np.asarray(chunk) - rebuilt).mean()
    np.testing.assert_allclose(made.whole_loss(chunk, CONTEXT, jax.random.key(0)), by_hand, rtol=1e-5)
    cold = dataclasses.replace(made, temperature=1e-4)
    best = jnp.argmax(logits, 1)
    wanted = np.asarray(codec.decode(best)) + np.asarray(offsets)[np.arange(2), np.asarray(best)].sum(0).reshape(3, 2)
    drawn, passes = cold.draw(CONTEXT, jax.random.key(5))
    np.testing.assert_allclose(drawn, wanted, rtol=1e-4, atol=1e-5)
    assert int(passes) == 1
