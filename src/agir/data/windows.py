"""Cutting episodes by index arithmetic alone, in JAX: windows, transitions and segments, each from one row.

A Table is a dataset on the device. Every function here takes one row (int32 []) and is vmapped over a batch of rows; any row of
the table is a valid one, so a uniformly drawn row is a uniformly drawn sample. What lies outside the row's episode is masked or
bootstrapped from the true successor, never read from the neighbouring episode.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSetting
from agir.core.nouns import Experience, Foresight, Window

PLAIN = ("observation", "action", "reward", "terminated")  # what stands in fields of Experience; other columns are its info


class Table(eqx.Module):
    """Columns on the device, and where each row's episode begins and ends."""

    columns: dict[str, Any]  # trees of [rows, ...]
    final_observation: Any  # [episodes, ...]: the successor of each episode's last row
    episode: Int[Array, "rows"]
    first: Int[Array, "rows"]  # the first row of this row's episode
    last: Int[Array, "rows"]  # and its last

    @property
    def rows(self) -> int:
        return self.first.shape[0]


class Segment(eqx.Module):
    """Consecutive steps of one episode, for learners that carry a memory along."""

    experience: Experience  # [length, ...]
    mask: Float[Array, "*batch length"]  # 0 past the episode's end; padding never counts


def tabulate(columns: dict[str, Any], ends: np.ndarray) -> Table:
    """-> the Table of columns as `data.normalization.normalize` gives them (with `final_observation`) and a Dataset's `ends`."""
    columns = jax.tree.map(jnp.asarray, columns)
    final = columns.pop("final_observation")
    ends = np.asarray(ends)
    lengths = np.diff(ends, prepend=0)
    spread = lambda values: jnp.asarray(np.repeat(values, lengths), jnp.int32)
    return Table(columns, final, spread(np.arange(len(ends))), spread(ends - lengths), spread(ends - 1))


def _at(tree: Any, index: Any) -> Any:
    return jax.tree.map(lambda column: column[index], tree)


def window(table: Table, row: Int[Array, ""], history: int, horizon: int) -> Window:
    """The `history` observations up to `row`, and the `horizon` actions from the first of them on.

    Index history - 1 of the chunk is the action taken at `row`. Before the episode's begin the first observation is repeated;
    actions outside the episode repeat its first or last one and have mask 0, as have those that were not recorded. Raises
    BadSetting where the chunk would not reach the action at `row`.
    """
    if not 1 <= history <= horizon:
        raise BadSetting(f"A window needs 1 <= history <= horizon, not history = {history}, horizon = {horizon}: raise the horizon.")
    first, last, begin = table.first[row], table.last[row], row - history + 1
    seen = jnp.maximum(begin + jnp.arange(history), first)
    done = begin + jnp.arange(horizon)
    inside = (done >= first) & (done <= last)
    at = jnp.clip(done, first, last)
    action = _at(table.columns["action"], at)
    if "recorded" in table.columns:
        inside = inside & table.columns["recorded"][at]
    return Window(_at(table.columns["observation"], seen), action, inside.astype(jnp.float32))


def window_horizon(history: int, coming: int) -> int:
    """The horizon of windows that hold `coming` actions from their last observation on: what is done before it is not among them."""
    return history - 1 + coming


def foresight(table: Table, row: Int[Array, ""], history: int, horizon: int, frames: int, every: int = 1) -> Foresight:
    """The window at `row`, and the `frames` observations at `row` + `every`, `row` + 2 `every`, ...: the true ones, an episode's final
    observation among them. Past it that one is repeated, with mask 0. Raises BadSetting where `frames` or `every` is below 1.
    """
    if frames < 1 or every < 1:
        raise BadSetting(f"What is seen later is 1 or more frames, 1 or more steps apart, not {frames} frames {every} apart.")
    seen, last = window(table, row, history, horizon), table.last[row]
    at = row + every * jnp.arange(1, frames + 1)
    final = _at(table.final_observation, table.episode[row])
    over = lambda x: (at > last).reshape(-1, *(1,) * (x.ndim - 1))
    ahead = jax.tree.map(lambda x, end: jnp.where(over(x), end, x), _at(table.columns["observation"], jnp.minimum(at, last)), final)
    return Foresight(seen.observation, seen.action, seen.mask, ahead, (at <= last + 1).astype(jnp.float32))


def transition(table: Table, row: Int[Array, ""], discount: Any, steps: int = 1) -> Experience:
    """What came of the action at `row`, over up to `steps` steps (fewer where the episode ends earlier).

    With m the steps there are: reward = sum_k discount^k r_{row+k}, k < m; next_observation is the one after the m-th step, the
    true successor at an episode's end too; discount = discount^m, or 0 where the m-th step terminated, so that a truncated
    episode bootstraps. Other columns are the `info`, of `row` itself.
    """
    if steps < 1:
        raise BadSetting(f"A transition spans at least 1 step, not {steps}.")
    discount, columns = jnp.asarray(discount, jnp.float32), table.columns
    last = table.last[row]
    spanned = row + jnp.arange(steps)
    weight = jnp.where(spanned <= last, discount ** jnp.arange(steps, dtype=jnp.float32), 0.0)
    reward = (weight * columns["reward"][jnp.minimum(spanned, last)]).sum()
    end = jnp.minimum(row + steps - 1, last)  # the m-th step
    terminated = columns["terminated"][end]
    later = _at(columns["observation"], jnp.minimum(end + 1, last))
    successor = jax.tree.map(
        lambda inside, final: jnp.where(end == last, final, inside), later, _at(table.final_observation, table.episode[row])
    )
    return Experience(
        observation=_at(columns["observation"], row),
        action=_at(columns["action"], row),
        reward=reward,
        discount=jnp.where(terminated, 0.0, discount ** (end - row + 1).astype(jnp.float32)),
        next_observation=successor,
        terminated=terminated,
        truncated=(end == last) & ~terminated,
        info={name: _at(column, row) for name, column in columns.items() if name not in PLAIN},
    )


def segment(table: Table, row: Int[Array, ""], length: int, discount: Any, steps: int = 1) -> Segment:
    """`length` consecutive transitions from `row` on; past the episode's end the last one is repeated with mask 0.

    `segment(table, table.first[row], ...)` is a trajectory from its episode's begin.
    """
    if length < 1:
        raise BadSetting(f"A segment has at least 1 step, not {length}.")
    wanted, last = row + jnp.arange(length), table.last[row]
    each = jax.vmap(lambda row: transition(table, row, discount, steps))(jnp.minimum(wanted, last))
    return Segment(each, (wanted <= last).astype(jnp.float32))
