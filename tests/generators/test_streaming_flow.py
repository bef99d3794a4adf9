"""Streaming flows against the marginals that are known in closed form."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import CONTEXT

from agir.generators.flow import TOLD
from agir.generators.streaming_flow import StreamingFlow

STEPS, SPREAD, GAIN = 4, 0.2, 2.5
DEMONSTRATION = jnp.array([[0.3], [0.5], [0.1], [-0.4], [-0.5]])


class Demonstrated(eqx.Module):
    """The flow's v around some demonstrations [ways, knots, 1], in equal shares; around one of them, the paper's u."""

    knots: jax.Array
    spread: float

    def __call__(self, action, times, context):
        time = times[0] * STEPS / TOLD
        begin = jnp.clip(jnp.floor(time + 1e-4).astype(jnp.int32), 0, STEPS - 1)
        slope = self.knots[:, begin + 1] - self.knots[:, begin]
        off = action - (self.knots[:, begin] + (time - begin.astype(jnp.float32)) * slope)
        share = jax.nn.softmax(-0.5 * (off / (self.spread * jnp.exp(-GAIN * time / STEPS))) ** 2, 0)
        return STEPS * (share * (slope - GAIN / STEPS * off)).sum(0)[None]


def flow(network, passes=1, history=2, **more):
    return StreamingFlow(network, STEPS + history - 1, history, (1,), passes, SPREAD, GAIN, **more)


def simulated(generator, begin, count):
    """The actions [lanes, steps, 1] of flows that begin near `begin`."""

    def lane(key):
        step = lambda action, i: (generator.move(action, i, CONTEXT),) * 2
        return jax.lax.scan(step, generator.begin(begin, key), jnp.arange(STEPS, dtype=jnp.int32))[1]

    return jax.jit(jax.vmap(lane))(jax.random.split(jax.random.key(0), count))


def test_around_one_demonstration_the_marginal_is_the_papers():
    generator = flow(Demonstrated(DEMONSTRATION[None], SPREAD), passes=40)
    actions = simulated(generator, DEMONSTRATION[0], 4000)[..., 0]
    wanted = SPREAD * np.exp(-GAIN * np.arange(1, STEPS + 1) / STEPS)
    np.testing.assert_allclose(actions.mean(0), DEMONSTRATION[1:, 0], atol=0.012)
    np.testing.assert_allclose(actions.std(0), wanted, rtol=0.06)


def test_around_two_demonstrations_both_are_followed_to_their_ends():
    ways = jnp.stack([jnp.linspace(0, 1, STEPS + 1), jnp.linspace(0, -1, STEPS + 1)])[..., None]
    ends = simulated(flow(Demonstrated(ways, SPREAD), passes=40), jnp.zeros(1), 4000)[:, -1, 0]
    np.testing.assert_allclose((ends > 0).mean(), 0.5, atol=0.03)
    np.testing.assert_allclose(jnp.abs(ends).mean(), 1.0, atol=0.03)
    np.testing.assert_allclose(jnp.abs(ends).std(), SPREAD * np.exp(-GAIN), atol=0.03)


def test_what_is_trained_on_lies_on_the_flow_and_moves_with_it():
    generator, noise = flow(None), jnp.array([0.7])
    for time in (0.3, 1.5, 3.9):
        at = lambda time: generator.point(DEMONSTRATION, jnp.float32(time), noise)[0]
        action, velocity = generator.point(DEMONSTRATION, jnp.float32(time), noise)
        expected = np.interp(time, np.arange(5), DEMONSTRATION[:, 0]) + 0.7 * SPREAD * np.exp(-GAIN * time / STEPS)
        np.testing.assert_allclose(action[0], expected, atol=1e-5)
        np.testing.assert_allclose(velocity, (at(time + 0.05) - at(time - 0.05)) / 0.1, atol=2e-3)


@pytest.mark.parametrize("history", [2, 3])
def test_a_window_is_cut_into_the_last_action_and_those_to_come(history):
    generator = flow(Demonstrated(DEMONSTRATION[None], SPREAD), history=history)
    chunk = jnp.concatenate([jnp.full((history - 2, 1), 9.0), DEMONSTRATION])
    np.testing.assert_array_equal(generator.knots(chunk), DEMONSTRATION)
    whole = jnp.ones(STEPS + history - 1)
    begun = whole.at[: history - 1].set(0.0)
    assert generator.knots(jnp.where(begun[:, None] > 0, chunk, 0.0))[0] == 0.0  # nothing was done before the first action
    keys = jax.random.split(jax.random.key(0), 200)
    loss = lambda mask: jax.vmap(lambda key: generator.loss(chunk, mask, CONTEXT, key))(keys)
    np.testing.assert_allclose(loss(whole), 0.0, atol=1e-8)
    other = eqx.tree_at(lambda g: g.network.knots, generator, DEMONSTRATION[None].at[:, 3:].add(0.5))
    ends = whole.at[history + 1 :].set(0.0)  # the episode ends after the second action from now: what would follow is not seen
    np.testing.assert_allclose(jax.vmap(lambda key: other.loss(chunk, ends, CONTEXT, key))(keys), 0.0, atol=1e-8)
    assert jax.vmap(lambda key: other.loss(chunk, whole, CONTEXT, key))(keys).max() > 0.01


def test_every_action_counts_alike_however_many_a_window_has():
    generator, key = flow(Demonstrated(0 * DEMONSTRATION[None], SPREAD)), jax.random.key(3)
    chunk = jnp.concatenate([DEMONSTRATION])
    for count in (1, 2, 4):
        mask = (jnp.arange(5) < 1 + count).astype(jnp.float32)
        draw, disturb = jax.random.split(key)
        action, velocity = generator.point(
            jnp.where(mask[:, None] > 0, chunk, 0.0), jax.random.uniform(draw) * count, jax.random.normal(disturb, (1,))
        )
        error = (generator.velocity(action, jax.random.uniform(draw) * count, CONTEXT) - STEPS * velocity) ** 2
        np.testing.assert_allclose((generator.loss(chunk, mask, CONTEXT, key) * mask).sum(), count * error[0], rtol=1e-4)


def test_a_whole_chunk_is_the_actions_one_by_one():
    generator, key = flow(Demonstrated(DEMONSTRATION[None], SPREAD)), jax.random.key(1)
    action, wanted = generator.begin(jnp.zeros(1), key), [jnp.zeros(1)]
    for step in range(STEPS):
        action = generator.move(action, jnp.int32(step), CONTEXT)
        wanted.append(action)
    np.testing.assert_allclose(generator.sample(CONTEXT, key), jnp.stack(wanted), atol=1e-6)
