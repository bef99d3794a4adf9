"""Motion tracks: what is cut from an episode, back from images to the world, and a policy that moves as a hand without actions did."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, learner

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Task
from agir.core.spaces import Box, Meaning, Spec
from agir.data.dataset import Dataset
from agir.data.normalization import Affine, normalized_spec
from agir.generators.chunk_model import ChunkModel
from agir.generators.generator import Generator
from agir.methods.imitation.motion_tracks import MotionTracks, TrackPlanner
from agir.networks.encoder import Encoder
from agir.tasks.cameras import look_at, project
from agir.training.tracks import Calibrated, Calibration, FitCalibration, Tracks
from agir.training.world import make_world

CAMERAS = [look_at((0.0, 0.0, 1.4), (0.0, 0.0, 0.0), 1.2), look_at((0.8, -0.9, 1.1), (0.0, 0.0, 0.0), 1.2)]
SPEC = Spec(Box((2, 4, 2)), Box((3,), -1.0, 1.0), Meaning("velocity", "m/s", "world", 10.0))
HAND = np.float32([[0.02, 0, 0], [-0.02, 0, 0], [0, 0, 0.06], [0.3, 0.2, 0.1]])  # three points of a hand; the goal


class Views(Task):
    name, spec, horizon, cameras = "views", SPEC, 20, tuple(CAMERAS)


class Known(Generator):
    """Says this chunk."""

    chunk: jax.Array

    def loss(self, chunk, mask, context, key):
        raise NotImplementedError

    def sample(self, context, key):
        return self.chunk


def saying(chunk):
    return ChunkModel(Encoder({}, SPEC.observation, 100), Known(chunk))


def seen(places):
    """Keypoints [steps, views, points, 2] of a hand at places [steps, 3]."""
    points = jnp.asarray(places)[:, None] + jnp.asarray(HAND)[None] * jnp.ones((1, 4, 1))
    points = points.at[:, 3].set(jnp.asarray(HAND[3]))
    return jnp.stack([jax.vmap(lambda p: project(camera, p, 1))(points) for camera in CAMERAS], 1)


def wandering(episodes=4, steps=9):
    draw, made = np.random.default_rng(0), []
    for _ in range(episodes):
        action = draw.uniform(-0.5, 0.5, (steps, 3)).astype(np.float32)
        places = np.concatenate([np.zeros((1, 3)), action.cumsum(0) / 10]) + [0.0, 0.0, 0.2]
        made.append({"observation": np.asarray(seen(np.float32(places))), "action": action})
    return Dataset.from_episodes(SPEC, made)


@pytest.fixture(scope="module")
def world():
    return make_world(Views(), {"demonstrations": wandering().without_actions([1, 2])}, validation_share=0.25)


@pytest.fixture(scope="module")
def calibration(world):
    return Calibrated().bind(world, FitCalibration()).calibration


@pytest.mark.parametrize("represent", ["tracks", "places"])
def test_the_demonstrated_tracks_give_back_the_demonstrated_actions(world, calibration, represent):
    """From keypoints to tracks, through triangulation, to velocities in the run's normalisation: the recorded ones, to rounding."""
    method = learner(MotionTracks, world.spec, calibration=calibration, represent=represent, history=2, horizon=5)
    source, table = Tracks().bind(world, method), world.table("demonstrations", "training")
    planner = TrackPlanner(world.spec, saying(jnp.zeros(1)), calibration, jnp.float32(5.0), 3, represent == "tracks")
    kept, _ = wandering().split(0.25)

    @jax.jit
    def planned(row):
        window = source.cut(row)
        model = saying(method.tracks(window.observation[-1], window.action))
        return dataclasses.replace(planner, model=model).act(window.observation, (), jax.random.key(0)).action, window.mask

    for row in (0, 3, 7, 9, 16, 20):
        actions, mask = planned(jnp.int32(row))
        wanted = world.normalization.encode(jnp.asarray(kept.columns["action"]))
        for step in range(1, 5):
            inside = row + step - 1 <= int(table.last[row])
            assert bool(mask[step]) == inside
            if inside:
                np.testing.assert_allclose(actions[step], wanted[row + step - 1], atol=3e-3)


def test_points_come_back_from_their_images(calibration):
    place = calibration.place(seen(np.float32([[0.1, -0.2, 0.3]]))[0])
    np.testing.assert_allclose(place[:3], HAND[:3] + np.float32([0.1, -0.2, 0.3]), atol=1e-4)


def test_what_cannot_be_done_is_refused(world, calibration):
    class Blind(Views):
        cameras = ()

    with pytest.raises(BadSpec, match="it has 0 cameras"):
        Calibrated().bind(make_world(Blind(), {"demonstrations": wandering()}), FitCalibration())
    with pytest.raises(BadSetting, match="tracks, places, not 'paths'"):
        learner(MotionTracks, world.spec, calibration=calibration, represent="paths").init(jax.random.key(0))
    with pytest.raises(BadSetting, match="1 to 4"):
        learner(MotionTracks, world.spec, calibration=calibration, points=5).init(jax.random.key(0))
    with pytest.raises(BadSpec, match="gives velocities in space"):
        learner(MotionTracks, NUMBERS, calibration=calibration).init(jax.random.key(0))


def test_the_calibration_is_a_stage_of_known_shape(world, calibration):
    stage = learner(FitCalibration, world.spec)
    empty = stage.init(jax.random.key(0))
    found, _ = stage.update(empty, calibration, jnp.int32(0), None)
    assert eqx.tree_equal(found, jax.tree.map(jnp.asarray, calibration))
    outline = lambda tree: jax.tree.map(lambda x: (jnp.shape(x), jnp.asarray(x).dtype), tree)
    assert outline(empty) == outline(found)
    assert isinstance(calibration, Calibration) and isinstance(calibration.keypoint, Affine)
    assert normalized_spec(SPEC, world.normalization) == world.spec


def test_a_plan_follows_tracks_that_were_learnt_from_hands_without_actions(world, calibration):
    """Shapes and gradients of the whole."""
    settings = {"network": "mlp", "width": 16, "depth": 1, "history": 2, "horizon": 4, "execute": 2, "warmup": 1, "updates": 10}
    method = learner(MotionTracks, world.spec, calibration=calibration, **settings)
    source = Tracks(batch=8).bind(world, method)
    _, batch = source.next((), None, jnp.int32(0), jax.random.key(0))

    @eqx.filter_jit
    def whole(key):
        state = method.init(key)
        after, metrics = method.update(state, batch, jnp.int32(3), key)
        policy = method.policy(after)
        return state, after, metrics["loss"], policy.act(batch.observation[0, -1], policy.start(key), key).action

    before, after, loss, action = whole(jax.random.key(0))
    assert jnp.isfinite(loss) and action.shape == (3,)
    assert not eqx.tree_equal(before.moments, after.moments)  # gradients arrive; the rate of the first update is 0
