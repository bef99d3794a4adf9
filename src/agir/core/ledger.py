"""The ledger of claims: one JSON line for each time a claim was run. Reading it imports no JAX.

A row: {"claim", "when", "commit", "seconds", "seeds", "episodes", "machine", "parts": [{"name", "sentence", "verdict", "figure",
"low", "high", "threshold", "unit", "note"}], "arms": {...}, "note"}. A part's verdict is "holds", "fails" or "undecided".
"""

import dataclasses
import json
import pathlib

SHIPPED = pathlib.Path(__file__).resolve().parents[1] / "claims" / "ledger.jsonl"
SIGNS = {"holds": "✓", "fails": "✗", "undecided": "?"}


@dataclasses.dataclass(frozen=True)
class Row:
    """One claim's latest run."""

    claim: str
    parts: tuple[dict, ...]
    whole: dict

    @property
    def words(self) -> str:
        """Each part's verdict: 'holds', or 'holds, undecided'."""
        return ", ".join(part["verdict"] for part in self.parts)


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
    """{method: the verdicts of the claims that it is the subject of}, such as '✓ ✓ ?'."""
    found: dict[str, list[str]] = {}
    for row in latest(path).values():
        found.setdefault(row.whole["method"], []).extend(SIGNS[part["verdict"]] for part in row.parts)
    return {method: " ".join(signs) for method, signs in found.items()}


def append(row: dict, path: pathlib.Path = SHIPPED) -> None:
    """Adds one row; earlier rows are never changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        file.write(json.dumps(row, sort_keys=True) + "\n")
