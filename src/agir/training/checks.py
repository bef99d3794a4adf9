"""What is measured while a learner learns, and the best state by it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.arrays import read_arrays
from agir.core.nouns import Learner, Method
from agir.evaluation.rollout import evaluate
from agir.training.checkpoints import Checkpoints
from agir.training.loop import Fixed, finish, validation
from agir.training.sources import only_data
from agir.training.world import World

VALIDATIONS = 20  # a run
VALIDATION_BATCHES = 8
SELECTIONS = 10  # evaluations on the way, of learners that act


@dataclasses.dataclass(frozen=True)
class Check:
    """`measure(state, step)` -> metrics [lanes], and a score [lanes] (higher is better) or None."""

    split: str
    every: int  # updates
    measure: Callable[[Any, int], tuple[dict, Any]]


def checks_of(learner: Learner, fixed: Fixed, world: World, options: dict) -> list[Check]:
    """The held-out split, where the learner has data and a `validate`; and episodes of purpose "selection" where asked.

    Where episodes are played they alone score: a lower loss need not act better.
    """
    from_data, lanes, checks = only_data(learner.learns_from), len(fixed.keys), []
    played = options.get("selections", 0)
    if played is None:
        played = 0 if from_data or not world.task.compiled or not isinstance(learner, Method) else SELECTIONS
    if from_data and type(learner).validate is not Learner.validate:
        held = learner.learns_from.bind(world, learner, "validation")

        def validate(state: Any, step: int) -> tuple[dict, Any]:
            metrics = validation(fixed, held, state, jnp.int32(step), VALIDATION_BATCHES)
            return metrics, -np.asarray(metrics["loss"]) if "loss" in metrics and not played else None

        checks.append(Check("validation", max(1, learner.updates // VALIDATIONS), validate))

    def play(state: Any, step: int) -> tuple[dict, Any]:
        policies = world.wrapped(finish(fixed, (state, ())), lanes)
        found = evaluate(policies, world.task, options["selection_episodes"], seeds=range(lanes), purpose="selection")
        metrics = {name: found.columns[name].mean(1) for name in ("success", "return", "best_reward") if name in found.columns}
        return metrics, metrics.get("success", metrics["return"])  # where success ends an episode, the sooner one returns less

    if played:
        checks.append(Check("selection", max(1, learner.updates // played), play))
    return checks


class Best:
    """Each lane's best-scored state so far."""

    def __init__(self, checkpoints: Checkpoints, like: Any, lanes: int):
        self.checkpoints, self.state = checkpoints, jax.tree.map(lambda x: x.copy() if eqx.is_array(x) else x, like)
        self.score, self.step = np.full(lanes, -np.inf), np.zeros(lanes, int)
        self.saved = False

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.score).all())

    def consider(self, state: Any, step: int, score: Any) -> None:
        """Takes the lanes whose score is not lower (of equals the later); None scores nothing."""
        if score is None:
            return
        better = np.asarray(score) >= self.score
        if better.any():
            pick = lambda new, old: jnp.where(better.reshape(-1, *(1,) * (new.ndim - 1)), new, old) if eqx.is_array(new) else old
            self.state = jax.tree.map(pick, state, self.state)
            self.score, self.step = np.where(better, score, self.score), np.where(better, step, self.step)
            self.saved = False

    def save(self) -> None:
        if self.known and not self.saved:
            self.checkpoints.save_best(self.state, self.score.tolist(), self.step.tolist())
            self.saved = True

    def load(self) -> None:
        if self.checkpoints.best.exists():
            self.state, about = read_arrays(self.checkpoints.best, self.state)
            self.score, self.step = np.array(about["score"]), np.array(about["step"])
            self.saved = True
