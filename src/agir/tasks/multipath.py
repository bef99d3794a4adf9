"""Multipath: a point crosses a field of walls with gaps, and the demonstrator takes any of several routes. The multimodal probe.

All routes begin on one line and leave it late, so the mean of what was demonstrated at the fork is a run into a wall (which ends
the episode). Which route an episode takes is drawn at its start and stands in no observation before the fork. Observed are the
place x, y and how far ahead the next wall is (m; 0 behind the last).

With few `leaps` the decision is one action, and its mean is past mending; with many, a regression that acts at every step mends
itself: E[velocity | place] moves a crowd as the demonstrations did. At a station the demonstrator counts for itself and moves no bit
while it stands: what is observed on its first still step is what is observed on its last.

Commands that would move the point by less than FRICTION_M do not, as static friction would have it: a memoryless regression, whose
mean of many stops and one start is a crawl, stands at the first station for ever, and a memoryless sampler soon leaves it.
Success: at the goal, no wall touched, and every wait done. `info["mode"]` is the route taken, -1 before all walls are passed.
"""

import dataclasses
import itertools
import math
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Key, Meaning, Spec
from agir.tasks.cameras import Camera, look_at
from agir.tasks.native import Native, Timed, World
from agir.tasks.raster import Figure, picture

RATE_HZ = 5.0
CRUISE_M, LONGEST_M = 0.2, 1.0  # how far one action carries: the demonstrator on its way, and at most
FRICTION_M = 0.1  # commands for less do not move the point
HALF_WIDTH_M, MIDDLE_M = 1.0, 0.1  # the field, and the strip on both sides of its middle line where no gap is
WALL_M, CLEAR_M = 0.1, 0.15  # a wall's thickness; from its middle to before and behind it
FORK_M, BACK, LAST = 0.3, 3, 3  # from the fork to before the wall; actions from behind it to the middle; and from there to the goal
GOAL_RADIUS_M, STATION_RADIUS_M = 0.15, 0.1
SEEN_RADIUS_M = 0.06  # of the point in images


class Physics(NamedTuple):
    position: Float[Array, "2"]
    distractors: Float[Array, "distractors"]
    waited: Int[Array, "pauses"]  # steps stood at each station
    passed: Int[Array, ""]  # walls
    route: Int[Array, ""]  # the gaps taken so far, as the digits of a number
    collided: Bool[Array, ""]
    arrived: Bool[Array, ""]


