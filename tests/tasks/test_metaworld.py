"""MetaWorld: starts and goals by seed alone, experts that succeed, drawings and pictures that change nothing."""

import numpy as np
import pytest

from agir.core.errors import BadSetting, Missing, UnknownName
from agir.core.host import HostLanes
from agir.core.keys import episode_seed
from agir.core.nouns import Policy
from agir.core.spaces import Box
from agir.tasks.find import task
from agir.tasks.metaworld import EXPERT_RATES, HORIZON, MetaWorld

SURE = ("reach", "door-close", "drawer-open", "handle-press", "push", "window-close")  # the expert always succeeds
GOAL_STAYS = ("bin-picking", "hammer", "sweep-into")  # as the authors made them: there the object's place varies


@pytest.fixture(scope="module")
def opengl():
    import mujoco

    try:
        mujoco.Renderer(mujoco.MjModel.from_xml_string("<mujoco/>"), 8, 8).close()
    except Exception as error:
        pytest.skip(f"needs OpenGL: {error}")


def start(env, seed):
    observation, _ = env.reset(seed=seed)
    return np.concatenate([observation, env.inner._target_pos[:3]])


def test_all_fifty_tasks_are_listed():
    from metaworld.env_dict import ALL_V3_ENVIRONMENTS

    assert {f"{name}-v3" for name in EXPERT_RATES} == set(ALL_V3_ENVIRONMENTS) and len(EXPERT_RATES) == 50
    assert [name for name, rate in EXPERT_RATES.items() if rate < 0.9] == ["box-close", "disassemble"]


@pytest.mark.parametrize("name", EXPERT_RATES)
def test_start_and_goal_are_functions_of_the_seed(name):
    env, other = task(f"metaworld/{name}").make(), task(f"metaworld/{name}").make()
    first = start(env, 1000)
    for action in np.random.default_rng(0).uniform(-1, 1, (5, 4)).astype(np.float32):
        env.step(action)
    second = start(env, 1001)
    np.testing.assert_array_equal(start(env, 1000), first)
    np.testing.assert_array_equal(start(other, 1000), first)
    assert (first[:-3] != second[:-3]).any() and (first[-3:] != second[-3:]).any() == (name not in GOAL_STAYS)
    np.testing.assert_array_equal(first[36:39], np.float32(first[-3:]))  # and the goal is seen
    env.close(), other.close()


@pytest.mark.parametrize("name", SURE)
def test_the_expert_succeeds_where_it_is_said_to(name):
    arm = task(f"metaworld/{name}")
    assert arm.expert_rate == 1.0
    demonstrations = arm.demonstrations(4, first=7)
    assert demonstrations.about["start_index"] == [7, 8, 9, 10] and demonstrations.about["rate"] == 1.0
    assert demonstrations.columns["success"][demonstrations.ends - 1].all() and demonstrations.columns["terminated"].sum() == 4
    np.testing.assert_array_equal(demonstrations.columns["reward"], demonstrations.columns["success"].astype(np.float32))


def test_demonstrations_can_be_replayed_and_share_no_start_with_evaluation():
    arm = task("metaworld/door-open")
    demonstrations = arm.demonstrations(2)
    env = arm.make()
    for number, index in enumerate(demonstrations.about["start_index"]):
        episode = demonstrations.episode(number)
        observation, _ = env.reset(seed=episode_seed("demonstrations", index))
        for seen, action, success in zip(episode["observation"], episode["action"], episode["success"], strict=True):
            np.testing.assert_array_equal(observation, seen)
            observation, _, terminated, _, info = env.step(action)
            assert info["success"] == success == terminated
        np.testing.assert_array_equal(observation, demonstrations.final_observation[number])
    starts = {purpose: {start(env, episode_seed(purpose, i)).tobytes() for i in range(15)} for purpose in ("demonstrations", "evaluation")}
    assert len(starts["demonstrations"]) == len(starts["evaluation"]) == 15
    assert not starts["demonstrations"] & starts["evaluation"]
    env.close()


def test_failures_are_left_out():
    """The expert of box-close fails in a fifth of the episodes."""
    demonstrations = task("metaworld/box-close").demonstrations(2, first=6)
    assert demonstrations.about["start_index"] == [6, 8] and demonstrations.about["rate"] == 2 / 3
    assert demonstrations.columns["success"][demonstrations.ends - 1].all()


def test_a_dense_reward_does_not_end_at_success():
    arm = task("metaworld/reach,reward=dense")
    expert, successes, rewards = arm.expert(), [], []
    assert isinstance(expert, Policy) and not expert.compiled and arm.name == "metaworld/reach,reward=dense"
    with HostLanes(arm, 1) as lane:
        lane.reset(0, 5)
        while lane.running[0]:
            after = lane.step(expert.act(lane.observation[0], (), None).action[None])
            successes.append(after.info["success"][0])
            rewards.append(after.reward[0])
        assert len(successes) == HORIZON == arm.horizon and after.truncated[0] and not after.terminated[0]
    assert any(successes[:-50]) and max(rewards) > 5


def test_actions_are_clipped():
    env = task("metaworld/push").make()
    outcomes = []
    for action in (np.float32([1, -1, 0.5, 1]), np.float32([3, -7, 0.5, 2])):
        env.reset(seed=3)
        outcomes.append(env.step(action)[0])
    np.testing.assert_array_equal(*outcomes)
    env.close()


