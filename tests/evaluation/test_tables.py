"""The comparison's figures in words, and the terminal's table."""

import csv
import dataclasses
import io

import pytest
from evaluation.made_up import rows
from rich.console import Console

from agir.core.errors import BadSetting
from agir.evaluation.statistics import Interval, wilson
from agir.evaluation.tables import (
    Comparison,
    MethodRow,
    Times,
    columns,
    count,
    duration,
    leaning,
    percent,
    points,
    sample_size,
    significant,
    smallest_difference,
    spreadsheet,
    terminal_table,
    whiskers,
)


def shown(comparison: Comparison, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(terminal_table(comparison, width))
    return out.getvalue()


@pytest.mark.parametrize(
    "say, value, text",
    [
        (significant, 0.0123456, "0.0123"), (significant, 9.996, "10.0"), (significant, 1240.4, "1240"), (significant, -4.5678, "−4.57"),
        (significant, 0, "0"), (significant, 3.21e-6, "3.21e-6"), (significant, 2.5e7, "2.50e7"), (significant, 999_999, "1.00e6"),
        (percent, 0.92449, "92.4"), (percent, 1.0, "100.0"), (points, 0.381, "+38.1"), (points, -0.05, "−5.0"), (points, 0.0, "0.0"),
        (count, 980, "980"), (count, 412_310, "412 k"), (count, 999_900, "1.00 M"), (count, 2_100_000_000, "2.10 B"),
        (duration, 0.4231, "0.423 s"), (duration, 71.24, "71.2 s"), (duration, 245.2, "4 min 05 s"), (duration, 7830, "2 h 10 min"),
        (duration, 3599.7, "1 h 00 min"), (duration, 99.97, "1 min 40 s"),
    ],
)  # fmt: skip
def test_numbers_in_words(say, value, text):
    assert say(value) == text


def test_one_seed_is_said_but_not_of_a_floor():
    assert sample_size(wilson(100, 200)) == "n 200, one seed" and sample_size(wilson(100, 200), floor=True) == "n 200"
    assert sample_size(Interval(0.5, 0.4, 0.6, 1000, "5 seeds x 200")) == "n 1000, 5 seeds x 200"


@pytest.mark.parametrize(
    "low, high, word", [(0.01, 0.2, "better"), (-0.2, -0.01, "worse"), (-0.01, 0.2, "undecided"), (0.0, 0.2, "undecided")]
)
def test_only_an_interval_on_one_side_decides(low, high, word):
    assert leaning(Interval((low + high) / 2, low, high, 100)) == word


@pytest.mark.parametrize("value, low, high", [(0.5, 0.6, 0.4), (float("nan"), 0.1, 0.2), (0.1, 0.0, float("inf"))])
def test_an_interval_that_is_none_is_refused_by_name(value, low, high):
    with pytest.raises(BadSetting, match="'flow' is .* finite numbers with low <= high"):
        columns(Comparison([MethodRow("flow", Interval(value, low, high, 10))]))
    with pytest.raises(BadSetting, match="'flow'"):
        whiskers(Interval(value, low, high, 10), "flow")


def test_columns_hold_what_was_measured_and_floors_come_last():
    measured = rows()
    comparison = Comparison([measured[-1], *measured[:-1]], baseline="regression")
    assert [row.name for row in comparison.ordered][-2:] == ["still", "random"]
    titles = [column.title for column in columns(comparison)]
    assert titles[0] == "Success, %" and "Passes" in titles
    bare = Comparison([dataclasses.replace(row, passes_per_action=None, mean_return=None) for row in measured])
    assert [title for title in titles if title not in [column.title for column in columns(bare)]] == ["Return", "Passes"]
    success, difference, *_ = columns(comparison)
    assert success.scale == (0.0, 1.0) and success.zero == 0.031  # the better floor is marked
    assert success.cells[0].bar == pytest.approx((0.903, 0.924, 0.945))
    assert difference.cells[3].text == "baseline" and difference.cells[0].detail[-1] == "better"


def test_nothing_measured_is_no_column():
    assert columns(Comparison([MethodRow("a")])) == [] and "a" in shown(Comparison([MethodRow("a")]), 80)


@pytest.mark.parametrize("width", [60, 90, 140])
def test_the_terminal_shows_all_figures_in_any_width(width):
    comparison = Comparison(rows(), "Methods", "", "regression", (0.012, 0.034))
    text = shown(comparison, width)
    assert max(map(len, text.splitlines())) <= width
    for column in columns(comparison):
        for cell in column.cells:
            assert cell.text in text and all(line in text for line in cell.detail)
    said, alike = smallest_difference(comparison), dataclasses.replace(comparison, smallest_difference=(0.034, 0.034))
    assert said.index(" 1.2 points") < said.index(" 3.4 like") and "1.2" in text and "3.4" in text
    assert smallest_difference(alike).endswith("is 3.4 points.")
    alone = dataclasses.replace(comparison, rows=[row for row in comparison.rows if row.floor or row is comparison.rows[0]])
    assert smallest_difference(alone) == ""  # there is nothing that it could differ from
    assert "●" in text


def test_a_name_can_neither_style_nor_steer_the_terminal():
    row = MethodRow("[bold red]x[/] \x1b[2J\x07", per_call=Times(1.0, 2.0, 3.0), about="[link=x]")
    text = shown(Comparison([row], "[/nothing]"), 100)
    assert "[bold red]x[/] [2J" in text and "[/nothing]" in text and "\x1b" not in text and "\x07" not in text


def test_the_spreadsheet_has_every_figure_as_a_number_and_nothing_for_what_was_not_measured():
    row = dataclasses.replace(rows()[0], measures={"best_reward": Interval(0.9, 0.8, 1.0, 10)}, per_pass=Times(0.5, 0.6, 0.7))
    lines = list(csv.DictReader(io.StringIO(spreadsheet(Comparison([row, MethodRow('a "quoted", name')])))))
    assert [line["method"] for line in lines] == [row.name, 'a "quoted", name']
    first = {name: float(value) for name, value in lines[0].items() if name != "method"}
    assert (first["success"], first["success_low"], first["best_reward_high"]) == (row.success.value, row.success.low, 1.0)
    assert (first["per_pass_p99_ms"], first["per_call_median_ms"], first["parameters"]) == (0.7, 1.9, 412_310)
    assert not any(value for name, value in lines[1].items() if name != "method")
