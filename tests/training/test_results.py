"""Results apart from their runs: what is read is what was measured, nothing is trained twice, and what is no result is refused."""

import json
import shutil

import numpy as np
import pytest
from training import toys

from agir.core.errors import BadData
from agir.training.comparison import Arm, measure, places, times
from agir.training.progress import Reporter
from agir.training.results import Results

ARMS = {"long": Arm("toy-clone", {"updates": 30}), "short": Arm("toy-clone", {"updates": 1})}


@pytest.fixture(autouse=True)
def toy():
    toys.register()


def ready(folder, arms=ARMS):
    return places(folder, "toy", arms, demonstrations=5, seeds=2)


def no_training(*args, **more):
    raise AssertionError("an arm was trained again")


def test_a_comparison_outlives_its_folders_and_goes_on_with_what_is_missing(tmp_path, monkeypatch):
    path = tmp_path / "results.jsonl"
    first = measure(ready(tmp_path / "here", {"long": ARMS["long"]}), episodes=4, results=Results(path))
    assert first["long"].run is not None and len(path.read_text().splitlines()) == 1
    second = measure(ready(tmp_path / "there"), episodes=4, results=Results(path))  # another machine, say
    assert second["long"].run is None and second["short"].run is not None
    for name, column in first["long"].evaluation.columns.items():
        found = second["long"].evaluation.columns[name]
        assert found.dtype == column.dtype and np.array_equal(found, column)
    assert second["long"].evaluation.against(second["short"].evaluation).count == 8
    assert second["long"].parameters == first["long"].parameters and second["long"].training_s == first["long"].training_s
    spent = times(second, Results(path))
    assert spent["long"] is second["long"].result.latency and spent["short"].per_call.median_ms > 0
    shutil.rmtree(tmp_path / "there")
    monkeypatch.setattr("agir.training.comparison.train", no_training)
    third = measure(ready(tmp_path / "nowhere"), episodes=4, results=Results(path))
    assert [arm.run for arm in third.values()] == [None, None]
    assert np.allclose(third["short"].result.latency.planning_ms, spent["short"].planning_ms, rtol=1e-6)  # the later line counts


def test_other_settings_seeds_or_episodes_are_other_results(tmp_path):
    keys = lambda episodes=4, **asked: [place.key(episodes, "evaluation") for place in places(tmp_path, "toy", ARMS, **asked).values()]
    usual = keys(demonstrations=5)
    assert len(set(usual)) == 2 and not set(usual) & {*keys(5, demonstrations=5), *keys(demonstrations=6), *keys(demonstrations=5, seeds=2)}


def test_a_run_that_another_arm_is_brought_is_trained_even_if_its_own_result_is_known(tmp_path):
    arms = {"base": Arm("toy-clone", {"updates": 2}), "given": Arm("toy-reuse", brought={"base": "base"})}
    path = tmp_path / "results.jsonl"
    measure(ready(tmp_path / "a", {"base": arms["base"]}), episodes=2, results=Results(path))
    found = measure(ready(tmp_path / "b", arms), episodes=2, results=Results(path))
    assert found["base"].run is not None and found["given"].run is not None
    assert ready(tmp_path / "c", arms)["given"].digest == ready(tmp_path / "b", arms)["given"].digest  # folders are no part of it


def test_a_torn_last_line_is_none_and_a_wrong_one_is_refused_by_its_number(tmp_path):
    path = tmp_path / "results.jsonl"
    measure(ready(tmp_path, {"short": ARMS["short"]}), episodes=2, results=Results(path), reporter=Reporter())
    line = path.read_text()
    path.write_text(line + line[:50])
    (result,) = Results(path).lines.values()
    Results(path).add(result)
    assert path.read_text() == line + line
    path.write_text(line + line[:50] + "\n")
    with pytest.raises(BadData, match="line 2, is no result"):
        Results(path)
    packed = json.loads(line)
    packed["evaluation"]["columns"]["return"][0] = "|O8"
    path.write_text(json.dumps(packed) + "\n")
    with pytest.raises(BadData, match="line 1, is no result.*array of"):
        Results(path)
