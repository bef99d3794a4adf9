"""The classic tasks against Gymnasium's own, step by step and over whole episodes; and the regulator against its equation."""

import math

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.spaces import sample
from agir.tasks.find import task
from agir.tasks.linear import linearize, lqr


def cartpole(env, state):
    env.state = np.asarray(state.physics, np.float64)


def pendulum(env, state):
    env.state = np.asarray(state.physics.state, np.float64)


def mountain_car(env, state):
    env.state = tuple(np.asarray(state.physics, np.float64))


def acrobot(env, state):
    env.state = np.asarray(state.physics, np.float64)


# Where one step's error does not grow, both run on by themselves; a double pendulum and a swung one are set equal at each step.
CASES = [
    ("cartpole", "CartPole-v1", cartpole, False),
    ("mountain-car", "MountainCar-v0", mountain_car, False),
    ("pendulum", "Pendulum-v1", pendulum, True),
    ("acrobot", "Acrobot-v1", acrobot, True),
]


@pytest.mark.parametrize("name, theirs, put, each_step", CASES)
@pytest.mark.parametrize("acting", ["random", "expert"])
def test_the_dynamics_are_gymnasiums(name, theirs, put, each_step, acting):
    ours = task(name)
    each_step |= acting == "expert"  # a balanced pole is an unstable state: its errors grow too
    tolerance = 1e-5 if each_step else 1e-4
    env, gym = ours.environment(), gymnasium.make(theirs)
    assert ours.horizon == gym.spec.max_episode_steps
    step, expert = jax.jit(env.step), ours.expert()
    act = jax.jit(lambda observation, memory, key: expert.act(observation, memory, key)[:2])
    for episode in range(3):
        key = jax.random.key(episode)
        state, observation = env.reset(key)
        memory, done, steps = expert.start(key), False, 0
        gym.reset(seed=0)
        put(gym.unwrapped, state)
        while not done:
            move = jax.random.fold_in(key, steps)
            action, memory = act(observation, memory, move) if acting == "expert" else (sample(ours.spec.action, move), memory)
            if each_step:
                put(gym.unwrapped, state)
            state, after = step(state, action, move)
            seen, reward, terminated, truncated, _ = gym.step(np.asarray(action) if name == "pendulum" else int(action))
            observation, steps = after.observation, steps + 1
            np.testing.assert_allclose(observation, seen, rtol=tolerance, atol=tolerance)
            np.testing.assert_allclose(after.reward, reward, rtol=tolerance, atol=tolerance)
            assert bool(after.terminated) == terminated
            assert bool(after.truncated) == (truncated and not terminated)
            done = terminated or truncated


def test_spaces_are_gymnasiums():
    for name, theirs, _, _ in CASES:
        spec, gym = task(name).spec, gymnasium.make(theirs)
        for bound, its in zip(spec.observation.bounds, (gym.observation_space.low, gym.observation_space.high)):
            np.testing.assert_allclose(bound, its, rtol=1e-6)
    assert task("pendulum").spec.action.bounds[1] == gymnasium.make("Pendulum-v1").action_space.high


def test_the_hidden_pendulum_moves_alike_and_does_not_show_its_speed():
    full, hidden = task("pendulum"), task("pendulum/hidden")
    key = jax.random.key(3)
    states = [full.environment().reset(key)[0], hidden.environment().reset(key)[0]]
    for step in range(5):
        action = jnp.array([0.3 * step])
        results = [env.environment().step(state, action, key) for env, state in zip((full, hidden), states)]
        states = [state for state, _ in results]
        np.testing.assert_array_equal(results[0][1].observation[:2], results[1][1].observation)
    assert hidden.spec.observation.shape == (2,)


def test_success_is_held_not_passed_through():
    env = task("pendulum").environment()
    state, _ = env.reset(jax.random.key(0))
    state = state._replace(physics=state.physics._replace(state=jnp.zeros(2)))
    step = jax.jit(env.step)
    seen = []
    for _ in range(51):
        state, after = step(state, jnp.zeros(1), jax.random.key(0))
        seen.append(bool(after.info["success"]))
    assert seen == [False] * 49 + [True] * 2
    state = state._replace(physics=state.physics._replace(state=jnp.array([math.pi, 0.0])))
    assert not step(state, jnp.zeros(1), jax.random.key(0))[1].info["success"]


def test_cartpole_succeeds_only_by_standing_to_the_end():
    short = task("cartpole", horizon=3)
    env, key = short.environment(), jax.random.key(0)
    state, _ = env.reset(key)
    afters = []
    for action in (0, 1, 0):
        state, after = env.step(state, jnp.int32(action), key)
        afters.append((bool(after.info["success"]), bool(after.terminated), bool(after.truncated)))
    assert afters == [(False, False, False)] * 2 + [(True, False, True)]
    fallen = env.reset(key)[0]._replace(physics=jnp.array([0.0, 0.0, 0.3, 0.0]), time=jnp.int32(2))
    after = env.step(fallen, jnp.int32(0), key)[1]
    assert after.terminated and not after.truncated and not after.info["success"]


def test_the_regulator_solves_its_equation():
    # One dimension, a = b = q = r = 1: p = 1 + p - p^2 / (1 + p), so p is the golden ratio and k = p / (1 + p) = 1 / p.
    one = np.eye(1)
    golden = (1 + math.sqrt(5)) / 2
    np.testing.assert_allclose(lqr(one, one, one, one), [[1 / golden]], rtol=1e-9)
    with pytest.raises(ValueError, match="cannot be stabilised"):
        lqr(2 * one, 0 * one, one, one)
    a, b = linearize(lambda x, u: jnp.stack([x[0] + 0.1 * x[1], x[1] + 0.1 * u + x[0] ** 2]), jnp.array([0.5, 0.0]), jnp.zeros(()))
    np.testing.assert_allclose(a, [[1, 0.1], [1.0, 1]], rtol=1e-6)
    np.testing.assert_allclose(b, [0, 0.1], rtol=1e-6)
