"""A policy at work on this machine: one lane, one compiled function a call, the memory and the random numbers inside."""

import functools
import warnings
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.errors import BadData, BadSetting, BadSpec
from agir.core.host import cast, misfit
from agir.core.nouns import Policy
from agir.core.spaces import zeros
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
    Raises BadSpec where an observation has another shape or kind (a picture as shares of 255, say). One that is not finite stops the
    machine as `stop` says ("zero" or "hold"; "": as the actions' meaning does), with a warning: by zeros, or by the last action
    once more. Where none was done yet in this episode that is `rest`, and BadData without one.
    """

    def __init__(self, policy: Policy, seed: int = 0, rate: float | tuple[float, ...] | None = None, rest: Any = None, stop: str = ""):
        asked = {"rate": rate, "rest": rest, "stop": stop or None}
        if isinstance(policy, Guarded) and (said := [name for name, value in asked.items() if value is not None]):
            raise BadSetting(
                f"This policy is guarded already, in a way of its own: leave {', '.join(said)} out, or bring the policy without its guard."
            )
        if rest is not None and (wrong := misfit(policy.spec.action, rest := cast(policy.spec.action, rest))):
            raise BadSpec(f"The action to rest by {wrong}.")
        rest = jax.tree.map(jnp.asarray, rest)
        self.policy = policy if isinstance(policy, Guarded) else Guarded(policy.spec, policy, rate, rest, stop)
        if self.policy.spec.meaning.kind == "unknown" and not self.policy.stop:
            warnings.warn(
                "What this policy's actions mean was not said (meaning=...), so to stop is to repeat the last one: if they are velocities "
                'or torques, the machine then goes on. stop="zero" or stop="hold" settles it.',
                stacklevel=3,
            )
        self.told: dict[str, Any] = {}
        self._seed, self._episode = seed, -1
        compiled = self.policy.compiled
        self._start, self._step = ((bound(f, self.policy) if compiled else functools.partial(f, self.policy)) for f in (_start, _step))
        if compiled:
            self.begin()
            self._step(cast(self.policy.spec.observation, zeros(self.policy.spec.observation)), self._carry)  # compiles
            self._episode = -1
        self.begin()

    def begin(self) -> None:
        """Begins an episode: with a fresh memory, and random numbers of its own."""
        self._episode += 1
        self._carry, self._warned, self.told = self._start(jnp.uint32(self._seed), jnp.int32(self._episode)), False, {}

    def __call__(self, observation: Any) -> Any:
        space = self.policy.spec.observation
        observation = cast(space, observation)
        if wrong := misfit(space, observation, finite=False):
            raise BadSpec(f"The observation {wrong}.")
        action, self._carry, self.told = self._step(observation, self._carry)
        action = jax.device_get(action)
        if bool(self.told["stopped"]):
            self._say_stopped()
        return action

    def _say_stopped(self) -> None:
        what, zero = "What was seen, or what the policy answers, is not finite", self.policy.stops_by_zero
        if not zero and not bool(self._carry[0].known):
            raise BadData(
                f"{what}, and no action was done yet in this episode that could be held. Begin when the sensors are there, or say "
                "rest=ACTION, one that is safe to begin from."
            )
        if not self._warned:
            sent = "zeros are sent" if zero else "the last action is repeated (before the first, rest)"
            warnings.warn(f"{what}: {sent} until it is again.", stacklevel=3)
        self._warned = True


def _start(policy: Policy, seed: Any, episode: Any) -> tuple:
    """-> memory, the episode's key (as data, which is quicker to pass), the count of calls."""
    key = jax.random.fold_in(jax.random.key(seed), episode)
    memory, steps = jax.random.split(key)
    return policy.start(memory), jax.random.key_data(steps), jnp.int32(0)


def _step(policy: Policy, observation: Any, carry: tuple) -> tuple[Any, tuple, dict]:
    memory, key, count = carry
    action, memory, info = policy.act(observation, memory, jax.random.fold_in(jax.random.wrap_key_data(key), count))
    return action, (memory, key, count + 1), info
