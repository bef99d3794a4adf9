"""Episodes of experience in columns, with an episode index. On the host (NumPy) until a source takes them to the device."""

import dataclasses
import hashlib
from typing import Any

import jax
import numpy as np

from agir.core.errors import BadData
from agir.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Spec


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A row is one step: what was seen, what was done, what came of it. Episodes stand one after the other.

    `columns` holds `observation` and `action` (trees of arrays [rows, ...] as the spec says), `reward` (float32 [rows]),
    `terminated` (bool [rows]) and any others a method asks for (`success`, `cost`, `token`, ...). An episode whose last row is
    not terminated was truncated: `final_observation` [episodes, ...] is the true successor of each last row.
    """

    spec: Spec
    columns: dict[str, Any]
    ends: np.ndarray  # int64 [episodes]: one past each episode's last row
    final_observation: Any
    about: dict = dataclasses.field(default_factory=dict)  # where it comes from: source, versions, indices of the starts

    @property
    def rows(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def episodes(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> np.ndarray:
        """int64 [episodes]: each episode's first row."""
        return np.concatenate([[0], self.ends[:-1]]).astype(np.int64)

    @property
    def lengths(self) -> np.ndarray:
        return self.ends - self.starts

    @property
    def truncated(self) -> np.ndarray:
        """bool [rows]: the last row of each episode that did not terminate."""
        truncated = np.zeros(self.rows, bool)
        truncated[self.ends - 1] = True
        return truncated & ~self.columns["terminated"]

    def episode(self, index: int) -> dict[str, Any]:
        """The columns of one episode."""
        rows = slice(self.starts[index], self.ends[index])
        return jax.tree.map(lambda column: column[rows], self.columns)

    def take(self, episodes: Any) -> "Dataset":
        """The dataset of these episodes, in this order."""
        episodes = np.asarray(episodes)
        rows = np.concatenate([np.arange(self.starts[e], self.ends[e]) for e in episodes]) if len(episodes) else np.zeros(0, int)
        pick = lambda tree, index: jax.tree.map(lambda column: column[index], tree)
        about = self.about | (
            {"start_index": np.asarray(self.about["start_index"])[episodes].tolist()} if "start_index" in self.about else {}
        )
        return Dataset(
            self.spec, pick(self.columns, rows), np.cumsum(self.lengths[episodes]), pick(self.final_observation, episodes), about
        )

    def split(self, validation_share: float = 0.1, seed: int = 0) -> tuple["Dataset", "Dataset"]:
        """-> training, validation: whole episodes, at least one in each where there are two. One episode: it is both."""
        if self.episodes < 2:
            return self, self
        held = min(max(1, round(validation_share * self.episodes)), self.episodes - 1)
        order = np.random.default_rng(seed).permutation(self.episodes)
        return self.take(np.sort(order[held:])), self.take(np.sort(order[:held]))

    def fingerprint(self) -> str:
        """sha256 of the contents: what a run and a bundle remember of their data."""
        digest = hashlib.sha256()
        for path, leaf in jax.tree_util.tree_leaves_with_path((self.columns, self.ends, self.final_observation)):
            digest.update(f"{jax.tree_util.keystr(path)} {leaf.dtype} {leaf.shape}".encode())
            digest.update(np.ascontiguousarray(leaf).tobytes())
        return digest.hexdigest()

    @classmethod
    def from_episodes(cls, spec: Spec, episodes: list[dict], about: dict | None = None) -> "Dataset":
        """From episodes, each a dict: `observation` [steps + 1, ...] (with the last successor) or [steps, ...], `action`
        [steps, ...], and optionally `reward`, `terminated` and other columns [steps, ...].

        Without the last successor the last observation stands for it, which only an episode that terminated may do for a
        learner that bootstraps. Raises BadData naming the episode, the column and the row.
        """
        if not episodes:
            raise BadData("There are no episodes in this dataset.")
        columns, finals = [], []
        for number, episode in enumerate(episodes):
            steps = len(jax.tree.leaves(episode["action"])[0])
            fields = {"reward": np.zeros(steps, np.float32), "terminated": np.arange(steps) == steps - 1} | dict(episode)
            finals.append(jax.tree.map(lambda x: np.asarray(x)[-1], fields["observation"]))
            fields["observation"] = jax.tree.map(lambda x: np.asarray(x)[:steps], fields["observation"])
            fields = {name: _conform(name, column, spec, number, steps) for name, column in fields.items()}
            columns.append(fields)
        missing = set().union(*columns) - set(columns[0]).intersection(*columns)
        if missing:
            raise BadData(f"Episodes differ in their columns: {', '.join(sorted(missing))} stand in some but not in all.")
        joined = jax.tree.map(lambda *parts: np.concatenate(parts), *columns)
        finals = jax.tree.map(lambda *parts: np.stack(parts), *finals)
        finals = _cast(spec.observation, finals)
        ends = np.cumsum([len(episode["reward"]) for episode in columns])
        return cls(spec, joined, ends, finals, about or {})


