"""Normalisation: two maps fitted to the data, and policies and environments wrapped in them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting, BadSpec
from agir.core.lanes import begin_lanes, step_lanes
from agir.core.nouns import Act, Policy, Step
from agir.core.spaces import Box, Dict, Discrete, Meaning, Spec
from agir.data.dataset import Dataset
from agir.data.normalization import Normalized, NormalizedEnvironment, by_bounds, clip, fit, normalize, normalized_spec, require_shape

SPEC = Spec(
    Dict((("body", Box((3,))), ("camera", Box((2, 2, 1), dtype="uint8")), ("tool", Discrete(4)))),
    Dict((("move", Box((2,), -1.0, 3.0)), ("free", Box((2,))), ("grip", Discrete(2)))),
    Meaning("delta", "m"),
)
BODY = np.array([[0.0, 5.0, -2.0], [4.0, 5.0, 0.0], [1.0, 5.0, 6.0], [3.0, 5.0, -4.0]], np.float32)  # the second entry is constant
FREE = np.array([[100.0, 1.0], [300.0, 1.00001], [200.0, 1.0], [100.0, 1.0]], np.float32)  # the second entry is nearly constant


def dataset() -> Dataset:
    rows = np.arange(4)
    seen = {"body": BODY, "camera": np.full((4, 2, 2, 1), 255, np.uint8), "tool": rows}
    done = {"move": np.stack([rows / 3.0, 1 - rows / 3.0], 1), "free": FREE, "grip": rows % 2}
    return Dataset.from_episodes(SPEC, [{"observation": seen, "action": done}])


def test_limits_by_hand():
    columns = normalize(dataset(), fit(dataset(), how="limits"))
    np.testing.assert_allclose(columns["observation"]["body"][:, 0], [-1, 1, -0.5, 0.5], rtol=1e-6)
    np.testing.assert_allclose(columns["observation"]["body"][:, 2], [-0.6, -0.2, 1, -1], rtol=1e-6)
    np.testing.assert_allclose(columns["action"]["free"][:, 0], [-1, 1, 0, -1], rtol=1e-6)
    np.testing.assert_allclose(columns["final_observation"]["body"], [[0.5, 0, -1]], atol=1e-6)


def test_standard_by_hand():
    columns = normalize(dataset(), fit(dataset(), how="standard"))
    body = columns["observation"]["body"]
    np.testing.assert_allclose(body[:, 0], (BODY[:, 0] - 2) / np.sqrt(2.5), rtol=1e-6)
    np.testing.assert_allclose([np.mean(body[:, 2]), np.std(body[:, 2])], [0, 1], atol=1e-6)


@pytest.mark.parametrize("how", ["limits", "standard"])
def test_a_constant_lands_on_zero_and_comes_back(how):
    maps = fit(dataset(), how=how)
    assert normalize(dataset(), maps)["observation"]["body"][:, 1].tolist() == [0] * 4
    assert maps.observe(dataset().columns["observation"] | {"body": jnp.full(3, 7.0)})["body"][1] == 2  # and keeps its unit elsewhere
    decoded = maps.decode({"move": jnp.zeros(2), "free": jnp.zeros(2), "grip": jnp.int32(1)})
    np.testing.assert_allclose(decoded["free"][1], 1.0, atol=1e-5)
    assert abs(maps.encode({"move": jnp.zeros(2), "free": jnp.array([100.0, 1.0]), "grip": jnp.int32(1)})["free"][1]) < 1e-4


@pytest.mark.parametrize("how", ["limits", "standard"])
def test_rows_of_things_share_their_maps_so_that_the_first_keeps_its_mark(how):
    """A hand that always stands first, marked (1, 0), and a goal after it, marked (0, 1): both marks are constants of their places."""
    places = np.random.default_rng(0).normal(size=(50, 2))
    hand, goal = np.tile([1.0, 0, 0], (50, 1)), np.tile([0, 1.0, 0], (50, 1))
    hand[:, 2], goal[:, 2] = places[:, 0], 3 + places[:, 1]
    things = np.stack([hand, goal], 1).astype(np.float32)
    spec = Spec(Box((2, 3)), Box((2, 2)))
    acts = np.tile(np.float32([[0, 1], [2, 5]]), (50, 1, 1))
    acts[0] += 1
    maps = fit(Dataset.from_episodes(spec, [{"observation": things, "action": acts}]), how=how)
    seen = np.asarray(maps.observe(things))
    np.testing.assert_allclose(seen[:, 0, :2], np.tile([1.0, -1.0], (50, 1)), atol=1e-5)
    np.testing.assert_allclose(seen[:, 1, :2], np.tile([-1.0, 1.0], (50, 1)), atol=1e-5)
    np.testing.assert_allclose(np.diff(seen[..., 2]) / np.diff(things[..., 2]), np.ptp(seen[..., 2]) / np.ptp(things[..., 2]), rtol=1e-4)
    assert maps.action.shift.shape == (2, 2) and abs(float(maps.encode(acts)[1:].std((0, 2)).max())) < 1e-5  # an action's are its own


@pytest.mark.parametrize("how", ["limits", "standard", "none"])
def test_there_and_back(how):
    data = dataset()
    maps, action = fit(data, how=how), jax.tree.map(jnp.asarray, data.columns["action"])
    back = maps.decode(maps.encode(action))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), back, action)
    assert jax.tree.map(lambda x: x.dtype, back) == jax.tree.map(lambda x: x.dtype, action)
    chunks = {"move": jnp.ones((5, 2, 2)), "free": jnp.ones((5, 2, 2)), "grip": jnp.ones((5, 2), jnp.int32)}  # [batch, horizon, ...]
    single = jax.tree.map(lambda x: x[0, 0], chunks)
    assert jnp.array_equal(maps.encode(chunks)["move"][3, 1], maps.encode(single)["move"])


@pytest.mark.parametrize("how", ["limits", "standard", "none"])
def test_images_and_choices_are_left_as_they_are(how):
    columns = normalize(dataset(), fit(dataset(), how=how))
    assert columns["observation"]["camera"].dtype == jnp.uint8 and (columns["observation"]["camera"] == 255).all()
    assert columns["observation"]["tool"].tolist() == [0, 1, 2, 3] and columns["action"]["grip"].tolist() == [0, 1, 0, 1]


def test_none_changes_nothing():
    columns = normalize(dataset(), fit(dataset(), how="none"))
    assert columns["observation"]["body"].tolist() == BODY.tolist() and columns["action"]["free"].tolist() == FREE.tolist()


def test_an_unknown_way_is_refused():
    with pytest.raises(BadSetting, match="'limits', 'standard' or 'none', not 'minmax'"):
        fit(dataset(), how="minmax")


def test_the_spec_that_the_learner_sees():
    data = dataset()
    limits, standard, none = (normalized_spec(SPEC, fit(data, how=how)) for how in ("limits", "standard", "none"))
    assert limits.observation["body"] == standard.observation["body"] == Box((3,))
    assert limits.action["move"] == limits.action["free"] == Box((2,), -1.0, 1.0)
    assert standard.action["move"] == standard.action["free"] == Box((2,))
    assert none == SPEC and limits.meaning == standard.meaning == SPEC.meaning
    assert all(
        spec.observation["camera"] == SPEC.observation["camera"] and spec.action["grip"] == Discrete(2) for spec in (limits, standard)
    )


def test_by_bounds():
    maps = by_bounds(SPEC)
    action = {"move": jnp.array([-1.0, 3.0]), "free": jnp.array([70.0, 8.0]), "grip": jnp.int32(1)}
    assert maps.encode(action)["move"].tolist() == [-1, 1] and maps.decode(maps.encode(action))["move"].tolist() == [-1, 3]
    assert maps.encode(action)["free"].tolist() == [70, 8]  # no bounds, so nothing to map from
    assert normalized_spec(SPEC, maps).action["move"] == Box((2,), -1.0, 1.0)
    assert normalized_spec(SPEC, maps).observation == SPEC.observation


def test_clip():
    action = {"move": jnp.array([[-5.0, 5.0]]), "free": jnp.array([[-5.0, 5.0]]), "grip": jnp.array([1], jnp.int32)}
    assert {name: x.tolist() for name, x in clip(SPEC.action, action).items()} == {"move": [[-1, 3]], "free": [[-5, 5]], "grip": [1]}


# ------------------------------------------------------------------------------------------- what is wrapped in the maps
FLAT = Spec(Box((2,)), Box((2,), -10.0, 10.0))


class Linear(Policy):
    """action = matrix @ observation + offset; counts its steps."""

    matrix: Any = None
    offset: Any = None

    def start(self, key):
        return jnp.int32(0)

    def act(self, observation, memory, key):
        return Act(self.matrix @ observation + self.offset, memory + 1, {"step": memory})


class Drift:
    """The place moves by the action; the reward is the first coordinate."""

    def reset(self, key):
        place = jax.random.normal(key, (2,)) * 3.0
        return (place, jnp.int32(0)), place

    def step(self, state, action, key):
        place, time = state[0] + 0.5 * action, state[1] + 1
        return (place, time), Step(place, place[0], jnp.bool_(False), time >= 3, {"action": action})


def flat_maps():
    rng = np.random.default_rng(0)
    observations, actions = rng.normal(2.0, 5.0, (50, 2)), rng.uniform(-4.0, 9.0, (50, 2))
    return fit(Dataset.from_episodes(FLAT, [{"observation": observations, "action": actions}]))


def test_a_wrapped_policy_acts_as_the_raw_one():
    """The raw linear policy, rewritten in normalised terms by hand and then wrapped, gives the raw one's actions."""
    maps = flat_maps()
    matrix, offset = jnp.array([[0.3, -0.2], [0.1, 0.4]]), jnp.array([0.5, -1.0])
    seen, done = maps.observation, maps.action
    inner = Linear(
        normalized_spec(FLAT, maps),
        matrix * seen.scale[None, :] / done.scale[:, None],
        (matrix @ seen.shift + offset - done.shift) / done.scale,
    )
    wrapped, raw = Normalized(FLAT, inner, maps), Linear(FLAT, matrix, offset)
    memory = wrapped.start(jax.random.key(0))
    for observation in jnp.array([[0.0, 0.0], [3.0, -7.0], [12.0, 1.0]]):
        action, memory, info = wrapped.act(observation, memory, jax.random.key(1))
        np.testing.assert_allclose(action, raw.act(observation, memory, jax.random.key(1)).action, rtol=1e-4, atol=1e-5)
    assert (int(memory), int(info["step"])) == (3, 2)
    assert jnp.abs(wrapped.act(jnp.array([500.0, 0.0]), memory, jax.random.key(1)).action).max() == 10  # clipped to the raw bounds


