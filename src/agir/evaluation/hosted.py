"""Episodes where the simulator or the policy lives on the host: several environments in lockstep, one call of the policy for all.

A lane that ends takes the next episode that waits. The policy's randomness is a function of (purpose, index, step), as in
`compiled`; shapes never change, so nothing is compiled again as lanes end.
"""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.errors import BadEnvironment, BadPolicy
from agir.core.host import HostLanes, misfit
from agir.core.keys import episode_key, episode_seed, stream
from agir.core.lanes import choose
from agir.core.nouns import Policy, Step, Task
from agir.core.spaces import Key
from agir.evaluation.compiled import PAID, episode_keys
from agir.evaluation.outcomes import Recording


def of_step(key: Key, time: Any) -> tuple[Key, Key]:
    """An episode's key -> keys for acting and for the environment's step: those of a compiled episode (`move_lanes` of one lane)."""
    act, move = jax.random.split(jax.random.fold_in(stream(key, "steps"), time), (2, 1))
    return act[0], move[0]


# ----------------------------------------------------------------------------------------------------------------- worlds
class HostWorld:
    """A task on the host, in lanes."""

    def __init__(self, task: Task, lanes: int):
        self.task, self.lanes = task, lanes
        self.inner = HostLanes(task, lanes)

    @property
    def observation(self) -> Any:
        return self.inner.observation

    def begin(self, lane: int, purpose: str, index: int) -> None:
        self.inner.reset(lane, episode_seed(purpose, index))

    def step(self, action: Any) -> Step:
        return self.inner.step(action)

    def shapes(self, lane: int) -> list[dict]:
        return self.task.shapes(self.inner.envs[lane])

    def close(self) -> None:
        self.inner.close()


class CompiledWorld:
    """A compiled task for a policy that is not: one lane, stepped from Python."""

    lanes = 1

    def __init__(self, task: Task):
        env = task.environment()
        self.task = task
        self._reset, self._step = (
            jax.jit(lambda key: env.reset(key)),  # itself it would have to be hashed, with its arrays
            jax.jit(lambda state, action, key, time: env.step(state, action, of_step(key, time)[1])),
        )
        self.state = self.seen = self.key = None
        self.time = 0

    @property
    def observation(self) -> Any:
        return jax.tree.map(lambda x: np.asarray(x)[None], self.seen)

    def begin(self, lane: int, purpose: str, index: int) -> None:
        self.key, self.time = episode_key(purpose, index), 0
        self.state, self.seen = self._reset(self.key)

    def step(self, action: Any) -> Step:
        action = jax.tree.map(lambda x: jnp.asarray(x[0]), action)
        self.state, after = self._step(self.state, action, self.key, jnp.int32(self.time))
        self.seen, self.time = after.observation, self.time + 1
        if misfit(self.task.spec.observation, jax.device_get(self.seen)) or not np.isfinite(after.reward):
            raise BadEnvironment(f"{self.task.name}, step {self.time}: the observation or the reward is not finite")
        truncated = (after.truncated | (self.time >= self.task.horizon)) & ~after.terminated
        return jax.tree.map(lambda x: np.asarray(x)[None], after._replace(truncated=truncated))

    def shapes(self, lane: int) -> list[dict]:
        return self.task.shapes(jax.device_get(self.state))

    def close(self) -> None:
        pass


# ----------------------------------------------------------------------------------------------------------------- actors
class CompiledActor:
    """One jitted call a step for all lanes."""

    def __init__(self, policy: Policy):
        self.policy, self.memory = policy, None

    def __call__(self, observation: Any, keys: np.ndarray, time: np.ndarray, running: np.ndarray) -> tuple[Any, dict]:
        """-> actions and infos [lanes, ...] as NumPy; lanes at time 0 begin with a fresh memory. `keys` are the episodes' (key data)."""
        if self.memory is None:
            self.memory = _fresh(self.policy, keys)
        self.memory, out = _act(self.policy, observation, self.memory, keys, time)
        return jax.device_get(out)


@eqx.filter_jit
def _fresh(policy: Policy, keys: Any) -> Any:
    return jax.vmap(lambda key: policy.start(stream(key, "memory")))(jax.random.wrap_key_data(keys))


@eqx.filter_jit
def _act(policy: Policy, observation: Any, memory: Any, keys: Any, time: Any) -> tuple[Any, tuple]:
    memory = choose(time == 0, _fresh(policy, keys), memory)
    keys = jax.vmap(lambda key, time: of_step(key, time)[0])(jax.random.wrap_key_data(keys), time)
    action, memory, info = jax.vmap(policy.act)(observation, memory, keys)
    return memory, (action, {name: info[name] for name in PAID if name in info})


