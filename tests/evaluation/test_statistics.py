"""Against closed forms, values from the literature, and simulated coverage."""

import itertools
import math

import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.evaluation import statistics
from agir.evaluation.statistics import (
    Interval,
    across_tasks,
    detectable,
    detectable_difference,
    difference,
    interquartile_mean,
    mean,
    not_worse,
    ratio,
    success_rate,
    verdict,
    wilson,
)


def rates(seeds, episodes, of_seed=0.0, of_start=0.0, centre=0.6, draw=None):
    """Successes whose chance differs from seed to seed and from start to start."""
    chance = centre + of_seed * draw.normal(size=(seeds, 1)) + of_start * draw.normal(size=(1, episodes))
    return draw.random((seeds, episodes)) < chance


def test_an_interval_in_words():
    assert str(Interval(0.84, 0.78, 0.89, 150, "3 seeds x 50")) == "0.84 [0.78, 0.89], n=150 (3 seeds x 50)"
    assert str(Interval(-212.34, -250.0, -180.0, 20)) == "-212 [-250, -180], n=20"
    assert str(Interval(1.0, 1.0, 1.0, 4)) == "1.00 [1.00, 1.00], n=4"
    assert str(Interval(500.0, 500.0, 500.0 + 1e-13, 4)) == "500.00 [500.00, 500.00], n=4"  # no digits of rounding
    assert str(Interval(0.01, 0.0098, 0.0101, 4)) == "0.010 [0.010, 0.010], n=4"


def test_wilson_solves_its_equation():
    """Both ends p of Wilson's interval solve |rate - p| = z sqrt(p (1 - p) / n)."""
    for successes, count in ((1, 10), (42, 50), (199, 200)):
        found = wilson(successes, count)
        for end in (found.low, found.high):
            assert abs(successes / count - end) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / count), rel=1e-5)
    assert (wilson(0, 10).low, wilson(10, 10).high) == (0.0, 1.0)
    assert wilson(0, 10).high == pytest.approx(0.2775, abs=1e-4)  # z^2 / (n + z^2)
    with pytest.raises(BadSetting, match="at least one episode"):
        wilson(0, 0)


def test_one_seed_says_so():
    assert str(success_rate(np.arange(50)[None] < 42)) == "0.84 [0.71, 0.92], n=50 (one seed)"
    assert mean(np.arange(4.0)[None]).note == "one seed"


def test_the_bootstrap_of_a_mean_has_the_variance_it_should():
    """One seed: the standard error of a mean. Seeds that do not vary within: Student's t over seeds, however few."""
    values = np.random.default_rng(0).normal(size=(1, 400))
    found = mean(values)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.05)
    seeds = np.random.default_rng(1).normal(size=(10, 1)) * np.ones((1, 50))
    found = mean(seeds)
    assert (found.high - found.low) / 2 == pytest.approx(2.262 * seeds[:, 0].std(ddof=1) / math.sqrt(10), rel=0.1)


def test_equal_episodes_in_all_seeds_are_no_more_than_one_seed():
    """Deterministic seeds that fail on the same starts: ten times the rows, the same knowledge."""
    one = np.random.default_rng(0).random((1, 200)) < 0.6
    found = success_rate(np.repeat(one, 10, 0))
    assert found.high - found.low == pytest.approx(success_rate(one).high - success_rate(one).low, rel=0.1)


@pytest.mark.parametrize("seeds, episodes, of_seed, of_start", [(3, 50, 0.0, 0.0), (5, 100, 0.05, 0.3), (10, 100, 0.15, 0.0)])
def test_coverage(seeds, episodes, of_seed, of_start, monkeypatch):
    """The truth lies inside 95% of the intervals of simulated evaluations; pooled Wilson's is far too narrow where seeds differ."""
    monkeypatch.setattr(statistics, "RESAMPLES", 400)
    draw, trials = np.random.default_rng(0), 120
    wide = np.linspace(-4, 4, 2001)
    density = np.exp(-(wide**2) / 2)
    truth = (np.clip(0.6 + math.hypot(of_seed, of_start) * wide, 0, 1) * density).sum() / density.sum()
    covered = pooled = equal = 0
    for _ in range(trials):
        success = rates(seeds, episodes, of_seed, of_start, draw=draw)
        found, narrow = success_rate(success), wilson(int(success.sum()), success.size)
        covered += found.low <= truth <= found.high
        pooled += narrow.low <= truth <= narrow.high
        other = rates(seeds, episodes, of_seed, of_start, draw=draw)
        gap = difference(success, other)
        equal += gap.low <= 0 <= gap.high
    assert covered / trials > 0.92
    assert equal / trials > 0.92
    assert of_seed < 0.1 or pooled / trials < 0.6


def test_all_or_nothing_still_has_an_interval():
    """The bootstrap sees no variance in 60 of 60; that is no proof of 100%."""
    sure = np.ones((3, 20), bool)
    assert success_rate(sure).high == 1.0
    assert success_rate(sure).low == pytest.approx(wilson(60, 60).low)
    same = difference(sure, sure)
    assert same.low < 0 < same.high
    assert (same.high - same.low) / 2 == pytest.approx(1.96 * math.sqrt(1.0) / 62, rel=0.01)  # Agresti-Min with both cells at 1/2