def test_a_wrapped_policy_of_the_host_stays_there():
    class OnHost(Linear):
        """Any Python."""

        compiled = False

    maps = flat_maps()
    assert Normalized(FLAT, Linear(FLAT), maps).compiled and not Normalized(FLAT, OnHost(FLAT), maps).compiled


def test_a_normalised_environment_is_the_raw_one_in_other_terms():
    """Lanes of (raw policy, raw environment) and of (inner policy, normalised environment) walk the same way."""
    maps = flat_maps()
    inner = Linear(normalized_spec(FLAT, maps), jnp.array([[0.5, 0.0], [0.2, -0.5]]), jnp.array([0.1, 3.0]))  # often beyond its bounds
    sides = {"raw": (Drift(), Normalized(FLAT, inner, maps)), "normalised": (NormalizedEnvironment(Drift(), maps, FLAT), inner)}
    found, key = {}, jax.random.key(0)
    for name, (env, policy) in sides.items():
        lanes = begin_lanes(env, policy, *jax.random.split(key, (2, 4)))
        steps = []
        for time in range(5):
            lanes, row = step_lanes(env, policy, lanes, jax.random.fold_in(key, time))
            steps.append(row)
        found[name] = jax.tree.map(lambda *x: jnp.stack(x), *steps)
    raw, other = found["raw"], found["normalised"]
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    close(maps.observe(raw.observation), other.observation)
    close(maps.observe(raw.next_observation), other.next_observation)
    close(raw.reward, other.reward)
    close(raw.info["action"], other.info["action"])
    assert jnp.array_equal(raw.truncated, other.truncated) and raw.truncated.any()
    close(raw.action, clip(FLAT.action, maps.decode(other.action)))
    assert jnp.abs(maps.decode(other.action)).max() > 10  # recorded as the learner gave it, clipped only where it acts


