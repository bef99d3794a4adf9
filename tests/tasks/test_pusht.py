"""Push-T: what is seen and rewarded, putting the simulator into a recorded state, reading and replaying recordings."""

import numpy as np
import pytest
from tasks.human import DATA, needs_data

from agir.core.errors import BadData, Missing
from agir.core.host import HostLanes
from agir.data.dataset import Dataset
from agir.data.readers import read
from agir.tasks.find import task
from agir.tasks.pusht import COVERED, PushT, seen

GOAL = (256.0, 256.0, np.pi / 4)  # the block's pose that covers the goal


@pytest.fixture
def env():
    env = PushT().make()
    env.reset(seed=0)
    yield env
    env.close()


def recording(folder, image=False):
    """A small recording of random pushes as the real file has it -> its path."""
    env, random = PushT("image" if image else "state").make(), np.random.default_rng(0)
    states, actions, images, ends = [], [], [], []
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        for _ in range(12 + seed):
            world = env.unwrapped
            states.append([*world.agent.position, *world.block.position, world.block.angle % (2 * np.pi)])
            actions.append(np.clip(np.array(world.block.position) + random.normal(0, 60, 2), 0, 512))
            images.append(observation["image"] if image else None)
            observation = env.step(actions[-1].astype(np.float32))[0]
        ends.append(len(actions))
    np.savez(folder / "pusht_lowdim.npz", state=np.float32(states), action=np.float32(actions), episode_ends=np.array(ends))
    if image:
        np.savez(folder / "pusht_img_uint8.npz", img=np.stack(images))
    return folder / "pusht_lowdim.npz"


def test_the_angle_is_seen_as_sine_and_cosine():
    np.testing.assert_allclose(seen(np.array([1, 2, 3, 4, np.pi / 2])), [1, 2, 3, 4, 1, 0], atol=1e-6)
    turned = np.array([[1, 2, 3, 4, 0.3], [1, 2, 3, 4, 0.3 + 2 * np.pi]])
    np.testing.assert_allclose(*seen(turned), atol=1e-5)


def test_a_recorded_state_is_the_state(env):
    state = np.array([100.0, 400.0, 300.0, 200.0, 2.5])
    np.testing.assert_allclose(env.place(state), seen(state), atol=1e-4)
    # From another state, and after steps: nothing of it is left.
    env.step(np.array([300.0, 200.0]))
    env.reset(seed=3)
    first = env.place(state)
    after = env.step(np.array([120.0, 380.0]))[0]
    env.reset(seed=9)
    np.testing.assert_array_equal(env.place(state), first)
    np.testing.assert_array_equal(env.step(np.array([120.0, 380.0]))[0], after)


def test_reward_and_success(env):
    env.place(np.array([50.0, 50.0, *GOAL]))
    observation, reward, terminated, truncated, info = env.step(np.array([50.0, 50.0]))
    assert terminated and not truncated and reward == 1.0 and info["success"] and info["coverage"] == pytest.approx(1.0, abs=1e-3)
    env.reset(seed=0)
    env.place(np.array([50.0, 50.0, GOAL[0] + 20.0, *GOAL[1:]]))
    _, reward, terminated, _, near = env.step(np.array([50.0, 50.0]))
    assert not terminated and not near["success"] and 0 < near["coverage"] < COVERED
    assert reward == pytest.approx(near["coverage"] / COVERED)
    env.place(np.array([50.0, 50.0, 400.0, 400.0, 0.0]))
    assert env.step(np.array([50.0, 50.0]))[1] < reward


@pytest.mark.parametrize("name", ["pusht", "pusht/image"])
def test_it_runs_in_lanes_to_its_horizon(name):
    its = task(name)
    with HostLanes(its, 2) as lanes:
        lanes.reset(0, 1)
        lanes.reset(1, 2)
        lanes.steps[:] = 297 if name == "pusht/image" else 0  # its frames are slow
        while lanes.running.any():
            after = lanes.step(np.full((2, 2), 500.0, np.float32))
        assert after.truncated.all() and not after.terminated.any() and set(after.info) == set(its.infos)
    assert (lanes.steps == 300).all()