class HostActor:
    """A policy in plain Python, asked lane by lane."""

    def __init__(self, policy: Policy):
        self.policy, self.memory = policy, {}

    def __call__(self, observation: Any, keys: np.ndarray, time: np.ndarray, running: np.ndarray) -> tuple[Any, dict]:
        actions, infos = [None] * len(running), [{}] * len(running)
        for lane in np.flatnonzero(running).tolist():
            key = jax.random.wrap_key_data(keys[lane])
            if time[lane] == 0:
                self.memory[lane] = self.policy.start(stream(key, "memory"))
            seen = jax.tree.map(lambda x: x[lane], observation)
            actions[lane], self.memory[lane], infos[lane] = self.policy.act(seen, self.memory[lane], of_step(key, time[lane])[0])
        some = int(np.argmax(running))
        stacked = jax.tree.map(lambda *x: np.stack(x), *(actions[some] if action is None else action for action in actions))
        return stacked, {name: np.array([info.get(name, 0) for info in infos]) for name in PAID if name in infos[some]}


# -------------------------------------------------------------------------------------------------------------- the drive
def drive(
    world: HostWorld | CompiledWorld,
    actor: Callable,
    purpose: str,
    indices: Sequence[int],
    watched: int,
    tell: Callable[[], None],
) -> tuple[dict[str, np.ndarray], list[tuple]]:
    """-> columns [episodes] of the episodes `indices`, and of the first `watched` the (index, success, rewards, frames).

    Raises BadPolicy or BadEnvironment, naming the episode and the step.
    """
    rows: list = [None] * len(indices)
    place = np.arange(world.lanes)  # which of the episodes each lane is in
    keys = np.asarray(jax.random.key_data(episode_keys(purpose, jnp.asarray(indices, jnp.int32))))
    index, time = np.array(indices)[place], np.zeros(world.lanes, np.int32)
    tallies, running, waiting = [Tally() for _ in place], np.ones(world.lanes, bool), world.lanes
    drawn, films = world.task.scene() is not None, {p: [] for p in range(watched)}

    def film(lane: int) -> None:
        if drawn and place[lane] < watched:
            films[int(place[lane])].append(world.shapes(lane))

    def begin(lane: int) -> None:
        world.begin(lane, purpose, int(index[lane]))
        film(lane)

    for lane in range(world.lanes):
        begin(lane)
    while running.any():
        action, told = actor(world.observation, keys[place], time, running)
        _refuse(world.task, purpose, action, index, time, running)
        try:
            after = world.step(action)
        except BadEnvironment as error:
            where = ", ".join(f"{purpose}/{index[lane]} in lane {lane}" for lane in np.flatnonzero(running))
            raise BadEnvironment(f"{error} (episodes: {where})") from error
        time = time + 1
        for lane in np.flatnonzero(running).tolist():
            tallies[lane].add(lane, after, told)
            film(lane)
            if not (after.terminated[lane] or after.truncated[lane]):
                continue
            rows[place[lane]] = tallies[lane]
            tell()
            if waiting == len(indices):
                running[lane] = False
                continue
            place[lane], tallies[lane], waiting = waiting, Tally(), waiting + 1
            index[lane], time[lane] = indices[place[lane]], 0
            begin(lane)
    columns = {name: np.array([row.columns[name] for row in rows]) for name in rows[0].columns}
    return columns, [(indices[p], bool(columns.get("success", [False] * watched)[p]), rows[p].rewards, films[p]) for p in range(watched)]


class Tally:
    """One episode's columns while it runs."""

    def __init__(self) -> None:
        self.rewards: list[float] = []
        self.columns: dict[str, Any] = {}

    def add(self, lane: int, after: Step, told: dict) -> None:
        columns, reward = self.columns, float(after.reward[lane])
        self.rewards.append(reward)
        columns |= {"return": columns.get("return", 0.0) + reward, "length": len(self.rewards), "terminated": bool(after.terminated[lane])}
        columns["best_reward"] = max(columns.get("best_reward", -np.inf), reward)
        for name, total in PAID.items():
            if name in told:
                columns[total] = columns.get(total, 0) + int(told[name][lane])
        for name, value in after.info.items():
            if np.ndim(value) != 1:
                continue
            if name == "success":
                columns[name] = columns.get(name, False) or bool(value[lane])
            else:
                value = float(value[lane])
                columns |= {f"final_{name}": value, f"max_{name}": max(columns.get(f"max_{name}", -np.inf), value)}


def _refuse(task: Task, purpose: str, action: Any, index: np.ndarray, time: np.ndarray, running: np.ndarray) -> None:
    for lane in np.flatnonzero(running).tolist():
        if wrong := misfit(task.spec.action, jax.tree.map(lambda x: x[lane], action)):
            raise BadPolicy(f"{task.name}: the policy's action in episode {purpose}/{index[lane]}, step {time[lane] + 1}, {wrong}.")


def recordings(seed: int, films: list[tuple]) -> list[Recording]:
    return [Recording(seed, int(index), success, rewards, frames) for index, success, rewards, frames in films]
