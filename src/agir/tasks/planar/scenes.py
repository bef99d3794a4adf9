"""What a scene of planar is, and the scenes in which the hand has but to reach something."""

from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.tasks.contact import length, turned
from agir.tasks.planar.world import TABLE_M, Outfit, Physics
from agir.tasks.raster import Figure

CANDIDATES = 16  # places drawn for one that must keep its distance
REACHED_M = 0.04
INSIDE_M = 0.1  # goals "inside" the training region have x below this, goals "outside" above
GOALS, CIRCLE_M = 8, 0.35


class Column(NamedTuple):
    """A piece of the state's vector. `own`: the robot knows it by itself, without seeing (it stands beside images)."""

    name: str
    size: int
    low: float
    high: float
    own: bool = False


class Plan(NamedTuple):
    """What the demonstrator remembers."""

    side: Float[Array, ""]  # which of its ways it takes, from -1 to 1, drawn at its start
    phase: Any  # int32 []
    turn: Float[Array, ""]  # which way it searches


class Drive(NamedTuple):
    """What the demonstrator means to do next."""

    stride: Float[Array, "3"]
    plan: Plan
    closing: Any = 0.0  # m, of the fingers; negative closes
    precise: Any = False  # whether it takes care (a tenth of its noise)


class Scene:
    """One preset's objects, rules and demonstrator. `settings` has the values of all options that the preset knows."""

    outfit = Outfit()
    rises = False  # whether the hand also moves up and down
    jumps = 0  # of the fixture, in an episode

    def __init__(self, settings: SimpleNamespace):
        self.settings = settings

    @property
    def columns(self) -> tuple[Column, ...]:
        raise NotImplementedError

    def begin(self, key: Key) -> Physics:
        """-> the start, a function of the key alone."""
        raise NotImplementedError

    def judge(self, before: Physics, physics: Physics) -> Physics:
        """-> the physics with `visited`, `kept`, `phase`, `failed` and `done` as they are after the step."""
        raise NotImplementedError

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        """-> the numbers of each column."""
        raise NotImplementedError

    def figures(self, physics: Physics) -> list[Figure]:
        """-> what is seen, but for the hand, from the lowest to the highest."""
        raise NotImplementedError

    def drive(self, physics: Physics, plan: Plan) -> Drive:
        """-> the demonstrator's next stride, of any length, before noise."""
        raise NotImplementedError

    def info(self, physics: Physics) -> dict:
        return {}

    def check(self) -> None:
        """Raises BadSetting where the settings do not fit each other."""

    # ------------------------------------------------------------------------------------------------------------- shared
    @property
    def place(self) -> tuple[Column, ...]:
        """The columns of the hand."""
        hand = (Column("hand", 3, -TABLE_M, TABLE_M, True),) if self.rises else (Column("hand", 2, -TABLE_M, TABLE_M, True),)
        return hand + (Column("velocity", hand[0].size, -1.0, 1.0, True),) * (self.settings.inertia > 0)

    def of_hand(self, physics: Physics) -> list[Float[Array, "..."]]:
        size = 3 if self.rises else 2
        return [physics.hand[:size]] + [physics.velocity[:size]] * (self.settings.inertia > 0)

    def still(self, hand: Float[Array, "3"], **others: Any) -> Physics:
        """A world in which nothing is but the hand and the `others`."""
        none, no, here = jnp.zeros((), jnp.int32), jnp.zeros((), bool), jnp.zeros(2)
        nothing = Physics(
            hand,
            velocity=jnp.zeros(3),
            opening=jnp.float32(0.06),
            bodies=jnp.zeros((0, 3)),
            force=here,
            fixture=here,
            told=here,
            jumps=jnp.zeros((0, 3)),
            goal=jnp.zeros(3),
            marks=jnp.zeros((0, 2)),
            path=jnp.zeros((0, 2)),
            letters=jnp.zeros(0, jnp.int32),
            visited=none,
            kept=none,
            phase=none,
            failed=no,
            done=no,
            clock=none,
            look=jnp.zeros(24),
            order=jnp.zeros(0, jnp.int32),
        )
        return nothing._replace(**others)

    def region(self) -> tuple[float, float]:
        """Between which x goals are drawn, as a share of their range."""
        return {"all": (-0.4, 0.4), "inside": (-0.4, INSIDE_M), "outside": (INSIDE_M, 0.4)}[self.settings.region]


def uniform(key: Key, low: tuple[float, ...], high: tuple[float, ...]) -> Float[Array, "size"]:
    return jax.random.uniform(key, (len(low),), jnp.float32, jnp.array(low, jnp.float32), jnp.array(high, jnp.float32))