def test_drawing_keeps_its_structure_and_disturbs_nothing():
    structures, trajectories = set(), []
    for drawn in (False, True):
        arm = task("metaworld/basketball")
        env = arm.make()
        trajectory = [env.reset(seed=4)[0]]
        for action in np.random.default_rng(1).uniform(-1, 1, (30, 4)).astype(np.float32):
            if drawn:
                shapes = arm.shapes(env)
                assert np.isfinite(np.concatenate([shape["points"] for shape in shapes])).all()
                structures.add(tuple((shape["kind"], shape["role"], len(shape["points"])) for shape in shapes))
            trajectory.append(env.step(action)[0])
        trajectories.append(np.stack(trajectory))
        if drawn:
            by_role = {role: [np.array(shape["points"]) for shape in shapes if shape["role"] == role] for role in ("link", "agent", "goal")}
            hand = trajectory[-2][:3]
            np.testing.assert_allclose(by_role["link"][0][-1], hand, atol=1e-5)  # the arm ends in the hand
            np.testing.assert_allclose(by_role["goal"][0][0], trajectory[-2][36:39], atol=1e-5)
            assert len(by_role["agent"]) == 2
            ball = [shape["points"] for shape in shapes if shape["role"] == "object"][:6]  # the faces of its box
            np.testing.assert_allclose(np.mean(ball, axis=(0, 1)), trajectory[-2][4:7], atol=1e-2)
        env.close()
    assert len(structures) == 1
    np.testing.assert_array_equal(*trajectories)
    scene = arm.scene()
    assert scene["view"] == "3d" and scene["shapes"][0]["role"] == "ground"


def test_a_box_is_drawn_by_its_faces():
    """The wall of reach-wall is one box: six faces of four corners, each edge parallel to an axis."""
    arm = task("metaworld/reach-wall")
    env = arm.make()
    env.reset(seed=0)
    faces = [np.array(shape["points"]) for shape in arm.shapes(env) if shape["role"] == "object" and shape["kind"] == "polygon"]
    assert [face.shape for face in faces] == [(4, 3)] * 6
    edges = np.concatenate([np.abs(np.diff(face, axis=0, append=face[:1])) > 1e-6 for face in faces])
    corners, times = np.unique(np.concatenate(faces).round(6), axis=0, return_counts=True)
    assert (edges.sum(1) == 1).all() and len(corners) == 8 and (times == 3).all()
    np.testing.assert_allclose(np.ptp(corners, axis=0), [0.24, 0.02, 0.12], atol=1e-5)
    env.close()


def test_images(opengl):
    pictures, arm = [], task("metaworld/sweep,observation=image,size=32")
    assert arm.spec.observation["image"] == Box((32, 32, 3), 0.0, 255.0, "uint8") and arm.spec.observation["image"].image
    state_env = task("metaworld/sweep").make()
    with HostLanes(arm, 2) as lanes:
        for lane, seed in enumerate((11, 12)):
            lanes.reset(lane, seed)
        first = lanes.observation["image"]
        state_env.reset(seed=11)
        for action in np.random.default_rng(2).uniform(-1, 1, (5, 4)).astype(np.float32):
            after = lanes.step(np.stack([action, action]))
            state, *_ = state_env.step(action)
            np.testing.assert_array_equal(lanes.envs[0].state, state, "pictures change nothing")
            np.testing.assert_array_equal(after.observation["proprioception"][0], state[:4])
            pictures.append(after.observation["image"])
        lanes.reset(0, 11)
        np.testing.assert_array_equal(lanes.observation["image"][0], first[0])
        model = lanes.envs[0].inner.model
        assert model.vis.quality.shadowsize == 0 and not model.light_castshadow.any()
    assert first.dtype == np.uint8 and first.std() > 10
    assert (first[0] != first[1]).any() and (pictures[-1][0] != first[0]).any()
    state_env.close()


def test_without_opengl_the_message_says_what_to_install(monkeypatch):
    import mujoco

    class NoRenderer:
        def __init__(self, *_):
            raise RuntimeError("no display")

    monkeypatch.setattr(mujoco, "Renderer", NoRenderer)
    with pytest.raises(Missing, match="apt-get install libegl1 .*MUJOCO_GL=egl"):
        task("metaworld/reach,observation=image").make()


@pytest.mark.parametrize(
    "name, error, says",
    [
        ("metaworld", BadSetting, "write 'metaworld/VARIANT'"),
        ("metaworld/door-opne", UnknownName, "door-open"),
        ("metaworld/reach,reward=shaped", BadSetting, "sparse or dense"),
        ("metaworld/reach,observation=pixels", BadSetting, "state or image"),
        ("metaworld/reach,camera=moon", BadSetting, "side, corner"),
    ],
)
def test_what_is_wrong_is_refused_by_name(name, error, says):
    with pytest.raises(error, match=says):
        task(name)


def test_names_and_tasks_agree():
    assert task("metaworld/reach,size=32,observation=image") == MetaWorld("reach", observation="image", size=32)
    assert task("metaworld/reach").name == "metaworld/reach"
