"""The probes' known values against closed forms, linear equations and the environments themselves; and policies made worse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.tasks.demonstrations import collect
from agir.tasks.find import task
from agir.tasks.perturbed import Perturbed
from agir.tasks.probes import LAYOUTS, MOVES, Bandit, optimal_values


def test_a_corridor_without_slips_has_a_closed_form():
    its = task("gridworld/corridor,slip=0")
    q = optimal_values(its.model(), 0.9)
    goal = len(its.cells) - 1
    right, left = MOVES.index((0, 1)), MOVES.index((0, -1))
    for state in range(goal):
        assert q[state, right] == pytest.approx(0.9 ** (goal - state - 1), abs=1e-10)
        assert q[state, left] == pytest.approx(0.9 ** (goal - max(state - 1, 0)), abs=1e-10)
    # Every slip of a corridor is a step on the spot: the way on succeeds with 0.8, so Q = 0.8 + 0.2 * 0.9 * Q beside the goal.
    slippery = optimal_values(task("gridworld/corridor,slip=0.2").model(), 0.9)
    assert slippery[goal - 1, right] == pytest.approx(0.8 / (1 - 0.2 * 0.9), abs=1e-10)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_values_are_those_of_their_greedy_policy_and_none_is_better(layout):
    model = task(f"gridworld/{layout}").model()
    np.testing.assert_allclose(model.transition.sum(-1), 1)
    q, live = optimal_values(model, 0.95), ~model.ends
    states = np.arange(len(q))
    # V of the greedy policy from its linear equations, V = P (r + discount * live * V).
    step = model.transition[states, q.argmax(1)]
    value = np.linalg.solve(np.eye(len(q)) - 0.95 * step * live[None], step @ model.reward)
    np.testing.assert_allclose(q.max(1), value, atol=1e-9)
    better = model.transition @ (model.reward + 0.95 * live * value)
    np.testing.assert_allclose(better.max(1), value, atol=1e-9)  # policy iteration stands still


def test_the_grid_plays_its_model():
    its = task("gridworld/cliff")
    model, env, draws = its.model(), its.environment(), 2000
    start, _ = env.reset(jax.random.key(0))

    def one(state, action, key):
        world = start._replace(physics=(state, jnp.zeros((), bool)))
        return env.step(world, action, key)[1]

    over_keys = jax.vmap(one, (None, None, 0))
    over_all = jax.jit(jax.vmap(jax.vmap(over_keys, (None, 0, None)), (0, None, None)))
    states = np.arange(len(model.reward))
    after = jax.device_get(over_all(states, jnp.arange(4), jax.random.split(jax.random.key(1), draws)))
    seen = (after.observation[..., None] == states).mean(2)
    assert np.abs(seen - model.transition).max() < 5 * 0.5 / np.sqrt(draws)
    np.testing.assert_array_equal(after.reward, model.reward[after.observation])
    np.testing.assert_array_equal(after.terminated, model.ends[after.observation])
    np.testing.assert_array_equal(after.info["success"], model.reward[after.observation] > 0)
    begun = np.asarray(jax.vmap(lambda key: env.reset(key)[1])(jax.random.split(jax.random.key(2), 512)))
    assert set(begun) == set(np.flatnonzero(~model.ends))


def test_slips_go_to_the_sides():
    its = task("gridworld/open,slip=0.2")
    cells = list(its.cells)
    at = cells.index((2, 2))
    up = its.model().transition[at, MOVES.index((1, 0))]
    expected = {cells.index((3, 2)): 0.8, cells.index((2, 1)): 0.1, cells.index((2, 3)): 0.1}
    assert {int(state): up[state].round(12) for state in np.flatnonzero(up)} == expected


@pytest.mark.parametrize("name", ["bandit", "bandit/continuous"])
def test_bandits_pay_their_values(name):
    its = task(name)
    env = its.environment()

    def play(key):
        begin, choose, move = jax.random.split(key, 3)
        state, context = env.reset(begin)
        action = jax.random.randint(choose, (), 0, 5) if name == "bandit" else jax.random.uniform(choose, (1,), jnp.float32, -1, 1)
        return context, action, env.step(state, action, move)[1]

    context, action, after = jax.jit(jax.vmap(play))(jax.random.split(jax.random.key(0), 40_000))
    assert after.terminated.all() and not after.truncated.any()
    value = np.asarray(jax.vmap(its.value)(context, action))
    if name == "bandit":
        np.testing.assert_allclose(np.sort(its.chances, 1), np.tile(np.linspace(0.1, 0.9, 5), (4, 1)))
        assert len(set(its.chances.argmax(1).tolist())) == 4  # every context has another best arm
        for c in range(4):
            for a in range(5):
                chosen = np.asarray((context == c) & (action == a))
                assert np.asarray(after.reward)[chosen].mean() == pytest.approx(its.chances[c, a], abs=5 * 0.5 / np.sqrt(chosen.sum()))
                assert (np.asarray(after.info["success"])[chosen] == (its.chances[c].argmax() == a)).all()
    else:
        np.testing.assert_allclose(after.reward, value, atol=1e-6)
        np.testing.assert_allclose(value, 1 - (action - np.sin(np.pi * np.asarray(context)) / 2)[:, 0] ** 2, atol=1e-5)
        assert jax.vmap(its.value)(context, its.best(context)).min() == 1


def test_a_perturbed_policy_is_worse_by_as_much_as_is_asked():
    its = Bandit(contexts=2, arms=4)
    rate = lambda share: collect(its, Perturbed.of(its.expert(), share=share), 1024, successful=False).about["rate"]
    assert rate(0.0) == 1 and rate(0.4) == pytest.approx(0.6 + 0.4 / 4, abs=0.06)
    its = Bandit("continuous")
    data = collect(its, Perturbed.of(its.expert(), noise=0.2), 1024, successful=False)
    miss = data.columns["action"] - np.asarray(its.best(data.columns["observation"]))
    assert miss.std() == pytest.approx(0.2, abs=0.02) and np.abs(data.columns["action"]).max() <= 1
    with pytest.raises(BadSetting, match="share lies between"):
        Perturbed.of(its.expert(), share=2.0)