def spaced(key: Key, low: tuple[float, float], high: tuple[float, float], others: list[Float[Array, "2"]], gap: float) -> Float[Array, "2"]:
    """A place at least `gap` from the others: the first such of CANDIDATES uniform ones (failing that, the farthest)."""
    bounds = jnp.array(low, jnp.float32), jnp.array(high, jnp.float32)
    places = jax.random.uniform(key, (CANDIDATES, 2), jnp.float32, *bounds)
    near = length(places[:, None] - jnp.stack(others)[None]).min(1)
    fits = near >= gap
    return places[jnp.where(fits.any(), jnp.argmax(fits), jnp.argmax(near))]


def scattered(key: Key, count: int, reach: float, taken: list[Float[Array, "2"]], gap: float) -> list[Float[Array, "2"]]:
    """`count` places within `reach` of the middle on both axes, `gap` from what is taken and from each other."""
    places = []
    for each in jax.random.split(key, count) if count else []:
        places.append(spaced(each, (-reach, -reach), (reach, reach), taken + places, gap))
    return places


def veered(stride: Float[Array, "3"], side: Float[Array, ""]) -> Float[Array, "3"]:
    """A stride towards something far turned aside by up to 0.9 rad, the less the nearer it is: a bow."""
    angle = 0.9 * side * jnp.clip(length(stride[:2]) / 0.3, 0.0, 1.0)
    return jnp.append(turned(stride[:2], angle), stride[2])


class Reach(Scene):
    """The hand goes to the goal. `distractors` flat marks lie about."""

    @property
    def columns(self) -> tuple[Column, ...]:
        size = 3 if self.rises else 2
        seen = (Column("goal", size, -TABLE_M, TABLE_M),) + (Column("distractor", 2, -TABLE_M, TABLE_M),) * self.settings.distractors
        return self.place + seen

    def begin(self, key: Key) -> Physics:
        start, end, marks, high = jax.random.split(key, 4)
        low, far = self.region()
        hand = uniform(start, (-0.4, -0.4), (0.4, 0.4))
        goal = spaced(end, (low, -0.4), (far, 0.4), [hand], 0.15)
        places = scattered(marks, self.settings.distractors, 0.4, [goal], 0.1)
        marks = jnp.stack(places) if places else jnp.zeros((0, 2))
        heights = uniform(high, (0.05, 0.05), (0.35, 0.35)) if self.rises else jnp.zeros(2)
        return self.still(jnp.append(hand, heights[0]), goal=jnp.append(goal, heights[1]), marks=marks)

    def judge(self, before: Physics, physics: Physics) -> Physics:
        return physics._replace(done=((physics.hand - physics.goal) ** 2).sum() < REACHED_M**2)

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        return [*self.of_hand(physics), physics.goal[: 3 if self.rises else 2], *physics.marks]

    def figures(self, physics: Physics) -> list[Figure]:
        marks = [Figure("distractor", place, radius=REACHED_M) for place in physics.marks]
        return [*marks, Figure("goal", physics.goal[:2], radius=REACHED_M, height=physics.goal[2])]

    def drive(self, physics: Physics, plan: Plan) -> Drive:
        return Drive(veered(physics.goal - physics.hand, plan.side), plan)


class Reach3(Reach):
    """The same above the table: hand and goal have a height."""

    rises = True


class Goals(Reach):
    """Eight goals in a circle, one of which is meant and nobody says which: it is the task's, not the episode's."""

    def __init__(self, settings: SimpleNamespace):
        super().__init__(settings)
        angles = 2 * np.pi * np.arange(GOALS) / GOALS
        self.goals = np.float32(CIRCLE_M * np.stack([np.cos(angles), np.sin(angles)], 1))

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.place

    def begin(self, key: Key) -> Physics:
        hand = uniform(key, (-0.15, -0.15), (0.15, 0.15))
        goal = jnp.append(jnp.asarray(self.goals[self.settings.goal]), jnp.zeros(1))
        return self.still(jnp.append(hand, jnp.zeros(1)), goal=goal, marks=jnp.asarray(self.goals))

    def judge(self, before: Physics, physics: Physics) -> Physics:
        index = self.info(physics)["goal"]
        return physics._replace(done=index == self.settings.goal, failed=(index >= 0) & (index != self.settings.goal))

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        return self.of_hand(physics)

    def figures(self, physics: Physics) -> list[Figure]:
        return [Figure("goal", place, radius=REACHED_M) for place in physics.marks]

    def info(self, physics: Physics) -> dict:
        """`goal`: which of the eight was reached; -1: none yet."""
        at = length(physics.marks - physics.hand[None, :2])
        return {"goal": jnp.where(at.min() < REACHED_M, jnp.argmin(at), -1).astype(jnp.int32)}
