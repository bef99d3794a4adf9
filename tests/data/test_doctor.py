"""The dataset doctor: a healthy dataset has no findings, and each illness is found where it is."""

import time

import numpy as np
import pytest

from agir.core.errors import BadData
from agir.core.nouns import Task
from agir.core.spaces import Box, Dict, Discrete, Meaning, Spec
from agir.data.dataset import Dataset
from agir.data.doctor import examine, examined
from agir.methods.imitation.behavior_cloning import BehaviorCloning
from agir.training.train import train

SPEC = Spec(Box((3,)), Box((2,), -1.0, 1.0), Meaning("velocity", "m/s", "world", 10.0))


def healthy(episodes=12, steps=40, spec=SPEC, seed=0):
    """A point moved by velocities, with its speed as the third number of the observation."""
    random, made = np.random.default_rng(seed), []
    for _ in range(episodes):
        action = np.clip(random.normal(0, 0.3, (steps, 2)) + random.normal(0, 0.3, 2), -1, 1)
        place = np.concatenate([np.zeros((1, 2)), action.cumsum(0) / 10]) + random.normal(size=2)
        speed = np.concatenate([[0.0], np.linalg.norm(action, axis=1)])
        made.append(
            {
                "observation": np.concatenate([place, speed[:, None]], axis=1),
                "action": action,
                "reward": random.normal(size=steps),
                "timestamp": np.arange(steps) / 10,
            }
        )
    return Dataset.from_episodes(spec, made, {"start_index": list(range(episodes))})


def changed(data, **columns):
    return Dataset(data.spec, data.columns | columns, data.ends, data.final_observation, data.about)


def only(findings, severity, *words):
    """There is just this one finding, and its text has all the words."""
    assert [finding.severity for finding in findings] == [severity], findings
    text = " ".join((findings[0].where, findings[0].what, findings[0].mend))
    assert all(word in text for word in words), text
    return True


def test_a_healthy_dataset_has_no_findings():
    data = healthy()
    assert examine(data) == [] and examine(*data.split()) == []


def edit(column, at, value):
    column = column.copy()
    column[at] = value
    return column


def test_what_cannot_be_learnt_from_is_an_error():
    data = healthy()
    action, terminated = data.columns["action"], data.columns["terminated"]
    assert only(examine(changed(data, action=edit(action, (45, 1), np.nan))), "error", "episode 1, column 'action', row 5", "finite")
    assert only(examine(changed(data, terminated=edit(terminated, 50, True))), "error", "episode 1, row 10", "goes on")
    assert only(examine(changed(data, reward=data.columns["reward"][:-1])), "error", "'reward'", "479")
    hollow = Dataset(data.spec, data.columns, edit(data.ends, 3, data.ends[2]), data.final_observation)
    assert only(examine(hollow), "error", "episode 3", "no rows")
    assert only(examine(data.take([])), "error", "no episodes")


def test_entries_that_never_change():
    data = healthy()
    observation, action = data.columns["observation"], data.columns["action"]
    assert only(
        examine(changed(data, observation=edit(observation, (slice(None), 2), 0.5))), "note", "observation, entry 2", "never changes"
    )
    found = examine(changed(data, action=edit(action, (slice(None), 1), 0.0)))
    assert found[0].severity == "warning" and found[0].where == "action, entry 1"
    assert examine(changed(data, action=np.zeros_like(action)))[0].severity == "error"


def test_actions_outside_the_bounds_and_far_inside_them():
    data = healthy()
    action = edit(data.columns["action"], (81, 0), 1.4)
    assert only(examine(changed(data, action=action)), "warning", "episode 2, row 1", "1.4", "[-1, 1]", "0.208%")
    assert only(examine(changed(data, action=data.columns["action"] / 100)), "note", "action, entry 0, 1", "a twentieth")


def test_a_row_that_sets_the_range():
    data = healthy()
    observation = edit(data.columns["observation"], (100, 2), 900.0)
    findings = examine(changed(data, observation=observation))
    assert findings[0].severity == "warning" and findings[0].where == "episode 2, row 20" and "900" in findings[0].what


def test_episodes_that_stand_out():
    data = healthy()
    long = healthy(1, 1200, seed=5)
    join = lambda a, b: Dataset(
        SPEC,
        {name: np.concatenate([column, b.columns[name]]) for name, column in a.columns.items()},
        np.concatenate([a.ends, a.ends[-1] + b.ends]),
        np.concatenate([a.final_observation, b.final_observation]),
    )
    findings = examine(join(data, long))
    assert any(f.where == "episode 12" and "1200 rows" in f.what and f.severity == "warning" for f in findings)
    far = changed(healthy(1, 40, seed=6), observation=healthy(1, 40, seed=6).columns["observation"] + np.float32(60))
    findings = examine(join(data, far))
    assert any(f.where == "episode 12" and "mean observation" in f.what for f in findings)


