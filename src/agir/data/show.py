"""A dataset looked over, and that on the terminal: what it holds, its measures, what is wrong with it (`agir inspect`)."""

import dataclasses

import jax
import numpy as np

from agir.core.errors import BadSetting
from agir.core.nouns import Task
from agir.core.spaces import outline
from agir.data.dataset import Dataset
from agir.data.doctor import SHOWN, Finding, examine
from agir.data.quality import Quality, Unexplained, quality

COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
MEASURES = {  # what `agir inspect` calls them, and what they mean
    "action_divergence": (
        "action divergence",
        "what is done differs so much where the same is seen: several ways or styles, or an unsteady hand",
    ),
    "transition_diversity": (
        "transition diversity",
        "what follows differs so much where the same is seen and done: the noise of the system",
    ),
}


@dataclasses.dataclass(frozen=True)
class Inspection:
    """A dataset looked over: what is wrong with it, its measures (not made where there are errors), and how a replay went."""

    dataset: Dataset
    findings: list[Finding]
    quality: Quality
    replayed: str = ""

    @property
    def usable(self) -> bool:
        """Nothing keeps it from being learnt from."""
        return all(finding.severity != "error" for finding in self.findings)

    @property
    def facts(self) -> dict[str, str]:
        """All but the findings, in words."""
        return facts(self.dataset) | measures(self.quality) | ({"replayed": self.replayed} if self.replayed else {})


def inspected(dataset: Dataset, task: Task | None = None, replay: int = 0) -> Inspection:
    """Raises BadSetting where episodes are to be replayed and cannot be."""
    findings = examine(dataset)
    broken = any(finding.severity == "error" for finding in findings)
    made = Quality(None, None, "mend the errors first") if broken else quality(dataset)
    return Inspection(dataset, findings, made, replayed(dataset, task, replay) if replay else "")


def show(found: Inspection) -> None:
    """Prints it all."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, table = Console(), Table(box=None, show_header=False, pad_edge=False)
    for name, value in found.facts.items():
        table.add_row(Text(name, style="bold"), Text(value))
    console.print(table)
    for finding in found.findings:
        line = Text(f"{finding.severity}: ", style=COLOURS[finding.severity])
        console.print(line + Text(f"{finding.where}: {finding.what}. ", style="default") + Text(finding.mend, style="dim"), soft_wrap=True)
    if not found.findings:
        console.print("Nothing looks wrong.")


def measures(found: Quality) -> dict[str, str]:
    """Each measure in words."""
    return {MEASURES[name][0]: f"not measured: {found.why}" if found.why else said(getattr(found, name)) for name in MEASURES}


def said(found: Unexplained) -> str:
    if not found.names:
        return "nothing moves"
    deviations = ", ".join(f"{deviation:.3g}" for deviation in found.deviation[:SHOWN]) + ", ..." * (len(found.names) > SHOWN)
    return f"{100 * found.share:.3g}% of the variance is not explained; deviations {deviations}"


def facts(dataset: Dataset) -> dict[str, str]:
    lengths, meaning = dataset.lengths, dataset.spec.meaning
    extra = sorted(set(dataset.columns) - {"observation", "action", "reward", "terminated"})
    said = [word for word in (meaning.kind, meaning.unit, meaning.frame, f"{meaning.rate_hz:g} Hz" * bool(meaning.rate_hz)) if word]
    assumed = f" (assumed {dataset.about['assumed']})" if "assumed" in dataset.about else ""
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
        which = "give one with --task" if task is None else f"{task.name} cannot restore those of this dataset; name another"
        raise BadSetting(f"Recordings are replayed in a task that can restore their starts: {which}, or leave out --replay.")
    count = len(result["success"])
    means = [f"{name} {np.mean(value):.3g} on average" for name, value in result.items() if name != "success"]
    return f"{int(result['success'].sum())} of {count} episodes succeed" + "".join(f"; {mean}" for mean in means)