def _conform(name: str, column: Any, spec: Spec, episode: int, steps: int) -> Any:
    """One episode's column as the spec wants it; raises BadData naming the episode, the column and the row."""
    space = {"observation": spec.observation, "action": spec.action}.get(name)
    if space is None:
        kind = {"reward": np.float32, "terminated": bool}.get(name)
        column = jax.tree.map(lambda x: np.asarray(x, kind), column)
        _finite(column, name, episode, steps)
        return column
    column = _cast(space, column)
    _shaped(space, column, name, episode, steps)
    return column


def _cast(space: Space, value: Any) -> Any:
    match space:
        case Dict():
            if not isinstance(value, dict) or set(value) != {name for name, _ in space.parts}:
                have = sorted(value) if isinstance(value, dict) else type(value).__name__
                raise BadData(f"A column should have the parts {[name for name, _ in space.parts]}, but has {have}.")
            return {name: _cast(part, value[name]) for name, part in space.parts}
        case Box():
            return np.asarray(value, space.dtype)
    return np.asarray(value, np.int32)


def _shaped(space: Space, column: Any, name: str, episode: int, steps: int) -> None:
    where = f"episode {episode}, column '{name}'"
    if isinstance(space, Dict):
        for part, inner in space.parts:
            _shaped(inner, column[part], f"{name}.{part}", episode, steps)
        return
    shape, counts = _outline(space)
    if column.shape != (steps, *shape):
        raise BadData(f"{where} has shape {list(column.shape)}; the spec wants {[steps, *shape]} (steps first).")
    if counts is None:
        _finite(column, name, episode, steps)
        return
    bad = np.argwhere((column < 0) | (column >= counts))
    if len(bad):
        raise BadData(f"{where}, row {bad[0][0]} is {column[tuple(bad[0])]}, outside 0 to {np.max(counts) - 1}.")


def _outline(space: Space) -> tuple[tuple[int, ...], Any]:
    """-> the shape of a value, and how many choices its entries have (None: it is a box)."""
    match space:
        case Box():
            return space.shape, None
        case Discrete():
            return (), space.count
        case MultiDiscrete():
            return (len(space.counts),), np.array(space.counts)
        case MultiBinary():
            return (space.count,), 2
    raise TypeError(space)


def _finite(column: Any, name: str, episode: int, steps: int) -> None:
    for leaf in jax.tree.leaves(column):
        if len(leaf) != steps:
            raise BadData(f"episode {episode}, column '{name}' has {len(leaf)} rows, but the actions have {steps}.")
        if leaf.dtype.kind == "f" and not np.isfinite(leaf).all():
            row = int(np.argwhere(~np.isfinite(leaf))[0][0])
            raise BadData(f"episode {episode}, column '{name}', row {row} is not a finite number. Repair or drop that episode.")
