"""PPO: probes with known answers, its update against a slow one, and the tasks it is known for."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.online import learn, one, policy_of, same, started
from methods.probes import DISCOUNT, MANY_ACTIONS, TWO_ACTIONS

from agir.core.errors import BadSetting
from agir.evaluation.rollout import evaluate
from agir.methods.online.ppo import PPO
from agir.objectives.advantages import generalized_advantages
from agir.tasks.find import task
from agir.training.sources import Rollout

SMALL = PPO(
    discount=DISCOUNT, rate=1e-2, width=16, depth=1, running="never", learns_from=Rollout(envs=8, length=12), minibatches=2, updates=80
)


@pytest.mark.parametrize("name", [*TWO_ACTIONS, *MANY_ACTIONS])
def test_a_probe_is_learnt(name):
    probe = (TWO_ACTIONS | MANY_ACTIONS)[name]
    _, learner, state, _ = learn(probe, dataclasses.replace(SMALL, updates=300) if name == "numbers" else SMALL)
    state = one(state)
    for seen, value, action in probe.known:
        observation = jnp.array([seen], jnp.float32)
        if value is not None:
            np.testing.assert_allclose(state.trained.model.value(observation), value, atol=0.1)
        if action is not None:
            np.testing.assert_allclose(learner.policy(state).act(observation, (), jax.random.key(0)).action, action, atol=0.1)


def test_two_seeds_differ_at_step_0_and_the_same_seed_has_the_same_bits():
    probe, few = TWO_ACTIONS["match"], dataclasses.replace(SMALL, updates=9)
    carry = started(probe, few, seeds=(0, 1))[2]
    first, second = (jax.tree.map(lambda x, i=i: x[i], carry[0].trained.model) for i in (0, 1))
    assert not same(first, second)
    whole = learn(probe, few)[2]
    assert same(whole, learn(probe, few, cuts=(2, 7))[2])
    assert not same(whole, learn(probe, few, seeds=(1,))[2])


def test_next_values_are_those_of_the_true_successors():
    """The rollout's values are computed once a row and shifted; here both sides of every step are computed apart."""
    probe = TWO_ACTIONS["truncated elsewhere"]
    _, fixed, (state, feed) = started(probe, dataclasses.replace(SMALL, running="always"))
    learner, state, feed = fixed.learner, one(state), one(feed)
    source = fixed.source.tuned(learner)
    _, batch = source.next(feed, learner.behaviour(state), jnp.int32(0), jax.random.key(5))
    terminated = jax.random.bernoulli(jax.random.key(6), 0.2, batch.reward.shape)  # ends of both kinds, anywhere
    truncated = jax.random.bernoulli(jax.random.key(7), 0.2, batch.reward.shape)
    ended = terminated | truncated
    seen = jax.random.normal(jax.random.key(8), batch.observation.shape)
    follows = jnp.concatenate([seen[1:], jnp.ones((1, *seen.shape[1:]))])  # the next row's, unless an episode ended
    successor = jnp.where(ended[..., None], jax.random.normal(jax.random.key(9), seen.shape), follows)
    batch = dataclasses.replace(
        batch,
        observation=seen,
        next_observation=successor,
        terminated=terminated,
        truncated=truncated,
        discount=jnp.where(terminated, 0.0, 0.5),
    )
    samples = learner.samples(state, batch, batch.reward)
    value = jax.vmap(jax.vmap(lambda x: state.trained.model.value(state.features(x))))
    advantage = generalized_advantages(batch.reward, batch.discount, ended, value(seen), value(successor), learner.decay)
    np.testing.assert_allclose(samples.advantage, advantage.ravel(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(samples.target, (advantage + value(seen)).ravel(), rtol=1e-4, atol=1e-5)


def test_the_first_minibatch_has_ratios_of_one():
    _, fixed, (state, feed) = started(MANY_ACTIONS["numbers"], dataclasses.replace(SMALL, running="always", epochs=1, minibatches=1))
    learner, state = fixed.learner, one(state)
    _, batch = fixed.source.tuned(learner).next(one(feed), learner.behaviour(state), jnp.int32(0), jax.random.key(5))
    new, metrics = learner.update(state, batch, jnp.int32(0), jax.random.key(1))
    np.testing.assert_allclose([metrics["kl"], metrics["clipped"]], 0, atol=1e-5)
    assert new.features.count == batch.reward.size and not same(new.trained.model, state.trained.model)


def test_steps_that_are_no_equal_minibatches_are_refused():
    with pytest.raises(BadSetting, match="96 steps a rollout are not 5 equal minibatches"):
        learn(TWO_ACTIONS["match"], dataclasses.replace(SMALL, minibatches=5))
    with pytest.raises(BadSetting, match="--running is"):
        started(TWO_ACTIONS["match"], dataclasses.replace(SMALL, running="sometimes"))


def test_cartpole_stands_after_two_hundred_thousand_steps():
    world, learner, state, _ = learn(task("cartpole"), PPO(discount=0.98, decay=0.8, rate=1e-3))  # a second of computing
    returns = evaluate(policy_of(world, learner, state), world.task, 100).columns["return"]
    assert returns.size == 100 and returns.mean() >= 475


def test_the_pendulum_swings_up():
    ppo = PPO(discount=0.9, rate=1e-3, epochs=10, minibatches=8, updates=60)
    world, learner, state, _ = learn(task("pendulum"), ppo)
    before = evaluate(policy_of(world, learner, started(world.task, ppo)[2][0]), world.task, 20).columns["return"].mean()
    after = evaluate(policy_of(world, learner, state), world.task, 20).columns["return"].mean()
    assert after > -700 > -1000 > before


def test_gymnasium_on_the_host_learns_with_the_same_method():
    """The mean of three seeds: another processor rounds otherwise, and where one policy stands after so few updates is chance."""
    ppo, before, after = PPO(updates=24), [], []
    for seed in range(3):
        world, fixed, (start, _) = started(task("gym/CartPole-v1"), ppo, (seed,))
        assert not fixed.source.compiled
        state = learn(world.task, ppo, (seed,))[2]
        for found, its in ((before, start), (after, state)):
            found.append(evaluate(policy_of(world, fixed.learner, its), world.task, 10).columns["return"].mean())
    before, after = np.mean(before), np.mean(after)
    assert after > 200 > before
