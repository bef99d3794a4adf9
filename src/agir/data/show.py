"""A dataset on the terminal: what it holds, the doctor's findings, a replay, conversions (`agir data`)."""

from pathlib import Path

import jax
import numpy as np

from agir.core.errors import BadSetting
from agir.core.nouns import Task
from agir.core.spaces import outline
from agir.data.dataset import Dataset
from agir.data.doctor import examine
from agir.data.lerobot_write import write_lerobot

COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def show(dataset: Dataset, task: Task | None = None, replay: int = 0, save: Path | None = None, lerobot: Path | None = None) -> int:
    """Prints it all -> 1 where there is an error that keeps it from being learnt from, else 0.

    Raises BadSetting where it is to be replayed and cannot be.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, findings = Console(), examine(dataset)
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in facts(dataset).items():
        table.add_row(Text(name, style="bold"), Text(value))
    if replay:
        table.add_row(Text("replayed", style="bold"), Text(replayed(dataset, task, replay)))
    console.print(table)
    for finding in findings:
        line = Text(f"{finding.severity}: ", style=COLOURS[finding.severity])
        console.print(line + Text(f"{finding.where}: {finding.what}. ", style="default") + Text(finding.mend, style="dim"), soft_wrap=True)
    if not findings:
        console.print("Nothing looks wrong.")
    for path, write in ((save, dataset.save), (lerobot, lambda path: write_lerobot(dataset, path, task.about if task else ""))):
        if path is not None:
            console.print(f"written: {write(path)}", markup=False)
    return int(any(finding.severity == "error" for finding in findings))


def facts(dataset: Dataset) -> dict[str, str]:
    lengths, meaning = dataset.lengths, dataset.spec.meaning
    extra = sorted(set(dataset.columns) - {"observation", "action", "reward", "terminated"})
    said = [word for word in (meaning.kind, meaning.unit, meaning.frame, f"{meaning.rate_hz:g} Hz" * bool(meaning.rate_hz)) if word]
    assumed = f" (assumed {dataset.about['assumed']})" * ("assumed" in dataset.about)
    facts = {
        "episodes": f"{dataset.episodes} of {lengths.min()} to {lengths.max()} rows, {dataset.rows} in all" if dataset.episodes else "none",
        "observation": outline(dataset.spec.observation),
        "action": f"{outline(dataset.spec.action)} ({', '.join(said)})",
        "ends": f"{int(dataset.columns['terminated'].sum())} terminated, {int(dataset.truncated.sum())} truncated{assumed}",
        "size": f"{sum(leaf.nbytes for leaf in jax.tree.leaves(dataset.columns)) / 1e6:.3g} MB",
    }
    facts |= {"also": ", ".join(extra)} if extra else {}
    return facts | {"source": str(dataset.about.get("source", "unknown")), "fingerprint": dataset.fingerprint()[:16]}


def replayed(dataset: Dataset, task: Task | None, episodes: int) -> str:
    result = task.replay(dataset, episodes) if task is not None else None
    if result is None:
        raise BadSetting("Recordings are replayed in a task that can restore their starts: give one with --task, or leave out --replay.")
    count = len(result["success"])
    means = [f"{name} {np.mean(value):.3g} on average" for name, value in result.items() if name != "success"]
    return f"{int(result['success'].sum())} of {count} episodes succeed" + "".join(f"; {mean}" for mean in means)
