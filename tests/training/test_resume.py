"""A kill anywhere and a resume end with the same bits."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file
from training import toys

from agir.core.errors import AgirError, BadCheckpoint, BadSetting
from agir.training.progress import Reporter
from agir.training.run import Run
from agir.training.train import resume, train

HERE = pathlib.Path(__file__).parent
KILLS = 4
LEARNERS = (
    'cartpole:ppo:{"updates": 100, "width": 8, "length": 32}',
    'cartpole:dqn:{"updates": 300, "width": 8, "batch": 8, "warm": 64, "capacity": 500}',
    'toy:toy-clone:{"updates": 600}',
    'toy:toy-online:{"updates": 600}',
    'toy:toy-staged:{"updates": 600}',
    'pendulum:bc-rnn:{"updates": 300, "width": 8, "batch": 8}',
    'pendulum:diffusion-policy:{"updates": 300, "network": "mlp", "width": 16, "depth": 2, "batch": 8}',
)


def run_script(folder, *which):
    command = [sys.executable, str(HERE / "killable.py"), str(folder), *which]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(HERE.parent), "AGIR_CACHE": str(folder.parent / "cache")},
    )


def arrays(folder):
    """Every array of every last checkpoint and of the policies below a folder."""
    found = {}
    for path in sorted(folder.rglob("*.safetensors")):
        for name, value in load_file(path).items():
            found[f"{path.relative_to(folder)} {name}"] = value
    return found


def newest(folder):
    """When the last checkpoint below a folder was written."""
    return max((path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")), default=0)


@pytest.mark.timeout(900)
def test_killed_at_random_moments_the_weights_are_those_of_an_uninterrupted_run(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    process = run_script(whole, *LEARNERS)
    output = process.communicate(timeout=800)[0]
    assert process.returncode == 0, output
    draw, killed = random.Random(0), 0
    for _ in range(KILLS):
        process, before = run_script(cut, *LEARNERS), newest(cut)
        while process.poll() is None and newest(cut) == before:
            time.sleep(0.02)
        time.sleep(draw.uniform(0.0, 1.5))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
    assert killed >= 2
    process = run_script(cut, *LEARNERS)
    output = process.communicate(timeout=800)[0]
    assert process.returncode == 0, output
    expected, found = arrays(whole), arrays(cut)
    assert expected.keys() == found.keys() and len(expected) > 20
    for name in expected:
        np.testing.assert_array_equal(expected[name], found[name], err_msg=name)
    for name in sorted(path.name for path in whole.iterdir()):
        rows = [Run.open(folder / name).rows() for folder in (whole, cut)]
        plain = [[{k: v for k, v in row.items() if k != "update_ms"} for row in part if row["split"] == "validation"] for part in rows]
        assert plain[0] == plain[1]


@pytest.fixture
def toy(tmp_path):
    toys.register()
    return lambda name="run", method="toy-clone", **more: train("toy", method, run=tmp_path / name, **({"updates": 40} | more))


class StopAt(Reporter):
    """Presses Ctrl-C (or sends other signals) when a bar has moved so far."""

    def __init__(self, step, signals=(signal.SIGINT,), stage=None):
        self.step, self.signals, self.stage = step, signals, stage

    def task(self, title, total):
        import contextlib

        outer = self

        class Bar:
            def move(self, done, total=None, **facts):
                if outer.step is not None and done >= outer.step and outer.stage in (None, title):
                    outer.step = None
                    for number in outer.signals:
                        os.kill(os.getpid(), number)

        return contextlib.nullcontext(Bar())


def test_ctrl_c_leaves_a_run_that_goes_on_to_the_same_bits(toy, tmp_path):
    whole, cut = toy("whole"), toy("cut", reporter=StopAt(13))
    assert whole.asked["state"] == "finished" and cut.asked["state"] == "interrupted"
    assert 13 <= cut.checkpoints().steps[-1] < 40
    resume(cut.folder)
    last = f"checkpoints/{40:010d}.safetensors"
    expected, found = load_file(whole.folder / last), load_file(cut.folder / last)
    assert all(np.array_equal(expected[name], found[name]) for name in expected)
    assert [row["step"] for row in cut.rows(split="training")] == list(range(1, 41))


def test_a_method_of_three_stages_goes_on_to_the_same_bits_from_the_middle_of_each(toy):
    widths = {"width": 8, "depth": 1, "skills.codes.width": 8, "skills.codes.dim": 4}
    settings = {"updates": 4, "skills.updates": 4, "skills.codes.updates": 4, "batch": 8, "demonstrations": 6, "seeds": 2} | widths
    whole = toy("whole", "prise", **settings)
    cut = toy("cut", "prise", reporter=StopAt(2, stage="skills/codes"), **settings)
    for begun, going_on in (("skills/codes", "skills"), ("skills", "prise"), ("prise", None)):
        assert cut.asked["state"] == "interrupted" and cut.checkpoints("" if begun == "prise" else f"{begun}/").steps[-1] == 2
        cut = resume(cut.folder, reporter=StopAt(2 if going_on else None, stage=going_on))
    expected, found = arrays(whole.folder), arrays(cut.folder)
    assert whole.asked["state"] == cut.asked["state"] == "finished" and len(expected) > 20
    for name in expected:
        np.testing.assert_array_equal(expected[name], found[name], err_msg=name)


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)], ids=["passed-on-twice", "terminated"])
def test_one_press_that_arrives_twice_and_a_termination_lose_nothing_either(toy, signals):
    cut = toy("cut", reporter=StopAt(13, signals))
    assert cut.asked["state"] == "interrupted" and 13 <= cut.checkpoints().steps[-1] < 40


def test_an_interrupted_run_may_end_sooner(toy):
    cut = toy("cut", reporter=StopAt(13))
    done = cut.checkpoints().steps[-1]
    with pytest.raises(BadSetting, match=f"has {done} updates behind it"):
        resume(cut.folder, updates=done - 1)
    run = resume(cut.folder, updates=done)
    assert run.asked["state"] == "finished" and run.checkpoints().steps[-1] == done and (run.folder / "policies" / "last").exists()


def test_a_finished_run_goes_on_longer(toy):
    run = resume(toy().folder, updates=50)
    assert run.asked["state"] == "finished" and run.checkpoints().steps[-1] == 50
    with pytest.raises(BadSetting, match="fewer"):
        resume(run.folder, updates=10)


@pytest.mark.parametrize("damage", ["torn", "edited", "renamed"])
def test_a_damaged_checkpoint_is_refused_by_name_and_the_one_before_is_offered(toy, damage):
    run = toy(checkpoint_s=0.0)
    steps = run.checkpoints().steps
    newest = run.checkpoints().path(steps[-1])
    content = bytearray(newest.read_bytes())
    if damage == "torn":
        newest.write_bytes(content[: len(content) // 2])
    elif damage == "edited":
        content[-3] ^= 1
        newest.write_bytes(content)
    else:
        newest.rename(run.checkpoints().path(999))
        newest = run.checkpoints().path(999)
    with pytest.raises(BadCheckpoint) as error:
        resume(run.folder, updates=60)
    assert newest.name in str(error.value)
    if damage != "renamed":
        assert f"step {steps[-2]}, is whole" in str(error.value)
        newest.unlink()
        assert resume(run.folder, updates=60).asked["state"] == "finished"


def test_a_disk_that_refuses_keeps_the_last_checkpoint(toy, monkeypatch):
    from agir.training import checkpoints

    write, calls = checkpoints.write_arrays, []

    def full(path, tree, about):
        calls.append(path)
        if len(calls) > 8:
            raise OSError(28, "No space left on device")
        write(path, tree, about)

    monkeypatch.setattr(checkpoints, "write_arrays", full)
    with pytest.raises(AgirError, match="the disk is full"):
        toy(checkpoint_s=0.0)
    monkeypatch.undo()
    run = Run.open(calls[0].parents[1])
    assert run.asked["state"] == "failed" and run.checkpoints().steps
    assert resume(run.folder).asked["state"] == "finished"


def test_a_run_that_exists_is_not_overwritten_and_a_missing_one_is_named(toy, tmp_path):
    toy()
    with pytest.raises(BadSetting, match="agir resume"):
        toy()
    with pytest.raises(BadSetting, match="There is no run.*The newest runs in"):
        resume(tmp_path / "other")


def test_an_unwritable_folder_is_named(toy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AgirError, match="cannot be written"):
        toy("file/below")


def test_changed_data_is_refused(toy, tmp_path):
    data = toys.Toy().demonstrations(5)
    run = toy(data=data)
    with pytest.raises(BadSetting, match="resume it there"):
        resume(run.folder, updates=60)
    with pytest.raises(BadSetting, match="contents have changed"):
        resume(run.folder, updates=60, data=toys.Toy().demonstrations(5, first=1))
    assert resume(run.folder, updates=60, data=data).checkpoints().steps[-1] == 60


def test_an_environment_that_breaks_in_mid_run_stops_it_with_the_checkpoint_intact(toy, monkeypatch):
    plain = toys.Drift.step

    def breaks(self, state, action, key):
        state, after = plain(self, state, action, key)
        bad = jax.random.uniform(key) < 1e-3
        return state, after._replace(observation=jax.numpy.where(bad, jax.numpy.float32(jax.numpy.nan), after.observation))

    monkeypatch.setattr(toys.Drift, "step", breaks)
    jax.clear_caches()
    with pytest.raises(AgirError, match="finite"):
        toy(method="toy-online", checkpoint_s=0.0, updates=400, seeds=1)
    monkeypatch.undo()
    jax.clear_caches()
