"""What multipath says of itself: means collide, modes are balanced and hidden, pauses are not to be seen, every route leads home."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.tasks.cameras import project
from agir.tasks.demonstrations import collect
from agir.tasks.multipath import FRICTION_M, Multipath, touches
from agir.tasks.raster import COLOURS

pytestmark = pytest.mark.optimised  # waits are the same bits; without, an observation rounds its position as the state does not

ROUTES = [{"modes": 2}, {"modes": 4}, {"modes": 8}, {"modes": 4, "rows": 2}, {"modes": 8, "rows": 3}]


@eqx.filter_jit
def play(env, state, actions):
    """-> the infos and ends of an open-loop sequence, [steps, ...]."""

    def one(state, action):
        state, after = env.step(state, action, jax.random.key(0))
        return state, (after.info, after.terminated, after.truncated, after.observation, after.reward)

    return jax.lax.scan(one, state, actions)[1]


def from_the_middle(env):
    state, _ = env.reset(jax.random.key(0))
    return state._replace(physics=state.physics._replace(position=jnp.zeros(2)))


def actions_of(its, mode):
    """What leads exactly along a route, one velocity a place."""
    return jnp.asarray(np.diff(its.path(mode)[0], axis=0, prepend=np.zeros((1, 2), np.float32)) * 5.0)


@pytest.mark.parametrize("options", ROUTES, ids=str)
def test_every_route_leads_home_and_is_recognised_and_their_mean_collides(options):
    its = Multipath(**options)
    env = its.environment()
    actions = jnp.stack([actions_of(its, mode) for mode in range(its.modes)])
    for mode in range(its.modes):
        info, terminated, truncated, _, reward = play(env, from_the_middle(env), actions[mode])
        assert info["success"].tolist() == [False] * (len(reward) - 1) + [True] == terminated.tolist()
        assert not truncated.any() and reward.tolist() == [0.0] * (len(reward) - 1) + [1.0]
        assert info["mode"][0] == -1 and info["mode"][-1] == mode
    info, terminated, *_ = play(env, from_the_middle(env), actions.mean(0))
    at = int(jnp.argmax(terminated))
    assert terminated.any() and info["collision"][at] and not info["success"][: at + 1].any()


def test_the_two_ways_to_say_an_action_are_one():
    by_velocity, by_position = (collect(its, its.expert(), 8) for its in (Multipath(pauses=1), Multipath(pauses=1, control="position")))
    np.testing.assert_array_equal(by_velocity.ends, by_position.ends)
    np.testing.assert_allclose(by_velocity.columns["observation"], by_position.columns["observation"], atol=1e-5)
    here = by_velocity.columns["observation"][:, :2]
    np.testing.assert_allclose(here + by_velocity.columns["action"] / 5.0, by_position.columns["action"], atol=1e-5)


def test_a_line_meets_a_box_where_one_of_its_points_lies_in_it():
    boxes = Multipath(modes=4).boxes
    # Some level, some upright, some of no length.
    ends = jax.random.uniform(jax.random.key(0), (400, 2, 2), jnp.float32, jnp.array([0.9, -1.0]), jnp.array([1.6, 1.0]))
    ends = ends.at[:40, 1, 0].set(ends[:40, 0, 0]).at[40:80, 1, 1].set(ends[40:80, 0, 1]).at[80:120, 1].set(ends[80:120, 0])
    found = np.asarray(jax.vmap(lambda pair: touches(pair[0], pair[1], jnp.asarray(boxes)))(ends))
    points = np.linspace(*np.asarray(ends).swapaxes(0, 1), 2001)[:, :, None]
    near = lambda margin: ((points > boxes[:, 0] - margin) & (points < boxes[:, 1] + margin)).all(-1).any((0, 2))
    assert found[near(-1e-3)].all() and not found[~near(1e-3)].any()
    assert 50 < found.sum() < 350


@pytest.mark.parametrize("options", [{"modes": 2}, {"modes": 4}, {"modes": 8, "rows": 3}], ids=str)
def test_modes_are_balanced(options):
    its = Multipath(**options)
    data = collect(its, its.expert(), 1024)
    counts = np.bincount(data.columns["mode"][data.ends - 1], minlength=its.modes)
    assert data.about["rate"] >= 0.98 and len(counts) == its.modes
    share = 1 / its.modes
    assert (np.abs(counts - 1024 * share) < 4 * np.sqrt(1024 * share * (1 - share))).all()


def test_the_mode_is_not_to_be_read_before_the_fork_and_is_after_it():
    its = Multipath(distractors=2)
    data = collect(its, its.expert(), 1024)
    mode = data.columns["mode"][data.ends - 1]
    for step, readable in [(0, False), (1, False), (its.approach, False), (its.approach + 1, True)]:
        seen = data.columns["observation"][data.starts + step]
        distance = ((seen[:, None] - seen[None]) ** 2).sum(-1) + 1e9 * np.eye(len(seen))
        right = (mode[distance.argmin(1)] == mode).mean()
        # A nearest neighbour is right by chance, within four standard deviations of it (neighbours come in pairs: twice the variance).
        assert right > 0.99 if readable else abs(right - 0.5) < 4 * 0.5 * np.sqrt(2 / 1024)


def test_pauses_are_not_observed():
    its = Multipath(modes=4, rows=2, pauses=2)
    data = collect(its, its.expert(), 64)
    waits = []
    for i in range(data.episodes):
        episode = data.episode(i)
        still = (episode["action"] == 0).all(-1)
        begins, ends = (np.flatnonzero(np.diff(np.concatenate([[0], still, [0]])) == sign) for sign in (1, -1))
        assert len(begins) == 2
        for begin, end in zip(begins, ends):
            # The same bits through the whole wait and on the step that leaves, whose action is not zero.
            assert (episode["observation"][begin : end + 1] == episode["observation"][begin]).all()
            assert np.linalg.norm(episode["action"][end]) / 5.0 > FRICTION_M
            waits.append(end - begin)
    assert set(waits) == set(range(its.wait + 1, its.wait + its.longer + 1))
    assert episode["waited"][-1] and not episode["waited"][0]


@pytest.mark.parametrize("stood, enough", [(4, False), (5, True)])
def test_success_needs_the_whole_wait(stood, enough):
    its = Multipath(modes=1, pauses=1)
    env, actions = its.environment(), actions_of(Multipath(modes=1), 0)
    at = int(np.flatnonzero(its.path(0)[1])[0]) + 1
    actions = jnp.concatenate([actions[:at], jnp.zeros((stood, 2)), actions[at:]])
    info, terminated, *_ = play(env, from_the_middle(env), actions)
    assert terminated[-1] and not terminated[:-1].any() and bool(info["success"][-1]) == bool(info["waited"][-1]) == enough


def test_the_mean_of_a_wait_stands_for_ever_and_is_truncated():
    its = Multipath(modes=1, pauses=1)
    data = collect(its, its.expert(), 64)
    episode = data.episode(0)
    at = int((episode["action"] == 0).all(-1).argmax())
    place = episode["observation"][at, :2]
    near = np.linalg.norm(data.columns["observation"][:, :2] - place, axis=1) < 0.06
    mean = data.columns["action"][near].mean(0)
    assert 0 < np.linalg.norm(mean) / 5.0 < FRICTION_M
    env = its.environment()
    state, _ = env.reset(jax.random.key(0))
    state = state._replace(physics=state.physics._replace(position=jnp.asarray(place)))
    info, terminated, truncated, seen, _ = play(env, state, jnp.broadcast_to(mean, (its.horizon, 2)))
    assert (np.asarray(seen)[:, :2] == place).all() and info["waited"][-1] and not info["success"].any()
    assert not terminated.any() and truncated.tolist() == [False] * (its.horizon - 1) + [True]


def test_distractors_wander_and_say_nothing():
    its = Multipath(distractors=3, rows=3, modes=8)
    data = collect(its, its.expert(), 256)
    noise = data.columns["observation"][:, 3:]
    assert noise.shape[1] == 3 == its.spec.observation.shape[0] - 3
    np.testing.assert_allclose(noise.std(0), 1, atol=0.1)
    ends = np.isin(np.arange(data.rows), data.ends - 1)
    follows = [np.corrcoef(noise[:-1][~ends[:-1], i], noise[1:][~ends[:-1], i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(follows, 0.9, atol=0.03)
    mode = data.columns["mode"][data.ends - 1]
    assert np.abs(np.corrcoef(noise[data.starts].T, mode)[-1, :-1]).max() < 4 / np.sqrt(256)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"modes": 3}, "3 modes in 1 rows"),
        ({"modes": 6, "rows": 2}, "6 modes in 2 rows"),
        ({"rows": 0}, "in 0 rows"),
        ({"pauses": 2}, "pauses is 0 to rows"),
        ({"control": "force"}, "not 'force'"),
        ({"gap": 1.5}, "gap lies between 0 and 1"),
        ({"leaps": 0}, "at least 1"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(options, says):
    with pytest.raises(BadSetting, match=says):
        Multipath(**options)


def test_the_name_tells_the_task():
    its = Multipath(modes=4, rows=2, pauses=1, noise=0.03)
    assert its.name == "multipath/modes=4,rows=2,pauses=1,noise=0.03"
    assert dataclasses.replace(its, steps=7).horizon == 7


def test_the_image_shows_the_point_and_what_it_must_not_touch():
    its = Multipath(pauses=1, image=64)
    env = its.environment()
    state = from_the_middle(env)
    seen = np.asarray(env.observe(state.physics), float) / 255
    assert seen.shape == its.spec.observation.shape == (64, 64, 3) and its.name == "multipath/pauses=1,image=64"
    wall = its.boxes[0].mean(0)
    for place, kind in (((0.0, 0.0), "hand"), (its.goal_m, "goal"), (wall, "wall"), (its.stations_m[0], "ground")):
        u, v = np.asarray(project(its.camera, jnp.array([[*place, 0.0]], jnp.float32), 64)[0]).astype(int)
        assert np.abs(seen[v, u] - COLOURS[kind]).max() < 0.25, kind
    clear = np.asarray(env.observe(state.physics._replace(position=jnp.array([0.0, 0.5]))), float) / 255
    assert 3 < (np.abs(clear - seen).max(-1) > 0.1).sum() < 40  # only the point has moved
    data = collect(its, its.expert(), 2)
    assert data.columns["observation"].dtype == np.uint8 and data.about["rate"] == 1.0
    with pytest.raises(BadSetting, match="8 pixels"):
        Multipath(image=8)
