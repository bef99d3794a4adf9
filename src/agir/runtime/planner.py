"""The planner of every method that learns a `ChunkModel`; an executor (executors.py) makes a policy of it."""

from typing import Any

from agir.core.nouns import Act, Policy
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel


class Planner(Policy):
    """Sees [history, ...] and gives a chunk [horizon, ...]; says how many `passes` of the network it paid."""

    model: ChunkModel

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        chunk, passes = self.model.draw(observation, key)
        return Act(chunk, memory, {"passes": passes})
