"""Episodes of experience in columns, with an episode index. On the host (NumPy) until a source takes them to the device."""

import dataclasses
import hashlib
from typing import Any

import jax
import numpy as np

from agir.core.errors import BadData, BadSpec
from agir.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Spec


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A row is one step: what was seen, what was done, what came of it. Episodes stand one after the other.

    `columns` holds `observation` and `action` (trees of arrays [rows, ...] as the spec says), `reward` (float32 [rows]),
    `terminated` (bool [rows]) and any others a method asks for (`success`, `cost`, `token`, ...). An episode whose last row is
    not terminated was truncated: `final_observation` [episodes, ...] is the true successor of each last row.

    Where there is a column `recorded` (bool [rows]), actions of rows in which it is false are unknown: they stand as zeros, decide
    no normalisation, and are masked in every window.
    """

    spec: Spec
    columns: dict[str, Any]
    ends: np.ndarray  # int64 [episodes]: one past each episode's last row
    final_observation: Any
    about: dict = dataclasses.field(default_factory=dict)  # where it comes from: source, versions, indices of the starts

    def __repr__(self) -> str:
        source = self.about.get("source", "source unknown")
        return f"Dataset({self.episodes} episodes, {self.rows} rows, columns {', '.join(self.columns)}; {source})"

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
        """The dataset of these episodes (indices, or a mask), in this order."""
        episodes = np.asarray(episodes)
        episodes = np.flatnonzero(episodes) if episodes.dtype == bool else episodes.astype(np.int64)
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

    def without_actions(self, episodes: Any = None) -> "Dataset":
        """The same with the actions of these episodes (indices, or a mask; None: all) unknown: action-free episodes."""
        hidden = np.zeros(self.episodes, bool)
        hidden[slice(None) if episodes is None else np.asarray(episodes)] = True
        recorded = ~np.repeat(hidden, self.lengths) & self.recorded
        blank = lambda column: np.where(recorded.reshape(-1, *(1,) * (column.ndim - 1)), column, np.zeros((), column.dtype))
        columns = self.columns | {"action": jax.tree.map(blank, self.columns["action"]), "recorded": recorded}
        return dataclasses.replace(self, columns=columns)

    @property
    def recorded(self) -> np.ndarray:
        """bool [rows]: whether the action is known."""
        return self.columns.get("recorded", np.ones(self.rows, bool))

    @classmethod
    def join(cls, datasets: list["Dataset"]) -> "Dataset":
        """One dataset of the episodes of several, in their order; a column `source` (int32 [rows]) says of which each row is.

        Of other columns only those are kept that all of them have, but `recorded` is filled in. Raises BadSpec where the specs
        differ.
        """
        first = datasets[0]
        for number, other in enumerate(datasets[1:], 1):
            first.spec.require(other.spec, "the dataset 0", f"the dataset {number}")
        if any("recorded" in each.columns for each in datasets):
            datasets = [dataclasses.replace(each, columns=each.columns | {"recorded": each.recorded}) for each in datasets]
        names = set.intersection(*(set(each.columns) for each in datasets)) - {"source"}
        together = lambda trees: jax.tree.map(lambda *parts: np.concatenate(parts), *trees)
        columns = together([{name: each.columns[name] for name in sorted(names)} for each in datasets])
        columns["source"] = np.repeat(np.arange(len(datasets), dtype=np.int32), [each.rows for each in datasets])
        ends = np.cumsum(np.concatenate([each.lengths for each in datasets]))
        about = {"source": "; ".join(str(each.about.get("source", "unknown")) for each in datasets)}
        return cls(first.spec, columns, ends, together([each.final_observation for each in datasets]), about)

    def fingerprint(self) -> str:
        """sha256 of the contents: what a run and a bundle remember of their data."""
        digest = hashlib.sha256()
        for path, leaf in jax.tree_util.tree_leaves_with_path((self.columns, self.ends, self.final_observation)):
            digest.update(f"{jax.tree_util.keystr(path)} {leaf.dtype} {leaf.shape}".encode())
            digest.update(np.ascontiguousarray(leaf).tobytes())
        return digest.hexdigest()

    def save(self, path: Any) -> Any:
        """Writes it to PATH.npz or to the new folder PATH, where `load` finds it again -> the path."""
        from agir.data.store import save  # which reads Datasets too

        return save(self, path)

    @classmethod
    def load(cls, path: Any, task: Any = None) -> "Dataset":
        """What `save` wrote, or a file or folder of another format that agir knows (docs/data.md): where that says nothing of what its
        numbers mean, `task` does. Raises Missing where there is nothing, BadData on what is torn, odd, or in no such format.
        """
        from agir.data.readers import read

        return read(path, task)

    @classmethod
    def from_episodes(cls, spec: Spec, episodes: list[dict], about: dict | None = None) -> "Dataset":
        """From episodes, each a dict: `observation` [steps + 1, ...] (with the last successor) or [steps, ...], `action`
        [steps, ...], and optionally `reward` (default 0), `terminated` (default: true in the last row) and other columns
        [steps, ...], which are kept as float32, int32, uint8 or bool.

        Without the last successor the last observation stands for it, which only an episode that terminated may do for a
        learner that bootstraps. Raises BadData naming the episode, the column and the row, BadSpec where `spec` is none.
        """
        if not isinstance(spec, Spec):
            raise BadSpec(f"Episodes are of a Spec, which a task has as task.spec; this is a {type(spec).__name__}.")
        if not episodes:
            raise BadData("There are no episodes in this dataset.")
        columns, finals = [], []
        for number, episode in enumerate(episodes):
            fields, final = _episode(episode, spec, number)
            columns.append(fields)
            finals.append(final)
        for number, fields in enumerate(columns):
            extra, lacking = _parts(fields) - _parts(columns[0]), _parts(columns[0]) - _parts(fields)
            if extra or lacking:
                has, name = ("has", extra) if extra else ("lacks", lacking)
                raise BadData(f"episode {number} {has} the column '{min(name)}', unlike episode 0. Give it in all episodes or in none.")
        joined = jax.tree.map(lambda *parts: np.concatenate(parts), *columns)
        ends = np.cumsum([len(fields["reward"]) for fields in columns])
        assumed = {} if all("terminated" in episode for episode in episodes) else {"assumed": "that episodes terminate where they end"}
        return cls(spec, joined, ends, jax.tree.map(lambda *parts: np.stack(parts), *finals), assumed | (about or {}))


def _parts(tree: Any) -> set[str]:
    return {".".join(entry.key for entry in path) for path, _ in jax.tree_util.tree_leaves_with_path(tree)}


def _each(function: Any, tree: Any, name: str) -> Any:
    """`function(leaf, its dotted name)` for a column or for its parts; a list is a column, not parts."""
    if isinstance(tree, dict):
        return {part: _each(function, inner, f"{name}.{part}") for part, inner in tree.items()}
    return function(tree, name)


def _episode(episode: dict, spec: Spec, number: int) -> tuple[dict, Any]:
    """-> the columns of one episode as the spec wants them, its last observation; raises BadData saying where it cannot."""
    for name in ("observation", "action"):
        if name not in episode:
            raise BadData(f"episode {number} has no column '{name}'; it has {', '.join(map(str, episode)) or 'none'}.")
    action = _conform(spec.action, episode["action"], f"episode {number}, column 'action'")
    steps = len(jax.tree.leaves(action)[0])
    if steps == 0:
        raise BadData(f"episode {number} has no steps. Drop it.")
    observation = _conform(spec.observation, episode["observation"], f"episode {number}, column 'observation'")
    with_last = {len(leaf) for leaf in jax.tree.leaves(observation)} == {steps + 1}
    fields = {"reward": np.zeros(steps, np.float32), "terminated": np.arange(steps) == steps - 1} | dict(episode)
    for name in sorted(fields.keys() - {"observation", "action"}):
        kind = {"reward": np.float32, "terminated": bool}.get(name)
        fields[name] = _each(lambda x, path: _plain(x, kind, f"episode {number}, column '{path}'"), fields[name], name)
    fields |= {"action": action, "observation": jax.tree.map(lambda x: x[:steps], observation) if with_last else observation}
    for name in ("observation", *fields):
        _each(lambda x, path: _long(x, steps, number, path), fields[name], name)
    early = np.flatnonzero(fields["terminated"][:-1])
    if len(early):
        raise BadData(f"episode {number}, column 'terminated', row {early[0]} is true, but the episode goes on. Begin a new episode there.")
    return fields, jax.tree.map(lambda x: x[-1], observation)


def _long(column: np.ndarray, steps: int, episode: int, name: str) -> None:
    if len(column) != steps:
        more = f" (observations may have {steps + 1})" * name.startswith("observation")
        raise BadData(f"episode {episode}, column '{name}' has {len(column)} rows, but the actions have {steps}{more}.")
    if name in ("reward", "terminated") and column.ndim != 1:
        raise BadData(f"episode {episode}, column '{name}' has shape {list(column.shape)}; it should have {[steps]}.")


def _conform(space: Space, column: Any, where: str) -> Any:
    """One column [rows, ...] as the space wants it; raises BadData with `where`, the row and what is wrong there."""
    if isinstance(space, Dict):
        names = [name for name, _ in space.parts]
        if not isinstance(column, dict) or set(column) != set(names):
            have = sorted(column) if isinstance(column, dict) else type(column).__name__
            raise BadData(f"{where} should have the parts {names}, but has {have}.")
        return {name: _conform(part, column[name], f"{where[:-1]}.{name}'") for name, part in space.parts}
    shape, counts = _outline(space)
    column = _array(column, where)
    if column.shape[1:] != shape or column.ndim == 0:
        reshape = " Reshape it: column.reshape(-1, 1)." if shape == (1,) and column.ndim == 1 else ""
        raise BadData(f"{where} has shape {list(column.shape)}; the spec wants [{', '.join(map(str, ('rows', *shape)))}].{reshape}")
    if counts is None:
        return _finite(column, where, np.float32)
    if not (column.dtype == np.uint8 and np.min(counts) == 256):
        _row(column != np.round(column), column, where, "not a whole number")
        _row((column < 0) | (column >= counts), column, where, f"outside 0 to {np.max(counts) - 1}")
    return column.astype(np.uint8 if isinstance(space, Box) else np.int32)


def _plain(column: Any, kind: Any, where: str) -> np.ndarray:
    """A column that no space describes: numbers of 32 bits or bools, all finite."""
    column = _array(column, where)
    if column.ndim == 0:
        raise BadData(f"{where} is a single value; it should have one for each step.")
    if kind is None:
        kind = {"b": bool, "f": np.float32}.get(column.dtype.kind, column.dtype if column.dtype == np.uint8 else np.int32)
    if kind == np.int32:
        limit = np.iinfo(np.int32)
        _row((column < limit.min) | (column > limit.max), column, where, "too large for 32 bits")
    return _finite(column, where, kind)


def _array(column: Any, where: str) -> np.ndarray:
    try:
        array = np.asarray(column)
    except ValueError as error:  # rows of different lengths
        raise BadData(f"{where} is not an array: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise BadData(f"{where} holds {array.dtype}, not numbers.")
    return array


def _row(wrong: np.ndarray, column: np.ndarray, where: str, what: str) -> None:
    if wrong.any():
        at = np.argwhere(wrong)[0]
        raise BadData(f"{where}, row {at[0]} is {column[tuple(at)]}, {what}.")


def _finite(column: np.ndarray, where: str, kind: Any) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large for 32 bits becomes infinite, and is refused as that
        column = column.astype(kind)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        rows = np.unique(np.argwhere(~np.isfinite(column))[:, 0])
        more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
        raise BadData(f"{where}, row {rows[0]} is not a finite number{more}. Repair or drop that episode.")
    return column


def _outline(space: Space) -> tuple[tuple[int, ...], Any]:
    """-> the shape of a value, and how many values its entries may take (None: any number)."""
    match space:
        case Box():
            return space.shape, 256 if space.dtype == "uint8" else None
        case Discrete():
            return (), space.count
        case MultiDiscrete():
            return (len(space.counts),), np.array(space.counts)
        case MultiBinary():
            return (space.count,), 2
    raise TypeError(space)
