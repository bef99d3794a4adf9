"""The ledger of claims: one JSON line for each time a claim was run. Reading it imports no JAX.

A row: {"claim", "form" (a digest of all that decides the claim), "sentence", "method", "task", "when", "commit", "seconds", "seeds",
"episodes", "machine", "load" (the system's, in the minute before the arms were timed), "note", "parts": [{"sentence", "quantity",
"verdict", "figure", "low", "high", "threshold", "below", "n"}], "arms": {name: {"success", "return", "parameters", "training_s",
"commit", "ms_per_call", "ms_to_first_action", "ms_per_action" (median, 95th and 99th percentile), "passes_per_action"}}}. A part's
verdict is "holds", "fails" or "undecided". Older rows have no form, no load, and of arms no times.
"""

import collections
import dataclasses
import json
import pathlib
from collections.abc import Iterable

SHIPPED = pathlib.Path(__file__).resolve().parents[1] / "claims" / "ledger.jsonl"
SIGNS = {"holds": "✓", "fails": "✗", "undecided": "?"}


@dataclasses.dataclass(frozen=True)
class Row:
    """One claim's latest run."""

    claim: str
    parts: tuple[dict, ...]
    whole: dict

    @property
    def tally(self) -> str:
        """How many parts hold, fail, and are undecided: '7 ✓ 1 ✗ 1 ?'."""
        return tally(self.parts)


def tally(parts: Iterable[dict]) -> str:
    counts = collections.Counter(part["verdict"] for part in parts)
    return " ".join(f"{counts[name]} {sign}" for name, sign in SIGNS.items() if counts[name])


def told(part: dict) -> str:
    """What was measured, with its interval, and what it had to be above or below: 'ours less theirs: success: 0.1 [0.05, 0.15] > 0.02'."""
    sign = "<" if part["below"] else ">"
    return f"{part['quantity']}: {part['figure']:.3f} [{part['low']:.3f}, {part['high']:.3f}] {sign} {part['threshold']:g}"


def rows(path: pathlib.Path = SHIPPED) -> list[Row]:
    """All rows, oldest first; an empty list where there is no ledger."""
    if not path.exists():
        return []
    read = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [Row(row["claim"], tuple(row["parts"]), row) for row in read]


def latest(path: pathlib.Path = SHIPPED) -> dict[str, Row]:
    """{claim: its newest row}."""
    return {row.claim: row for row in rows(path)}


def verdicts(path: pathlib.Path = SHIPPED) -> dict[str, str]:
    """{method: the tally of all parts of the claims that it is the subject of}."""
    found: dict[str, list[dict]] = {}
    for row in latest(path).values():
        found.setdefault(row.whole["method"], []).extend(row.parts)
    return {method: tally(parts) for method, parts in found.items()}


def append(row: dict, path: pathlib.Path = SHIPPED) -> None:
    """Adds one row; earlier rows are never changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        file.write(json.dumps(row, sort_keys=True) + "\n")
