"""HYDRA: stretches and waypoints by hand, its loss by hand, and when a waypoint is held."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, learner

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Experience, Task
from agir.core.spaces import Box, Meaning, Spec
from agir.data.dataset import Dataset
from agir.data.windows import Segment
from agir.methods.imitation.hydra import HYDRA, Hybrid, Switching
from agir.training.waypoints import Marked, Waypoints, stretch_ends
from agir.training.world import make_world

PLACES = Spec(Box((2,)), Box((2,)), Meaning("absolute", "m"))


def test_a_stretch_ends_where_the_label_or_the_episode_does():
    dense = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1], bool)
    last = np.array([5] * 6 + [8] * 3)  # the second episode begins on the way, as the first ended
    assert stretch_ends(dense, last).tolist() == [1, 1, 3, 3, 5, 5, 6, 8, 8]


class Places(Task):
    name, spec, horizon = "places", PLACES, 9


def test_a_row_on_the_way_brings_the_action_that_its_stretch_ends_with_and_one_at_work_its_own():
    action = np.arange(18, dtype=np.float32).reshape(9, 2)
    rows = lambda begin, end, label: {"observation": action[begin:end], "action": action[begin:end], "phase": np.int32(label)}
    data = Dataset.from_episodes(PLACES, [rows(0, 6, [0, 0, 1, 1, 0, 0]), rows(6, 9, [0, 1, 1])])
    world = make_world(Places(), {"demonstrations": data.take([0, 1, 0])}, how="none", validation_share=0.3)
    method = HYDRA()
    source = Waypoints(length=3).bind(world, method)
    table = world.table("demonstrations", "training")
    marked = jax.vmap(source.cut)(jnp.arange(table.rows))
    ends = stretch_ends(np.asarray(table.columns["phase"]) > 0, np.asarray(table.last))
    rows = np.minimum(np.arange(table.rows)[:, None] + np.arange(3), np.asarray(table.last)[:, None])  # of one episode
    leads = np.where(np.asarray(table.columns["phase"])[rows] > 0, rows, ends[rows])
    np.testing.assert_array_equal(marked.waypoint, np.asarray(table.columns["action"])[leads])
    np.testing.assert_array_equal(marked.dense, np.asarray(table.columns["phase"])[rows])
    np.testing.assert_array_equal(marked.segment.experience.action, np.asarray(table.columns["action"])[rows])
    with pytest.raises(BadSetting, match="no column 'work'.*there are: phase"):
        Waypoints(label="work").bind(world, method)


def model(waypoint, action, logit):
    """Says the same, whatever is seen."""
    made = learner(HYDRA, PLACES, width=4, depth=1).init(jax.random.key(0)).model
    made = jax.tree.map(lambda x: jnp.zeros_like(x) if eqx.is_array(x) else x, made)
    where = lambda m: [part.layers[-1].bias for part in (m.far, m.near, m.mode)]
    return eqx.tree_at(where, made, [jnp.float32(waypoint), jnp.float32(action), jnp.float32([logit])])


def batch(seen, action, mask, dense, waypoint):
    """A batch of segments, of these arrays [batch, length, ...]."""
    seen, action, mask, dense, waypoint = (jnp.asarray(x, jnp.float32) for x in (seen, action, mask, dense, waypoint))
    none = jnp.zeros(mask.shape)
    return Marked(Segment(Experience(seen, action, none, seen, none, none, none), mask), dense, waypoint)


@pytest.mark.parametrize("relabel", [True, False])
def test_the_loss_by_hand(relabel):
    """It says waypoint (1, 0), action (0, 2), logit 0.5. One step on the way, one at work, one that is not known."""
    marked = batch(np.zeros((1, 3, 2)), [[[3, 3], [0, 1], [9, 9]]], [[1, 1, 0]], [[0, 1, 1]], [[[1, 4], [7, 7], [7, 7]]])
    method = learner(HYDRA, PLACES, gamma=0.2, weight=2.0, relabel=relabel)
    loss, parts = method.loss(model([1.0, 0.0], [0.0, 2.0], 0.5), marked, None)
    done = np.array([1.0, 4.0]) if relabel else np.array([3.0, 3.0])
    sparse = 0.8 * np.mean([0.0, 16.0]) + 0.2 * np.mean((np.array([0.0, 2.0]) - done) ** 2) + 2.0 * np.log(1 + np.exp(0.5))
    dense = 0.2 * np.mean([36.0, 49.0]) + 0.8 * np.mean([0.0, 1.0]) + 2.0 * np.log(1 + np.exp(-0.5))
    np.testing.assert_allclose(loss, (sparse + dense) / 2, rtol=1e-5)
    assert float(parts["mode"]) == 0.5


class Script(Hybrid):
    """Says the waypoint (x, x) and the action (-x, -x) for what is seen (x, logit)."""

    def step(self, observation, state, key):
        place, logit = observation
        return jnp.stack([place, place]), -jnp.stack([place, place]), logit, state


def test_a_waypoint_is_held_until_the_mode_changes_or_patience_is_over():
    made = model([0.0] * 2, [0.0] * 2, 0.0)
    policy = Switching(PLACES, Script(made.encoder, made.far, made.recurrent, made.near, made.mode, made.head), 10, 3)
    act, memory, done, planned = jax.jit(lambda *now: policy.act(*now)), policy.start(jax.random.key(0)), [], []
    for seen in ([1, -1], [2, -1], [3, -1], [4, -1], [5, -1], [6, 1], [7, 1], [8, -1]):
        action, memory, info = act(jnp.float32(seen), memory, jax.random.key(0))
        done.append(float(action[0]))
        planned.append(bool(info["planned"]))
    assert done == [1, 1, 1, 4, 4, -6, -7, 8]
    assert planned == [True, False, False, True, False, True, True, True]


def test_acting_says_what_training_said_of_the_same_observations():
    """At work, what is to be done often hangs on what was done last. The memory is emptied every three steps."""
    method = learner(HYDRA, PLACES, width=8, depth=2, learns_from=Waypoints(length=3))
    made = method.init(jax.random.key(0)).model
    policy, seen = method.policy(method.init(jax.random.key(0))), jax.random.normal(jax.random.key(1), (6, 2))
    waypoints, numbers, logits = jax.vmap(made)(seen.reshape(2, 3, 2))
    single = jax.vmap(lambda numbers: made.head.sample(numbers, jax.random.key(0), 0.0)[0])(numbers.reshape(6, -1))
    memory = policy.start(jax.random.key(0))
    for row, now in enumerate(seen):
        action, memory, info = policy.act(now, memory._replace(steps=jnp.int32(0)), jax.random.key(0))
        assert bool(info["sparse"]) == bool(logits.ravel()[row] <= 0)
        np.testing.assert_allclose(action, waypoints.reshape(6, 2)[row] if info["sparse"] else single[row], rtol=1e-5)
    assert jnp.abs(numbers[0, 0] - numbers[0, 2]).max() > 1e-3


def test_actions_that_are_no_places_are_refused():
    moving = dataclasses.replace(NUMBERS, meaning=Meaning("velocity"))
    with pytest.raises(BadSpec, match="a velocity. Use actions that are absolute"):
        learner(HYDRA, moving).init(jax.random.key(0))


def test_it_learns_both_kinds_of_action():
    """On the way (first entry below 0) all lead to (0.5, -0.5), by actions that wander; at work the action is what is seen, halved."""

    def draw(key):
        see, wander = jax.random.split(key)
        seen = jax.random.uniform(see, (64, 1, 2), minval=-1.0)
        dense = (seen[:, :, 0] > 0).astype(jnp.float32)
        aim = jnp.array([[[0.5, -0.5]]]) * jnp.ones((64, 1, 1))
        done = jnp.where(dense[:, :, None] > 0, 0.5 * seen, jax.random.normal(wander, (64, 1, 2)))
        return batch(seen, done, jnp.ones((64, 1)), dense, aim)

    from methods.fitting import fit

    settings = {"weight": 0.1, "width": 32, "depth": 1, "rate": 5e-3, "warmup": 10, "updates": 400}
    method = learner(HYDRA, PLACES, **settings, learns_from=Waypoints(length=1))
    state, _ = fit(method, draw, 400)
    policy = method.policy(state)
    for seen, wanted in (([-0.5, 0.3], [0.5, -0.5]), ([0.6, -0.8], [0.3, -0.4])):
        action = policy.act(jnp.float32(seen), policy.start(jax.random.key(0)), jax.random.key(0)).action
        np.testing.assert_allclose(action, wanted, atol=0.08)