def test_copies_and_leaks():
    data = healthy()
    assert only(examine(data.take([0, 1, 2, 3, 1, 5, 6, 7, 8])), "warning", "episode 4 (= 1)", "copy")
    assert only(examine(data.take([0, 1, 2]), data.take([2, 3])), "error", "episode 2 = 0", "validation")
    other = healthy(seed=1).take([3, 4])
    assert only(examine(data.take([0, 1, 4]), other), "warning", "start 4", "validation")


@pytest.mark.parametrize("said, true", [("absolute", "velocity"), ("velocity", "absolute"), ("delta", "absolute")])
def test_actions_that_do_not_mean_what_they_say(said, true):
    spec = lambda kind: Spec(Box((3,)), Box((2,)), Meaning(kind, "", "world", 10.0))
    data = healthy(spec=spec(said))
    place = np.concatenate([data.columns["observation"][1:, :2], data.final_observation[-1:, :2]])
    columns = {} if true == "velocity" else {"action": place}
    assert only(examine(changed(data, **columns)), "warning", "said to be", said)
    right = changed(healthy(spec=spec(true)), **columns)
    assert examine(right) == []


def test_timestamps():
    data = healthy()
    time_s = data.columns["timestamp"]
    assert only(examine(changed(data, timestamp=edit(time_s, 43, time_s[42]))), "error", "episode 1, row 3", "after")
    gap = time_s + np.where((np.arange(480) >= 60) & (np.arange(480) < 80), np.float32(0.5), np.float32(0))
    assert only(examine(changed(data, timestamp=gap)), "warning", "episode 1, row 19", "0.6 s instead of 0.1 s")
    assert only(examine(changed(data, timestamp=time_s * 3)), "warning", "0.3 s", "10 Hz")


def test_notes():
    data = healthy()
    assert only(examine(changed(data, reward=np.zeros_like(data.columns["reward"]))), "note", "reward", "0 in every row")
    still = np.repeat(data.columns["observation"][::2], 2, axis=0)
    assert any("row before" in finding.what for finding in examine(changed(data, observation=still)))
    assert examine(data.take([0]))[0].what.startswith("has one episode")
    choices = Dataset.from_episodes(
        Spec(Box((1,)), Discrete(4)),
        [
            {"observation": np.random.default_rng(e).normal(size=(31, 1)), "action": np.arange(30) % 3, "reward": np.ones(30)}
            for e in range(3)
        ],
    )
    assert only(examine(choices), "note", "action 3", "never chosen")


def test_training_hears_of_it(tmp_path):
    """Brought data are looked at before anything is trained on them: warnings are said, errors refused."""
    data, said = healthy(), []
    action = edit(data.columns["action"], (81, 0), 1.4)
    examined(changed(data, action=action, reward=np.zeros_like(data.columns["reward"])), said.append)
    assert len(said) == 1 and said[0].startswith("data: episode 2, row 1: action, entry 0 is 1.4")

    class Moved(Task):
        name, spec, horizon = "moved", SPEC, 50

    broken = changed(data, action=edit(data.columns["action"], (45, 1), np.nan))
    with pytest.raises(BadData, match="episode 1, column 'action', row 5"):
        train(Moved(), BehaviorCloning(updates=1), data=broken, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_it_is_cheap_with_images_and_many_rows():
    rows, episodes = 25_000, 200
    random = np.random.default_rng(0)
    spec = Spec(Dict((("image", Box((8, 8, 3), 0.0, 255.0, "uint8")), ("state", Box((6,))))), Box((2,)))
    columns = {
        "observation": {"image": np.zeros((rows, 8, 8, 3), np.uint8), "state": random.normal(size=(rows, 6)).astype(np.float32)},
        "action": random.normal(size=(rows, 2)).astype(np.float32),
        "reward": np.ones(rows, np.float32),
        "terminated": np.arange(rows) % (rows // episodes) == rows // episodes - 1,
    }
    data = Dataset(spec, columns, np.arange(1, episodes + 1) * (rows // episodes), None)
    began = time.perf_counter()
    assert examine(data) == []
    assert time.perf_counter() - began < 5  # 0.1 s on an idle machine
