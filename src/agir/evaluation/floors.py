"""The floors that show that a task is not trivial: a policy that does nothing, and one that does anything."""

from typing import Any

from agir.core.nouns import Act, Policy
from agir.core.spaces import Key, sample, zeros
from agir.data.normalization import clip


class Still(Policy):
    """Zeros, as near as the action's bounds allow; the first of the choices."""

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        return Act(clip(self.spec.action, zeros(self.spec.action)), memory)


class Random(Policy):
    """Uniform within the action's bounds (standard normal where there are none), afresh at every step."""

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        return Act(sample(self.spec.action, key), memory)
