"""Point-maze: a round point, pushed by a force, goes from anywhere in a maze to anywhere else in it.

`point-maze/LAYOUT` is sparse (1 on arrival, which ends the episode, else 0); `point-maze/LAYOUT-dense` gives exp(-distance) - 1 at
every step (the dense reward of D4RL's mazes, arXiv 2004.07219, shifted below zero so that arriving early is best). A free cell is
1 m wide. Observed are position and velocity and the goal's position, all in m and m/s. With `fixed`, the start lies in the
layout's cell S and the goal in its cell G.

The expert heads for the next cell on a shortest path; where a maze has loops it draws one of several maps of slightly different
lengths at its start, so that demonstrations of one start and goal take different ways round.
"""

import dataclasses
import functools
import heapq
import math
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Key, Meaning, Spec
from agir.tasks.native import Native, Timed, World

STEP_S, PUSH, DRAG = 0.1, 5.0, 2.5  # m/s^2 at full force, and per second of speed: at most 2 m/s
RADIUS_M, GOAL_RADIUS_M, JITTER_M = 0.1, 0.3, 0.25
MAPS = 4  # of slightly different lengths

LAYOUTS = {  # the horizon, and the maze: rows from top to bottom, # a wall
    "open": (100, ("#######", "#S    #", "#     #", "#    G#", "#######")),
    "umaze": (100, ("#####", "#S  #", "### #", "#G  #", "#####")),
    "medium": (200, ("########", "#S    ##", "# # #  #", "# ## # #", "#    # #", "## #   #", "#    #G#", "########")),
    "large": (
        300,
        (
            "############",
            "#S   #     #",
            "# ## # # # #",
            "#      #   #",
            "# #### ### #",
            "#  # #     #",
            "## # # # ###",
            "#  #   #  G#",
            "############",
        ),
    ),
}


class Physics(NamedTuple):
    position: Float[Array, "2"]
    velocity: Float[Array, "2"]
    goal: Float[Array, "2"]


