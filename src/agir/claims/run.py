"""`agir claim SLUG`: trains what is missing, evaluates, judges, and appends a row to the ledger."""

import pathlib
import platform
import time

import jax
from rich.console import Console
from rich.table import Table

from agir.claims.claim import SAMPLES, Claim
from agir.core import registry
from agir.core.errors import BadSetting
from agir.core.ledger import SHIPPED, append, told
from agir.evaluation.latency import Latency
from agir.evaluation.statistics import success_rate
from agir.training.comparison import Measured, measure, places, times
from agir.training.progress import Reporter, Terminal, line
from agir.training.results import Results, load
from agir.training.run import Run, now, source_commit

PILOT_SEEDS = [1000, 1001, 1002]  # never reported
PILOT_EPISODES = 100
EXIT = {"holds": 0, "undecided": 0, "fails": 1}


def run_claims(
    slugs: tuple[str, ...],
    folder: pathlib.Path,
    pilot: bool = False,
    results: pathlib.Path | None = None,
    ledger: pathlib.Path | None = None,
) -> int:
    """Runs each claim and says where its verdict is kept -> exit status: 1 where some part fails. Raises BadSetting where none is named."""
    if not slugs:
        raise BadSetting("Which claim? `agir claims` lists them, with what came of each.")
    worst, ledger = 0, ledger or SHIPPED
    claims = {slug: registry.find("claim", slug) for slug in slugs}  # all of them are found before the first is run
    for claim in claims.values():
        row = run_claim(claim, folder, Terminal(), pilot, ledger, Results(results) if results else None)
        if not pilot:
            line(f"Recorded in {ledger}")
        worst = max(worst, *(EXIT[part["verdict"]] for part in row["parts"]))
    return 0 if pilot else worst


def run_claim(
    claim: Claim,
    folder: pathlib.Path,
    reporter: Reporter,
    pilot: bool = False,
    ledger: pathlib.Path = SHIPPED,
    results: Results | None = None,
) -> dict:
    """-> the claim's row, which a pilot prints but does not record.

    The arms' runs are shared by all claims of `folder`: what one has trained, the next does not, nor what stands in `results`. Each
    arm's row says at which commit.
    """
    began = time.monotonic()
    seeds, episodes = (PILOT_SEEDS, PILOT_EPISODES) if pilot else (claim.seeds, claim.episodes)
    purpose = "pilot" if pilot else "evaluation"
    ready = places(folder, claim.task, claim.arms, shared=True, seeds=seeds, **claim.asked)
    spent_on = {
        place.folder: Run.open(place.folder).asked.get("seconds", 0.0) for place in ready.values() if (place.folder / "run.json").exists()
    }
    timed = {name for part in claim.parts if part.quantity in SAMPLES for name in (part.ours, part.theirs)}  # in turns, so here
    arms = measure(ready, episodes=episodes, purpose=purpose, reporter=reporter, results=results, here=timed)
    busy = load()
    spent = times(arms, results)
    elsewhere = {ready[name].digest: arm.training_s for name, arm in arms.items() if arm.run is None}
    earlier = sum(spent_on.get(folder, 0.0) for folder in {arm.run.folder for arm in arms.values() if arm.run is not None})
    seconds = earlier + sum(elsewhere.values()) + time.monotonic() - began
    row = {
        "claim": claim.slug,
        "form": claim.form,
        "sentence": claim.sentence,
        "method": claim.method,
        "task": claim.task,
        "when": now(),
        "commit": source_commit(),
        "seconds": round(seconds),
        "seeds": len(seeds) if isinstance(seeds, list) else seeds,
        "episodes": episodes,
        "machine": f"{platform.machine()}, {jax.default_backend()}",
        "load": busy,
        "parts": [part.judge(arms, spent) for part in claim.parts],
        "arms": claim.figures(arms, spent),
        "note": claim.note,
    }
    show(claim, row, arms, spent)
    if not pilot:
        append(row, ledger)
    return row


def show(claim: Claim, row: dict, arms: dict[str, Measured], spent: dict[str, Latency]) -> None:
    console = Console()
    console.print(f"[bold]{claim.slug}[/]: {claim.sentence}")
    table = Table("arm", "success", "return", "ms per call", "ms per action", box=None, header_style="bold")
    for name, arm in arms.items():
        success = str(success_rate(arm.evaluation.columns["success"])) if "success" in arm.evaluation.columns else "-"
        ms = (f"{found.median_ms:.3g}" for found in (spent[name].per_call, spent[name].per_action))
        table.add_row(name, success, f"{arm.evaluation.columns['return'].mean():.3g}", *ms)
    console.print(table)
    colours = {"holds": "green", "fails": "red", "undecided": "yellow"}
    for part in row["parts"]:
        console.print(f"  [{colours[part['verdict']]}]{part['verdict']}[/]  {part['sentence']}  ({told(part)})", highlight=False)
