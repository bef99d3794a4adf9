"""Tokens: which row says what, and that nothing but the rows' order is left of an order."""

import jax
import jax.numpy as jnp
import numpy as np

from agir.core.spaces import Box, Dict, Discrete
from agir.networks.in_context import InContext
from agir.networks.tokens import Tokens, count

SPACE = Dict((("things", Box((3, 2))), ("hand", Box((4,))), ("button", Discrete(2)), ("camera", Box((10, 10, 3), 0.0, 255.0, "uint8"))))


def seen(history):
    draw = np.random.default_rng(0)
    return {
        "things": jnp.asarray(draw.normal(size=(history, 3, 2)), jnp.float32),
        "hand": jnp.asarray(draw.normal(size=(history, 4)), jnp.float32),
        "button": jnp.arange(history, dtype=jnp.int32),
        "camera": jnp.full((history, 10, 10, 3), 100, jnp.uint8),
    }


def test_rows_by_hand():
    tokens = Tokens.create(SPACE, 2, jax.random.key(0))
    assert count(SPACE) == 6 and tokens.rows == 12 and tokens.features == 64 + 4 + 2  # an image's 64 features are the longest
    observation = seen(2)
    rows = np.asarray(jax.jit(lambda o: tokens(o))(observation))
    assert rows.shape == (12, 70)
    for time in range(2):
        now, marks = rows[6 * time : 6 * time + 6], np.eye(2)[time]
        np.testing.assert_array_equal(now[:, -2:], np.broadcast_to(marks, (6, 2)))
        np.testing.assert_array_equal(now[:, 64:68], np.eye(4)[[0, 0, 0, 1, 2, 3]])
        np.testing.assert_array_equal(now[:3, :2], observation["things"][time])
        np.testing.assert_array_equal(now[3, :4], observation["hand"][time])
        np.testing.assert_array_equal(now[4, :2], np.eye(2)[time])
        assert not now[:3, 2:64].any() and not now[4, 2:64].any()
    np.testing.assert_allclose(rows[5, :64], tokens.encoder.images["/camera"](observation["camera"][0, :9, :9]), atol=1e-5)


def test_a_plain_box_is_a_set_and_an_order_says_nothing():
    space = Box((3, 2))
    tokens = Tokens.create(space, 1, jax.random.key(0))
    assert (tokens.rows, tokens.features) == (3, 3)
    things = seen(1)["things"]
    net = InContext.create((2, 1), (3, 3), jax.random.key(1), 8, 1)
    net = jax.tree.map(lambda x: x + 0.3 * jax.random.normal(jax.random.key(x.size), x.shape), net)
    say = jax.jit(lambda things: net(jnp.ones((2, 1)), jnp.ones(1), tokens(things)))
    np.testing.assert_allclose(say(things), say(things[:, ::-1]), atol=1e-5)
    assert jnp.abs(say(things) - say(things + 0.5)).max() > 1e-4
