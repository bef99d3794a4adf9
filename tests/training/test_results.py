"""Results apart from their runs: what is read is what was measured, nothing is trained twice, and what is no result is refused."""

import json
import shutil

import equinox as eqx
import jax
import numpy as np
import pytest
from training import toys

from agir.core.errors import BadCheckpoint, BadData
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


def test_what_was_measured_of_a_policy_that_is_refused_since_stands(tmp_path):
    """A later version acts otherwise, say: the comparison goes on with what is known, and says so; without it, it is refused."""
    said, path = [], tmp_path / "results.jsonl"
    first = measure(ready(tmp_path / "here"), episodes=2, results=Results(path))
    weights = first["long"].run.folder / "policies" / "last" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    telling = Reporter()
    telling.say = said.append
    again = measure(ready(tmp_path / "here"), episodes=2, results=Results(path), reporter=telling)
    assert again["long"].run is None and again["long"].result.name == "long" and again["short"].run is not None
    assert len(said) == 1 and said[0].startswith("long: ") and said[0].endswith("What was measured of it stands.")
    with pytest.raises(BadCheckpoint):
        measure(ready(tmp_path / "here"), episodes=2)


def test_other_settings_seeds_or_episodes_are_other_results(tmp_path):
    keys = lambda episodes=4, **asked: [place.key(episodes, "evaluation") for place in places(tmp_path, "toy", ARMS, **asked).values()]
    usual = keys(demonstrations=5)
    assert len(set(usual)) == 2 and not set(usual) & {*keys(5, demonstrations=5), *keys(demonstrations=6), *keys(demonstrations=5, seeds=2)}
    assert keys(demonstrations=5, checkpoint_s=1.0, log_to="tensorboard") == usual  # how a run is kept is not what it finds


def test_a_run_that_another_arm_is_brought_is_trained_even_if_its_own_result_is_known(tmp_path):
    arms = {"base": Arm("toy-clone", {"updates": 2}), "given": Arm("toy-reuse", brought={"base": "base"})}
    path = tmp_path / "results.jsonl"
    measure(ready(tmp_path / "a", {"base": arms["base"]}), episodes=2, results=Results(path))
    found = measure(ready(tmp_path / "b", arms), episodes=2, results=Results(path))
    assert found["base"].run is not None and found["given"].run is not None
    assert ready(tmp_path / "c", arms)["given"].digest == ready(tmp_path / "b", arms)["given"].digest  # folders are no part of it


def test_other_data_of_the_same_name_and_another_task_of_the_same_name_are_other_results(tmp_path):
    data = [toys.Toy().demonstrations(4, first) for first in (0, 1)]
    for place, one in zip(("a", "b", "c"), (data[0], data[1], data[0])):
        (tmp_path / place).mkdir()
        one.save(tmp_path / place / "data.npz")
    digest = lambda task="toy", **asked: places(tmp_path, task, {"short": ARMS["short"]}, **asked)["short"].digest
    first, other, again = (digest(data=str(tmp_path / place / "data.npz")) for place in "abc")
    assert first == again != other
    assert digest(data=data[0]) != digest(data=data[1])
    joined = [digest(data=f"{tmp_path / place / 'data.npz'} + task:toy@3") for place in "abc"]
    assert joined[0] == joined[2] != joined[1]

    class Shorter(toys.Toy):
        name, horizon = "mine", 3

    class Longer(Shorter):
        horizon = 4

    assert digest(Shorter()) != digest(Longer())


def test_of_an_arm_that_is_known_and_to_be_timed_the_first_seed_is_trained_here(tmp_path):
    arms = {"base": Arm("toy-clone", {"updates": 30}), "given": Arm("toy-reuse", {"updates": 2}, brought={"base": "base"})}
    path = tmp_path / "results.jsonl"
    first = measure(ready(tmp_path / "a", arms), episodes=2, results=Results(path))
    found = measure(ready(tmp_path / "b", arms), episodes=2, results=Results(path), here=("given",))
    assert found["base"].run is None and found["base"].policies is None and found["given"].run is None
    assert sorted(folder.name for folder in (tmp_path / "b").iterdir()) == ["base-first-seed", "given-first-seed"]
    alone, both = found["given"].policies, first["given"].policies
    for one, of_both in zip(jax.tree.leaves(eqx.filter(alone, eqx.is_array)), jax.tree.leaves(eqx.filter(both, eqx.is_array))):
        np.testing.assert_allclose(one[0], of_both[0], rtol=1e-4, atol=1e-6)
        assert len(one) == 1 and len(of_both) == 2
    spent, kept = times(found, Results(path)), Results(path).lines[first["given"].key]
    assert spent["base"] is found["base"].result.latency and spent["given"] is not found["given"].result.latency
    np.testing.assert_allclose(kept.latency.planning_ms, spent["given"].planning_ms, rtol=1e-6)
    assert kept.training_s == first["given"].training_s and kept.commit == first["given"].commit
    assert np.array_equal(kept.evaluation.columns["return"], first["given"].evaluation.columns["return"])
    again = measure(ready(tmp_path / "a", arms), episodes=2, results=Results(path), here=("given",))
    assert again["given"].run is not None  # what is trained in full is timed itself


def test_what_is_torn_is_dropped_what_lacks_its_end_is_kept_and_what_is_wrong_is_refused_by_its_number(tmp_path):
    path = tmp_path / "results.jsonl"
    results = Results(path)
    assert not path.exists()  # until something is measured
    measure(ready(tmp_path), episodes=2, results=results, reporter=Reporter())
    line, other = path.read_text().splitlines(keepends=True)
    path.write_text(line + other[:50])
    assert len(Results(path).lines) == 1 and path.read_text() == line
    path.write_text(line + "\n" + other.removesuffix("\n"))  # as editors do
    assert len(Results(path).lines) == 2 and path.read_text() == line + other
    results.add(list(results.lines.values())[0])
    assert path.read_text() == line + other + line and list(Results(path).lines) == list(results.lines)
    assert list(results.lines)[-1] == json.loads(line)["key"]  # the newest comes last
    results.rewrite()
    assert path.read_text() == other + line
    for change, why in (
        (lambda told: told["evaluation"]["columns"]["return"].__setitem__(0, "|O8"), "array of"),
        (lambda told: told.update(key=told["key"].replace("/2", "/6")), "episodes as in"),
        (lambda told: told.update(training_s=None), "numbers"),
        (lambda told: told["evaluation"].update(columns=[1]), "AttributeError"),
        (lambda told: told["evaluation"].update(seeds=[0, 1, 2]), "3 seeds"),
    ):
        told = json.loads(other)
        change(told)
        path.write_text(line + json.dumps(told) + "\n")
        with pytest.raises(BadData, match=f"line 2, is no result.*{why}"):
            Results(path)
    for broken in (b"\xff\xfe\n", None):
        path.unlink()
        path.write_bytes(broken) if broken else path.mkdir()
        with pytest.raises(BadData, match="cannot be read and written"):
            Results(path)
