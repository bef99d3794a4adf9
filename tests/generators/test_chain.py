"""A chain of actions against its loss by hand: order, sign of the end, actions further on, padding."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import CONTEXT

from agir.core.errors import BadSetting
from agir.generators.chain import Chain, ChainTransformer


def chain(order="backward", past=0, ahead=1):
    network = ChainTransformer.create((4, 2), (1, 1), jax.random.key(0), 8, 1, ahead=ahead)
    return Chain(network, past, 4, (2,), order)


@pytest.mark.parametrize("order", ["backward", "forward"])
@pytest.mark.parametrize("count", [4, 3, 1])
def test_the_loss_by_hand(order, count):
    made = chain(order)
    chunk = np.asarray(jax.random.normal(jax.random.key(1), (4, 2)))
    mask = np.arange(4) < count
    loss = made.loss(jnp.asarray(np.where(mask[:, None], chunk, np.nan)), jnp.asarray(mask, jnp.float32), CONTEXT, jax.random.key(0))
    sequence = chunk[:count][::-1] if order == "backward" else chunk[:count]
    padded = np.concatenate([sequence, np.zeros((4 - count, 2), np.float32)])
    network, wanted = made.network, []
    padded = jnp.asarray(padded)
    y = network(padded, CONTEXT)
    gap = lambda made, action: float(jnp.abs(network.action_out(made) - action).mean() + jnp.abs(made - network.action_in(action)).mean())
    for j in range(count):
        each = gap(network.heads[0](y[j]), padded[j])
        if j + 1 < count:
            each += gap(network.heads[1](y[j]), padded[j + 1])
        sign = float(network.last(y[j])[0])
        wanted.append(each + np.log1p(np.exp(-sign if j == count - 1 else sign)))
    wanted = np.array(wanted[::-1] if order == "backward" else wanted)
    np.testing.assert_allclose(loss, [*wanted, *[0.0] * (4 - count)], rtol=1e-4)


def test_actions_are_generated_one_by_one_until_the_sign_and_turned_round():
    made = chain()
    network = made.network
    x, h = network.first[None], []
    for _ in range(4):  # the slow way: everything again for every action
        padded = jnp.concatenate([x, jnp.zeros((4 - len(x), 8))])
        mask = jnp.arange(4)[:, None] >= jnp.arange(4)[None]
        y = network.body(padded, CONTEXT, mask)[: len(x)]
        h = network.heads[0](y)
        x = jnp.concatenate([network.first[None], h])
    actions = np.asarray(network.action_out(h))
    for count in (1, 3, 4):
        chunk, length = jax.jit(lambda made=ends_after(made, y, count): made.draw(CONTEXT, jax.random.key(0)))()
        assert int(length) == count
        np.testing.assert_allclose(chunk[:count], actions[:count][::-1], atol=1e-5)
        np.testing.assert_allclose(chunk[count:], np.broadcast_to(actions[0], (4 - count, 2)), atol=1e-5)  # the last action again


def ends_after(made, y, count):
    """With a sign that is given at place `count` first (never before): a plane that tells that y from the earlier ones."""
    y = np.asarray(y)
    target = np.where(np.arange(4) == count - 1, 1.0, -1.0)
    weight, *_ = np.linalg.lstsq(y, target, rcond=None)
    where = lambda made: (made.network.last.weight, made.network.last.bias)
    return eqx.tree_at(where, made, (jnp.asarray(weight[:, None], jnp.float32), jnp.zeros(1)))


def test_the_past_is_neither_learnt_nor_generated():
    made, plain = chain(past=1), chain()
    chunk = jax.random.normal(jax.random.key(1), (5, 2))
    loss = made.loss(chunk, jnp.ones(5), CONTEXT, jax.random.key(0))
    np.testing.assert_allclose(loss[1:], plain.loss(chunk[1:], jnp.ones(4), CONTEXT, jax.random.key(0)), rtol=1e-6)
    assert loss[0] == 0 and (made.sample(CONTEXT, jax.random.key(0))[0] == 0).all()


def test_an_unknown_order_is_refused():
    with pytest.raises(BadSetting, match="backward, forward"):
        chain("sideways")
