"""The planners of methods that learn a `ChunkModel`; an executor (executors.py) makes a policy of one."""

from collections.abc import Callable
from typing import Any

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.generator import Generator
from agir.runtime.executors import Executor


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


def model_of(base: Executor, fits: Callable[[Generator], bool], why: str) -> ChunkModel:
    """The model of a trained policy that was brought as `--base`, where its generator `fits`.

    Raises BadSetting where it does not, or where a plan is more than a draw from the model (another planner: one that goes on from its
    last plan, say). The message names what the base holds instead; `why` goes on from there: "which ...: bring a run of ...".
    """
    planner = base.planner
    held = planner.model.generator if isinstance(planner, Planner) else planner
    if held is planner or not fits(held):
        raise BadSetting(f"--base holds a {type(held).__name__}, {why}")
    return planner.model
