"""Motion Track Policy (Ren et al. 2025, arXiv 2501.06994): actions as short tracks of keypoints in two images, for hand and robot alike.

    seen       keypoints of the hand or gripper (and of what it is about) in calibrated views, in image widths
    training   Diffusion Policy of the tracks: where each of the hand's `points` is after each of the next `horizon` steps, in each view,
               less where it is now. An episode needs no recorded actions, so people's hands teach too
    acting     each point of the tracks is triangulated from its views; how their middle moves from step to step is the hand's motion
    `--represent places` is the same with the triangulated motion itself as what is denoised: a policy in the world that learns from the
    same tracks, which the paper has not; it tells what tracks in images are good for.

Deviations: fidelity is the mechanism's: keypoints are observed (the paper: images and detectors), no gripper flag, no head that aligns
a hand's keypoints with a gripper's (tracks are relative, so a constant offset between them does not matter). The rigid motion between
two steps is taken for a translation, which is the motion of the points' middle; the paper fits a rotation too.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Act, Learner, Policy, Source, Window, given
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.diffusion import Diffusion
from agir.networks.denoiser import create_denoiser
from agir.runtime.executors import Receding
from agir.training.diffusion_method import DiffusionMethod
from agir.training.state import Trained
from agir.training.tracks import Calibration, FitCalibration, Tracks

REPRESENTATIONS = ("tracks", "places")


class MotionTracks(DiffusionMethod):
    calibration: Calibration | Learner = given(Calibration, default=FitCalibration(), about="cameras and units")
    represent: str = "tracks"  # what is denoised: tracks in the images (paper), or places in the world
    points: int = 3  # of the keypoints, the first ones, are the hand's
    zoom: float = 5.0  # by which tracks (image widths, m) are multiplied, so that they are about as large as the noise
    learns_from: Source = Tracks(batch=64)

    @property
    def bound(self) -> None:
        """Tracks have none."""
        return None

    def create(self, features: int, key: Key) -> Diffusion:
        """Raises BadSpec where an action is not a velocity in space, BadSetting on another representation."""
        meaning, shape = self.spec.meaning, self.spec.action.shape
        if meaning.kind != "velocity" or shape != (3,) or not meaning.rate_hz:
            raise BadSpec(
                f"motion-tracks gives velocities in space, x, y and z at a known rate; these actions are a {meaning.kind} of shape "
                f"{list(shape)} at {meaning.rate_hz:g} Hz. Use planar/two-views, or diffusion-policy."
            )
        if self.represent not in REPRESENTATIONS:
            raise BadSetting(f"--represent is one of {', '.join(REPRESENTATIONS)}, not '{self.represent}'.")
        if not 0 < self.points <= self.spec.observation.shape[1]:
            raise BadSetting(f"--points is 1 to {self.spec.observation.shape[1]}, the keypoints, not {self.points}.")
        size = self.spec.observation.shape[0] * self.points * 2 if self.represent == "tracks" else 3
        network = create_denoiser(self.network, (self.horizon, size), (self.history, features), key, self.width, self.depth)
        return Diffusion(network, self.horizon, (size,), **self.diffusion)

    def loss(self, model: ChunkModel, batch: Window, key: Key, augment: bool = True) -> Float[Array, ""]:
        tracks = jax.vmap(self.tracks)(batch.observation[:, -1], batch.action)
        return super().loss(model, dataclasses.replace(batch, action=tracks), key, augment)

    def tracks(self, now: Float[Array, "views points 2"], later: Float[Array, "horizon views points 2"]) -> Float[Array, "horizon size"]:
        """What is denoised, from the keypoints now and after each step, as the learner sees them."""
        here, there = (self.calibration.seen(x)[..., : self.points, :] for x in (now, later))
        if self.represent == "tracks":
            return self.zoom * (there - here[None]).reshape(self.horizon, -1)
        middle = lambda seen: self.calibration.place(seen).mean(0)
        return self.zoom * (jax.vmap(middle)(there) - middle(here)[None])

    def policy(self, state: Trained) -> Policy:
        zoom = jnp.asarray(self.zoom, jnp.float32)
        planner = TrackPlanner(self.spec, self.tuned(state.best), self.calibration, zoom, self.points, self.represent == "tracks")
        return Receding(self.spec, planner, self.history, self.execute)


class TrackPlanner(Policy):
    """Sees keypoints [history, views, points, 2] and gives velocities [horizon, 3]."""

    model: ChunkModel
    calibration: Calibration
    zoom: Float[Array, ""]
    points: int = eqx.field(static=True)
    in_images: bool = eqx.field(static=True)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        here = self.calibration.seen(observation[-1])[:, : self.points]
        chunk = self.model.sample(observation, key) / self.zoom
        moved = self.motion(here, chunk) if self.in_images else chunk
        history = observation.shape[0]
        begin = jnp.zeros((1, 3))  # before the action for now, nothing has moved
        strides = jnp.diff(jnp.concatenate([begin, moved[history - 1 :]]), axis=0)
        actions = self.calibration.action(strides * self.spec.meaning.rate_hz)
        past = jnp.zeros((history - 1, 3))
        return Act(jnp.concatenate([past, actions]), memory, {"passes": jnp.int32(self.model.generator.passes)})

    def motion(self, here: Float[Array, "views points 2"], chunk: Float[Array, "horizon size"]) -> Float[Array, "horizon 3"]:
        """How far the points' middle has moved after each step (m), from their tracks in the images."""
        middle = lambda seen: self.calibration.place(seen).mean(0)
        start = middle(here)
        return jax.vmap(lambda offsets: middle(here + offsets.reshape(here.shape)) - start)(chunk)