@pytest.mark.parametrize("how", ["limits", "standard"])
def test_unknown_actions_decide_nothing(how):
    episodes = [{"observation": np.zeros((3, 2)) + i, "action": np.array([[5.0, 6.0], [7.0, 9.0], [6.0, 8.0]]) + 3 * i} for i in range(2)]
    both = Dataset.from_episodes(Spec(Box((2,)), Box((2,))), episodes)
    mine, wanted = fit(both.without_actions([1]), how=how).action, fit(both.take([0]), how=how).action
    np.testing.assert_array_equal(mine.shift, wanted.shift)
    np.testing.assert_array_equal(mine.scale, wanted.scale)


@pytest.mark.parametrize(
    "observation, words",
    [
        (np.zeros(4, np.float32), r"array of shape \[3\], not one of shape \[4\]"),
        ([0.0, 0.0, 0.0], "array of shape .3., not a list"),
        ({"a": 1}, "not one of a"),
    ],
)
def test_an_observation_of_another_shape_is_refused_by_name(observation, words):
    with pytest.raises(BadSpec, match=words):
        require_shape(Box((3,)), observation, "observation")
    with pytest.raises(BadSpec, match="observation.pose"):
        require_shape(Dict((("pose", Box((3,))),)), {"pose": observation}, "observation")
    require_shape(Dict((("pose", Box((3,))),)), {"pose": np.zeros(3)}, "observation")
