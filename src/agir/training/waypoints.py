"""Segments that also say where a stretch of free motion leads: for methods with two kinds of action."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.errors import BadSetting
from agir.core.nouns import Learner, bound
from agir.data.windows import Segment
from agir.training.sources import Segments
from agir.training.world import World


class Marked(eqx.Module):
    """A segment; for each of its steps whether it is dense (1: at work) or sparse (0: on the way), and where it leads.

    That is the action with which a sparse step's stretch ends, and a dense step's own.
    """

    segment: Segment
    dense: Float[Array, "*batch length"]
    waypoint: Any


class Waypoints(Segments):
    """Stretches are the consecutive rows of one episode whose `label` is alike."""

    label: str = "phase"  # the column that says which rows are dense: 1 at work, 0 on the way
    ends: Any = bound()  # int32 [rows]: the last row of each row's stretch

    def bind(self, world: World, learner: Learner, split: str = "training") -> "Waypoints":
        """Raises BadSetting where the data have no such column."""
        found = super().bind(world, learner, split)
        if self.label not in found.table.columns:
            known = ", ".join(sorted(set(found.table.columns) - {"observation", "action", "reward", "terminated"})) or "none"
            raise BadSetting(
                f"The demonstrations have no column '{self.label}' that says which rows are at work: name it with --label. "
                f"Beside the usual ones there are: {known}."
            )
        ends = stretch_ends(np.asarray(found.table.columns[self.label]) > 0, np.asarray(found.table.last))
        return dataclasses.replace(found, ends=jax.numpy.asarray(ends))

    def cut(self, row: Any) -> Marked:
        columns, rows = self.table.columns, jax.numpy.minimum(row + jax.numpy.arange(self.length), self.table.last[row])
        dense = columns[self.label][rows] > 0
        leads = jax.numpy.where(dense, rows, self.ends[rows])
        waypoint = jax.tree.map(lambda column: column[leads], columns["action"])
        return Marked(super().cut(row), dense.astype(jax.numpy.float32), waypoint)


def stretch_ends(dense: Bool[np.ndarray, " rows"], last: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
    """The last row of the stretch that each row belongs to; `last` is the last row of each row's episode."""
    rows = np.arange(len(dense))
    stops = rows[(rows == last) | (np.append(dense[1:], False) != dense)]
    return stops[np.searchsorted(stops, rows)].astype(np.int32)
