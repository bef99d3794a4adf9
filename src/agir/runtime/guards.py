"""The guard between a policy and a machine: nothing that is not finite, outside its bounds or too sudden gets through."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Dict, Discrete, Key, MultiBinary, MultiDiscrete, Space, zeros

ZERO_STOPS = ("delta", "velocity", "force", "torque")  # kinds of actions of which zero is "do nothing"; of others the last one is


class Watch(NamedTuple):
    """The guard's memory: the policy's, the last action let through, and how often it stepped in (int32 [] each)."""

    inner: Any
    last: Any
    known: Any  # bool []: an action was let through in this episode
    stopped: Any  # not finite
    clipped: Any  # out of bounds
    limited: Any  # too far from the last one


class Guarded(Policy):
    """A policy whose every action is finite, within the spec's bounds, and at most `rate` away from the last one.

    Where an observation or an action is not finite, the machine stops: it gets zeros where zero means to do nothing (deltas,
    velocities, forces, torques), else the last action that was let through, or `rest` before there is one. The policy then
    begins with a fresh memory, because what is not finite in it would never leave. `info` says `stopped`,
    `clipped` and `limited` (bool []), and the memory counts them.
    """

    inner: Policy
    rate: float | tuple[float, ...] | None = eqx.field(static=True, default=None)  # a step, in the action's unit: for all entries, or each
    rest: Any = None  # a safe action to begin from, which `rate` counts from too (default: zeros, and the first action is free)
    stop: str = eqx.field(static=True, default="")  # "zero" or "hold"; "": as the action's meaning says

    def __check_init__(self):
        if self.stop not in ("", "zero", "hold"):
            raise BadSetting(f"A guard stops by 'zero' or 'hold', not '{self.stop}'.")
        if self.rate is not None and not (np.asarray(self.rate) > 0).all():
            raise BadSetting(f"The rate of a guard is the largest step it lets pass, above 0, not {self.rate}.")
        if isinstance(self.rate, tuple) and not (isinstance(self.spec.action, Box) and len(self.rate) == np.prod(self.spec.action.shape)):
            raise BadSetting(
                f"A guard's rate has one number, or one for each entry of a box; {len(self.rate)} numbers do not fit the action."
            )

    @property
    def compiled(self) -> bool:
        return self.inner.compiled

    @property
    def stops_by_zero(self) -> bool:
        """Else by the last action once more."""
        return self.stop == "zero" or (not self.stop and self.spec.meaning.kind in ZERO_STOPS)

    def start(self, key: Key) -> Watch:
        rest = zeros(self.spec.action) if self.rest is None else self.rest
        rest, _ = _within(self.spec.action, jax.tree.map(jnp.asarray, rest))
        none = jnp.int32(0)
        return Watch(self.inner.start(key), rest, jnp.bool_(self.rest is not None), none, none, none)

    def act(self, observation: Any, memory: Watch, key: Key) -> Act:
        space = self.spec.action
        given, inner, info = self.inner.act(observation, memory.inner, key)
        given = jax.tree.map(lambda x, last: jnp.asarray(x).astype(last.dtype), given, memory.last)
        stopped = ~(_finite(observation) & _finite(given))
        action = _either(stopped, zeros(space) if self.stops_by_zero else memory.last, given)
        free = stopped | ~memory.known
        action, limited = (action, jnp.bool_(False)) if self.rate is None else self._slowed(action, memory.last, free)
        action, clipped = _within(space, action)
        told = {"stopped": stopped, "clipped": clipped, "limited": limited}
        counts = {name: getattr(memory, name) + happened.astype(jnp.int32) for name, happened in told.items()}
        inner = self._afresh(stopped, inner, jax.random.fold_in(key, 1))
        return Act(action, Watch(inner, action, memory.known | ~stopped, **counts), info | told)

    def _slowed(self, action: Any, last: Any, free: Any) -> tuple[Any, Any]:
        """At most `rate` away from the last action in each entry of its boxes -> action, whether that changed it."""

        def slow(space: Space, new: Any, old: Any) -> Any:
            if isinstance(space, Dict):
                return {name: slow(part, new[name], old[name]) for name, part in space.parts}
            if not isinstance(space, Box) or space.dtype == "uint8":
                return new
            step = jnp.asarray(Box(space.shape, 0.0, self.rate).bounds[1])
            return jnp.where(free, new, jnp.clip(new, old - step, old + step))

        slowed = slow(self.spec.action, action, last)
        return slowed, _differ(slowed, action)

    def _afresh(self, stopped: Any, memory: Any, key: Key) -> Any:
        if self.compiled:
            return _either(stopped, self.inner.start(key), memory)
        return self.inner.start(key) if stopped else memory


def _finite(tree: Any) -> Any:
    floats = [x for x in jax.tree.leaves(tree) if isinstance(x, float) or (hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.floating))]
    return jnp.array([jnp.isfinite(x).all() for x in floats], bool).all()


def _either(which: Any, a: Any, b: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(which, a, b), a, b)


def _differ(a: Any, b: Any) -> Any:
    return jnp.array([(x != y).any() for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b))], bool).any()


def _within(space: Space, action: Any) -> tuple[Any, Any]:
    """The nearest action of the space -> it, and whether it is another one."""

    def nearest(space: Space, x: Any) -> Any:
        match space:
            case Dict():
                return {name: nearest(part, x[name]) for name, part in space.parts}
            case Box():
                return jnp.clip(x, *(jnp.asarray(bound) for bound in space.bounds)) if space.dtype == "float32" else x
            case Discrete():
                most = space.count - 1
            case MultiDiscrete():
                most = jnp.array(space.counts, jnp.int32) - 1
            case MultiBinary():
                most = 1
        return jnp.clip(x, 0, most)

    found = nearest(space, action)
    return found, _differ(found, action)