def test_the_interquartile_mean():
    values = np.array([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1000.0]])
    assert interquartile_mean(values).value == pytest.approx(3.5)  # of 2, 3, 4, 5
    assert interquartile_mean(values[:, ::-1].reshape(2, 4)).value == pytest.approx(3.5)
    assert interquartile_mean(np.arange(6.0)[None]).value == pytest.approx((0.5 * 1 + 2 + 3 + 0.5 * 4) / 3)
    tasks = [np.arange(8.0)[None], 100 + np.arange(16.0).reshape(2, 8)]  # a task's weight does not depend on its number of episodes
    found = across_tasks(tasks)
    assert found.value == pytest.approx((np.mean([4, 5, 6, 7]) + np.mean(100 + np.arange(8))) / 2)
    assert found.low < found.value < found.high and found.count == 24


def test_the_stratified_bootstrap_never_mixes_tasks():
    """Two tasks without variance inside: resampling rows of all tasks together would vary, within tasks it cannot."""
    found = across_tasks([np.zeros((3, 10)), np.ones((3, 10))])
    assert (found.low, found.value, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_weights_are_resamples():
    """The weighted statistics equal the plain ones on the rows that the weights say were drawn."""
    draw = np.random.default_rng(0)
    values, seeds, episodes = draw.normal(size=(3, 7)), draw.integers(3, size=3), draw.integers(7, size=7)
    weight = lambda drawn, size: np.bincount(drawn, minlength=size)[None] / size
    drawn = np.sort(values[seeds][:, episodes].ravel())
    arguments = (values, weight(seeds, 3), weight(episodes, 7))
    assert statistics._mean(*arguments)[0] == pytest.approx(drawn.mean())
    assert statistics._median(*arguments)[0] == pytest.approx(np.median(drawn))
    assert statistics._interquartile_mean(*arguments)[0] == pytest.approx((0.75 * drawn[5] + drawn[6:15].sum() + 0.75 * drawn[15]) / 10.5)


def test_a_paired_difference_is_sharper_than_its_sides():
    draw = np.random.default_rng(0)
    start = draw.normal(size=(1, 100)) * 10
    ours, theirs = (start + shift + draw.normal(size=(4, 100)) for shift in (1.0, 0.0))
    found = difference(ours, theirs)
    assert found.low < 1.0 < found.high and verdict(found, 0.5) == "holds"
    assert found.high - found.low < 0.2 * (mean(ours).high - mean(ours).low)
    assert difference(theirs, ours).value == pytest.approx(-found.value)
    assert difference(ours, theirs, middle=True).value == pytest.approx(1.0, abs=1.0)


def test_a_side_with_another_number_of_seeds():
    draw = np.random.default_rng(0)
    found = difference(rates(10, 300, draw=draw), rates(1, 300, centre=0.3, draw=draw))
    assert found.note == "10 and 1 seeds" and 0.2 < found.low < 0.3 < found.high < 0.4
    with pytest.raises(BadSetting, match="same episodes"):
        difference(np.ones((1, 3), bool), np.ones((1, 4), bool))


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).normal(size=(3, 20))
    assert mean(values) == mean(values) != mean(values, seed=1)


def test_verdicts():
    above, across, below = (Interval(0.0, low, high, 10) for low, high in ((0.1, 0.3), (-0.1, 0.1), (-0.3, -0.2)))
    assert [verdict(x, 0.0) for x in (above, across, below)] == ["holds", "undecided", "fails"]
    assert [verdict(x, 0.0, above=False) for x in (above, across, below)] == ["fails", "undecided", "holds"]
    assert [not_worse(x, 0.15) for x in (above, across, below)] == ["holds", "holds", "fails"]
    assert verdict(Interval(0.0, 0.0, 1.0, 10), 0.0) == "undecided"  # on the threshold is not above it
    with pytest.raises(BadSetting, match="above 0"):
        not_worse(above, 0.0)


def test_a_ratio_of_times():
    draw = np.random.default_rng(0)
    slow, fast = np.exp(draw.normal(size=(5, 200)) * 0.1) * 6.0, np.exp(draw.normal(size=(3, 100)) * 0.1) * 2.0
    found = ratio(slow, fast)
    assert found.low < 3.0 < found.high and found.high / found.low < 1.1
    assert ratio(fast, slow).value == pytest.approx(1 / found.value)
    assert ratio(slow[:1], fast[:1]).note == "one repeat"
    with pytest.raises(BadSetting, match="above zero"):
        ratio(slow, fast * 0)


@pytest.mark.parametrize("rate, count", list(itertools.product((0.5, 0.9, 0.02), (50, 500))))
def test_the_detectable_difference_has_80_percent_power(rate, count):
    gap = detectable_difference(rate, count)
    other = rate - gap if rate > 0.5 else rate + gap
    draw, trials = np.random.default_rng(0), 4000
    a, b = draw.binomial(count, rate, trials) / count, draw.binomial(count, other, trials) / count
    pooled = (a + b) / 2
    shown = np.abs(a - b) > 1.959964 * np.sqrt(2 * pooled * (1 - pooled) / count)
    assert shown.mean() == pytest.approx(0.8, abs=0.06)  # counts are whole numbers


def test_what_too_few_episodes_can_show():
    assert detectable_difference(0.5, 3) == 1.0
    draw = np.random.default_rng(0)
    alike, unlike = rates(10, 100, draw=draw), rates(10, 100, of_seed=0.2, draw=draw)
    assert detectable_difference(0.6, 1000) <= detectable(alike) < detectable(unlike)
