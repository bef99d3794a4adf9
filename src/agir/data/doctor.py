"""What is wrong with a dataset, or looks it, before anything is trained on it: `examine(dataset)` -> findings.

Errors make training wrong or impossible; warnings are probably mistakes; notes are worth knowing. Cheap: images are looked at only
in an episode's first and last row.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from agir.core.errors import BadData
from agir.core.spaces import Box, Dict, Discrete, Space
from agir.data.dataset import Dataset
from agir.data.normalization import TINY

SEVERITIES = ("error", "warning", "note")
ROWS = 5000  # are enough to see how actions and states hang together
OUTLIER = 3.0  # times the spread of the middle 80% of episodes, from the median, beyond which an episode stands out
SHOWN = 5  # episodes or dimensions named in one finding


@dataclasses.dataclass(frozen=True)
class Finding:
    severity: str  # error, warning or note
    where: str  # "episode 3, column 'action', row 7", "observation[2]", ...
    what: str
    mend: str  # what to do about it


def examine(dataset: Dataset, validation: Dataset | None = None) -> list[Finding]:
    """All findings, the worst first. With `validation`, the other half of a split, leakage between the two as well."""
    findings = [*_shape(dataset)]
    if not findings:  # else the rows of an episode are not known
        checks = (_finite, _ends, _constants, _ranges, _bounds, _episodes, _twins, _meaning, _times, _rewards)
        findings = [finding for check in checks for finding in check(dataset)]
        findings += _leakage(dataset, validation) if validation is not None else []
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def examined(dataset: Dataset, say: Callable[[str], None]) -> None:
    """Before training: says the warnings, and raises BadData on the first error."""
    for finding in examine(dataset):
        text = f"{finding.where}: {finding.what}. {finding.mend[:1].upper()}{finding.mend[1:]}"
        if finding.severity == "error":
            raise BadData(f"{text}. (`agir inspect` looks a dataset over.)")
        if finding.severity == "warning":
            say(f"data: {text}")


def _named(values: Any, what: str = "") -> str:
    values = list(values)
    return f"{what}{', '.join(str(value) for value in values[:SHOWN])}{f' and {len(values) - SHOWN} more' * (len(values) > SHOWN)}"


def _leaves(dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    for path, leaf in jax.tree_util.tree_leaves_with_path(dataset.columns):
        yield ".".join(str(entry.key) for entry in path), leaf


def _boxes(space: Space, column: Any, name: str) -> Iterator[tuple[str, Box, np.ndarray]]:
    """Each float box as (name, box, [rows, size])."""
    if isinstance(space, Dict):
        for part, inner in space.parts:
            yield from _boxes(inner, column[part], f"{name}.{part}")
    elif isinstance(space, Box) and space.dtype == "float32":
        yield name, space, np.asarray(column).reshape(len(column), -1)


def _all_boxes(dataset: Dataset) -> Iterator[tuple[str, Box, np.ndarray]]:
    for name in ("observation", "action"):
        yield from _boxes(getattr(dataset.spec, name), dataset.columns[name], name)


def _place(dataset: Dataset, row: Any) -> tuple[int, int]:
    """-> the episode of a row, and its row within it."""
    episode = int(np.searchsorted(dataset.ends, row, side="right"))
    return episode, int(row - dataset.starts[episode])


# ------------------------------------------------------------------------------------------------------- what must be so
def _shape(dataset: Dataset) -> Iterator[Finding]:
    if dataset.episodes == 0:
        yield Finding("error", "dataset", "it has no episodes", "give another file")
    elif (empty := np.flatnonzero(dataset.lengths <= 0)).size:
        yield Finding("error", _named(empty, "episode "), "has no rows", "drop it: dataset.take(dataset.lengths > 0)")
    else:
        for name, leaf in _leaves(dataset):
            if len(leaf) != dataset.rows:
                yield Finding("error", f"column '{name}'", f"has {len(leaf)} rows, but the episodes have {dataset.rows}", "write it anew")


def _finite(dataset: Dataset) -> Iterator[Finding]:
    for name, leaf in _leaves(dataset):
        if leaf.dtype.kind == "f" and (bad := ~np.isfinite(leaf)).any():
            rows = np.flatnonzero(bad.reshape(len(leaf), -1).any(1))
            episode, row = _place(dataset, rows[0])
            where = f"episode {episode}, column '{name}', row {row}"
            yield Finding("error", where, f"is not finite, the first of {len(rows)} such rows", "repair or drop those episodes")


def _ends(dataset: Dataset) -> Iterator[Finding]:
    terminated = np.array(dataset.columns["terminated"])
    terminated[dataset.ends - 1] = False
    if (early := np.flatnonzero(terminated)).size:
        episode, row = _place(dataset, early[0])
        mend = "begin a new episode after it"
        yield Finding("error", f"episode {episode}, row {row}", "is terminated, but the episode goes on", mend)
    if dataset.episodes == 1:
        yield Finding("warning", "dataset", "has one episode: validation is on the training data", "record more")


# ------------------------------------------------------------------------------------------------------------ the columns
def _constants(dataset: Dataset) -> Iterator[Finding]:
    for name, _, column in _all_boxes(dataset):
        if (still := np.flatnonzero(np.ptp(column, axis=0) < TINY)).size:
            all_of_it = len(still) == column.shape[1]
            severity = ("error" if all_of_it else "warning") if name.startswith("action") else ("warning" if all_of_it else "note")
            where = name if all_of_it else _named(still, f"{name}, entry ")
            yield Finding(severity, where, "never changes", "leave it out, or look whether its sensor was connected")
    if isinstance(dataset.spec.action, Discrete):
        seen = np.bincount(dataset.columns["action"], minlength=dataset.spec.action.count)
        if (never := np.flatnonzero(seen == 0)).size:
            where = _named(never, "action ")
            yield Finding("note", where, "is never chosen", "nothing can be learnt of it from these data; collect some where it is")


def _ranges(dataset: Dataset) -> Iterator[Finding]:
    """A few rows that set the range: normalised by limits, all others are squeezed into a corner."""
    if dataset.rows < 100:
        return
    for name, _, column in _all_boxes(dataset):
        low, high = np.nanquantile(column, (0.005, 0.995), axis=0)
        wide = np.ptp(column, axis=0)
        squeezed = np.flatnonzero((wide >= TINY) & (high > low) & (wide > 20 * (high - low)))
        for entry in squeezed[:SHOWN]:
            middle = (low[entry] + high[entry]) / 2
            episode, row = _place(dataset, np.abs(column[:, entry] - middle).argmax())
            farthest = column[dataset.starts[episode] + row, entry]
            what = f"99% of {name}, entry {entry} lie in a twentieth of its range; the farthest is {farthest:.4g}"
            mend = "drop that episode, or train with --normalize standard"
            yield Finding("warning", f"episode {episode}, row {row}", what, mend)


def _bounds(dataset: Dataset) -> Iterator[Finding]:
    for name, box, column in _boxes(dataset.spec.action, dataset.columns["action"], "action"):
        low, high = (bound.reshape(-1) for bound in box.bounds)
        slack = 1e-4 * np.where(np.isfinite(high - low), high - low, 1.0)
        outside = (column < low - slack) | (column > high + slack)
        if outside.any():
            rows = np.flatnonzero(outside.any(1))
            episode, row = _place(dataset, rows[0])
            entry = int(np.argmax(outside[rows[0]]))
            what = (
                f"{name}, entry {entry} is {column[rows[0], entry]:.4g}, outside [{low[entry]:.4g}, {high[entry]:.4g}]; so are "
                f"{100 * len(rows) / len(column):.3g}% of rows"
            )
            mend = "clip them if the machine does; else the unit or the spec's bounds are wrong"
            yield Finding("warning", f"episode {episode}, row {row}", what, mend)
        elif box.bounded and (used := np.flatnonzero(np.ptp(column, axis=0) < 0.05 * (high - low))).size:
            moving = [entry for entry in used if np.ptp(column[:, entry]) >= TINY]
            if moving:
                what = "use less than a twentieth of what the spec allows"
                yield Finding("note", _named(moving, f"{name}, entry "), what, "look whether their unit is the spec's")


# ----------------------------------------------------------------------------------------------------------- the episodes
def _stand_out(values: np.ndarray, least: Any) -> np.ndarray:
    """bool, as `values` [episodes, ...]; `least` is the spread that episodes may always have."""
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9), axis=0)
    return np.abs(values - middle) > OUTLIER * np.maximum(high - low, least)


def _episodes(dataset: Dataset) -> Iterator[Finding]:
    if dataset.episodes < 8:
        return
    lengths = dataset.lengths
    if (odd := np.flatnonzero(_stand_out(np.log(lengths), 0.5))).size:
        what = f"has {', '.join(str(lengths[e]) for e in odd[:SHOWN])} rows; the median is {np.median(lengths):g}"
        yield Finding("warning", _named(odd, "episode "), what, "look at it; a failed or forgotten recording is better dropped")
    for name, _, column in _all_boxes(dataset):
        usable = np.flatnonzero(np.ptp(column, axis=0) >= TINY)
        means = np.add.reduceat(column[:, usable].astype(np.float64), dataset.starts, axis=0) / lengths[:, None]
        if (odd := np.flatnonzero(_stand_out(means, 0.1 * column[:, usable].std(0)).any(1))).size:
            what = f"its mean {name} is far from all the others'"
            yield Finding("warning", _named(odd, "episode "), what, "look at it: another task, unit or camera?")


def _digest(dataset: Dataset, episode: int) -> str:
    """Of an episode's actions and observations; of images the first and last."""
    digest = hashlib.sha256()
    start, end = dataset.starts[episode], dataset.ends[episode]
    for leaf in jax.tree.leaves((dataset.columns["observation"], dataset.columns["action"])):
        part = leaf[[start, end - 1]] if leaf.ndim == 4 else leaf[start:end]
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def _twins(dataset: Dataset) -> Iterator[Finding]:
    first: dict[str, int] = {}
    twins = []
    for episode in range(dataset.episodes):
        same = first.setdefault(_digest(dataset, episode), episode)
        if same != episode:
            twins.append(f"{episode} (= {same})")
    if twins:
        mend = "keep one of each: a copy in the validation half makes its loss too good"
        yield Finding("warning", _named(twins, "episode "), "is a copy of an earlier one", mend)