@dataclasses.dataclass(frozen=True)
class Multipath(Native):
    family: ClassVar[str] = "multipath"
    about: ClassVar[str] = "cross a field of walls by any of several routes: modes=, rows=, pauses=, noise=, distractors=, control="

    modes: int = 2  # how many routes there are: every row of walls has modes ** (1 / rows) gaps
    rows: int = 1  # walls one behind the other; between them the routes meet again
    approach: int = 4  # actions on the common line before each fork
    leaps: int = 1  # actions from a fork to a gap (few: the decision is one action; many: what acts at every step mends itself)
    pauses: int = 0  # before so many of the walls lies a station, at which the point must stand; the demonstrator stands still there
    wait: int = 5  # steps to stand at a station, not necessarily on end; the demonstrator stands up to half as long again
    noise: float = 0.02  # of each of the demonstrator's strides (standard deviation, m); none while it stands
    gap: float = 0.6  # width of a gap, as a share of the distance between two
    distractors: int = 0  # entries of the observation that wander by themselves and mean nothing
    control: str = "velocity"  # what an action is: a "velocity", or the "position" to move to
    image: int = 0  # pixels of a side of the image, from above, that is observed instead; 0: the numbers
    steps: int = 0  # the horizon; 0: twice the longest demonstration

    def __post_init__(self):
        if min(self.rows, self.modes) < 1 or self.gaps**self.rows != self.modes or (self.gaps % 2 and self.modes > 1):
            raise BadSetting(
                f"multipath: {self.modes} modes in {self.rows} rows are not an even number of gaps in each row. "
                f"Take modes = gaps ** rows, such as modes=2, modes=4, modes=4,rows=2 or modes=8,rows=3 (modes=1 has one gap a row)."
            )
        if not 0 <= self.pauses <= self.rows:
            raise BadSetting(f"multipath: pauses is 0 to rows ({self.rows}), one before a wall, not {self.pauses}. Set rows too.")
        if self.control not in ("velocity", "position"):
            raise BadSetting(f"multipath: control is 'velocity' or 'position', not '{self.control}'.")
        if self.image and (self.distractors or not 16 <= self.image <= 128):
            raise BadSetting(f"multipath: an image of {self.image} pixels, with {self.distractors} distractors: take 16 to 128, and none.")
        if not 0 < self.gap < 1:
            raise BadSetting(f"multipath: gap lies between 0 and 1, not at {self.gap}.")
        for field, least in {"approach": 1, "leaps": 1, "wait": 0, "noise": 0, "distractors": 0, "steps": 0}.items():
            if getattr(self, field) < least:
                raise BadSetting(f"multipath: {field} is at least {least}, not {getattr(self, field)}.")

    @property
    def observed(self) -> str:
        return "" if self.image else "x, y, how far ahead the next wall is" + f", distractors ({self.distractors})" * bool(self.distractors)

    @property
    def expert_rate(self) -> float | None:
        """Measured over 4096 episodes, at the default noise and gaps or kinder ones."""
        return 1.0 if self.noise <= 0.02 and self.gap >= 0.6 and self.gaps <= 8 and self.horizon >= self.longest else None

    @property
    def longer(self) -> int:
        """Steps that the demonstrator waits beyond `wait`, at most (and at least one)."""
        return 1 + self.wait // 2

    @property
    def longest(self) -> int:
        """Actions of the longest demonstration."""
        return len(self.path(0)[0]) + self.pauses * (self.wait + self.longer)

    @property
    def gaps(self) -> int:
        """In each wall."""
        return round(self.modes ** (1 / max(self.rows, 1)))

    @property
    def walls_m(self) -> tuple[float, ...]:
        """Where the walls' middles stand on the x axis."""
        first = self.approach * CRUISE_M + FORK_M + CLEAR_M
        return tuple(first + row * (first + CLEAR_M + BACK * CRUISE_M) for row in range(self.rows))

    @property
    def goal_m(self) -> tuple[float, float]:
        return self.walls_m[-1] + CLEAR_M + (BACK + LAST) * CRUISE_M, 0.0

    @property
    def apart_m(self) -> float:
        """Between the middles of two neighbouring gaps on one side."""
        return 2 * (HALF_WIDTH_M - MIDDLE_M) / self.gaps

    @property
    def gaps_m(self) -> tuple[float, ...]:
        """Where the gaps' middles lie on the y axis, from the lowest."""
        right = tuple(MIDDLE_M + (i + 0.5) * self.apart_m for i in range(self.gaps // 2))
        return (*(-y for y in reversed(right)), *right) or (0.0,)

    @property
    def stations_m(self) -> tuple[tuple[float, float], ...]:
        fork = CLEAR_M + FORK_M
        return tuple((x - fork - self.approach // 2 * CRUISE_M, 0.0) for x in self.walls_m[: self.pauses])

    @property
    def low_m(self) -> tuple[float, float]:
        return -0.2, -HALF_WIDTH_M

    @property
    def high_m(self) -> tuple[float, float]:
        return self.goal_m[0] + 0.2, HALF_WIDTH_M

    @property
    def boxes(self) -> np.ndarray:
        """The solid pieces of the walls, float32 [pieces, 2, 2]: the lower left and the upper right corner of each."""
        half = self.gap * self.apart_m / 2
        edges = [-HALF_WIDTH_M, *(y + side * half for y in self.gaps_m for side in (-1, 1)), HALF_WIDTH_M]
        pieces = list(zip(edges[::2], edges[1::2]))
        return np.float32([[[x - WALL_M / 2, low], [x + WALL_M / 2, high]] for x in self.walls_m for low, high in pieces])

    def path(self, mode: int) -> tuple[np.ndarray, np.ndarray]:
        """-> where the demonstrator means to be after each action, float32 [actions, 2], and whether it stands there, bool [actions]."""
        digits = list(itertools.product(range(self.gaps), repeat=self.rows))[mode]
        line = lambda start, end, actions: np.linspace(start, end, actions + 1)[1:]
        places, at = [], (0.0, 0.0)
        for x, digit in zip(self.walls_m, digits):
            before, behind, y = x - CLEAR_M, x + CLEAR_M, self.gaps_m[digit]
            corners = [(before - FORK_M, 0.0), (before, y), (behind, y), (behind + BACK * CRUISE_M, 0.0)]
            for end, actions in zip(corners, (self.approach, self.leaps, 1, BACK)):
                places.append(line(at, end, actions))
                at = end
        places = np.concatenate([*places, line(at, self.goal_m, LAST)]).astype(np.float32)
        stands = [np.abs(places - np.float32(station)).max(1) < 1e-4 for station in self.stations_m]
        return places, np.any([np.zeros(len(places), bool), *stands], 0)

    @property
    def horizon(self) -> int:
        return self.steps or 2 * self.longest

    @property
    def spec(self) -> Spec:
        endless = (math.inf,) * self.distractors
        low, high = (*self.low_m, 0.0, *(-x for x in endless)), (*self.high_m, self.high_m[0], *endless)
        observation = Box((self.image, self.image, 3), 0.0, 255.0, "uint8") if self.image else Box((3 + self.distractors,), low, high)
        if self.control == "velocity":
            return Spec(observation, Box((2,), -LONGEST_M * RATE_HZ, LONGEST_M * RATE_HZ), Meaning("velocity", "m/s", "world", RATE_HZ))
        return Spec(observation, Box((2,), self.low_m, self.high_m), Meaning("absolute", "m", "world", RATE_HZ))

    def environment(self) -> "MultipathEnvironment":
        return MultipathEnvironment(self.horizon, self)

    def expert(self) -> "Demonstrator":
        paths, stops = (jnp.asarray(np.stack(parts)) for parts in zip(*(self.path(mode) for mode in range(self.modes))))
        return Demonstrator(self.spec, paths, stops[0], self)

    @property
    def camera(self) -> Camera:
        """Right above the middle, as high as sees all of the field."""
        (x, y), wide = np.add(self.low_m, self.high_m) / 2, max(np.subtract(self.high_m, self.low_m))
        return look_at((x, y, 1.0), (x, y, 0.0), 1 / wide)

    def figures(self, position: Float[Array, "2"]) -> list[Figure]:
        """What an image shows: the walls, the stations, the goal and the point."""
        made = [Figure("wall", box.mean(0), (box[1] - box[0]) / 2) for box in self.boxes]
        made += [Figure("ground", jnp.array(at), radius=STATION_RADIUS_M) for at in self.stations_m]
        made.append(Figure("goal", jnp.array(self.goal_m), radius=GOAL_RADIUS_M))
        return [*made, Figure("hand", position, radius=SEEN_RADIUS_M)]

    def scene(self) -> dict:
        corners = lambda box: [[box[i][0], box[j][1]] for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
        shapes = [{"kind": "polygon", "points": corners(box), "width": 0.0, "role": "obstacle"} for box in self.boxes.tolist()]
        shapes += [{"kind": "circle", "points": [list(at)], "radius": STATION_RADIUS_M, "role": "ground"} for at in self.stations_m]
        shapes.append({"kind": "circle", "points": [list(self.goal_m)], "radius": GOAL_RADIUS_M, "role": "goal"})
        bounds = [[low, high] for low, high in zip(self.low_m, self.high_m)]
        return {"view": "2d", "bounds": bounds, "shapes": shapes}

    def shapes(self, state: World) -> list[dict]:
        at = [float(x) for x in state.physics.position]
        return [{"kind": "circle", "points": [at], "radius": 0.04, "role": "agent"}]


def touches(start: Float[Array, "2"], end: Float[Array, "2"], boxes: Float[Array, "boxes 2 2"]) -> Bool[Array, ""]:
    """Whether the straight line from `start` to `end` meets one of the boxes (their edges included).

    On each axis it is inside for fractions [enter, leave] of its length; it meets the box where these intervals and [0, 1] do.
    """
    along = (end - start)[None, None]
    level = along == 0
    fractions = jnp.where(level, 0.0, (boxes - start[None, None]) / jnp.where(level, 1.0, along))
    within = (boxes[:, 0] <= start[None]) & (start[None] <= boxes[:, 1])  # what counts on an axis along which it does not move
    enter = jnp.where(level[0], jnp.where(within, 0.0, 2.0), fractions.min(1)).max(1)
    leave = jnp.where(level[0], 1.0, fractions.max(1)).min(1)
    return (jnp.maximum(enter, 0.0) <= jnp.minimum(leave, 1.0)).any()


class MultipathEnvironment(Timed):
    task: Multipath = eqx.field(static=True)

    def begin(self, key: Key) -> Physics:
        place, wander = jax.random.split(key)
        position = jax.random.uniform(place, (2,), jnp.float32, jnp.array([-0.05, -0.1]), jnp.array([0.05, 0.1]))
        none, no = jnp.zeros((), jnp.int32), jnp.zeros((), bool)
        distractors = jax.random.normal(wander, (self.task.distractors,), jnp.float32)
        return Physics(position, distractors, jnp.zeros(self.task.pauses, jnp.int32), none, none, no, no)

    def advance(self, physics: Physics, action: Float[Array, "2"], key: Key) -> tuple[Physics, Float[Array, ""], Bool[Array, ""]]:
        task, here = self.task, physics.position
        stride = action / RATE_HZ if task.control == "velocity" else action - here
        length = jnp.sqrt((stride**2).sum())
        still = length < FRICTION_M
        stride = jnp.where(still, 0.0, stride * jnp.minimum(1.0, LONGEST_M / jnp.maximum(length, FRICTION_M)))
        there = jnp.clip(here + stride, jnp.array(task.low_m, jnp.float32), jnp.array(task.high_m, jnp.float32))
        collided = touches(here, there, jnp.asarray(task.boxes))

        wall = jnp.append(jnp.array(task.walls_m, jnp.float32), jnp.float32(jnp.inf))[physics.passed]
        crosses = (there[0] > wall) & ~collided
        through = here[1] + (there[1] - here[1]) * (wall - here[0]) / jnp.maximum(there[0] - here[0], 1e-6)
        gap = jnp.argmin(jnp.abs(jnp.array(task.gaps_m, jnp.float32) - through)).astype(jnp.int32)
        route = jnp.where(crosses, physics.route * task.gaps + gap, physics.route)

        stations = jnp.array(task.stations_m, jnp.float32).reshape(-1, 2)
        stands = (((there[None] - stations) ** 2).sum(1) < STATION_RADIUS_M**2) & still
        arrived = ((there - jnp.array(task.goal_m, jnp.float32)) ** 2).sum() < GOAL_RADIUS_M**2
        wandered = 0.9 * physics.distractors + math.sqrt(1 - 0.9**2) * jax.random.normal(key, physics.distractors.shape, jnp.float32)
        passed = physics.passed + crosses.astype(jnp.int32)
        physics = Physics(there, wandered, physics.waited + stands.astype(jnp.int32), passed, route, collided, arrived & ~collided)
        return physics, self.succeeded(physics).astype(jnp.float32), collided | arrived

    def succeeded(self, physics: Physics) -> Bool[Array, ""]:
        return physics.arrived & self.waited(physics)

    def waited(self, physics: Physics) -> Bool[Array, ""]:
        return (physics.waited >= self.task.wait).all()

    def observe(self, physics: Physics) -> Any:
        if self.task.image:
            return picture(self.task.figures(physics.position), self.task.camera, self.task.image)
        ahead = jnp.array(self.task.walls_m, jnp.float32) - physics.position[0]
        ahead = jnp.where(ahead > 0, ahead, jnp.inf).min(keepdims=True)
        ahead = jnp.where(jnp.isfinite(ahead), ahead, 0.0)
        return jnp.concatenate([physics.position, ahead, physics.distractors])

    def info(self, physics: Physics, terminated: Any, truncated: Any) -> dict:
        mode = jnp.where(physics.passed == self.task.rows, physics.route, -1)
        return {"success": self.succeeded(physics), "collision": physics.collided, "waited": self.waited(physics), "mode": mode}


class Progress(NamedTuple):
    """What the demonstrator remembers and nobody sees."""

    mode: Int[Array, ""]
    done: Int[Array, ""]  # how many places of its path it has been to
    waited: Int[Array, ""]  # steps stood at the last of them
    patience: Int[Array, "actions"]  # how long it means to stand at each place


class Demonstrator(Policy):
    """Goes from place to place of a route drawn at its start, and stands where it must for as long as it drew then."""

    paths: Float[Array, "modes actions 2"]
    stands: Bool[Array, "actions"]
    task: Multipath = eqx.field(static=True)

    def see(self, state: World) -> Float[Array, "2"]:
        return state.physics.position

    def start(self, key: Key) -> Progress:
        choice, length = jax.random.split(key)
        none = jnp.zeros((), jnp.int32)
        longer = jax.random.randint(length, self.stands.shape, 1, self.task.longer + 1)
        mode = jax.random.randint(choice, (), 0, len(self.paths))
        return Progress(mode, none, none, jnp.where(self.stands, self.task.wait + longer, 0))

    def act(self, observation: Float[Array, "2"], memory: Progress, key: Key) -> Act:
        here, path, last = observation, self.paths[memory.mode], self.paths.shape[1] - 1
        waits = (memory.done > 0) & (memory.waited < memory.patience[memory.done - 1])
        stride = path[jnp.minimum(memory.done, last)] - here + self.task.noise * jax.random.normal(key, (2,), jnp.float32)
        stride = jnp.where(waits, 0.0, stride)
        done, waited = jnp.where(waits, memory.done, memory.done + 1), jnp.where(waits, memory.waited + 1, 0)
        action = here + stride if self.task.control == "position" else stride * RATE_HZ
        return Act(action, memory._replace(done=done, waited=waited), {"mode": memory.mode})
