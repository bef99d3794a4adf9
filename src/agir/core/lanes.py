"""The one function that steps lanes: demonstrations, rollouts and evaluation all use it."""

from typing import Any

import jax
import jax.numpy as jnp

from agir.core.nouns import Environment, Experience, Policy
from agir.core.spaces import Key
from agir.core.when import when


def begin_lanes(env: Environment, policy: Policy, resets: Key, starts: Key) -> tuple:
    """-> lanes: (states, observations, memories), each [lanes, ...]; one key a lane for the start, one for the memory."""
    return *jax.vmap(env.reset)(resets), jax.vmap(policy.start)(starts)


def choose(where: Any, new: Any, old: Any) -> Any:
    """`new` in the lanes `where` [lanes] is true, else `old`, for trees of [lanes, ...]."""
    return jax.tree.map(lambda n, o: jnp.where(where.reshape(-1, *(1,) * (n.ndim - 1)), n, o), new, old)


def move_lanes(env: Environment, policy: Policy, lanes: tuple, key: Key) -> tuple[tuple, Any]:
    """One step of every lane, whatever happens in it -> lanes, (action, act_info, Step); nothing begins again."""
    state, observation, memory = lanes
    act, move = jax.random.split(key, (2, jax.tree.leaves(observation)[0].shape[0]))
    shown = observation if policy.see is None else jax.vmap(policy.see)(state)
    action, memory, act_info = jax.vmap(policy.act)(shown, memory, act)
    state, after = jax.vmap(env.step)(state, action, move)
    return (state, after.observation, memory), (action, act_info, after)


def _begun_where(over: Any, env: Environment, policy: Policy, lanes: tuple, resets: Key, starts: Key) -> tuple:
    """Lanes that begin again where `over`, each drawn only then: an image costs more than all else of a reset."""
    one = lambda over, key, old: when(over, lambda env, key: env.reset(key), env, (key,), old, block=1)
    state, observation = jax.vmap(one)(over, resets, lanes[:2])
    return state, observation, choose(over, jax.vmap(policy.start)(starts), lanes[2])


def step_lanes(env: Environment, policy: Policy, lanes: tuple, key: Key, discount: Any = 1.0) -> tuple[tuple, Experience]:
    """One step of every lane; where an episode ends, the next begins with a fresh memory.

    -> lanes, Experience [lanes, ...] whose next_observation is the true successor, at an episode's end too.
    """
    observation = lanes[1]
    move, reset, start = jax.random.split(key, 3)
    lanes, (action, act_info, after) = move_lanes(env, policy, lanes, move)
    count = after.reward.shape[0]
    over, resets, starts = after.terminated | after.truncated, jax.random.split(reset, count), jax.random.split(start, count)
    if any(leaf.dtype == jnp.uint8 and leaf.ndim == 4 for leaf in jax.tree.leaves(observation)):
        lanes = _begun_where(over, env, policy, lanes, resets, starts)
    else:
        lanes = choose(over, begin_lanes(env, policy, resets, starts), lanes)
    successor, reward, terminated, truncated, info = after
    discount = jnp.where(terminated, 0.0, discount)
    return lanes, Experience(observation, action, reward, discount, successor, terminated, truncated, info, act_info)