def test_the_image_shows_the_state():
    env = PushT("image").make()
    env.reset(seed=0)
    for place in ((100.0, 300.0), (400.0, 120.0)):
        seen_now = env.place(np.array([*place, *GOAL]))
        image = seen_now["image"].astype(int)
        blue = np.argwhere((image[..., 2] > 180) & (image[..., 0] < 110))  # the agent
        np.testing.assert_allclose(blue.mean(0)[::-1] * 512 / 96, place, atol=6)
        np.testing.assert_array_equal(seen_now["agent"], np.float32(place))
    assert image.shape == (96, 96, 3)
    env.close()


def test_a_recording_is_read_and_replayed(tmp_path):
    its, path = PushT(), recording(tmp_path)
    data = read(path, its)
    assert isinstance(data, Dataset) and data.spec == its.spec and data.lengths.tolist() == [12, 13, 14]
    np.testing.assert_array_equal(np.flatnonzero(data.columns["terminated"]), data.ends - 1)
    np.testing.assert_array_equal(read(tmp_path, its).columns["observation"], data.columns["observation"])
    env = its.make()
    for index in range(3):
        episode = data.episode(index)
        env.reset(seed=0)
        env.place(episode["state"][0])
        for step in range(len(episode["action"]) - 1):
            observation = env.step(episode["action"][step])[0]
            np.testing.assert_allclose(observation, episode["observation"][step + 1], atol=0.5)  # px; states were rounded to float32
    replayed = its.replay(data, 2)
    assert replayed["best_coverage"].shape == (2,) and replayed["success"].dtype == bool
    with pytest.raises(BadData, match="'state'"):
        its.replay(Dataset(data.spec, {k: v for k, v in data.columns.items() if k != "state"}, data.ends, data.final_observation))


def test_images_stand_beside_the_numbers(tmp_path):
    its, path = PushT("image"), recording(tmp_path, image=True)
    for place in (tmp_path, path, tmp_path / "pusht_img_uint8.npz"):
        data = read(place, its)
        assert data.columns["observation"]["image"].shape == (39, 96, 96, 3)
        np.testing.assert_array_equal(data.columns["observation"]["agent"], data.columns["state"][:, :2])
    assert read(path, PushT()).columns["observation"].shape == (39, 6)
    (tmp_path / "pusht_img_uint8.npz").unlink()
    with pytest.raises(Missing, match="pusht_img_uint8.npz"):
        read(path, its)


def test_recordings_that_cannot_be_right_are_refused(tmp_path):
    path = recording(tmp_path)
    whole = dict(np.load(path))
    for change, message in (
        ({"episode_ends": np.array([12, 12, 39])}, "do not cut 39 rows"),
        ({"episode_ends": np.array([12, 25, 38])}, "do not cut 39 rows"),
        ({"state": whole["state"][:-1]}, r"\[38, 5\]"),
        ({"action": np.where(np.arange(39)[:, None] == 14, np.nan, whole["action"])}, "episode 1, column 'action', row 2"),
    ):
        np.savez(path, **(whole | change))
        with pytest.raises(BadData, match=message):
            read(path, PushT())


def test_it_draws(env):
    its = PushT()
    env.place(np.array([50.0, 60.0, *GOAL]))
    *block, agent = its.shapes(env)
    assert agent["points"] == [[50.0, 452.0]] and agent["role"] == "agent"
    goal = its.scene()["shapes"]
    assert [shape["role"] for shape in goal] == ["goal", "goal"]
    for mine, its_goal in zip(block, goal):
        np.testing.assert_allclose(mine["points"], its_goal["points"], atol=1e-6)  # the block lies on the goal
    with pytest.raises(Missing, match="--data"):
        its.demonstrations(10)


@needs_data
def test_the_human_recording_replays():
    its = PushT()
    data = read(DATA / "pusht", its)
    assert (data.episodes, data.rows) == (206, 25650)
    assert abs(its.replay(data, 40)["best_coverage"].mean() - 0.90) < 0.02


@needs_data
def test_the_simulator_draws_what_was_recorded():
    env = PushT("image").make()
    state = np.load(DATA / "pusht" / "pusht_lowdim.npz")["state"]
    images = np.load(DATA / "pusht" / "pusht_img_uint8.npz")["img"]
    for row in (0, 500, 20_000):
        env.reset(seed=0)
        drawn = env.place(state[row])["image"].astype(int)
        assert (np.abs(drawn - images[row]).max(-1) > 40).mean() < 0.003
    env.close()
