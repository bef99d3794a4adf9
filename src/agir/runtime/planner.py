"""The planners of methods that learn a `ChunkModel`; an executor (executors.py) makes a policy of one."""

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


class EndingPlanner(Planner):
    """Of a model whose plans end before the chunk does: says how many of its actions are a plan (`length`), which are its passes."""

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        chunk, length = self.model.draw(observation, key)
        return Act(chunk, memory, {"passes": length, "length": length})
