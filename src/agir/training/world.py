"""What a learner meets: a task, its data and its environment, all in the learner's normalised terms."""

import dataclasses

import jax
import jax.numpy as jnp

from agir.core.errors import Missing
from agir.core.nouns import Policy, Task
from agir.core.spaces import Spec
from agir.data.dataset import Dataset
from agir.data.normalization import Normalization, Normalized, NormalizedEnvironment, by_bounds, fit, normalize, normalized_spec
from agir.data.windows import Table, tabulate


@dataclasses.dataclass(frozen=True)
class World:
    """Sources are bound to it. `spec` is the learner's; `task.spec` the raw one."""

    task: Task
    normalization: Normalization
    datasets: dict[str, tuple[Dataset, Dataset]] = dataclasses.field(default_factory=dict)  # name -> (training, validation)

    @property
    def spec(self) -> Spec:
        return normalized_spec(self.task.spec, self.normalization)

    def environment(self) -> NormalizedEnvironment:
        return NormalizedEnvironment(self.task.environment(), self.normalization, self.task.spec)

    def wrapped(self, policies: Policy, lanes: int, recipe: str = "") -> Normalized:
        """The learner's policies [lanes, ...] as policies that see raw observations and give raw actions."""
        maps = jax.tree.map(lambda x: jnp.broadcast_to(x, (lanes, *x.shape)), self.normalization)
        return Normalized(self.task.spec, policies, maps, recipe, self.task.name)

    def rows(self, name: str) -> int:
        """How many of the dataset are trained on; raises Missing where there is no such data."""
        return self._split(name, "training").rows

    def table(self, name: str, split: str) -> Table:
        """-> the dataset's normalised columns on the device; raises Missing where there is no such data."""
        dataset = self._split(name, split)
        return tabulate(normalize(dataset, self.normalization), dataset.ends)

    def _split(self, name: str, split: str) -> Dataset:
        if name not in self.datasets:
            raise Missing(f"{self.task.name} has no dataset called '{name}' here: give one with --data PATH.")
        return self.datasets[name][("training", "validation").index(split)]


def make_world(
    task: Task,
    datasets: dict[str, Dataset] | None = None,
    *,
    how: str = "limits",
    normalization: Normalization | None = None,
    validation_share: float = 0.1,
) -> World:
    """The world of a task and its datasets (all of them together decide the normalisation, unless a base brings its own).

    `how` is 'limits', 'standard' or 'none'. The split is by episode and the same for all seeds. Raises BadSpec where a
    dataset and the task disagree.
    """
    for name, dataset in (datasets or {}).items():
        task.spec.require(dataset.spec, f"the task {task.name}", f"the dataset '{name}'")
    split = {name: dataset.split(validation_share) for name, dataset in (datasets or {}).items()}
    if normalization is None:
        normalization = fit(*(training for training, _ in split.values()), how=how) if split else by_bounds(task.spec)
    return World(task, normalization, split)
