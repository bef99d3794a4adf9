"""Episodes of a compiled task: one lane as one loop that ends with its episode; lanes and seeds are vmaps of it.

All that is random in an episode, the policy's part too, is a function of (purpose, index), so it does not matter how many lanes or
seeds run together; and a scripted expert's episode is the one that demonstrations are made of.
"""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.errors import BadPolicy
from agir.core.keys import episode_key, stream
from agir.core.lanes import begin_lanes, move_lanes
from agir.core.nouns import Environment, Policy, Step, Task
from agir.core.spaces import Box, Dict, Discrete, Key, MultiDiscrete, Space, Spec, outline, zeros
from agir.evaluation.outcomes import Recording

POLICY, ENVIRONMENT = 1, 2  # whose fault it is that an episode was given up


@functools.partial(jax.jit, static_argnums=0)
def episode_keys(purpose: str, indices: Any) -> Key:
    """-> the keys of these episodes; made here, so that a purpose is not another program."""
    return jax.vmap(lambda index: episode_key(purpose, index))(indices)


@eqx.filter_jit
def roll(env: Environment, policy: Policy, spec: Spec, horizon: int, keys: Key) -> dict[str, Any]:
    """-> columns [lanes] of the episodes of `keys` (see `Evaluation`), and `fault`: 0, or whose it was."""
    return jax.vmap(lambda key: _episode(env, policy, spec, horizon, key))(keys)


@eqx.filter_jit
def roll_seeds(env: Environment, policies: Policy, spec: Spec, horizon: int, keys: Key) -> dict[str, Any]:
    """The same for policies with a leading seed axis -> columns [seeds, lanes]."""
    return eqx.filter_vmap(lambda policy: jax.vmap(lambda key: _episode(env, policy, spec, horizon, key))(keys))(policies)


def _begin(env: Environment, policy: Policy, key: Key) -> tuple:
    return begin_lanes(env, policy, key[None], stream(key, "memory")[None])


def _move(env: Environment, policy: Policy, key: Key, lanes: tuple, time: Any) -> tuple[tuple, tuple]:
    """One lane's step -> lanes, (action, act_info, Step), without the lane axis."""
    lanes, out = move_lanes(env, policy, lanes, jax.random.fold_in(stream(key, "steps"), time))
    return lanes, jax.tree.map(lambda x: x[0], out)


def _episode(env: Environment, policy: Policy, spec: Spec, horizon: int, key: Key) -> dict[str, Any]:
    lanes = _begin(env, policy, key)
    state, seen, memory = jax.tree.map(lambda x: x[0], lanes)
    action = jax.eval_shape(lambda: policy.act(seen if policy.see is None else policy.see(state), memory, key).action)
    _check_action(policy, spec, action)
    _, act_info, after = jax.eval_shape(lambda: _move(env, policy, key, lanes, 0))[1]

    def one(carry: tuple) -> tuple:
        lanes, tally, _ = carry
        observation = lanes[1]
        lanes, (action, act_info, after) = _move(env, policy, key, lanes, tally["length"])
        fault = jnp.where(strange(spec.action, action), POLICY, jnp.where(_wild((after.observation, after.reward)), ENVIRONMENT, 0))
        fault = jnp.where(_wild(observation), ENVIRONMENT, fault)  # what a policy makes of NaN is not its own fault
        tally = _add(tally, act_info, after) | {"fault": fault.astype(jnp.int32)}
        over = after.terminated | after.truncated | (tally["length"] >= horizon) | (fault > 0)
        return lanes, tally, over

    _, tally, _ = jax.lax.while_loop(lambda carry: ~carry[2], one, (lanes, _nothing(act_info, after), jnp.bool_(False)))
    return tally


def _nothing(act_info: dict, after: Step) -> dict[str, Any]:
    """The tally before the first step."""
    tally = {"return": jnp.float32(0), "length": jnp.int32(0), "terminated": jnp.bool_(False), "best_reward": jnp.float32(-jnp.inf)}
    tally |= {total: jnp.int32(0) for name, total in PAID.items() if name in act_info}
    for name in scalars(after.info):
        if name == "success":
            tally["success"] = jnp.bool_(False)
        else:
            tally |= {f"final_{name}": jnp.float32(0), f"max_{name}": jnp.float32(-jnp.inf)}
    return tally | {"fault": jnp.int32(0)}


