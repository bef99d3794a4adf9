"""Networks side by side against each of them alone, and the two ways to read one network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.networks.actor_critic import ActorCritic
from agir.networks.columns import Trunks, in_columns, orthogonal, readout
from agir.networks.layers import grown

X = jax.random.normal(jax.random.key(1), (5, 7))  # five features of seven items


def trunks(members=3, depth=3):
    made = grown(lambda draw: Trunks.create(5, draw, members=members, width=4, depth=depth), jax.random.key(0))
    return jax.tree.map(lambda x: x + 0.1, made)  # biases that are not 0


def by_hand(made, member, x):
    x = np.tanh(np.asarray(made.first)[:, 4 * member : 4 * member + 4].T @ x + np.asarray(made.biases[0])[member])
    for weight, bias in zip(made.later, made.biases[1:]):
        x = np.tanh(np.asarray(weight)[member].T @ x + np.asarray(bias)[member])
    return x


@pytest.mark.parametrize("depth", [1, 3])
def test_columns_rows_and_single_members_agree(depth):
    made = trunks(depth=depth)
    columns = made.columns(X)
    wanted = np.stack([[by_hand(made, member, np.asarray(X)[:, i]) for i in range(7)] for member in range(3)])
    np.testing.assert_allclose(columns, wanted.transpose(0, 2, 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made(X[:, 2]), columns[:, :, 2], rtol=1e-5, atol=1e-6)
    for member in range(3):
        alone = made.pick(member, member + 1)
        np.testing.assert_allclose(alone(X[:, 4])[0], columns[member, :, 4], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(alone.columns(X)[0], columns[member], rtol=1e-5, atol=1e-6)


def test_members_do_not_touch_each_other():
    gradient = jax.grad(lambda made: made.columns(X)[1].sum())(trunks())
    for array in (gradient.first.reshape(5, 3, 4).swapaxes(0, 1), *gradient.later, *gradient.biases):
        assert (array[jnp.array([0, 2])] == 0).all() and (array[1] != 0).any()


def test_an_actor_critic_reads_alike_in_columns_and_one_by_one():
    model = jax.tree.map(lambda x: x + 0.1, ActorCritic.create(5, 2, jax.random.key(0), extra=2, width=4))
    numbers, values = model.columns(X)
    assert numbers.shape == (4, 7) and values.shape == (7,)
    np.testing.assert_allclose(jax.vmap(model.policy(), 1, 1)(X), numbers, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(model.value, 1)(X), values, rtol=1e-5, atol=1e-6)


def test_the_start():
    model = ActorCritic.create(5, 2, jax.random.key(0), width=16)
    np.testing.assert_allclose(model.trunks.first[:, :16] @ model.trunks.first[:, :16].T, 2 * np.eye(5), atol=1e-5)
    np.testing.assert_allclose(model.actor.weight.T @ model.actor.weight, 1e-4 * np.eye(2), atol=1e-8)
    np.testing.assert_allclose((model.critic.weight**2).sum(), 1, rtol=1e-5, atol=1e-6)
    drawn = jax.random.normal(jax.random.key(3), (4000, 3, 3))
    each = jax.vmap(lambda x: orthogonal(x, 1.0))(drawn)
    np.testing.assert_allclose(each.mean(0), 0, atol=0.04)  # no direction is preferred: the signs are fair too
    layer = readout_layer()
    np.testing.assert_allclose(in_columns(layer, X), jax.vmap(layer)(X.T).T, rtol=1e-5, atol=1e-6)


def readout_layer():
    return grown(lambda draw: readout(5, 3, draw), jax.random.key(2))


def test_an_unknown_activation_is_refused():
    with pytest.raises(BadSetting, match="activation"):
        grown(lambda draw: Trunks.create(5, draw, members=1, activation="tan"), jax.random.key(0))
