"""A policy made worse: what imperfect data come from."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Dict, Key, Space, sample
from agir.data.normalization import clip


class Perturbed(Policy):
    """Acts as `inner`, but with the chance `share` at random, and with normal noise on numbers (`noise`, in the action's unit).

    `collect(task, Perturbed.of(task.expert(), share=0.3), 200, successful=False)` is a dataset of mixed quality. Actions are
    clipped to their bounds. Raises BadSetting on a share outside 0 to 1 or a negative noise.
    """

    inner: Policy
    share: float = eqx.field(static=True)
    noise: float = eqx.field(static=True)

    @classmethod
    def of(cls, inner: Policy, share: float = 0.0, noise: float = 0.0) -> "Perturbed":
        if not 0 <= share <= 1 or noise < 0:
            raise BadSetting(f"Perturbed: share lies between 0 and 1 and noise is not negative, not {share} and {noise}.")
        return cls(inner.spec, inner, share, noise)

    @property
    def see(self) -> Any:
        return self.inner.see

    def start(self, key: Key) -> Any:
        return self.inner.start(key)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        own, which, other, noise = jax.random.split(key, 4)
        action, memory, info = self.inner.act(observation, memory, own)
        action = clip(self.spec.action, shaken(self.spec.action, action, self.noise, noise))
        at_random = jax.random.bernoulli(which, self.share)
        mixed = jax.tree.map(lambda a, b: jnp.where(at_random, a, b), sample(self.spec.action, other), action)
        return Act(mixed, memory, info)


def shaken(space: Space, action: Any, noise: float, key: Key) -> Any:
    """Normal noise on the numbers of an action; choices as they are."""
    if isinstance(space, Dict):
        return {name: shaken(part, action[name], noise, jax.random.fold_in(key, i)) for i, (name, part) in enumerate(space.parts)}
    if not isinstance(space, Box):
        return action
    return action + noise * jax.random.normal(key, space.shape, jnp.float32)
