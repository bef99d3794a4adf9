"""HYDRA: stretches and waypoints by hand, its loss by hand, and when a waypoint is held."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, learner

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Task, Window
from agir.core.spaces import Box, Meaning, Spec
from agir.data.dataset import Dataset
from agir.methods.imitation.hydra import HYDRA, Hybrid, Switching
from agir.networks.encoder import Encoder
from agir.training.waypoints import Marked, Waypoints, stretch_ends
from agir.training.world import make_world

PLACES = Spec(Box((2,)), Box((2,)), Meaning("absolute", "m"))


def test_a_stretch_ends_where_the_label_or_the_episode_does():
    dense = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1], bool)
    last = np.array([5] * 6 + [8] * 3)  # the second episode begins on the way, as the first ended
    assert stretch_ends(dense, last).tolist() == [1, 1, 3, 3, 5, 5, 6, 8, 8]


class Places(Task):
    name, spec, horizon = "places", PLACES, 9


def test_a_row_brings_the_action_that_its_stretch_ends_with():
    action = np.arange(18, dtype=np.float32).reshape(9, 2)
    rows = lambda begin, end, label: {"observation": action[begin:end], "action": action[begin:end], "phase": np.int32(label)}
    data = Dataset.from_episodes(PLACES, [rows(0, 6, [0, 0, 1, 1, 0, 0]), rows(6, 9, [0, 1, 1])])
    world = make_world(Places(), {"demonstrations": data.take([0, 1, 0])}, how="none", validation_share=0.3)
    method = HYDRA(history=2)
    source = Waypoints().bind(world, method)
    table = world.table("demonstrations", "training")
    marked = jax.vmap(source.cut)(jnp.arange(table.rows))
    ends = stretch_ends(np.asarray(table.columns["phase"]) > 0, np.asarray(table.last))
    np.testing.assert_array_equal(marked.waypoint, np.asarray(table.columns["action"])[ends])
    np.testing.assert_array_equal(marked.dense, table.columns["phase"])
    np.testing.assert_array_equal(marked.window.action[:, -1], table.columns["action"])
    with pytest.raises(BadSetting, match="no column 'work'.*there are: phase"):
        Waypoints(label="work").bind(world, method)


def model(numbers):
    """Says the same, whatever is seen."""
    encoder = Encoder({}, PLACES.observation, 100)
    method = learner(HYDRA, PLACES, history=1, width=4, depth=1)
    made = method.init(jax.random.key(0)).model
    made = jax.tree.map(lambda x: jnp.zeros_like(x) if eqx.is_array(x) else x, made)
    assert made.encoder.space == encoder.space
    return eqx.tree_at(lambda m: m.network.layers[-1].bias, made, jnp.float32(numbers))


@pytest.mark.parametrize("relabel", [True, False])
def test_the_loss_by_hand(relabel):
    """It says waypoint (1, 0), action (0, 2), logit 0.5. One row on the way, one at work, one that is not known."""
    action = jnp.array([[[3.0, 3.0]], [[0.0, 1.0]], [[9.0, 9.0]]])
    marked = Marked(
        Window(jnp.zeros((3, 1, 2)), action, jnp.array([[1.0], [1.0], [0.0]])),
        jnp.array([0.0, 1.0, 1.0]),
        jnp.array([[1.0, 4.0], [7.0, 7.0], [7.0, 7.0]]),
    )
    method = learner(HYDRA, PLACES, history=1, share=0.25, weight=2.0, relabel=relabel)
    loss, parts = method.loss(model([1.0, 0.0, 0.0, 2.0, 0.5]), marked, None)
    aim = np.array([1.0, 4.0]) if relabel else np.array([3.0, 3.0])
    sparse = np.mean([0.0, 16.0]) + 0.25 * np.mean((np.array([0.0, 2.0]) - aim) ** 2) + 2.0 * np.log(1 + np.exp(0.5))
    dense = np.mean([0.0, 1.0]) + 2.0 * np.log(1 + np.exp(-0.5))
    np.testing.assert_allclose(loss, (sparse + dense) / 2, rtol=1e-5)
    assert float(parts["mode"]) == 0.5


class Script(Hybrid):
    """Says the waypoint (x, x) and the action (-x, -x) for what is seen (x, logit)."""

    def __call__(self, observation, key=None):
        place, logit = observation[-1]
        return jnp.stack([place, place]), -jnp.stack([place, place]), logit


def test_a_waypoint_is_held_until_the_mode_changes_or_patience_is_over():
    script = Script(Encoder({}, PLACES.observation, 100), model([0.0] * 5).network)
    policy = Switching(PLACES, script, 1, 3)
    act, memory, done, planned = jax.jit(lambda *now: policy.act(*now)), policy.start(jax.random.key(0)), [], []
    for seen in ([1, -1], [2, -1], [3, -1], [4, -1], [5, -1], [6, 1], [7, 1], [8, -1]):
        action, memory, info = act(jnp.float32(seen), memory, jax.random.key(0))
        done.append(float(action[0]))
        planned.append(bool(info["planned"]))
    assert done == [1, 1, 1, 4, 4, -6, -7, 8]
    assert planned == [True, False, False, True, False, True, True, True]


def test_as_it_is_it_sees_what_came_before():
    """At work, what is to be done often hangs on what was done last (does the hand come down, or does it still look for its place?)."""
    method = learner(HYDRA, PLACES, width=8, depth=1)
    policy = method.policy(method.init(jax.random.key(0)))
    act, key, now = jax.jit(lambda *seen: policy.act(*seen)), jax.random.key(0), jnp.array([0.2, 0.3])
    first = [act(jnp.float32(before), policy.start(key), key).memory for before in ([0.9, -0.5], [-0.7, 0.4], [-0.7, 0.4])]
    actions = [act(now, memory._replace(steps=jnp.int32(0)), key).action for memory in first]
    assert jnp.abs(actions[0] - actions[1]).max() > 1e-3 and (actions[1] == actions[2]).all()


def test_actions_that_are_no_places_are_refused():
    moving = dataclasses.replace(NUMBERS, meaning=Meaning("velocity"))
    with pytest.raises(BadSpec, match="a velocity. Use actions that are absolute"):
        learner(HYDRA, moving).init(jax.random.key(0))


def test_it_learns_both_kinds_of_action():
    """On the way (first entry below 0) all lead to (0.5, -0.5), by actions that wander; at work the action is what is seen, halved."""

    def draw(key):
        see, wander = jax.random.split(key)
        seen = jax.random.uniform(see, (64, 1, 2), minval=-1.0)
        dense = (seen[:, 0, 0] > 0).astype(jnp.float32)
        aim = jnp.array([[0.5, -0.5]]) * jnp.ones((64, 1))
        done = jnp.where(dense[:, None] > 0, 0.5 * seen[:, 0], jax.random.normal(wander, (64, 2)))
        return Marked(Window(seen, done[:, None], jnp.ones((64, 1))), dense, aim)

    from methods.fitting import fit

    method = learner(HYDRA, PLACES, history=1, width=32, depth=2, rate=5e-3, warmup=10, updates=400)
    state, _ = fit(method, draw, 400)
    policy = method.policy(state)
    for seen, wanted in (([-0.5, 0.3], [0.5, -0.5]), ([0.6, -0.8], [0.3, -0.4])):
        action = policy.act(jnp.float32(seen), policy.start(jax.random.key(0)), jax.random.key(0)).action
        np.testing.assert_allclose(action, wanted, atol=0.08)
