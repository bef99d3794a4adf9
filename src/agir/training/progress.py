"""What long work tells: a bar with an ETA on a terminal, a line now and then elsewhere, nothing where nobody asked."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@runtime_checkable
class Bar(Protocol):
    """How far one piece of work is."""

    def move(self, done: int, total: int | None = None, **facts: Any) -> None:
        """`done` of the total is done; `facts` are shown beside it."""


class Reporter:
    """Says nothing. The base of the other two."""

    @contextlib.contextmanager
    def task(self, title: str, total: int) -> Iterator[Bar]:
        yield _Silent()

    def say(self, text: str) -> None:
        pass


def line(text: str, console: Console | None = None, style: str = "") -> None:
    """Prints a line as it is: a terminal wraps it, and where it goes to a file a path stays whole."""
    (console or Console()).print(text, style=style, highlight=False, markup=False, soft_wrap=True)


class Within(Reporter):
    """Another's, for one of several pieces: each task is told with what it is a part of."""

    def __init__(self, reporter: Reporter, whole: str):
        self.reporter, self.whole = reporter, whole

    def task(self, title: str, total: int) -> contextlib.AbstractContextManager[Bar]:
        own = self.whole == title or self.whole.endswith(f" {title}")
        return self.reporter.task(self.whole if own else f"{self.whole}, {title}", total)

    def say(self, text: str) -> None:
        self.reporter.say(text)


class _Silent:
    def move(self, done: int, total: int | None = None, **facts: Any) -> None:
        pass


class Terminal(Reporter):
    """Rich's bars where there is a terminal; else a plain line at most every `every_s` seconds."""

    def __init__(self, console: Console | None = None, every_s: float = 10.0):
        self.console = console or Console(stderr=True)
        self.every_s = every_s

    @contextlib.contextmanager
    def task(self, title: str, total: int) -> Iterator[Bar]:
        if not self.console.is_terminal:
            yield _Lines(self, title, total)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[facts]}"),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            yield _RichBar(progress, progress.add_task(title, total=total, facts=""))

    def say(self, text: str) -> None:
        line(text, self.console)


class _RichBar:
    def __init__(self, progress: Progress, task: Any):
        self.progress, self.task = progress, task
        self.moved = False

    def move(self, done: int, total: int | None = None, **facts: Any) -> None:
        if not self.moved:  # what an earlier start had done says nothing of this one's speed
            self.progress.reset(self.task, completed=done)
        self.moved = True
        more = {} if total is None else {"total": total}
        self.progress.update(self.task, completed=done, facts=_words(facts), **more)


class _Lines:
    def __init__(self, reporter: Terminal, title: str, total: int):
        self.reporter, self.title, self.total = reporter, title, total
        self.said = time.monotonic()
        self.first: int | None = None  # what was done already when this start began
        self.began: tuple[float, int] | None = None  # when the first piece was done (it holds the compilation), and how far it went

    def move(self, done: int, total: int | None = None, **facts: Any) -> None:
        self.total = total or self.total
        now = time.monotonic()
        if self.first is None:
            self.first = done
        if self.began is None and done > self.first:
            self.began = now, done
        if now - self.said < self.reporter.every_s and not (done == self.total and facts):
            return
        self.said = now
        left = ""
        if self.began and self.began[1] < done < self.total:
            left = f", about {(now - self.began[0]) / (done - self.began[1]) * (self.total - done):.0f} s left"
        self.reporter.say(f"{self.title}: {done}/{self.total}{left}  {_words(facts)}")


def _words(facts: dict) -> str:
    return "  ".join(f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in facts.items())