@dataclasses.dataclass(frozen=True)
class PointMaze(Native):
    family: ClassVar[str] = "point-maze"
    variants: ClassVar[tuple[str, ...]] = tuple(layout + reward for layout in LAYOUTS for reward in ("", "-dense"))
    about: ClassVar[str] = "push a point through a maze to a goal: point-maze/LAYOUT or LAYOUT-dense; open, umaze, medium, large"
    expert_rate: ClassVar[float] = 1.0

    variant: str
    fixed: bool = False  # the start lies in the layout's cell S and the goal in its cell G; else anywhere
    steps: int = 0  # the horizon; 0: the layout's own

    @property
    def layout(self) -> tuple[str, ...]:
        return LAYOUTS[self.variant.removesuffix("-dense")][1]

    @property
    def dense(self) -> bool:
        return self.variant.endswith("-dense")

    @property
    def horizon(self) -> int:
        return self.steps or LAYOUTS[self.variant.removesuffix("-dense")][0]

    @property
    def walls(self) -> np.ndarray:
        """bool [rows, columns], from the lowest row: entry [j, i] is the cell whose middle is at x = i + 0.5, y = j + 0.5."""
        return np.array([[letter == "#" for letter in row] for row in self.layout[::-1]])

    def cell(self, letter: str) -> tuple[int, int]:
        """-> row and column of a letter of the layout."""
        return next((j, row.index(letter)) for j, row in enumerate(self.layout[::-1]) if letter in row)

    @property
    def spec(self) -> Spec:
        height, width = self.walls.shape
        fastest = PUSH / DRAG
        low, high = (0.0, 0.0, -fastest, -fastest, 0.0, 0.0), (width, height, fastest, fastest, width, height)
        return Spec(Box((6,), low, tuple(map(float, high))), Box((2,), -1.0, 1.0), Meaning("force", "", "world", 1 / STEP_S))

    def environment(self) -> "PointMazeEnvironment":
        return PointMazeEnvironment(self.horizon, self)

    def expert(self) -> "Waypoints":
        return Waypoints(self.spec, jnp.asarray(maps(self.layout)))

    def scene(self) -> dict:
        walls = self.walls
        square = lambda i, j: [[float(i + a), float(j + b)] for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
        shapes = [{"kind": "polygon", "points": square(i, j), "width": 0.0, "role": "obstacle"} for j, i in np.argwhere(walls)]
        return {"view": "2d", "bounds": [[0.0, float(walls.shape[1])], [0.0, float(walls.shape[0])]], "shapes": shapes}

    def shapes(self, state: World) -> list[dict]:
        circle = lambda at, radius, role: {"kind": "circle", "points": [[float(x) for x in at]], "radius": radius, "role": role}
        return [circle(state.physics.goal, GOAL_RADIUS_M, "goal"), circle(state.physics.position, RADIUS_M, "agent")]


def slide(walls: Bool[Array, "rows columns"], position: Float[Array, "2"], stride: Float[Array, "2"]) -> tuple[Any, Any]:
    """Moves a square of half-width RADIUS_M along one axis and then the other -> position, and on which axes it hit, bool [2].

    A stride of less than a cell that would end in a wall ends at the wall's face.
    """
    hits = []
    for axis in (0, 1):
        moved = position.at[axis].add(stride[axis])
        side = jnp.where(stride[axis] >= 0, RADIUS_M, -RADIUS_M)
        front = moved[axis] + side
        across = position[1 - axis] + jnp.array([-RADIUS_M, RADIUS_M])  # both corners of the side that leads
        along = jnp.floor(front).astype(jnp.int32)
        other = jnp.floor(across).astype(jnp.int32)
        hit = (walls[other, along] if axis == 0 else walls[along, other]).any()
        face = jnp.where(stride[axis] >= 0, jnp.floor(front) - 1e-4, jnp.floor(front) + 1 + 1e-4)
        position = jnp.where(hit, moved.at[axis].set(face - side), moved)
        hits.append(hit)
    return position, jnp.stack(hits)


class PointMazeEnvironment(Timed):
    task: PointMaze = eqx.field(static=True)

    def begin(self, key: Key) -> Physics:
        task = self.task
        choice, other, start, end = jax.random.split(key, 4)
        jitter = lambda key: jax.random.uniform(key, (2,), jnp.float32, -JITTER_M, JITTER_M)
        if task.fixed:
            cells, here, there = jnp.array([task.cell("S"), task.cell("G")]), 0, 1
        else:
            cells = jnp.asarray(np.argwhere(~task.walls))
            here = jax.random.randint(choice, (), 0, len(cells))
            there = (here + jax.random.randint(other, (), 1, len(cells))) % len(cells)  # any but the start's
        middle = lambda cell: cell[::-1].astype(jnp.float32) + 0.5
        goal = middle(cells[there]) + (0.0 if task.fixed else jitter(end))
        return Physics(middle(cells[here]) + jitter(start), jnp.zeros(2), goal)

    def advance(self, physics: Physics, action: Float[Array, "2"], key: Key) -> tuple[Physics, Float[Array, ""], Bool[Array, ""]]:
        force = jnp.clip(action, -1.0, 1.0)
        velocity = physics.velocity + STEP_S * (PUSH * force - DRAG * physics.velocity)
        position, hit = slide(jnp.asarray(self.task.walls), physics.position, STEP_S * velocity)
        distance = jnp.sqrt(((position - physics.goal) ** 2).sum())
        arrived = distance < GOAL_RADIUS_M
        reward = jnp.exp(-distance) - 1.0 if self.task.dense else arrived.astype(jnp.float32)
        return Physics(position, jnp.where(hit, 0.0, velocity), physics.goal), reward, arrived

    def observe(self, physics: Physics) -> Float[Array, "6"]:
        return jnp.concatenate(physics)


@functools.cache
def maps(layout: tuple[str, ...]) -> np.ndarray:
    """Where to go next: int32 [MAPS, rows, columns, rows, columns, 2], the cell (row, column) after [from] on a shortest way to [to].

    The first map counts cells; in the others each step between two cells is longer by up to a tenth, drawn with a fixed seed.
    Dijkstra's algorithm from every goal; the entries of walls say nothing.
    """
    free = np.array([[letter != "#" for letter in row] for row in layout[::-1]])
    table = np.zeros((MAPS, *free.shape, *free.shape, 2), np.int32)
    for which in range(MAPS):
        draw = np.random.default_rng(which)
        longer = np.zeros((2, *free.shape)) if which == 0 else draw.uniform(0, 0.1, (2, *free.shape))
        for goal in map(tuple, np.argwhere(free).tolist()):
            for cell, after in _ways(free, longer, goal).items():
                table[(which, *cell, *goal)] = after
    return table


def _ways(free: np.ndarray, longer: np.ndarray, goal: tuple[int, int]) -> dict[tuple[int, int], tuple[int, int]]:
    """For every cell, the next one on the shortest way to `goal`. A step's extra stands at its lower or left cell."""
    after, length, heap = {goal: goal}, {goal: 0.0}, [(0.0, goal)]
    while heap:
        so_far, cell = heapq.heappop(heap)
        if so_far > length[cell]:
            continue
        for axis, sign in ((0, 1), (0, -1), (1, 1), (1, -1)):
            near = (cell[0] + sign * (axis == 0), cell[1] + sign * (axis == 1))
            total = so_far + 1 + longer[(axis, *min(cell, near))]
            if free[near] and total < length.get(near, math.inf):
                after[near], length[near] = cell, total
                heapq.heappush(heap, (total, near))
    return after


class Waypoints(Policy):
    """Heads for the middle of the next cell on a way to the goal, and in the goal's cell for the goal."""

    maps: Int[Array, "maps rows columns rows columns 2"]

    def start(self, key: Key) -> Int[Array, ""]:
        return jax.random.randint(key, (), 0, len(self.maps))

    def act(self, observation: Float[Array, "6"], memory: Int[Array, ""], key: Key) -> Act:
        position, velocity, goal = observation[:2], observation[2:4], observation[4:]
        cell, last = (jnp.floor(at).astype(jnp.int32)[::-1] for at in (position, goal))
        after = self.maps[memory, cell[0], cell[1], last[0], last[1]]
        target = jnp.where((cell == last).all(), goal, after[::-1].astype(jnp.float32) + 0.5)
        return Act(jnp.clip(3.0 * (target - position) - velocity, -1.0, 1.0), memory)
