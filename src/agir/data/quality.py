"""What makes recordings easy or hard to clone, measured on the data alone (Belkhale et al. 2023, arXiv 2306.02437).

    action divergence      E Var(a | s)           what no policy of s can follow: several ways, several styles, an unsteady hand
    transition diversity   E Var(s' - s | s, a)   the noise of the system: it leads to states around the expert's own, where the data
                                                  then say what to do

The paper bounds by these two how far a clone strays from what it was shown: the first hurts at every size of the data, the second
helps where actions agree. Both are one question: which part of y does x not explain? It is answered by the Gamma test (Stefansson,
Koncar & Jones 1997; proof: Evans & Jones 2002). With N(i, k) the k-th nearest x to x_i,

    near(k) = mean |x_N(i,k) - x_i|^2,   apart(k) = mean (y_N(i,k) - y_i)^2 / 2,     apart(k) = Var(y | x) + slope near(k) + ...

so the line through the points (near, apart) meets near = 0 at the variance that is not explained. Neighbours are of other episodes
(within one, noise and ways are those of its demonstrator). Entries of x are scaled to deviation 1.

Deviations from the paper: it takes a KL divergence and an entropy in its theory, and in practice the variance of actions within
clusters of states; here it is the variance at distance 0, as a share of all the variance and in the data's own units. Many entries of x
that mean nothing (distractors) push neighbours apart, and images are not looked at.
"""

import dataclasses

import jax
import numpy as np

from agir.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space
from agir.data.dataset import Dataset
from agir.data.normalization import TINY

NEIGHBOURS = 10
ASKED, KNOWN = 3000, 30_000  # rows whose neighbours are sought, and among how many
FEWEST = 50  # rows below which nothing is measured
PARTS = 8  # of an episode, from its begin to its end, that are measured apart


@dataclasses.dataclass(frozen=True)
class Unexplained:
    """What of some columns others do not explain."""

    names: tuple[str, ...]  # of the columns that move
    variance: np.ndarray  # [columns], in their units squared: at distance 0
    total: np.ndarray  # [columns]: all of their variance
    along: np.ndarray  # [PARTS]: the share in each part of the episodes; NaN where there are too few rows

    @property
    def share(self) -> float:
        """Of the variance, 0 to 1: the mean over columns."""
        return float(np.mean(self.variance / self.total)) if len(self.total) else 0.0

    @property
    def deviation(self) -> np.ndarray:
        """[columns], in the columns' units."""
        return np.sqrt(self.variance)


@dataclasses.dataclass(frozen=True)
class Quality:
    """The two measures; None where `why` says that they cannot be had."""

    action_divergence: Unexplained | None
    transition_diversity: Unexplained | None
    why: str = ""


def quality(dataset: Dataset, seed: int = 0) -> Quality:
    """Of the rows whose actions are recorded."""
    states, state_names = vectors(dataset.spec.observation, dataset.columns["observation"], "observation")
    finals, _ = vectors(dataset.spec.observation, dataset.final_observation, "observation")
    actions, action_names = vectors(dataset.spec.action, dataset.columns["action"], "action")
    rows = np.flatnonzero(dataset.recorded)
    if dataset.episodes < 2 or len(rows) < FEWEST:
        why = f"{dataset.episodes} episodes with {len(rows)} recorded actions are too few: 2 and {FEWEST} are the least"
        return Quality(None, None, why)
    if not len(state_names):
        return Quality(None, None, "only images are observed: compare them by features of your own, or record the state too")
    after = np.concatenate([states[1:], states[:1]])
    after[dataset.ends - 1] = finals
    episode = np.repeat(np.arange(dataset.episodes), dataset.lengths)
    progress = (np.arange(dataset.rows) - dataset.starts[episode]) / dataset.lengths[episode]
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:KNOWN])
    where = episode[rows], progress[rows]
    return Quality(
        unexplained(states[rows], actions[rows], action_names, *where),
        unexplained(np.concatenate([states, actions], 1)[rows], (after - states)[rows], state_names, *where),
    )


def vectors(space: Space, column: object, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """A column as float64 [rows, size], choices as one-hot, images left out; and a name for each entry."""
    match space:
        case Dict():
            parts = [vectors(part, column[inner], f"{name}.{inner}") for inner, part in space.parts]
            return np.concatenate([values for values, _ in parts], 1), tuple(entry for _, names in parts for entry in names)
        case Box() if space.image:
            values = np.zeros((len(column), 0))
        case Discrete():
            values = np.eye(space.count)[np.asarray(column)]
        case MultiDiscrete():
            values = np.concatenate([np.eye(count)[np.asarray(column)[:, i]] for i, count in enumerate(space.counts)], 1)
        case Box() | MultiBinary():
            values = np.asarray(jax.device_get(column), np.float64).reshape(len(column), -1)
    return values, tuple(f"{name}[{i}]" for i in range(values.shape[1]))


def unexplained(
    x: np.ndarray, y: np.ndarray, names: tuple[str, ...], episode: np.ndarray, progress: np.ndarray, seed: int = 0
) -> Unexplained:
    """What of y [rows, columns] the entries of x [rows, size] do not explain; `episode` [rows], `progress` [rows] from 0 to 1."""
    moves, matters = np.ptp(y, axis=0) >= TINY, np.ptp(x, axis=0) >= TINY
    y, names = y[:, moves], tuple(name for name, moving in zip(names, moves) if moving)
    asked = np.sort(np.random.default_rng(seed).permutation(len(x))[:ASKED])
    if not len(names):
        return Unexplained((), np.zeros(0), np.zeros(0), np.full(PARTS, np.nan))
    scaled = (x[:, matters] - x[:, matters].mean(0)) / x[:, matters].std(0)
    near, nearest = neighbours(scaled, asked, episode)
    apart = (y[nearest] - y[asked, None]) ** 2 / 2
    total, part = y.var(0), np.minimum((PARTS * progress[asked]).astype(int), PARTS - 1)
    share = lambda rows: np.mean(at_zero(near[rows], apart[rows]) / total) if rows.sum() >= FEWEST else np.nan
    return Unexplained(names, at_zero(near, apart), total, np.array([share(part == i) for i in range(PARTS)]))


def neighbours(x: np.ndarray, asked: np.ndarray, episode: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """-> squared distances [asked, neighbours], rising, and the rows: the nearest of other episodes."""
    count = min(NEIGHBOURS, int(len(x) - np.bincount(episode).max()))
    norms, found = (x**2).sum(1), []
    for part in np.array_split(asked, max(1, len(asked) // 200)):
        distance = norms[part, None] + norms[None] - 2 * x[part] @ x.T
        distance[episode[part, None] == episode[None]] = np.inf
        some = np.argpartition(distance, count - 1, axis=1)[:, :count]
        there = np.maximum(np.take_along_axis(distance, some, 1), 0.0)
        order = np.argsort(there, axis=1)
        found.append((np.take_along_axis(there, order, 1), np.take_along_axis(some, order, 1)))
    near, nearest = zip(*found)
    return np.concatenate(near), np.concatenate(nearest)


def at_zero(near: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """[columns]: where the line through the mean `near` [rows, k] and `apart` [rows, k, columns] meets distance 0, 0 at least.

    A line that falls with the distance says nothing of distance 0; then it is the mean of all.
    """
    distance, difference = near.mean(0), apart.mean(0)
    centred = distance - distance.mean()
    slope = np.maximum((centred[:, None] * difference).sum(0) / max((centred**2).sum(), 1e-30), 0.0)
    return np.maximum(difference.mean(0) - slope * distance.mean(), 0.0)
