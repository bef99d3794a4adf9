"""agir: learn action policies; evaluate them with statistics; act with them.

    import agir

    run = agir.train("multipath", "diffusion-policy", seeds=3)     # -> a run's folder with policies in it
    print(agir.evaluate(run, episodes=100))                        # -> success with n and 95% interval, return, latency
    policy = agir.load(run)                                        # -> a policy: start(key), act(observation, memory, key)
    actor = agir.actor(run)                                        # -> at work: begin(), actor(observation) -> action

Names are imported when they are first used, so that `import agir` is light.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agir import register
    from agir.core.errors import AgirError
    from agir.core.nouns import Learner, Method, Policy, Source, Task, given
    from agir.core.spaces import Box, Dict, Discrete, Meaning, MultiBinary, MultiDiscrete, Spec
    from agir.data.dataset import Dataset
    from agir.tasks.find import task
    from agir.tasks.gym import from_gymnasium
    from agir.training.train import resume, train
    from agir.verbs import actor, compare, evaluate, inspect, load, report, save

_NAMES = {
    "agir.core.errors": ("AgirError",),
    "agir.core.nouns": ("Learner", "Method", "Policy", "Source", "Task", "given"),
    "agir.core.spaces": ("Box", "Dict", "Discrete", "Meaning", "MultiBinary", "MultiDiscrete", "Spec"),
    "agir.data.dataset": ("Dataset",),
    "agir.tasks.find": ("task",),
    "agir.tasks.gym": ("from_gymnasium",),
    "agir.training.train": ("resume", "train"),
    "agir.verbs": ("actor", "compare", "evaluate", "inspect", "load", "report", "save"),
}
_WHERE = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted([*_WHERE, "register"])


def __getattr__(name: str) -> Any:
    if name == "register":
        return importlib.import_module("agir.register")
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'agir' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__doc__"]
