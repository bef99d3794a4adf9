"""What planar says of itself: forces, grips, rules of success and failure, options, and every way to observe it."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.keys import episode_key
from agir.tasks.cameras import project, triangulate
from agir.tasks.demonstrations import collect
from agir.tasks.find import task
from agir.tasks.perturbed import Perturbed
from agir.tasks.planar import sight
from agir.tasks.planar.fitting import BAND_N, BREAK_N, CELLS
from agir.tasks.planar.paths import ALPHABET, held_out, off_line, words
from agir.tasks.planar.presets import PRESETS
from agir.tasks.planar.scenes import CIRCLE_M, INSIDE_M, spaced
from agir.tasks.planar.world import HAND_M, STIFFNESS, TABLE_M, Outfit, lever, move
from agir.tasks.raster import COLOURS


def begun(name, **changes):
    """-> the task, its environment and a start with the changes."""
    its = task(name)
    env = its.environment()
    state, _ = eqx.filter_jit(env.reset)(jax.random.key(0))
    changes = {field: jnp.asarray(value, getattr(state.physics, field).dtype) for field, value in changes.items()}
    return its, env, state._replace(physics=state.physics._replace(**changes))


IMAGE = "planar/push,observe=image,image=16"


@eqx.filter_jit
def play(env, state, actions):
    """-> the states and steps of an open-loop sequence, [steps, ...]."""

    def one(state, action):
        state, after = env.step(state, action, jax.random.key(0))
        return state, (state.physics, after)

    return jax.lax.scan(one, state, actions)[1]


def starts(name, count=64, purpose="pilot"):
    env = task(name).environment()
    return jax.jit(jax.vmap(lambda index: env.reset(episode_key(purpose, index))[0].physics))(jnp.arange(count))


def many(function, *arguments):
    """A function of one, compiled and over the first axis of its arguments."""
    return jax.jit(jax.vmap(function))(*arguments)


# ---------------------------------------------------------------------------------------------------------------- contact
@pytest.mark.parametrize("depth", [0.002, 0.013])
def test_the_force_is_the_stiffness_times_the_depth_of_the_command(depth):
    _, env, state = begun("planar/wipe,control=velocity", hand=[0.0, -0.15 + HAND_M, 0.0], fixture=[0.0, -0.15])
    physics, after = play(env, state, jnp.array([[0.0, -10 * depth], [0.1, -10 * depth], [0.0, 0.1]]))
    np.testing.assert_allclose(after.observation[:, 2:], [[0, STIFFNESS * depth], [0, STIFFNESS * depth], [0, 0]], atol=2e-3)
    np.testing.assert_allclose(physics.hand[:, 1], -0.15 + HAND_M + np.array([0, 0, 0.01]), atol=1e-6)  # the surface does not give way


def test_a_surface_that_jumps_pushes_the_hand_and_is_felt():
    jumps = [[1.0, 0.0, 0.01], [2.0, 0.0, -0.02], [90.0, 0.0, 0.0]]
    _, env, state = begun("planar/wipe", hand=[0.0, -0.15 + HAND_M, 0.0], fixture=[0.0, -0.15], jumps=jumps)
    physics, after = play(env, state, jnp.tile(jnp.array([[0.0, -0.15 + HAND_M - 0.015]]), (3, 1)))
    np.testing.assert_allclose(after.info["force"][:, 1], [3.0, 5.0, 1.0], atol=2e-3)  # of depths 15, 25 and 5 mm
    np.testing.assert_allclose(physics.hand[:, 1], [-0.12, -0.11, -0.13], atol=1e-6)


def test_pushing_feels_the_bodys_friction_and_an_edge_stops_body_and_hand():
    its, env, state = begun("planar/push", hand=[0.0, 0.0, 0.0], bodies=[[0.101, 0.0, 0.0]], goal=[-0.4, -0.4, 0.0])
    physics, _ = play(env, state, jnp.tile(jnp.array([[0.3, 0.0]]), (20, 1)))
    weight, edge = its.stage.outfit.weight, TABLE_M - its.stage.outfit.radius[0]
    np.testing.assert_allclose(physics.force[1:10], np.tile([[-weight, 0.0]], (9, 1)), atol=1e-3)
    np.testing.assert_allclose(physics.bodies[:10, 0, 0], np.maximum(0.03 * np.arange(1, 11) + 0.1, 0.101), atol=1e-5)
    np.testing.assert_allclose(physics.bodies[-1], [[edge, 0.0, 0.0]], atol=1e-5)
    np.testing.assert_allclose(physics.hand[-1, :2], [edge - 0.1, 0.0], atol=1e-5)
    assert physics.force[-1, 0] == pytest.approx(-STIFFNESS * 0.03 - weight, abs=0.1)


def test_a_pushed_disc_pushes_another_and_none_overlap():
    _, env, state = begun(
        "planar/push,distractors=1", bodies=[[0.0, 0.0, 0.0], [0.12, 0.01, 0.0]], hand=[-0.101, 0.0, 0.0], goal=[0.0, 0.4, 0.0]
    )
    physics, _ = play(env, state, jnp.tile(jnp.array([[0.2, 0.0]]), (8, 1)))
    between = np.linalg.norm(physics.bodies[:, 0, :2] - physics.bodies[:, 1, :2], axis=-1)
    assert (between > 0.11 - 2e-3).all() and physics.bodies[-1, 1, 0] > 0.19 and physics.bodies[-1, 1, 1] > 0.015
    assert np.linalg.norm(physics.bodies[:, 0, :2] - physics.hand[:, :2], axis=-1).min() > 0.1 - 1e-4


def test_a_grip_carries_the_disc_exactly_until_it_opens():
    _, env, state = begun("planar/grasp", bodies=[[0.0, 0.01, 0.0]], hand=[0.003, 0.0, 0.0], opening=0.2, goal=[0.4, 0.4, 0.0])
    close, carry, release = [[0.0, 0.0, -0.3]] * 4, [[0.1, 0.3, -0.1]] * 3, [[0.2, 0.1, 0.4]] * 2
    physics, _ = play(env, state, jnp.array(close + carry + release))
    body, hand = physics.bodies[:, 0, :2], physics.hand[:, :2]
    np.testing.assert_allclose(body[3], [0.003, 0.01], atol=1e-3)  # centred between the fingers, and not pushed out
    np.testing.assert_allclose(body[6] - body[3], [0.03, 0.09], atol=1e-4)
    np.testing.assert_allclose(np.asarray(hand[6] - hand[3]), [0.03, 0.09], atol=1e-5)
    assert 2 * np.sqrt(0.09**2 - 0.01**2) - 0.04 == pytest.approx(float(physics.opening[6]), abs=1e-3)
    assert np.linalg.norm(body[8] - body[6]) < 0.012  # at most shoved by a finger


def test_a_disc_that_is_gripped_beside_its_middle_slips_out():
    _, env, state = begun("planar/grasp", bodies=[[0.0, 0.05, 0.0]], hand=[0.0, 0.0, 0.0], opening=0.2, goal=[0.4, -0.4, 0.0])
    physics, _ = play(env, state, jnp.array([[0.0, 0.0, -0.5]] * 6))
    assert physics.bodies[-1, 0, 1] > 0.08 and physics.opening[-1] < 0.01


@pytest.mark.parametrize("half, radius, wanted", [((0.0, 0.0), 0.3, 0.2), ((0.3, 0.3), 0.0, 0.3 * 0.7652)])
def test_the_lever_of_friction_is_the_mean_distance_from_the_middle(half, radius, wanted):
    assert lever(half, radius) == pytest.approx(wanted, rel=3e-3)  # 2/3 of a radius; of a square's half side, (sqrt 2 + asinh 1) / 3


def test_without_bodies_and_walls_the_hand_goes_where_it_is_sent_and_stays_on_the_table():
    one = begun("planar/two-views")[2].physics
    moved = move(Outfit(), one._replace(hand=jnp.array([0.1, 0.1, 0.1])), jnp.array([0.01, -0.02, 0.03]), jnp.zeros(()))
    np.testing.assert_allclose(moved.hand, [0.11, 0.08, 0.13], atol=1e-6)
    np.testing.assert_allclose(moved.velocity, [0.1, -0.2, 0.3], atol=1e-5)
    far = move(Outfit(), one, jnp.array([9.0, -9.0, -9.0]), jnp.zeros(()))
    np.testing.assert_allclose(far.hand, [TABLE_M, -TABLE_M, 0.0], atol=1e-6)


# ------------------------------------------------------------------------------------------------------------------ rules
def test_a_peg_beside_the_slot_stays_out_and_one_above_it_goes_in():
    for aside, success in ((0.0, True), (0.0015, True), (0.004, False)):
        _, env, state = begun("planar/insert", hand=[0.1 + aside, 0.2, 0.0], fixture=[0.1, -0.2])
        physics, after = play(env, state, jnp.tile(jnp.array([[0.0, -0.4]]), (12, 1)))
        assert bool(after.info["success"].any()) == success and not after.truncated.any()
        assert success or (physics.hand[-1, 1] == pytest.approx(-0.15, abs=1e-5) and after.info["force"][-1, 1] > 7)


def test_the_slot_is_told_with_an_error_only_where_it_is_blind():
    assert (np.asarray(starts("planar/insert").told) == np.asarray(starts("planar/insert").fixture)).all()
    physics = starts("planar/insert,blind=0.02", 256)
    error = np.asarray(physics.told - physics.fixture)
    assert np.abs(error[:, 0]).max() < 0.0201 and np.abs(error[:, 0]).mean() == pytest.approx(0.01, rel=0.15) and (error[:, 1] == 0).all()


@pytest.mark.parametrize("force, ends", [(4.0, "success"), (1.0, "failure"), (9.0, "failure"), (13.0, "broken")])
def test_wiping_counts_within_the_band_and_breaks_above_it(force, ends):
    assert BAND_N[0] < 4 < BAND_N[1] < 9 < BREAK_N < 13
    _, env, state = begun("planar/wipe,disturb=0,control=velocity", hand=[-0.31, -0.15 + HAND_M, 0.0], fixture=[0.0, -0.15])
    actions = jnp.tile(jnp.array([[0.2, -10 * force / STIFFNESS]]), (35, 1))
    actions = actions / jnp.maximum(1.0, jnp.linalg.norm(actions, axis=1, keepdims=True) / 5)
    physics, after = play(env, state, actions if force < 9.5 else actions.at[:, 0].set(0.0))
    if force > 9.5:  # strides of 50 mm give 10 N at most; the surface's own jump adds to it
        state = state._replace(physics=state.physics._replace(jumps=jnp.array([[0.0, 0.0, 0.04]] + [[99.0, 0.0, 0.0]] * 2)))
        physics, after = play(env, state, actions.at[:, 0].set(0.0))
        assert after.terminated[0] and not after.info["success"][0]
        return
    end = int(np.argmax(after.terminated))
    assert after.terminated[end] and physics.hand[end, 0] > 0.3 and bool(after.info["success"][end]) == (ends == "success")
    assert float(after.info["wiped"][end]) == (1.0 if ends == "success" else 0.0) and physics.letters.shape[1] == CELLS


def test_leaving_the_lane_fails_and_its_end_succeeds():
    _, env, state = begun("planar/lane,slip=0,inertia=0")
    physics, after = play(env, state, jnp.tile(jnp.array([[0.0, 0.3]]), (4, 1)))
    away = many(lambda hand: off_line(hand, state.physics.path), physics.hand[:, :2])
    assert after.terminated.tolist() == (away > 0.03).tolist() and after.terminated.any() and not after.info["success"].any()
    good, _ = play(env, state._replace(physics=state.physics._replace(hand=jnp.append(state.physics.path[-1], 0.0))), jnp.zeros((1, 2)))
    assert good.done[0]


def test_a_polylines_distance_is_that_of_a_dense_one():
    path = jnp.asarray(np.random.default_rng(0).normal(size=(6, 2)), jnp.float32)
    dense = np.concatenate([np.linspace(a, b, 2001) for a, b in zip(path[:-1], path[1:])])
    points = np.random.default_rng(1).normal(size=(20, 2)).astype(np.float32)
    slow = np.linalg.norm(dense[None] - points[:, None], axis=-1).min(1)
    np.testing.assert_allclose(many(lambda point: off_line(point, path), points), slow, atol=2e-3)


def test_strokes_are_drawn_in_order_and_a_wrong_one_spoils_the_drawing():
    its, env, state = begun("planar/strokes,word=013,control=position")
    path = state.physics.path
    np.testing.assert_allclose(path[-1] - path[0], ALPHABET[[0, 1, 3], -1].sum(0), atol=1e-6)
    drawn = play(env, state, path[1:])[1]
    assert drawn.info["success"].tolist() == [False] * (len(path) - 3) + [True, True] or drawn.info["success"][-1]
    backwards = play(env, state, path[::-1])[1]
    assert not backwards.info["success"][:3].any() and backwards.info["drawn"][0] < 6
    wrong = play(env, state, path[0][None] + jnp.array([[-0.02, 0.0], [-0.04, 0.0]]))[1]
    assert wrong.terminated.tolist() == [False, True] and not wrong.info["success"].any()


def test_words_and_goals_inside_and_outside_the_training_region_are_disjoint():
    inside, outside = words("inside"), words("outside")
    assert len(inside) + len(outside) == len(words("all")) == 216 and held_out(outside).all() and not held_out(inside).any()
    assert held_out(np.asarray(starts("planar/strokes,region=outside").letters)).all()
    assert (starts("planar/reach,region=inside").goal[:, 0] < INSIDE_M).all()
    assert (starts("planar/push,region=outside").goal[:, 0] >= INSIDE_M).all()


def test_the_wrong_goal_ends_in_failure_and_is_named():
    its, env, state = begun("planar/goals,goal=2", hand=[0.0, 0.0, 0.0])
    assert its.spec.observation.shape == (2,)  # the goal is nowhere to be seen
    _, right = play(env, state, jnp.tile(jnp.array([[0.0, 0.5]]), (7, 1)))
    _, wrong = play(env, state, jnp.tile(jnp.array([[0.5, 0.0]]), (7, 1)))
    assert right.info["goal"].tolist() == [-1] * 6 + [2] and right.info["success"][-1] and right.terminated[-1]
    assert wrong.info["goal"].tolist() == [-1] * 6 + [0] and not wrong.info["success"].any() and wrong.terminated[-1]
    assert pytest.approx(0.35) == CIRCLE_M


def test_a_place_keeps_its_distance_where_it_can():
    others = [jnp.array([0.0, 0.0])]
    places = many(lambda key: spaced(key, (-0.3, -0.3), (0.3, 0.3), others, 0.2), jax.random.split(jax.random.key(0), 200))
    assert np.linalg.norm(places, axis=1).min() >= 0.2
    never = many(lambda key: spaced(key, (-0.1, -0.1), (0.1, 0.1), others, 0.2), jax.random.split(jax.random.key(0), 200))
    assert np.linalg.norm(never, axis=1).mean() > 0.1  # the farthest of many


# ----------------------------------------------------------------------------------------------------------- observations
@pytest.mark.parametrize("name", ["planar/two-views", "planar/two-views,embodiment=hand"])
def test_two_views_of_keypoints_give_the_hands_place(name):
    its, env, state = begun(name)
    seen = eqx.filter_jit(env.observe)(state.physics)
    assert seen.shape == its.spec.observation.shape == (2, 4, 2)
    places = np.stack([triangulate(list(its.cameras), seen[:, i], 1) for i in range(4)])
    np.testing.assert_allclose(places[3], state.physics.goal, atol=1e-4)
    np.testing.assert_allclose(places[:3], sight.keypoints(its.of.embodiment, state.physics.hand, state.physics.opening), atol=1e-4)
    np.testing.assert_allclose(places[:2, 2], state.physics.hand[2], atol=1e-4)


def test_a_hand_and_a_gripper_differ_in_keypoints_alone():
    hand, gripper = (begun(f"planar/two-views,embodiment={body}") for body in ("hand", "gripper"))
    assert hand[0].spec == gripper[0].spec
    ours, theirs = (np.asarray(env.observe(state.physics)) for _, env, state in (hand, gripper))
    assert (ours[:, 3] == theirs[:, 3]).all() and np.abs(ours[:, :3] - theirs[:, :3]).min(axis=(1, 2)).max() > 1e-3


def test_a_hands_demonstrations_are_action_free():
    data = task("planar/two-views,embodiment=hand").demonstrations(4)
    assert not data.columns["recorded"].any() and (data.columns["action"] == 0).all() and data.columns["success"][data.ends - 1].all()
    assert np.abs(np.diff(data.episode(0)["observation"], axis=0)).max() > 0.01
    assert "recorded" not in task("planar/two-views").demonstrations(4).columns


def test_tokens_are_the_state_in_an_order_of_the_episodes_own():
    its, env, state = begun("planar/reach-tokens")
    physics = starts("planar/reach-tokens", 32)
    seen = many(env.observe, physics)
    assert seen.shape[1:] == its.spec.observation.shape == (5, sight.TOKEN)
    kinds = np.asarray(seen[..., :5]).argmax(-1)
    assert (kinds[:, 0] == 0).all() and (np.sort(kinds[:, 1:], 1) == [2, 3, 3, 3]).all() and len({tuple(row) for row in kinds}) == 4
    np.testing.assert_array_equal(seen[:, 0, 5:7], physics.hand[:, :2])
    np.testing.assert_allclose(seen[kinds == 2][:, 5:7], physics.goal[:, :2], atol=1e-6)
    moved = play(env, state, jnp.array([[0.0, 0.0], [0.5, 0.0]]))[1].observation
    assert moved[1, 0, 5] > moved[0, 0, 5]
    np.testing.assert_array_equal(moved[1, 1:], moved[0, 1:])  # the order is kept
    assert task("planar/push,observe=tokens,shape=box,distractors=2").spec.observation.shape == (5, sight.TOKEN)


@pytest.mark.parametrize("size", [16, 64])
def test_images_show_the_body_where_it_is_in_both_views(size):
    its, env, state = begun(f"planar/push,observe=image,image={size},views=2", bodies=[[0.2, -0.1, 0.0]], goal=[-0.3, 0.3, 0.0])
    seen = eqx.filter_jit(env.observe)(state.physics)
    assert seen["hand"].shape == (2,) and set(seen) == {"image", "image_aside", "hand"}
    for name, camera in zip(("image", "image_aside"), its.cameras):
        assert seen[name].shape == (size, size, 3) and seen[name].dtype == jnp.uint8
        for place, kind in (((0.2, -0.1, 0.0), "object"), ((-0.3, 0.3, 0.0), "goal")):
            u, v = np.asarray(project(camera, jnp.array([place]), size)[0]).astype(int)
            assert np.abs(np.asarray(seen[name][v, u], float) / 255 - COLOURS[kind]).max() < (0.05 if size > 32 else 0.4)
    # All of the table is in the picture.
    corners = jnp.array([[x, y, 0.0] for x in (-0.45, 0.45) for y in (-0.45, 0.45)])
    assert all(((project(camera, corners, 1) > 0) & (project(camera, corners, 1) < 1)).all() for camera in its.cameras)


def test_looks_vary_between_episodes_only_where_they_are_to():
    varied = many(task(f"{IMAGE},vary=1").environment().observe, starts(f"{IMAGE},vary=1", 4))["image"]
    assert len({tuple(corner) for corner in np.asarray(varied[:, 0, 0]).tolist()}) == 4
    plain = many(task(IMAGE).environment().observe, starts(IMAGE, 4))["image"]
    assert (np.asarray(plain[:, 0, 0]) == np.asarray(plain[0, 0, 0])).all()
    _, env, state = begun(f"{IMAGE},vary=1")
    _, after = play(env, state, jnp.zeros((2, 2)))
    np.testing.assert_array_equal(after.observation["image"][0], after.observation["image"][1])  # and never within one


def test_what_the_robot_knows_by_itself_stands_beside_the_image():
    spaces = {
        name: task(f"planar/{name},observe=image").spec.observation["hand"].shape for name in ("push", "grasp", "insert", "two-views")
    }
    assert spaces == {"push": (2,), "grasp": (3,), "insert": (4,), "two-views": (3,)}


# ---------------------------------------------------------------------------------------------------------- demonstrators
@pytest.mark.parametrize("name", ["planar/push", "planar/grasp", "planar/two-views"])
@pytest.mark.parametrize("control", ["velocity", "position"])
def test_an_action_says_what_it_is_understood_as(name, control):
    its, _, state = begun(f"{name},control={control}")
    stride, closing = jnp.array([0.01, -0.03, 0.02 if its.stage.rises else 0.0]), jnp.float32(-0.02 if its.stage.outfit.fingers else 0.0)
    action = its.say(state.physics, stride, closing)
    assert action.shape == its.spec.action.shape
    for mine, wanted in zip(its.understand(state.physics, action), (stride, closing)):
        np.testing.assert_allclose(mine, wanted, atol=1e-6)
    long, _ = its.understand(state.physics, its.say(state.physics, 10 * stride, closing))
    assert np.linalg.norm(long) == pytest.approx(0.05, rel=1e-4)


def test_noise_speed_and_modes_are_as_stated():
    its = task("planar/reach,noise=0.004,speed=0.4")
    physics, expert = begun(its.name, hand=[-0.3, 0.0, 0.0], goal=[0.3, 0.0, 0.0])[2].physics, its.expert()
    act = many(lambda key: expert.act(physics, expert.start(key), key).action, jax.random.split(jax.random.key(1), 2000)) / 10
    np.testing.assert_allclose(act.mean(0), [0.02, 0.0], atol=4e-4)
    np.testing.assert_allclose(act.std(0), 0.004, rtol=0.05)
    uneven = task("planar/reach,noise=0,speed=0.4,uneven=0.5").expert()
    paces = many(lambda key: uneven.act(physics, uneven.start(key), key).action[0], jax.random.split(jax.random.key(1), 2000)) / 10
    assert 0.01 <= paces.min() < 0.0102 and 0.0198 < paces.max() <= 0.02001 and paces.mean() == pytest.approx(0.015, rel=0.02)
    several = task("planar/reach,noise=0,modes=3").expert()
    slopes = many(lambda key: several.act(physics, several.start(key), key).action[1], jax.random.split(jax.random.key(1), 300))
    sides, counts = np.unique(np.round(slopes, 3), return_counts=True)
    assert len(sides) == 3 and sides[1] == 0 and sides[0] == -sides[2] and counts.min() > 70


def test_the_systems_noise_moves_the_hand_and_not_the_action():
    for slip in (0.0, 0.005):
        _, env, state = begun(f"planar/reach,slip={slip}", hand=[0.0, 0.0, 0.0], goal=[0.4, 0.4, 0.0])
        ends = many(lambda key: env.step(state, jnp.zeros(2), key)[0].physics.hand, jax.random.split(jax.random.key(0), 2000))
        np.testing.assert_allclose(ends.std(0), [slip, slip, 0.0], rtol=0.05, atol=1e-7)


def test_inertia_keeps_a_share_of_the_velocity_and_shows_it():
    its, env, state = begun("planar/reach,inertia=0.8", hand=[0.0, 0.0, 0.0], goal=[0.4, 0.4, 0.0])
    physics, after = play(env, state, jnp.array([[0.5, 0.0]] * 3 + [[0.0, 0.0]] * 2))
    np.testing.assert_allclose(physics.velocity[:, 0], [0.1, 0.18, 0.244, 0.1952, 0.15616], rtol=1e-4)
    assert its.spec.observation.shape == (6,)
    np.testing.assert_array_equal(after.observation[:, 2:4], physics.velocity[:, :2])


def test_an_insiders_actions_can_be_perturbed_too():
    its = task("planar/goals,observe=image,image=16")
    data = collect(its, Perturbed.of(its.expert(), share=0.3), 4, successful=False)
    assert data.columns["observation"]["image"].shape[1:] == (16, 16, 3)


def test_every_preset_says_what_it_shows_and_that_its_demonstrator_is_good():
    for name, preset in PRESETS.items():
        assert preset.rate >= 0.95 and "cannot" in preset.shows, name
        assert task(f"planar/{name}").expert_rate == preset.rate
    assert task("planar/push,noise=0.02").expert_rate is None and task("planar/push,image=64,observe=image").expert_rate is not None


@pytest.mark.parametrize(
    "name, says",
    [
        ("planar/reach,clearance=0.01", "planar/reach has no 'clearance'; these have: insert"),
        ("planar/push,observe=sound", "observe is one of state, tokens, image, keypoints, not 'sound'"),
        ("planar/push,image=128", "image lies between 16 and 64"),
        ("planar/push,speed=0", "gets nowhere"),
        ("planar/grasp,shape=box", "holds a disc"),
        ("planar/strokes,word=09", "a word is 3 of the letters 012345"),
    ],
)
def test_what_does_not_fit_is_refused(name, says):
    with pytest.raises(BadSetting, match=says):
        task(name)


def test_the_name_tells_the_task():
    its = task("planar/push,observe=image,image=64,distractors=2")
    assert its.name == "planar/push,observe=image,image=64,distractors=2" and task(its.name) == its
    assert dataclasses.replace(its, steps=7).horizon == 7
