"""Probes: small tasks whose optimal values are known exactly, for the tests of learners.

gridworld/corridor, open, cliff, four-rooms   a table of states; `optimal_values` by exact value iteration
bandit                                        one step, a context, arms with known chances of a reward
bandit/continuous                             one step, a context, one number to hit; a reward quadratic in the miss
"""

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Discrete, Key, Meaning, Spec
from agir.tasks.native import Native, Timed, World

MOVES = ((1, 0), (0, 1), (-1, 0), (0, -1))  # up, right, down, left: (row, column), the lowest row first

LAYOUTS = {  # rows from top to bottom: # a wall, G the goal, x a pit
    "corridor": ("     G",),
    "open": ("    G", "     ", "     ", "     ", "     "),
    "cliff": ("       ", "       ", " xxxxxG"),
    "four-rooms": (
        "     #    G",
        "     #     ",
        "           ",
        "     #     ",
        "     #     ",
        "# ####     ",
        "     ### ##",
        "     #     ",
        "     #     ",
        "           ",
        "     #     ",
    ),
}


class Model(NamedTuple):
    """A finite task in full: everything that can be known of it."""

    transition: np.ndarray  # float64 [states, actions, states]: the chance of each successor
    reward: np.ndarray  # float64 [states]: on entering a state
    ends: np.ndarray  # bool [states]: entering it terminates


def optimal_values(model: Model, discount: float, tolerance: float = 1e-12) -> np.ndarray:
    """Q*, float64 [states, actions], of the task without its time limit (which truncates, and so ends no value).

    Value iteration  Q(s, a) <- sum_s' P(s' | s, a) (r(s') + discount * [s' does not end] max_a' Q(s', a'))  until no entry changes
    by more than `tolerance`. The values of states that end say nothing.
    """
    q = np.zeros(model.transition.shape[:2])
    while True:
        new = model.transition @ (model.reward + discount * ~model.ends * q.max(1))
        if np.abs(new - q).max() <= tolerance:
            return new
        q = new


class GridEnvironment(Timed):
    """The physics are (state, whether the goal was reached)."""

    after: Int[Array, "states actions"]  # without a slip
    reward: Float[Array, "states"]
    begins: Int[Array, "count"]  # the states in which episodes begin
    slip: float = eqx.field(static=True)

    def begin(self, key: Key) -> tuple[Int[Array, ""], Bool[Array, ""]]:
        return self.begins[jax.random.randint(key, (), 0, len(self.begins))], jnp.zeros((), bool)

    def advance(self, physics: Any, action: Int[Array, ""], key: Key) -> tuple[Any, Float[Array, ""], Bool[Array, ""]]:
        chance = jax.random.uniform(key, (), jnp.float32)
        turn = jnp.where(chance < self.slip / 2, 1, jnp.where(chance < self.slip, 3, 0))
        state = self.after[physics[0], (action + turn) % len(MOVES)]
        reward = self.reward[state]
        return (state, reward > 0), reward, reward != 0

    def observe(self, physics: Any) -> Int[Array, ""]:
        return physics[0]

    def info(self, physics: Any, terminated: Any, truncated: Any) -> dict:
        return {"success": physics[1]}


class ByTable(Policy):
    """The action that a table gives for a state."""

    actions: Int[Array, "states"]

    def act(self, observation: Int[Array, ""], memory: Any, key: Key) -> Act:
        return Act(self.actions[observation], memory)


@dataclasses.dataclass(frozen=True)
class GridWorld(Native):
    """Up, right, down or left; with the chance `slip` the step goes to one of the two sides instead. Walls and borders stop it.

    The reward is 1 on reaching the goal and -1 on falling into a pit; both terminate.
    """

    family: ClassVar[str] = "gridworld"
    variants: ClassVar[tuple[str, ...]] = tuple(LAYOUTS)
    about: ClassVar[str] = "walk a grid to its goal: gridworld/corridor, open, cliff, four-rooms; slip=; optimal values are known"

    variant: str = "open"
    slip: float = 0.1  # the chance that a step goes to one side
    horizon: int = 100  # steps after which an episode is cut off

    @property
    def expert_rate(self) -> float | None:
        """Measured over 4096 episodes with the default slip and horizon: the optimal walk still falls off the cliff sometimes."""
        return (0.99 if self.variant == "cliff" else 1.0) if (self.slip, self.horizon) == (0.1, 100) else None

    @property
    def cells(self) -> dict[tuple[int, int], str]:
        """-> {(row, column): letter} of the free cells in the order of the states, the lowest row first."""
        rows = LAYOUTS[self.variant][::-1]
        return {(j, i): letter for j, row in enumerate(rows) for i, letter in enumerate(row) if letter != "#"}

    @property
    def after(self) -> np.ndarray:
        """Where each action leads without a slip, int32 [states, actions]."""
        index = {cell: state for state, cell in enumerate(self.cells)}
        lead = lambda cell, move: index.get((cell[0] + move[0], cell[1] + move[1]), index[cell])
        return np.array([[lead(cell, move) for move in MOVES] for cell in self.cells], np.int32)

    @property
    def reward(self) -> np.ndarray:
        """On entering each state, float32 [states]; any but 0 terminates."""
        letters = np.array(list(self.cells.values()))
        return np.select([letters == "G", letters == "x"], [1.0, -1.0], 0.0).astype(np.float32)

    def model(self) -> Model:
        after, reward = self.after, self.reward.astype(np.float64)
        transition = np.zeros((len(after), len(MOVES), len(after)))
        for state in range(len(after)):
            for action in range(len(MOVES)):
                for turn, chance in ((0, 1 - self.slip), (1, self.slip / 2), (3, self.slip / 2)):
                    transition[state, action, after[state, (action + turn) % len(MOVES)]] += chance
        return Model(transition, reward, reward != 0)

    @property
    def spec(self) -> Spec:
        return Spec(Discrete(len(self.cells)), Discrete(len(MOVES)), Meaning("choice"))

    def environment(self) -> GridEnvironment:
        begins = jnp.asarray(np.flatnonzero(self.reward == 0), jnp.int32)
        return GridEnvironment(self.horizon, jnp.asarray(self.after), jnp.asarray(self.reward), begins, self.slip)

    def expert(self) -> ByTable:
        return ByTable(self.spec, jnp.asarray(optimal_values(self.model(), 0.95).argmax(1), jnp.int32))

    def scene(self) -> dict:
        rows = LAYOUTS[self.variant][::-1]
        roles = {"#": "obstacle", "x": "obstacle", "G": "goal"}
        square = lambda i, j: [[float(i + a), float(j + b)] for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]
        shapes = [
            {"kind": "polygon", "points": square(i, j), "width": 0.0, "role": roles[letter]}
            for j, row in enumerate(rows)
            for i, letter in enumerate(row)
            if letter in roles
        ]
        return {"view": "2d", "bounds": [[0.0, float(len(rows[0]))], [0.0, float(len(rows))]], "shapes": shapes}

    def shapes(self, state: World) -> list[dict]:
        row, column = list(self.cells)[int(state.physics[0])]
        return [{"kind": "circle", "points": [[column + 0.5, row + 0.5]], "radius": 0.3, "role": "agent"}]


