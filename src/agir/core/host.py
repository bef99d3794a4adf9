"""Simulators that live on the host: several `gymnasium.Env`s stepped in lockstep, and what they give is checked."""

import atexit
import functools
import weakref
from typing import Any

import jax
import numpy as np

from agir.core.errors import BadEnvironment, BadSpec
from agir.core.nouns import Step, Task
from agir.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, outline


class HostLanes:
    """`lanes` environments of one host task, each in an episode of its own.

    A lane runs from its `reset` until its episode ends (or reaches the task's horizon: then it is truncated); after that it
    rests, and must be reset to run again. What comes back is cast to the task's spec and checked: BadEnvironment names the
    lane, the step and what was wrong. Use it in a `with`, or close it.
    """

    def __init__(self, task: Task, lanes: int):
        self.task = task
        self.envs: list = []  # live, for drawing
        weakref.finalize(self, close_all, self.envs).atexit = False
        self._observations: list = [None] * lanes
        self._info_shapes: dict[str, tuple] = {}
        self.running = np.zeros(lanes, bool)
        self.steps = np.zeros(lanes, np.int64)  # in each lane's present episode
        try:
            for _ in range(lanes):
                self.envs.append(task.make())
        except BaseException:
            close_all(self.envs)
            raise
        # At the process's end they are closed before what they stand on (OpenGL): the last to be registered is the first to run.
        self._at_exit = atexit.register(functools.partial(close_all, self.envs))

    @property
    def observation(self) -> Any:
        """What each lane sees now: a tree of arrays [lanes, ...]. All lanes have been reset once."""
        return stack(self._observations)

    def reset(self, lane: int, seed: int) -> None:
        """Begins an episode in one lane; its start is a function of `seed` alone."""
        observation, _ = self._call(lane, 0, "reset", seed=seed)
        self._observations[lane] = self._checked(lane, 0, observation)
        self.running[lane], self.steps[lane] = True, 0

    def step(self, action: Any) -> Step:
        """One step of every lane that runs; `action` [lanes, ...] as the task's spec says.

        -> Step of arrays [lanes, ...]: the true successors (at an episode's end too), reward (float32), terminated, truncated
        (never both), and the task's `infos`. A lane that rests keeps its observation and gives zeros. Raises BadSpec on an
        action that is not finite or not one of the choices.
        """
        if not self.running.any():
            raise ValueError("No lane runs: reset one first.")
        action = jax.tree.map(np.asarray, action)
        lanes = len(self.envs)
        reward, terminated, truncated = np.zeros(lanes, np.float32), np.zeros(lanes, bool), np.zeros(lanes, bool)
        infos: list[dict] = [{}] * lanes
        for lane in np.flatnonzero(self.running).tolist():
            now = int(self.steps[lane]) + 1
            its_action = jax.tree.map(lambda x: x[lane], action)
            if wrong := misfit(self.task.spec.action, its_action):
                raise BadSpec(f"{self.task.name}: the action for {self._place(lane, now)} {wrong}.")
            outcome = self._call(lane, now, "step", its_action)
            if not isinstance(outcome, tuple) or len(outcome) != 5:
                raise self._bad(lane, now, "step() should give observation, reward, terminated, truncated, info")
            observation, its_reward, ended, cut, info = outcome
            self._observations[lane] = self._checked(lane, now, observation)
            reward[lane] = self._number(lane, now, its_reward)
            terminated[lane] = bool(ended)
            truncated[lane] = (bool(cut) or now >= self.task.horizon) and not terminated[lane]
            infos[lane] = self._infos(lane, now, info)
            self.steps[lane], self.running[lane] = now, not (terminated[lane] or truncated[lane])
        blank = {name: np.zeros_like(value) for name, value in max(infos, key=len).items()}
        return Step(self.observation, reward, terminated, truncated, stack([info or blank for info in infos]))

    def close(self) -> None:
        atexit.unregister(self._at_exit)
        close_all(self.envs)

    def __enter__(self) -> "HostLanes":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _place(self, lane: int, step: int) -> str:
        return f"lane {lane}, step {step}" if step else f"lane {lane}, at its reset"

    def _bad(self, lane: int, step: int, what: str) -> BadEnvironment:
        return BadEnvironment(f"{self.task.name}, {self._place(lane, step)}: {what}. Mend the environment, or wrap it.")

    def _call(self, lane: int, step: int, name: str, *arguments: Any, **keywords: Any) -> Any:
        try:
            return getattr(self.envs[lane], name)(*arguments, **keywords)
        except Exception as error:
            raise self._bad(lane, step, f"{name}() raised {type(error).__name__}: {error}") from error

    def _checked(self, lane: int, step: int, observation: Any) -> Any:
        observation = cast(self.task.spec.observation, observation)
        if wrong := misfit(self.task.spec.observation, observation):
            raise self._bad(lane, step, f"the observation {wrong}")
        return observation

    def _number(self, lane: int, step: int, reward: Any) -> np.ndarray:
        reward = np.asarray(reward, np.float32)
        if reward.shape or not np.isfinite(reward):
            raise self._bad(lane, step, f"the reward is {reward.tolist()}; it should be one finite number")
        return reward

    def _infos(self, lane: int, step: int, info: dict) -> dict:
        if missing := [name for name in self.task.infos if name not in info]:
            raise self._bad(lane, step, f"info lacks {', '.join(missing)}; it has {', '.join(sorted(info)) or 'nothing'}")
        values = {name: np.asarray(info[name]) for name in self.task.infos}
        kinds = {"b": bool, "i": np.int32, "u": np.int32, "f": np.float32}
        if strange := [name for name, value in values.items() if value.dtype.kind not in kinds]:
            raise self._bad(lane, step, f"info's {', '.join(strange)} should be numbers")
        values = {name: value.astype(bool if name == "success" else kinds[value.dtype.kind]) for name, value in values.items()}
        for name, value in values.items():
            if self._info_shapes.setdefault(name, value.shape) != value.shape:
                raise self._bad(lane, step, f"info's {name} has shape {list(value.shape)}, before {list(self._info_shapes[name])}")
        return values


