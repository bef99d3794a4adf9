"""The door: reward, success and angle, starting from a recording, reading and replaying."""

import numpy as np
import pytest
from tasks.human import DATA, needs_data

from agir.core.errors import BadData, Missing, UnknownName
from agir.data.readers import read
from agir.tasks.adroit import HINGE, OPEN_RAD, Adroit
from agir.tasks.find import task


@pytest.fixture(scope="module")
def env():
    env = Adroit("door").make()
    yield env
    env.close()


def recording(folder, env):
    """Two short random episodes as the real file has them."""
    random, columns, ends, doors = np.random.default_rng(0), {"observations": [], "actions": [], "rewards": []}, [], []
    for seed in range(2):
        observation, _ = env.reset(seed=seed)
        doors.append(env.unwrapped.model.body("frame").pos.copy())
        for _ in range(10):
            action = random.uniform(-1.3, 1.3, 28).astype(np.float32)
            after, reward, *_ = env.step(action)
            for name, value in (("observations", observation), ("actions", action), ("rewards", reward)):
                columns[name].append(value)
            observation = after
        ends.append(len(columns["actions"]))
    path = folder / "door_human.npz"
    np.savez(path, **{k: np.float32(v) for k, v in columns.items()}, episode_ends=np.array(ends), door_body_pos=np.array(doors))
    return path


def opened(env, angle):
    """Puts the door at an angle and steps once -> Step's parts."""
    observation, _ = env.reset(seed=0)
    observation = observation.copy()
    observation[HINGE] = angle
    env.place(observation, env.unwrapped.model.body("frame").pos.copy())
    return env.step(np.zeros(28, np.float32))


def test_success_is_the_angle(env):
    observation, reward, terminated, truncated, info = opened(env, 1.5)
    assert info["success"] and info["hinge_rad"] >= OPEN_RAD and not terminated and not truncated
    assert observation.shape == (39,) and observation.dtype == np.float32 and observation[-1] == 1
    _, shut_reward, _, _, shut = opened(env, 0.0)
    assert not shut["success"] and abs(shut["hinge_rad"]) < 0.05
    assert reward > 19 and shut_reward < 0


def test_the_reward_punishes_the_distance(env):
    observation, _ = env.reset(seed=4)
    observation, reward, *_ = env.step(np.zeros(28, np.float32))
    speed = np.square(env.unwrapped.data.qvel).sum()
    palm, handle = observation[29:32], observation[32:35]
    expected = -0.1 * np.linalg.norm(palm - handle) - 0.1 * (observation[HINGE] - 1.57) ** 2 - 1e-5 * speed
    assert reward == pytest.approx(expected, abs=1e-5)


def test_actions_are_clipped(env):
    after = []
    for action in (np.full(28, 5.0, np.float32), np.ones(28, np.float32)):
        env.reset(seed=1)
        after.append(env.step(action)[0])
    np.testing.assert_array_equal(*after)


def test_a_recording_is_read_and_replayed(tmp_path, env):
    its, path = task("adroit/door"), recording(tmp_path, env)
    data = read(path, its)
    assert data.lengths.tolist() == [9, 9] and not data.columns["terminated"].any() and data.truncated.sum() == 2
    assert np.abs(data.columns["action"]).max() == 1.0
    raw = np.load(path)
    np.testing.assert_array_equal(data.final_observation, raw["observations"][[9, 19]])
    for index in range(2):
        episode = data.episode(index)
        env.reset(seed=7)
        np.testing.assert_allclose(env.place(episode["observation"][0], episode["door"][0]), episode["observation"][0], atol=1e-5)
        for step in range(8):
            observation, reward, *_ = env.step(episode["action"][step])
            np.testing.assert_allclose(observation, episode["observation"][step + 1], atol=2e-3)
            assert reward == pytest.approx(float(episode["reward"][step]), abs=2e-3)
    assert its.replay(data)["widest_rad"].shape == (2,)
    np.testing.assert_array_equal(read(tmp_path, its).columns["door"], data.columns["door"])
    np.savez(path, **(dict(raw) | {"observations": raw["observations"][:, :38]}))
    with pytest.raises(BadData, match=r"\[20, 38\]"):
        read(path, its)
    with pytest.raises(BadData, match="task family 'adroit'"):
        read(path, task("pusht"))


def test_it_draws_and_refuses(env):
    its = Adroit("door")
    env.reset(seed=0)
    before = its.shapes(env)
    opened(env, 1.2)
    after = its.shapes(env)
    assert [(shape["role"], len(shape["points"])) for shape in before] == [(shape["role"], len(shape["points"])) for shape in after]
    low, high = np.array(its.scene()["bounds"]).T
    for points in (np.array(shape["points"]) for shape in after):
        assert (points > low - 0.2).all() and (points < high + 0.2).all()
    door = next(np.array(shape["points"]) for shape in after if shape["role"] == "object")
    assert np.ptp(door[:, 1]) > 0.3 > np.ptp(np.array(before[6]["points"])[:, 1])  # it has turned
    with pytest.raises(Missing, match="--data"):
        its.demonstrations(3)
    with pytest.raises(UnknownName, match="door"):
        task("adroit/dor")


@needs_data
def test_the_human_recording_replays():
    its = Adroit("door")
    data = read(DATA / "adroit_door", its)
    assert (data.episodes, data.rows) == (25, 6729 - 25)
    replayed = its.replay(data)
    assert (replayed["widest_rad"] > 1.0).all() and 7 <= replayed["success"].sum() <= 8
    recorded = np.maximum.reduceat(data.columns["observation"][:, HINGE], data.starts)
    assert np.median(np.abs(replayed["widest_rad"] - recorded)) < 0.02
    assert data.columns["success"].any() and data.columns["reward"].max() > 19
