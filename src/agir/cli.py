"""The command `agir`. Help and the listings import no JAX; what a command needs is imported when it runs."""

import contextlib
import dataclasses
import importlib.metadata
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal

from agir.core import registry
from agir.core.errors import AgirError, Stopped
from agir.flags import flags
from agir.listings import claim_page, listing, method_page, show_help, task_listing

COMMANDS: dict[str, tuple[str, str, Callable[[list[str]], int]]] = {}  # name -> (arguments, one line, function)
EXIT_USER, EXIT_INTERRUPTED = 2, 130


def command(name: str, arguments: str, about: str) -> Callable:
    def add(function: Callable) -> Callable:
        COMMANDS[name] = (arguments, about, function)
        return function

    return add


def main(argv: list[str] | None = None) -> int:
    """Runs one command -> exit status: 0 done, 2 something the user can mend, 130 interrupted."""
    argv = sys.argv[1:] if argv is None else argv
    with interruptible():
        return run_command(argv)


def run_command(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        return show_help({name: row[:2] for name, row in COMMANDS.items()})
    if argv[0] in ("-V", "--version", "version"):
        print(f"agir {importlib.metadata.version('agir')}")
        return 0
    try:
        if argv[0] not in COMMANDS:
            from agir.core.errors import UnknownName

            raise UnknownName("command", argv[0], COMMANDS, "agir --help")
        return COMMANDS[argv[0]][2](argv[1:])
    except AgirError as error:
        say_error(str(error))
        return EXIT_USER
    except Stopped:
        say_error("Interrupted and saved: the same command goes on.")
        return EXIT_INTERRUPTED
    except KeyboardInterrupt:
        say_error(
            "Interrupted at once. `agir resume RUN` goes on from a training's last checkpoint, any other command when it is given again."
        )
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `agir tasks | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C is KeyboardInterrupt, but not within JAX's callback of the garbage collector, where Python would drop it: a moment later."""

    def interrupt(number: int, frame: Any) -> None:
        if frame is not None and frame.f_code.co_name == "_xla_gc_callback":
            threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        else:
            raise KeyboardInterrupt

    try:
        old = signal.signal(signal.SIGINT, interrupt)
    except ValueError:  # not the main thread: whoever started it handles the key
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


def say_error(text: str) -> None:
    from rich.console import Console

    Console(stderr=True).print(f"agir: {text}", style="red", highlight=False, markup=False, soft_wrap=True)


@command("demo", "[--quick]", "policies learn from demonstrations and act; a report (two minutes on two cores)")
def demo(argv: list[str]) -> int:
    @dataclasses.dataclass
    class Demo:
        """Policies learn human handwriting, and a simulated robot arm's task; all in one report."""

        quick: bool = False  # 40 seconds: fewer updates and episodes
        folder: pathlib.Path | None = None  # runs/demo-N; the folder of an interrupted demo: what is done is not done again

    asked = flags(Demo, "agir demo", argv)
    quiet_jax()
    from agir.demo import run_demo

    run_demo(asked.folder, quick=asked.quick)
    return 0


@command("train", "TASK METHOD [flags]", "learn a policy from data or a simulator")
def train(argv: list[str]) -> int:
    if len(argv) < 2 or argv[0].startswith("-") or argv[1].startswith("-"):
        helped = "-h" in argv or "--help" in argv
        if argv and not helped:
            say_error(f"{'The METHOD is' if not argv[0].startswith('-') else 'TASK and METHOD are'} missing.")
        print("usage: agir train TASK METHOD [--seeds N] [--updates N] [--data PATH] [--demonstrations N] [--run FOLDER] [method flags]\n")
        print("`agir tasks` and `agir methods` list what there is; `agir train TASK METHOD --help` has all flags, the method's among them.")
        return 0 if helped else EXIT_USER
    task, method, rest = argv[0], argv[1], argv[2:]
    registry.require("method", method)  # before JAX is there, so at once
    quiet_jax()
    from agir.method_flags import parse

    asked, settings = parse(task, method, rest)
    from agir.training.progress import Terminal
    from agir.training.train import train as learn

    return after_training(learn(task, method, reporter=Terminal(), **asked, **settings))


@command("resume", "RUN [--updates N]", "go on with a run from its last checkpoint, or on for longer")
def resume(argv: list[str]) -> int:
    from tyro.conf import Positional

    @dataclasses.dataclass
    class Resume:
        """Goes on with a run from its last checkpoint."""

        run: Positional[pathlib.Path]  # the run's folder
        updates: int | None = None  # go on to this many updates

    asked = flags(Resume, "agir resume", argv)
    quiet_jax()
    from agir.core.describe import build
    from agir.training.progress import Terminal
    from agir.training.run import Run
    from agir.training.train import resume as go_on

    run = Run.open(asked.run)
    if run.asked["state"] == "finished" and asked.updates is None:
        longer = " --updates N goes on for longer." if build(run.asked["learner"]).updates else ""  # not of what learns nothing
        print(f"{run.folder} is finished: there is nothing left to do.{longer}")
        return 0
    return after_training(go_on(asked.run, updates=asked.updates, reporter=Terminal()))


def after_training(run: Any) -> int:
    from agir.training.progress import line

    if run.asked["state"] == "interrupted":
        line(f"Interrupted and saved. `agir resume {run.folder}` goes on.")
        return EXIT_INTERRUPTED
    line(f"Trained in {run.asked['seconds']:.0f} s in all: {run.folder}")
    line(f"  agir evaluate {run.folder}\n  agir report {run.folder}", style="cyan")
    return 0


@command("evaluate", "RUN [--video]", "act in unseen episodes: success, return, intervals, latency")
def evaluate(argv: list[str]) -> int:
    from tyro.conf import Positional

    @dataclasses.dataclass
    class Evaluate:
        """Evaluates a run's policies on unseen starts."""

        run: Positional[pathlib.Path]  # a run's folder, or a policy's
        episodes: int = 100  # for each seed
        checkpoint: Literal["last", "best"] = "last"  # best: by the held-out loss or the selection episodes
        video: bool = False  # write rollouts.html, an animation of the first episodes
        task: str | None = None  # another task than the run's own

    asked = flags(Evaluate, "agir evaluate", argv)
    quiet_jax()
    from agir.verbs import evaluate as measure

    measure(asked.run, episodes=asked.episodes, checkpoint=asked.checkpoint, video=asked.video, task=asked.task, tell=True)
    return 0


@command("budget", "TASK [METHOD...] --seconds N", "how many updates of each method fit: for comparisons at equal cost")
def budget(argv: list[str]) -> int:
    from tyro.conf import Positional

    @dataclasses.dataclass
    class Budget:
        """Times updates of each method (on an idle machine) and writes how many of them take so many seconds of one seed's training."""

        task: Positional[str]
        methods: Positional[tuple[str, ...]] = ()  # all of imitation where none is named
        seconds: float = 60.0  # of training, for each seed
        data: str | None = None  # demonstrations: a file, a folder, hub:ORG/NAME, or task:NAME[@EPISODES]
        demonstrations: int | None = None  # asked of the task's own expert where no data are given; its usual number if unsaid
        output: pathlib.Path | None = None  # runs/budget-TASK.json

    asked = flags(Budget, "agir budget", argv)
    quiet_jax()
    from agir.verbs import budget as measure

    measure(**{name: value for name, value in dataclasses.asdict(asked).items() if value is not None}, tell=True)
    return 0


@command("compare", "TASK METHOD METHOD...", "train several methods alike, evaluate them on the same starts")
def compare(argv: list[str]) -> int:
    from tyro.conf import Positional

    @dataclasses.dataclass
    class Compare:
        """Trains each method on the same data with the same seeds, evaluates all on the same starts; paired differences."""

        task: Positional[str]
        methods: Positional[
            tuple[str, ...]
        ] = ()  # two or more; all of the budget where none is named. rti-dp, say, is brought the run before it
        all_imitation: bool = False  # every method that learns from demonstrations, by the frozen budget that comes with agir
        budget: pathlib.Path | None = None  # a file of `agir budget`: updates of each method that take the same time
        seeds: int = 5  # of each method
        updates: int | None = None  # the same for all; each method's own where nothing is said
        episodes: int = 100  # for each seed
        data: str | None = None  # demonstrations: a file, a folder, hub:ORG/NAME, or task:NAME[@EPISODES]
        demonstrations: int | None = None  # asked of the task's own expert where no data are given; its usual number if unsaid
        folder: pathlib.Path | None = None  # what was done already in it is not done again
        results: pathlib.Path | None = None  # a file for what is measured; what stands in it is not trained again, here or elsewhere

    asked = flags(Compare, "agir compare", argv)
    quiet_jax()
    from agir.verbs import compare as measure

    given = {name: value for name, value in dataclasses.asdict(asked).items() if value is not None and name != "all_imitation"}
    if asked.all_imitation:
        given = {"budget": "shipped"} | given
    measure(**given, tell=True)
    return 0


@command("study", "TASK CLAIM...", "the arms of claims on a task of yours: an ablation, a table")
def study(argv: list[str]) -> int:
    from tyro.conf import Positional

    @dataclasses.dataclass
    class Study:
        """Trains the arms of claims, such as dp-components-study, on a task of yours and prints them side by side; nothing is judged."""

        task: Positional[str]
        claims: Positional[tuple[str, ...]]
        seeds: int = 3  # of each arm
        updates: int | None = None  # of each arm; the claim's where nothing is said
        episodes: int = 100  # for each seed
        data: str | None = None  # demonstrations: a file, a folder, hub:ORG/NAME, or task:NAME[@EPISODES]
        demonstrations: int | None = None  # asked of the task's own expert where no data are given; its usual number if unsaid
        folder: pathlib.Path | None = None  # what was done already in it is not done again
        results: pathlib.Path | None = None  # a file: what is measured is added, and what stands in it is not trained again

    asked = flags(Study, "agir study", argv)
    quiet_jax()
    from agir.verbs import study as measure

    measure(**{name: value for name, value in dataclasses.asdict(asked).items() if value is not None}, tell=True)
    return 0


@command("report", "RUN...", "one page: curves, comparison, animation")
def report(argv: list[str]) -> int:
    from tyro.conf import Positional

    @dataclasses.dataclass
    class Page:
        """Writes report.html from runs and their evaluations."""

        runs: Positional[tuple[pathlib.Path, ...]]  # their folders; what was not evaluated in 100 episodes a seed is
        output: pathlib.Path | None = None  # report.html in the first run's folder

    asked = flags(Page, "agir report", argv)
    quiet_jax()
    from agir.verbs import report as write

    write(asked.runs, asked.output, tell=True)
    return 0


@command("claim", "SLUG...", "run a paper's claim as a check, and record the verdict")
def claim(argv: list[str]) -> int:
    from tyro.conf import Positional

    @dataclasses.dataclass
    class Check:
        """Runs claims and appends their verdicts to the ledger."""

        slugs: Positional[tuple[str, ...]]  # names of `agir claims`
        folder: pathlib.Path = pathlib.Path("runs/claims")  # what was done already in it is not done again
        pilot: bool = False  # three seeds that are never reported, 100 episodes: nothing is recorded
        results: pathlib.Path | None = None  # a file for what is measured of each arm; what stands in it is not trained again
        ledger: pathlib.Path | None = None  # where verdicts are added (the ledger that comes with agir)

    asked = flags(Check, "agir claim", argv)
    quiet_jax()
    from agir.claims.run import run_claims

    return run_claims(**dataclasses.asdict(asked))


@command("tasks", "[WORD ...]", "what there is to do; `agir tasks NAME` says what one is, and its settings")
def tasks(argv: list[str]) -> int:
    return task_listing(argv)


PARTS = "parts of claims: ✓ hold, ✗ fail, ? are undecided"


@command("methods", "[WORD ...]", "what there is to learn it with; `agir methods NAME` explains one")
def methods(argv: list[str]) -> int:
    from agir.core.ledger import verdicts

    found = verdicts()
    return listing("method", argv, ("method", "", "claims"), lambda name, about: (name, about, found.get(name, "")), method_page, PARTS)


@command("claims", "[WORD ...]", "what papers say, as checks, and what came of them; `agir claims NAME` has one's parts")
def claims(argv: list[str]) -> int:
    from agir.core.ledger import latest

    found = latest()
    tally = lambda name: found[name].tally if name in found else "not run"
    return listing("claim", argv, ("claim", "", "parts"), lambda name, about: (name, about, tally(name)), claim_page, PARTS)


@command("inspect", "DATASET|TASK [--page FILE]", "look data over: what is wrong, how hard they are to clone; replay, convert them")
def inspect(argv: list[str]) -> int:
    from tyro.conf import Positional

    @dataclasses.dataclass
    class Inspect:
        """Shows what recordings (or a task's demonstrations) hold, what is wrong with them, and how far they disagree.

        Exit status 1 where they cannot be learnt from.
        """

        what: Positional[str]  # a file, a folder, hub:ORG/NAME, or a task, whose demonstrations are looked at
        task: str | None = None  # the task that a file belongs to, where the format does not say what its columns mean
        demonstrations: int | None = None  # episodes asked of a task's expert
        replay: int = 0  # episodes to replay in the task's simulator
        page: pathlib.Path | None = None  # write it all, with charts, as one HTML file
        save: pathlib.Path | None = None  # write the data in agir's own format: PATH.npz, or a folder
        lerobot: pathlib.Path | None = None  # write them in LeRobot's layout, version 3

    asked = flags(Inspect, "agir inspect", argv)
    quiet_jax()
    from agir.verbs import inspect as look

    return int(not look(**dataclasses.asdict(asked), tell=True).usable)


@command("doctor", "", "what works on this machine, what is missing, and the command that mends it")
def doctor(argv: list[str]) -> int:
    @dataclasses.dataclass
    class Doctor:
        """Checks versions, cores, memory, accelerator, OpenGL, browser and cache."""

    flags(Doctor, "agir doctor", argv)
    quiet_jax()
    from agir.runtime.doctor import show

    return show()


def quiet_jax() -> None:
    """The compilation cache is switched on before JAX compiles anything."""
    from agir.core.cache import enable

    enable()
