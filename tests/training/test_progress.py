"""What long work tells: how long is left is judged by this start's own speed, compiling apart."""

import io

import pytest
from rich.console import Console

from agir.training import progress
from agir.training.progress import Terminal


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


@pytest.mark.parametrize("before", [0, 600])
def test_the_time_left_is_of_this_start_alone(monkeypatch, before):
    """The first piece takes 30 s, which is compiling; then 10 updates a second, wherever the run went on from."""
    clock, said = Clock(monkeypatch), io.StringIO()
    with Terminal(Console(file=said, width=200)).task("act", 1000) as bar:
        bar.move(before)
        clock.now = 30.0
        bar.move(before + 1, loss=2.0)
        clock.now = 40.0
        bar.move(before + 101, loss=1.0)
    left = (1000 - before - 101) / 10
    assert said.getvalue().splitlines() == [
        f"act: {before + 1}/1000  loss 2",
        f"act: {before + 101}/1000, about {left:.0f} s left  loss 1",
    ]


def test_a_bar_takes_what_an_earlier_start_did_for_no_speed():
    console = Console(file=io.StringIO(), force_terminal=True)
    with Terminal(console).task("act", 1000) as bar:
        bar.move(600)
        shown = bar.progress.tasks[0]
        assert (shown.completed, shown.speed) == (600, None)
        bar.move(610)
        bar.move(620)
        assert shown.completed == 620
        assert shown.speed > 0
