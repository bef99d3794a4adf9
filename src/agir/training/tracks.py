"""Where keypoints go, in the images of calibrated cameras: windows of their tracks, and what is needed to get back to the world."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSpec
from agir.core.nouns import Learner, Source, Window, bound, fixed
from agir.core.spaces import Key
from agir.data.normalization import Affine
from agir.tasks.cameras import Camera, triangulate
from agir.training.sources import Windows
from agir.training.world import World


class Tracks(Windows):
    """Windows whose chunk is what is seen after each action [horizon, ...] instead of the action: of episodes without actions too."""

    def cut(self, row: Any) -> Window:
        table = self.table
        begin, first, last = row - self.history + 1, table.first[row], table.last[row]
        seen, done = jnp.maximum(begin + jnp.arange(self.history), first), begin + jnp.arange(self.horizon)
        after = jnp.clip(done + 1, first, last)
        inside = (done >= first) & (done <= last)
        at_end = done >= last

        def follow(column: Any, final: Any) -> Any:
            return jnp.where(at_end.reshape(-1, *(1,) * (column.ndim - 1)), final[table.episode[row]][None], column[after])

        observation = table.columns["observation"]
        tracks = jax.tree.map(follow, observation, table.final_observation)
        return Window(jax.tree.map(lambda column: column[seen], observation), tracks, inside.astype(jnp.float32))


class Calibration(eqx.Module):
    """From the learner's keypoints [views, points, 2] to image widths, to the world (m), and to the learner's actions."""

    cameras: list[Camera]
    keypoint: Affine
    action: Affine

    def seen(self, keypoints: Float[Array, "*lead views points 2"]) -> Float[Array, "*lead views points 2"]:
        """In image widths."""
        return self.keypoint.inverse(keypoints)

    def place(self, seen: Float[Array, "views points 2"]) -> Float[Array, "points 3"]:
        """Each point in the world, from its places in all views."""
        return jax.vmap(lambda pixels: triangulate(self.cameras, pixels, 1), in_axes=1)(seen)


class Calibrated(Source):
    """The task's own cameras and the run's normalisation, as the only batch there is."""

    calibration: Calibration | None = bound()

    def bind(self, world: World, learner: Learner, split: str = "training") -> "Calibrated":
        """Raises BadSpec where the task has no calibrated cameras, or not one for each view."""
        cameras, shape = getattr(world.task, "cameras", ()), getattr(world.spec.observation, "shape", ())
        if len(shape) != 3 or shape[-1] != 2 or len(cameras) != shape[0] or shape[0] < 2:
            raise BadSpec(
                f"{world.task.name} is not seen as keypoints in two or more calibrated views: its observations are of shape {list(shape)}, "
                f"and it has {len(cameras)} cameras. planar/two-views is."
            )
        plain = lambda affine, shape: affine or Affine(jnp.zeros(shape), jnp.ones(shape))
        maps = world.normalization
        found = Calibration(list(cameras), plain(maps.observation, shape), plain(maps.action, world.spec.action.shape))
        return dataclasses.replace(self, calibration=found)

    def next(self, feed: Any, policy: Any, step: Any, key: Key) -> tuple[Any, Calibration]:
        return feed, self.calibration


class FitCalibration(Learner):
    """Takes them over, in one update."""

    learns_from: Source = Calibrated()
    updates: int = fixed(1)

    def init(self, key: Key) -> Calibration:
        shape = self.spec.observation.shape
        camera = lambda: Camera(jnp.zeros(3), jnp.zeros((3, 3)), jnp.zeros(()))
        plain = lambda shape: Affine(jnp.zeros(shape), jnp.ones(shape))
        return Calibration([camera() for _ in range(shape[0])], plain(shape), plain(self.spec.action.shape))

    def update(self, state: Calibration, batch: Calibration, step: Any, key: Key) -> tuple[Calibration, dict]:
        return jax.tree.map(jnp.asarray, batch), {}

    def result(self, state: Calibration) -> Calibration:
        return state