def close_all(envs: list) -> None:
    while envs:
        envs.pop().close()


def stack(values: list) -> Any:
    """Trees of equal structure -> one tree of arrays with a leading axis."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *values)


def cast(space: Space, value: Any) -> Any:
    """A value in the space's own dtype, where its structure allows it; shapes are left as they are, and so is what is no array."""
    if isinstance(space, Dict):
        if not isinstance(value, dict):
            return value
        parts = dict(space.parts)
        return {name: cast(parts[name], part) if name in parts else part for name, part in value.items()}
    array = _array(value)
    if array is None:
        return value
    if isinstance(space, Box):
        with np.errstate(over="ignore"):  # becomes infinite, and is refused by name
            return array.astype(np.float32) if space.dtype == "float32" and array.dtype.kind in "biuf" else array
    return array.astype(np.int32) if array.dtype.kind in "biu" else array


def _array(value: Any) -> np.ndarray | None:
    """The value as an array of numbers, where it is one."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        return None
    return array if array.dtype.kind in "biuf" else None


def misfit(space: Space, value: Any, finite: bool = True) -> str:
    """What is wrong with one value of a space, in words that follow its name ("" nothing). Bounds of a box may be exceeded.

    With `finite` off, what is not finite is nothing wrong.
    """
    if isinstance(space, Dict):
        names = [name for name, _ in space.parts]
        if not isinstance(value, dict) or set(value) != set(names):
            return f"should have the parts {names}, not {sorted(value) if isinstance(value, dict) else type(value).__name__}"
        wrong = ((name, misfit(part, value[name], finite)) for name, part in space.parts)
        return next((f"'{name}' {what}" for name, what in wrong if what), "")
    value, given = _array(value), value
    if value is None:
        return f"is {_kind(given)}; its spec says {outline(space)}"
    match space:
        case Box():
            shape, kinds, counts = space.shape, "u" if space.dtype == "uint8" else "f", None
        case Discrete():
            shape, kinds, counts = (), "iu", space.count
        case MultiDiscrete():
            shape, kinds, counts = (len(space.counts),), "iu", np.array(space.counts)
        case MultiBinary():
            shape, kinds, counts = (space.count,), "iu", 2
    if value.shape != shape or value.dtype.kind not in kinds:
        mend = ": the camera's own numbers, 0 to 255 as uint8, not a share of 255" if kinds == "u" and value.shape == shape else ""
        return f"is {value.dtype}{list(value.shape)}; its spec says {outline(space)}{mend}"
    if counts is not None and ((value < 0) | (value >= counts)).any():
        return f"is {value.tolist()}, outside 0 to {np.max(counts) - 1}"
    if finite and kinds == "f" and not np.isfinite(value).all():
        where = tuple(np.argwhere(~np.isfinite(value))[0].tolist())
        return f"has {value[where]} at {list(where)}"
    return ""


def _kind(value: Any) -> str:
    """What is no array, in a few words."""
    if isinstance(value, dict):
        return f"a dict of {', '.join(map(str, value)) or 'nothing'}"
    text = repr(value)
    return f"no array of numbers ({text if len(text) <= 40 else f'{text[:37]}...'})"
