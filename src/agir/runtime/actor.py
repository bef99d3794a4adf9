"""A policy at work on this machine: one lane, one compiled function a call, the memory and the random numbers inside."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.host import cast
from agir.core.nouns import Policy
from agir.core.spaces import zeros
from agir.data.normalization import require_shape
from agir.runtime.guards import Guarded


def bound(function: Callable, model: Any) -> Callable:
    """-> function(model, *arguments), compiled, that takes the arguments alone. `model` is a policy, or any tree that holds arrays.

    The weights are taken apart once: to do it at every call is Python that grows with the network, 0.15 ms for a U-Net's modules.
    """
    arrays, static = eqx.partition(model, eqx.is_array)
    leaves, structure = jax.tree.flatten(arrays)
    whole = lambda leaves: eqx.combine(jax.tree.unflatten(structure, leaves), static)
    return functools.partial(jax.jit(lambda leaves, *arguments: function(whole(leaves), *arguments)), leaves)


class Actor:
    """Acts from one episode's begin to the next: `begin()`, then `actor(observation) -> action` at every step.

    Both are on the host (NumPy) and raw, as the policy's spec says. It is guarded (see `Guarded`; `rate` is the largest step that an
    action may take from the last one), and compiled before the first observation comes. `told` is what the last call said: `stopped`,
    `clipped`, `limited` and what else the policy tells. `seed` is that of its random numbers: the same give the same actions.
    Raises BadSpec where an observation has another shape; one that is not finite stops the machine, with a warning.
    """

    def __init__(self, policy: Policy, seed: int = 0, rate: float | tuple[float, ...] | None = None):
        if isinstance(policy, Guarded) and rate is not None:
            raise BadSetting(
                "This policy is guarded already, with a rate of its own: leave rate out, or bring the policy without its guard."
            )
        self.policy = policy if isinstance(policy, Guarded) else Guarded(policy.spec, policy, rate)
        self.told: dict[str, Any] = {}
        self._seed, self._episode = seed, -1
        compiled = self.policy.compiled
        self._start, self._step = ((bound(f, self.policy) if compiled else functools.partial(f, self.policy)) for f in (_start, _step))
        if compiled:
            self.begin()
            self(cast(self.policy.spec.observation, zeros(self.policy.spec.observation)))  # compiles
            self._episode = -1
        self.begin()

    def begin(self) -> None:
        """Begins an episode: with a fresh memory, and random numbers of its own."""
        self._episode += 1
        self._carry, self._warned, self.told = self._start(jnp.uint32(self._seed), jnp.int32(self._episode)), False, {}

    def __call__(self, observation: Any) -> Any:
        space = self.policy.spec.observation
        observation = cast(space, observation)
        require_shape(space, observation, "observation")
        action, self._carry, self.told = self._step(observation, self._carry)
        action = jax.device_get(action)
        if not self._warned and bool(self.told["stopped"]):
            self._warned = True
            warnings.warn("What was seen, or what the policy answers, is not finite: the machine is told to stop.", stacklevel=2)
        return action


def _start(policy: Policy, seed: Any, episode: Any) -> tuple:
    """-> memory, the episode's key (as data, which is quicker to pass), the count of calls."""
    key = jax.random.fold_in(jax.random.key(seed), episode)
    memory, steps = jax.random.split(key)
    return policy.start(memory), jax.random.key_data(steps), jnp.int32(0)


def _step(policy: Policy, observation: Any, carry: tuple) -> tuple[Any, tuple, dict]:
    memory, key, count = carry
    action, memory, info = policy.act(observation, memory, jax.random.fold_in(jax.random.wrap_key_data(key), count))
    return action, (memory, key, count + 1), info
