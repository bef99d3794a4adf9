"""Recurrent networks against NumPy, a sequence against single steps, episodes that begin within it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.networks.layers import grown
from agir.networks.recurrent import Cell, Recurrent


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_lstm_cell():
    cell = grown(lambda draw: Cell(3, 2, "lstm", draw), jax.random.key(0))
    x, state = jax.random.normal(jax.random.key(1), (3,)), jax.random.normal(jax.random.key(2), (2, 2))
    gates = np.asarray(cell.inputs(x) + cell.hidden(state[0]))
    enter, forget, candidate, leave = gates[:2], gates[2:4], gates[4:6], gates[6:]
    kept = sigmoid(forget) * np.asarray(state[1]) + sigmoid(enter) * np.tanh(candidate)
    np.testing.assert_allclose(cell.move(cell.inputs(x), state), np.stack([sigmoid(leave) * np.tanh(kept), kept]), atol=1e-6)


def test_gru_cell():
    cell = grown(lambda draw: Cell(3, 2, "gru", draw), jax.random.key(0))
    x, state = jax.random.normal(jax.random.key(1), (3,)), jax.random.normal(jax.random.key(2), (2,))
    entering, own = np.asarray(cell.inputs(x)), np.asarray(cell.hidden(state))
    reset, keep = sigmoid(entering[:2] + own[:2]), sigmoid(entering[2:4] + own[2:4])
    candidate = np.tanh(entering[4:] + reset * own[4:])
    np.testing.assert_allclose(cell.move(cell.inputs(x), state), keep * np.asarray(state) + (1 - keep) * candidate, atol=1e-6)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_a_sequence_equals_its_steps_and_an_episode_begins_anew(kind):
    net = Recurrent(3, 4, jax.random.key(0), depth=2, kind=kind)
    xs, fresh = jax.random.normal(jax.random.key(1), (6, 3)), jnp.arange(6) == 3
    outputs, last = net(xs, net.start(), fresh)
    state, single = net.start(), []
    for t in range(6):
        y, state = net.step(xs[t], net.start() if t == 3 else state)
        single.append(y)
    np.testing.assert_allclose(outputs, jnp.stack(single), atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), last, state)
    alone, _ = net(xs[3:], net.start())
    np.testing.assert_allclose(outputs[3:], alone, atol=1e-6)
    assert jnp.abs(net(xs, net.start())[0][3:] - alone).max() > 1e-4  # without it, the past is remembered


def test_an_unknown_cell_is_refused():
    with pytest.raises(BadSetting, match="lstm.*not 'rnn'"):
        Recurrent(3, 4, jax.random.key(0), kind="rnn")