def _leakage(training: Dataset, validation: Dataset) -> list[Finding]:
    known = {_digest(training, episode): episode for episode in range(training.episodes)}
    both = [(known[d], e) for e in range(validation.episodes) if (d := _digest(validation, e)) in known]
    starts = set(training.about.get("start_index", ())) & set(validation.about.get("start_index", ()))
    findings = []
    if both:
        where = _named([f"{mine} = {its}" for mine, its in both], "episode ")
        findings.append(Finding("error", where, "stands in training and in validation", "drop the copies before splitting"))
    elif starts:
        findings.append(Finding("warning", _named(sorted(starts), "start "), "is in training and in validation", "split by start"))
    return findings


# ------------------------------------------------------------------------------------------------------ meaning and times
def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|Pearson's| between each column of a and each of b: [a's, b's]; 0 with a constant."""
    scaled = [(x - x.mean(0)) / np.where(x.std(0) > 1e-9, x.std(0), np.inf) for x in (a.astype(np.float64), b.astype(np.float64))]
    return np.abs(scaled[0].T @ scaled[1]) / len(a)


def _meaning(dataset: Dataset) -> Iterator[Finding]:
    """Does what is done look like where the state will be (absolute), or like how it will change (delta, velocity)?"""
    inside = np.setdiff1d(np.arange(dataset.rows), dataset.ends - 1)
    if dataset.spec.meaning.kind not in ("absolute", "delta", "velocity") or len(inside) < 50:
        return
    inside = inside[:: max(1, len(inside) // ROWS)]
    boxes = {name: column for name, _, column in _all_boxes(dataset)}
    seen = [column for name, column in boxes.items() if name.startswith("observation") and column.shape[1] <= 512]
    done = [column[inside] for name, column in boxes.items() if name.startswith("action")]
    if not seen or not done:
        return
    state, action = np.concatenate(seen, axis=1), np.concatenate(done, axis=1)
    if not (np.isfinite(state).all() and np.isfinite(action).all()):
        return
    place = _correlation(action, state[inside + 1]).max(1)
    change = _correlation(action, state[inside + 1] - state[inside]).max(1)
    moves, kind = action.std(0) > TINY, dataset.spec.meaning.kind
    if not moves.any():
        return
    like_place, like_change = np.median(place[moves]), np.median(change[moves])
    mend = "correct the spec's meaning, or convert the actions: replay an episode in the simulator to be sure"
    how = f"(they go with the next state at {like_place:.2f}, with its change at {like_change:.2f})"
    if kind == "absolute" and like_change > 0.9 and like_place < 0.6:
        yield Finding("warning", "action", f"is said to be absolute, but looks like a change of the state {how}", mend)
    if kind != "absolute" and like_place > 0.97 and like_change < 0.6:
        yield Finding("warning", "action", f"is said to be a {kind}, but looks like a place {how}", mend)


def _times(dataset: Dataset) -> Iterator[Finding]:
    time = dataset.columns.get("timestamp")
    if time is None or dataset.rows < 2:
        return
    time = np.asarray(time, np.float64).reshape(dataset.rows)
    inside = np.setdiff1d(np.arange(dataset.rows), dataset.ends - 1)
    step = time[inside + 1] - time[inside]
    if (back := np.flatnonzero(step <= 0)).size:
        episode, row = _place(dataset, inside[back[0]] + 1)
        yield Finding("error", f"episode {episode}, row {row}", "its timestamp does not come after the one before", "sort or drop it")
        return
    usual, rate = np.median(step), dataset.spec.meaning.rate_hz
    if rate and abs(usual * rate - 1) > 0.05:
        what = f"one is {usual:.4g} s after the other, but the spec says {rate:g} Hz"
        yield Finding("warning", "timestamps", what, "correct the spec's rate_hz, or resample")
    if (gaps := np.flatnonzero(step > 1.5 * usual)).size:
        episode, row = _place(dataset, inside[gaps[0]])
        what = f"is followed by a gap of {step[gaps[0]]:.3g} s instead of {usual:.3g} s, the first of {len(gaps)} gaps"
        yield Finding("warning", f"episode {episode}, row {row}", what, "frames were lost; drop those episodes, or resample")


def _rewards(dataset: Dataset) -> Iterator[Finding]:
    if not np.any(dataset.columns["reward"]):
        yield Finding("note", "reward", "is 0 in every row", "fine for imitation; a method that learns from rewards has nothing here")
    inside = np.setdiff1d(np.arange(dataset.rows), dataset.ends - 1)
    if len(inside) < 50:
        return
    same = np.ones(len(inside), bool)
    for leaf in (leaf for leaf in jax.tree.leaves(dataset.columns["observation"]) if leaf.ndim < 4):
        same &= (leaf[inside + 1] == leaf[inside]).reshape(len(inside), -1).all(1)
    if any(leaf.ndim < 4 for leaf in jax.tree.leaves(dataset.columns["observation"])) and same.mean() > 0.2:
        what = f"{100 * same.mean():.3g}% of rows see exactly what the row before saw"
        yield Finding("note", "observation", what, "pauses, or a slower sensor: drop still rows, or give the policy a history")