class Context(NamedTuple):
    context: Any
    best: Bool[Array, ""]  # whether the last action was a best one


class BanditEnvironment(Timed):
    """One step, which terminates."""

    task: Any = eqx.field(static=True)

    def begin(self, key: Key) -> Context:
        return Context(self.task.draw(key), jnp.zeros((), bool))

    def advance(self, physics: Context, action: Any, key: Key) -> tuple[Context, Float[Array, ""], Bool[Array, ""]]:
        reward, best = self.task.pay(physics.context, action, key)
        return Context(physics.context, best), reward, jnp.ones((), bool)

    def observe(self, physics: Context) -> Any:
        return physics.context

    def info(self, physics: Context, terminated: Any, truncated: Any) -> dict:
        return {"success": physics.best}


class Best(Policy):
    """The best action of a bandit."""

    task: Any = eqx.field(static=True)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        return Act(self.task.best(observation), memory)


@dataclasses.dataclass(frozen=True)
class Bandit(Native):
    """`arms`: each of `contexts` contexts has its own chances of a reward of 1, and its own best arm. `continuous`: a context x in
    [-1, 1] and an action a in [-1, 1] pay exactly 1 - (a - target(x))^2, target(x) = sin(pi x) / 2; within 0.1 of it is success."""

    family: ClassVar[str] = "bandit"
    variants: ClassVar[tuple[str, ...]] = ("arms", "continuous")
    about: ClassVar[str] = "one step in a context: arms with known chances, or bandit/continuous with a known best number"
    expert_rate: ClassVar[float] = 1.0

    variant: str = "arms"
    contexts: int = 4  # how many there are to see
    arms: int = 5  # actions to choose from
    horizon: int = 1  # steps after which an episode is cut off

    @property
    def chances(self) -> np.ndarray:
        """float64 [contexts, arms] between 0.1 and 0.9: the mean rewards, so also the values Q(context, arm) of the arms."""
        context, arm = np.arange(self.contexts)[:, None], np.arange(self.arms)[None]
        return 0.1 + 0.8 * ((arm + 2 * context) % self.arms) / max(self.arms - 1, 1)

    def value(self, context: Any, action: Any) -> Any:
        """Q(context, action), exactly."""
        if self.variant == "continuous":
            return 1.0 - ((action - self.best(context)) ** 2)[..., 0]
        return jnp.asarray(self.chances, jnp.float32)[context, action]

    def best(self, context: Any) -> Any:
        if self.variant == "continuous":
            return jnp.sin(math.pi * context) / 2
        return jnp.asarray(self.chances.argmax(1), jnp.int32)[context]

    def draw(self, key: Key) -> Any:
        if self.variant == "continuous":
            return jax.random.uniform(key, (1,), jnp.float32, -1.0, 1.0)
        return jax.random.randint(key, (), 0, self.contexts)

    def pay(self, context: Any, action: Any, key: Key) -> tuple[Float[Array, ""], Bool[Array, ""]]:
        """-> the reward, and whether none is better."""
        if self.variant == "continuous":
            action = jnp.clip(action, -1.0, 1.0)
            return self.value(context, action), jnp.abs(action - self.best(context))[0] < 0.1
        chance = self.value(context, action)
        return jax.random.bernoulli(key, chance).astype(jnp.float32), action == self.best(context)

    @property
    def spec(self) -> Spec:
        if self.variant == "continuous":
            return Spec(Box((1,), -1.0, 1.0), Box((1,), -1.0, 1.0), Meaning("absolute"))
        return Spec(Discrete(self.contexts), Discrete(self.arms), Meaning("choice"))

    def environment(self) -> BanditEnvironment:
        return BanditEnvironment(self.horizon, self)

    def expert(self) -> Best:
        return Best(self.spec, self)
