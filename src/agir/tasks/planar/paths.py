"""The scenes of planar in which a path is followed: a lane that must not be left, strokes to be drawn one after the other."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.tasks.contact import length
from agir.tasks.planar.scenes import Column, Drive, Plan, Scene, uniform
from agir.tasks.planar.world import TABLE_M, Physics
from agir.tasks.raster import Figure, stroke

START_M, PLACES = -0.45, 31  # of the lane: it reaches from START_M to -START_M
AHEAD_M = (0.0, 0.05, 0.1, 0.2)  # where the lane's height is observed
LENGTH_M, POINTS, LETTERS = 0.14, 8, 3  # of a stroke; points a stroke, strokes a word
PASSED_M, LEFT_M = 0.025, 0.035  # a place is passed within this, and the drawing spoilt farther from the line than that
MOST_AT_ONCE = 4  # places passed in a step


def strokes() -> Float[np.ndarray, "alphabet points 2"]:
    """The alphabet, each stroke from the origin: east, north, west, south, a bow over to the east, a bow under to the west."""
    part = np.linspace(0, 1, POINTS + 1)[1:]
    straight = [np.stack([part * x, part * y], 1) for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    bow = np.stack([(1 - np.cos(np.pi * part)) / 2, np.sin(np.pi * part) / 2], 1)
    return np.float32(LENGTH_M * np.stack([*straight, bow, -bow]))


ALPHABET = strokes()


def held_out(letters: Any) -> Any:
    """Whether a word (int [..., letters]) is of the quarter that "outside" is drawn from and "inside" never: its sum leaves 3 by 4."""
    return letters.sum(-1) % 4 == 3


def words(region: str) -> Int[np.ndarray, "words letters"]:
    every = np.stack(np.meshgrid(*[np.arange(len(ALPHABET))] * LETTERS, indexing="ij"), -1).reshape(-1, LETTERS).astype(np.int32)
    return every if region == "all" else every[held_out(every) == (region == "outside")]


def off_line(point: Float[Array, "2"], path: Float[Array, "places 2"]) -> Float[Array, ""]:
    """The distance of a point from a polyline."""
    start, along = path[:-1], path[1:] - path[:-1]
    share = jnp.clip(((point[None] - start) * along).sum(-1) / jnp.maximum((along**2).sum(-1), 1e-12), 0.0, 1.0)
    return length(point[None] - start - share[:, None] * along).min()


class Lane(Scene):
    """The hand follows a winding lane from left to right and never leaves it."""

    @property
    def columns(self) -> tuple[Column, ...]:
        return *self.place, Column("lane ahead", len(AHEAD_M), -1.0, 1.0)

    def begin(self, key: Key) -> Physics:
        shape, start = jax.random.split(key)
        x = jnp.linspace(START_M, -START_M, PLACES)
        draw = jax.random.uniform(shape, (2, 2), jnp.float32)
        high, phase = jnp.array([0.1, 0.04]) * (0.5 + 0.5 * draw[0]), 2 * jnp.pi * draw[1]
        y = (high[None] * jnp.sin(jnp.array([[6.0, 14.0]]) * x[:, None] + phase[None])).sum(1)
        path = jnp.stack([x, y], 1)
        hand = path[0] + uniform(start, (0.0, -0.3), (0.0, 0.3)) * self.settings.width
        return self.still(jnp.append(hand, jnp.zeros(1)), path=path)

    def lane(self, physics: Physics, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """The height of the lane's middle at x."""
        return jnp.interp(x, physics.path[:, 0], physics.path[:, 1])

    def judge(self, before: Physics, physics: Physics) -> Physics:
        left = off_line(physics.hand[:2], physics.path) > self.settings.width
        return physics._replace(done=physics.hand[0] > -START_M - 0.01, failed=left)

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        ahead = self.lane(physics, physics.hand[0] + jnp.array(AHEAD_M))
        return [*self.of_hand(physics), ahead - physics.hand[1]]

    def figures(self, physics: Physics) -> list[Figure]:
        return [stroke("ground", start, end, self.settings.width) for start, end in zip(physics.path[:-1], physics.path[1:])]

    def drive(self, physics: Physics, plan: Plan) -> Drive:
        """Towards a place on the middle line a little ahead."""
        x = physics.hand[0] + 0.03
        place = jnp.stack([x, self.lane(physics, x)])
        return Drive(jnp.append(place - physics.hand[:2], jnp.zeros(1)), plan, precise=True)


class Strokes(Scene):
    """The hand draws a word of three strokes, each from where the last one ended; the word is the episode's, or the task's `word`."""

    def check(self) -> None:
        word, letters = self.settings.word, "".join(str(i) for i in range(len(ALPHABET)))
        if word and (len(word) != LETTERS or set(word) - set(letters)):
            raise BadSetting(f"planar/strokes: a word is {LETTERS} of the letters {letters}, such as word=041, not '{word}'.")

    @property
    def columns(self) -> tuple[Column, ...]:
        word = Column("word", LETTERS * len(ALPHABET), 0.0, 1.0)
        return *self.place, Column("origin", 2, -TABLE_M, TABLE_M), Column("drawn", 1, 0.0, 1.0, True), word

    def begin(self, key: Key) -> Physics:
        start, which = jax.random.split(key)
        known = jnp.asarray([[int(x) for x in self.settings.word]] if self.settings.word else words(self.settings.region), jnp.int32)
        letters = known[jax.random.randint(which, (), 0, len(known))]
        origin = uniform(start, (-0.05, -0.05), (0.05, 0.05))
        path, at = [origin[None]], origin
        for letter in letters:
            path.append(at[None] + jnp.asarray(ALPHABET)[letter])
            at = path[-1][-1]
        return self.still(jnp.append(origin, jnp.zeros(1)), path=jnp.concatenate(path), letters=letters, visited=jnp.ones((), jnp.int32))

    def judge(self, before: Physics, physics: Physics) -> Physics:
        visited, last = physics.visited, len(physics.path)
        for _ in range(MOST_AT_ONCE):
            near = length(physics.hand[:2] - physics.path[jnp.minimum(visited, last - 1)]) < PASSED_M
            visited = jnp.where((visited < last) & near, visited + 1, visited)
        spoilt = off_line(physics.hand[:2], physics.path) > LEFT_M
        return physics._replace(visited=visited, done=visited == last, failed=spoilt)

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        drawn = physics.visited.astype(jnp.float32) / len(physics.path)
        return [*self.of_hand(physics), physics.path[0], drawn[None], jax.nn.one_hot(physics.letters, len(ALPHABET)).ravel()]

    def figures(self, physics: Physics) -> list[Figure]:
        return [stroke("goal", start, end, 0.008) for start, end in zip(physics.path[:-1], physics.path[1:])]

    def info(self, physics: Physics) -> dict:
        """`word`: the letters; `drawn`: how many places of the path have been passed."""
        return {"word": physics.letters, "drawn": physics.visited}

    def drive(self, physics: Physics, plan: Plan) -> Drive:
        """To the next place."""
        aim = physics.path[jnp.minimum(physics.visited, len(physics.path) - 1)]
        return Drive(jnp.append(aim - physics.hand[:2], jnp.zeros(1)), plan)
