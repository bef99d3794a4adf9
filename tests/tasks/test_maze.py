"""Point-maze: walls hold, ways are shortest, rewards are as said."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting, UnknownName
from agir.tasks.find import task
from agir.tasks.maze import DRAG, GOAL_RADIUS_M, LAYOUTS, MAPS, PUSH, RADIUS_M, STEP_S, maps, slide


@eqx.filter_jit
def wander(env, keys, steps):
    """Bold random pushes, each held for ten steps -> the physics of every step, [lanes, steps, ...]."""

    def lane(key):
        def one(state, step):
            action = jnp.sign(jax.random.normal(jax.random.fold_in(key, step // 10), (2,)))
            state, after = env.step(state, action, key)
            return state, state.physics

        return jax.lax.scan(one, env.reset(key)[0], jnp.arange(steps))[1]

    return jax.vmap(lane)(keys)


def test_nothing_gets_into_a_wall():
    its = task("point-maze/medium")
    physics = wander(its.environment(), jax.random.split(jax.random.key(0), 64), 400)
    position = np.asarray(physics.position).reshape(-1, 2)
    for corner in [(-1, -1), (-1, 1), (1, -1), (1, 1)]:
        at = np.floor(position + RADIUS_M * np.array(corner)).astype(int)
        assert not its.walls[at[:, 1], at[:, 0]].any()
    assert len(np.unique(np.floor(position), axis=0)) > 0.5 * (~its.walls).sum()
    blocked = (np.asarray(physics.velocity) == 0).mean()
    assert 0.02 < blocked < 0.9  # walls were met, and stopped it on their axis


def test_a_wall_stops_at_its_face_and_lets_slide_along():
    walls = jnp.asarray(task("point-maze/open").walls)
    position, hit = slide(walls, jnp.array([1.2, 1.5]), jnp.array([-0.2, 0.1]))
    np.testing.assert_allclose(position, [1 + RADIUS_M, 1.6], atol=2e-4)
    assert hit.tolist() == [True, False]
    position, hit = slide(walls, jnp.array([5.8, 1.2]), jnp.array([0.2, -0.2]))
    np.testing.assert_allclose(position, [6 - RADIUS_M, 1 + RADIUS_M], atol=2e-4)
    assert hit.tolist() == [True, True]


def test_the_free_motion_and_both_rewards():
    for name in ("point-maze/open", "point-maze/open-dense"):
        its = task(name)
        env = its.environment()
        state, _ = env.reset(jax.random.key(0))
        state = state._replace(physics=state.physics._replace(position=jnp.array([2.0, 2.0]), goal=jnp.array([5.0, 3.0])))
        velocity, position = np.zeros(2), np.array([2.0, 2.0])
        push = jnp.array([1.0, 3.0])  # the second is bounded to 1
        for _ in range(3):
            state, after = env.step(state, push, jax.random.key(0))
            velocity = velocity + STEP_S * (PUSH - DRAG * velocity)
            position = position + STEP_S * velocity
            np.testing.assert_allclose(after.observation, [*position, *velocity, 5.0, 3.0], rtol=1e-5)
            expected = np.exp(-np.hypot(*(position - [5, 3]))) - 1 if its.dense else 0.0
            np.testing.assert_allclose(after.reward, expected, rtol=1e-5)
            assert not after.terminated
        state = state._replace(physics=state.physics._replace(position=jnp.array([5.0, 3.0 - GOAL_RADIUS_M])))
        after = env.step(state, jnp.zeros(2), jax.random.key(0))[1]
        assert after.terminated and after.info["success"] and (its.dense or after.reward == 1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_ways_are_shortest(layout):
    rows = LAYOUTS[layout][1]
    free = [tuple(cell) for cell in np.argwhere(~task(f"point-maze/{layout}").walls)]
    # The reference: Floyd and Warshall's algorithm.
    gap = np.abs(np.array(free)[:, None] - np.array(free)[None]).sum(-1)
    length = np.where(gap <= 1, gap, 10_000)
    for middle in range(len(free)):
        length = np.minimum(length, length[:, middle, None] + length[None, middle])
    assert length.max() < 10_000  # every cell can be reached from every other
    table = maps(rows)
    for which in range(MAPS):
        for goal in range(len(free)):
            for start in range(len(free)):
                cell, steps = free[start], 0
                while cell != free[goal]:
                    after = tuple(table[(which, *cell, *free[goal])])
                    assert gap[free.index(cell), free.index(after)] == 1
                    cell, steps = after, steps + 1
                assert steps == length[start, goal] if which == 0 else steps <= 1.1 * length[start, goal]


def test_loops_are_taken_either_way():
    table = maps(LAYOUTS["open"][1])
    assert (table[0] != table[1]).any() and (table[1] != table[2]).any()


def test_fixed_start_and_goal():
    its = task("point-maze/umaze", fixed=True)
    resets = jax.vmap(its.environment().reset)(jax.random.split(jax.random.key(0), 16))[1]
    np.testing.assert_allclose(resets[:, :2], np.tile([1.5, 3.5], (16, 1)), atol=0.26)
    assert (np.asarray(resets[:, 4:]) == [1.5, 1.5]).all()
    assert len(np.unique(resets, axis=0)) == 16


def test_an_unknown_layout_is_refused():
    with pytest.raises(UnknownName, match="medium"):
        task("point-maze/mediun")
    with pytest.raises(BadSetting, match="umaze"):
        task("point-maze")