PAID = {"planned": "plans", "passes": "passes"}  # what a policy says in its info -> the column of its sum


def scalars(info: dict) -> dict[str, Any]:
    """The infos that are one number (bool, int or float)."""
    return {name: value for name, value in info.items() if hasattr(value, "dtype") and value.shape == () and value.dtype.kind in "biuf"}


def _add(tally: dict[str, Any], act_info: dict, after: Step) -> dict[str, Any]:
    new = {
        "return": tally["return"] + after.reward.astype(jnp.float32),
        "length": tally["length"] + 1,
        "terminated": after.terminated,
        "best_reward": jnp.maximum(tally["best_reward"], after.reward.astype(jnp.float32)),
    }
    new |= {total: tally[total] + act_info[name].astype(jnp.int32) for name, total in PAID.items() if name in act_info}
    for name, value in scalars(after.info).items():
        if name == "success":
            new["success"] = tally["success"] | value
        else:
            value = value.astype(jnp.float32)
            new |= {f"final_{name}": value, f"max_{name}": jnp.maximum(tally[f"max_{name}"], value)}
    return new


def _wild(tree: Any) -> Any:
    """bool []: whether some number is not finite."""
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.array([~jnp.isfinite(leaf).all() for leaf in floats], bool).any()


def strange(space: Space, action: Any) -> Any:
    """bool []: whether this is no action of the space: not finite, or not one of the choices. A box's bounds may be exceeded."""
    match space:
        case Dict():
            return jnp.array([strange(part, action[name]) for name, part in space.parts], bool).any()
        case Box():
            return _wild(action)
        case Discrete():
            count = space.count
        case MultiDiscrete():
            count = jnp.array(space.counts, jnp.int32)
        case _:
            count = 2
    return ((action < 0) | (action >= count)).any()


def _check_action(policy: Policy, spec: Spec, action: Any) -> None:
    wanted = jax.eval_shape(lambda: zeros(spec.action))
    form = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype), tree)
    if form(action) != form(wanted):
        said = ", ".join(f"{x.dtype}{list(x.shape)}" for x in jax.tree.leaves(action))
        hint = " A planner becomes a policy in an executor (agir.runtime.executors)." if len(jax.tree.leaves(action)) == 1 else ""
        raise BadPolicy(f"{type(policy).__name__} gives {said}, where an action is {outline(spec.action)}.{hint}")


# ------------------------------------------------------------------------------------------------------------- recordings
@eqx.filter_jit
def _trace(env: Environment, policy: Policy, horizon: int, keys: Key) -> tuple[Any, dict[str, Any]]:
    """-> the states at the start [lanes, ...]; rows [lanes, horizon, ...]: the state after a step, reward, ended, success."""

    def episode(key: Key) -> tuple[Any, dict[str, Any]]:
        def one(lanes: tuple, time: Any) -> tuple[tuple, dict[str, Any]]:
            lanes, (_, _, after) = _move(env, policy, key, lanes, time)
            state = jax.tree.map(lambda x: x[0], lanes[0])
            success = after.info.get("success", jnp.bool_(False))
            return lanes, {"state": state, "reward": after.reward, "ended": after.terminated | after.truncated, "success": success}

        lanes = _begin(env, policy, key)
        return jax.tree.map(lambda x: x[0], lanes[0]), jax.lax.scan(one, lanes, jnp.arange(horizon))[1]

    return jax.vmap(episode)(keys)


def recorded(task: Task, policy: Policy, seed: int, purpose: str, indices: np.ndarray) -> list[Recording]:
    """The episodes `indices` of one seed's policy, drawn at every step."""
    begin, rows = jax.device_get(_trace(task.environment(), policy, task.horizon, episode_keys(purpose, jnp.asarray(indices, jnp.int32))))
    drawn = task.scene() is not None
    recordings = []
    for lane, index in enumerate(indices.tolist()):
        ended = rows["ended"][lane]
        length = int(np.argmax(ended)) + 1 if ended.any() else task.horizon
        states = [jax.tree.map(lambda x: x[lane], begin), *(jax.tree.map(lambda x: x[lane, t], rows["state"]) for t in range(length))]
        frames = [task.shapes(state) for state in states] if drawn else []
        success = bool(rows["success"][lane, :length].any())
        recordings.append(Recording(seed, index, success, rows["reward"][lane, :length].tolist(), frames))
    return recordings
