"""Rollouts on the host equal stepping the environments by hand, and are the same batches as compiled rollouts."""

import dataclasses

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from agir.core import registry
from agir.core.errors import BadSetting, BadSpec
from agir.core.keys import SEEDS_EACH, episode_seed
from agir.core.nouns import Act, Method, Policy, Source
from agir.data.dataset import Dataset
from agir.runtime.bundle import load_bundle, one_lane
from agir.tasks.find import task, task_of
from agir.training.host_source import HostRollout, training_seed
from agir.training.loop import finish, run_block, setup
from agir.training.sources import Mixture, Rollout, Transitions
from agir.training.state import Trained
from agir.training.train import check_suits, policy_folder, resume, train
from agir.training.world import make_world


class Linear(Policy):
    """Remembers how often it acted in this episode; its choice is a function of what it sees, its weights and that count."""

    weights: jax.Array
    choices: bool = eqx.field(static=True)

    def start(self, key):
        return jnp.int32(0)

    def act(self, observation, memory, key):
        score = self.weights @ observation + 0.01 * memory.astype(jnp.float32)
        return Act((score > 0).astype(jnp.int32) if self.choices else 3 * jnp.tanh(score)[None], memory + 1, {"score": score})


def policies(spec, seeds, choices):
    weights = jnp.asarray(np.random.default_rng(0).normal(size=(seeds, spec.observation.shape[0])), jnp.float32)
    return eqx.filter_vmap(lambda w: Linear(spec, w, choices))(weights)


class Blind(Method):
    """Learns nothing: counts what it is shown."""

    discount: float = 0.9
    learns_from: Source = Rollout(envs=2, length=4)
    updates: int = 3

    def init(self, key):
        return Trained.begin(jax.random.normal(key, (4,)), optax.sgd(0.1))

    def update(self, state, batch, step, key):
        return state, {"steps": jnp.float32(batch.reward.size), "discount": batch.discount.max()}

    def policy(self, state):
        return Linear(self.spec, state.model, True)


@pytest.mark.parametrize("identity, choices", [("CartPole-v1", True), ("Pendulum-v1", False)])
def test_a_rollout_equals_stepping_by_hand(identity, choices):
    seeds, envs, length = 2, 3, 20
    host = task(f"gym/{identity},horizon=12")
    world, keys = make_world(host), jax.vmap(jax.random.key)(jnp.arange(2, dtype=jnp.uint32))
    source = HostRollout(envs, length).bind(world, Blind()).tuned(Blind())
    policy = policies(world.spec, seeds, choices)
    feed = source.start(policy, keys)
    batches = []
    for step in range(2):
        feed, batch = source.next(feed, policy, jnp.int32(step), jax.vmap(lambda k: jax.random.fold_in(k, step))(keys))
        batches.append(batch)
    for seed in range(seeds):
        for lane in range(envs):
            rows = by_hand(identity, policy.weights[seed], choices, jax.random.key_data(keys[seed]), lane, 2 * length)
            count = rows.pop("count")
            for name, column in rows.items():
                ours = np.concatenate([np.asarray(getattr(batch, name))[seed, :, lane] for batch in batches])
                np.testing.assert_allclose(ours, column, rtol=1e-5, atol=1e-5, err_msg=name)
            assert batches[1].memory[seed, lane] == count[length]
    ended = np.asarray(batches[0].terminated | batches[0].truncated)
    assert ended.any() and (np.asarray(batches[0].discount) == np.where(batches[0].terminated, 0, np.float32(0.9))).all()


def by_hand(identity, weights, choices, seed, lane, steps):
    env = gymnasium.make(identity, max_episode_steps=12)
    names = ("observation", "action", "reward", "next_observation", "terminated", "truncated", "count")
    rows, episode, observation, count = {name: [] for name in names}, 0, None, 0
    for _ in range(steps):
        if observation is None:
            observation, _ = env.reset(seed=training_seed(np.asarray(seed), lane, episode))
            count = 0
        score = np.asarray(weights) @ observation + 0.01 * count
        action = np.int64(score > 0) if choices else 3 * np.tanh(score)[None]
        raw = action if choices else np.clip(2 * action, -2, 2).astype(np.float32)  # from [-1, 1] to the pendulum's range
        successor, reward, terminated, truncated, _ = env.step(raw)
        for name, value in zip(names, (observation, action, reward, successor, terminated, truncated and not terminated, count)):
            rows[name].append(value)
        observation, episode, count = (None, episode + 1, 0) if terminated or truncated else (successor, episode, count + 1)
    env.close()
    return {name: np.array(column) for name, column in rows.items()}


def test_the_batch_is_that_of_a_compiled_rollout():
    """The same tree, shapes and dtypes, so that a learner cannot tell (but for the success, which Gymnasium's cartpole does not say)."""
    keys, batches = jax.vmap(jax.random.key)(jnp.arange(2, dtype=jnp.uint32)), []
    for name in ("cartpole", "gym/CartPole-v1"):
        world = make_world(task(name))
        source = Rollout(envs=3, length=5).bind(world, Blind()).tuned(Blind())
        policy = policies(world.spec, 2, True)
        if source.compiled:
            feed = eqx.filter_vmap(source.start, in_axes=(eqx.if_array(0), 0))(policy, keys)
            axes = (eqx.if_array(0), eqx.if_array(0), None, 0)
            _, batch = eqx.filter_vmap(source.next, in_axes=axes)(feed, policy, jnp.int32(0), keys)
        else:
            _, batch = source.next(source.start(policy, keys), policy, jnp.int32(0), keys)
        assert (batch.info.keys() == {"success"}) == source.compiled
        batches.append(jax.tree.map(lambda x: (x.shape, x.dtype), dataclasses.replace(batch, info={})))
    assert batches[0] == batches[1]


def test_starts_are_a_function_of_seed_lane_and_count_and_a_resumed_run_begins_new_episodes():
    world, keys = make_world(task("gym/CartPole-v1")), jax.vmap(jax.random.key)(jnp.array([5, 6], jnp.uint32))
    policy, step = policies(world.spec, 2, True), jnp.int32(0)
    source = HostRollout(2, 3).bind(world, Blind())
    feed, first = source.next(source.start(policy, keys), policy, step, keys)
    again = HostRollout(2, 3).bind(world, Blind())
    alone = HostRollout(2, 3).bind(world, Blind())
    _, same = again.next(again.start(policy, keys), policy, step, keys)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), first, same))
    _, only = alone.next(alone.start(one(policy, 1), keys[1:]), one(policy, 1), step, keys[1:])
    np.testing.assert_array_equal(only.observation[0], first.observation[1])
    assert not (first.observation[0, 0] == first.observation[0, 1]).all() and not (first.observation[0] == first.observation[1]).all()
    assert not np.asarray(feed["due"]).any()
    resumed = again.resumed(feed)
    _, after = again.next(resumed, policy, step, keys)
    env = gymnasium.make("CartPole-v1")
    for seed, lane in ((0, 0), (1, 1)):
        start, _ = env.reset(seed=training_seed(np.asarray(jax.random.key_data(keys[seed])), lane, 1))
        np.testing.assert_array_equal(after.observation[seed, 0, lane], start)
    np.testing.assert_array_equal(after.memory, np.zeros((2, 2), np.int32))
    env.close()


def one(policy, seed):
    return jax.tree.map(lambda x: x[seed : seed + 1] if eqx.is_array(x) else x, policy)


def test_starts_of_training_are_training_s_own():
    drawn = [
        training_seed(np.array([0, seed], np.uint32), lane, episode) for seed in range(3) for lane in range(3) for episode in range(20)
    ]
    assert len(set(drawn)) == len(drawn)
    assert min(drawn) >= episode_seed("training", 0) and max(drawn) <= episode_seed("training", SEEDS_EACH - 1)


def test_the_one_loop_drives_it():
    world = make_world(task("gym/CartPole-v1"))
    learner, keys = dataclasses.replace(Blind(), spec=world.spec), jax.vmap(jax.random.key)(jnp.arange(2, dtype=jnp.uint32))
    source = learner.learns_from.bind(world, learner)
    assert isinstance(source, HostRollout) and (source.envs, source.length) == (2, 4)
    fixed, carry = setup(learner, jax.tree.map(lambda _: None, learner), source, keys)
    carry, metrics = run_block(fixed, carry, 0, 3)
    np.testing.assert_array_equal(metrics["steps"], np.float32([8, 8]))
    np.testing.assert_allclose(metrics["discount"], np.float32([0.9, 0.9]))
    assert finish(fixed, carry).weights.shape == (2, 4)
    feed = carry[1]
    assert {leaf.shape[0] for leaf in jax.tree.leaves(feed)} == {2}, "a leading seed axis on everything"


@pytest.mark.parametrize("method", ["ppo", "dqn"])
def test_whether_a_method_suits_is_seen_without_an_episode(method, monkeypatch):
    """The buffer of dqn is filled by acting, which a look by shapes cannot."""
    cartpole = task("gym/CartPole-v1")
    monkeypatch.setattr(HostRollout, "start", None)
    check_suits(cartpole, method)
    with pytest.raises(BadSpec, match="DQN chooses one of several actions"):
        check_suits(task("gym/Pendulum-v1"), "dqn")


@pytest.mark.parametrize("method", ["correlated-noise-flow", "mcnn", "class"])
def test_what_does_not_suit_is_refused_before_its_first_stage(method, tmp_path):
    with pytest.raises(BadSpec, match="numbers"):
        train("cartpole", method, demonstrations=3, run=tmp_path / "run")
    assert not list(tmp_path.rglob("metrics.jsonl"))
    with pytest.raises(BadSpec, match="numbers"):
        check_suits(task("cartpole"), method, demonstrations=3)


@pytest.mark.parametrize("what", [HostRollout, object(), None])
def test_what_is_no_task_is_refused(what):
    with pytest.raises(BadSetting, match="from_gymnasium"):
        task_of(what)


def test_a_policy_of_the_host_is_refused():
    class Human(Linear):
        compiled = False

    source = HostRollout(1, 1).bind(make_world(task("gym/CartPole-v1")), Blind())
    with pytest.raises(BadSetting, match="compiled policy, not Human"):
        source.start(Human(source.task.spec, jnp.zeros(4), True), jax.random.key(0)[None])


def test_a_run_on_the_host_is_trained_saved_and_resumed(tmp_path):
    registry.add("method", "blind-on-the-host", Blind, "for this test")
    run = train("gym/CartPole-v1", "blind-on-the-host", seeds=2, run=tmp_path / "run", updates=2)
    assert run.asked["state"] == "finished" and run.checkpoints("").steps == [2]
    again = resume(tmp_path / "run", updates=4)
    assert again.asked["state"] == "finished" and again.checkpoints("").steps == [2, 4]
    policies, _ = load_bundle(policy_folder(tmp_path / "run"))
    act = one_lane(policies, 1).act(jnp.ones(4), jnp.int32(0), jax.random.key(0))
    assert act.action.shape == () and act.action.dtype == jnp.int32


def test_offline_and_online_at_once_with_a_swept_discount():
    pendulum = task("gym/Pendulum-v1")
    draw = np.random.default_rng(0)
    made = [{"observation": draw.normal(size=(6, 3)), "action": draw.uniform(-2, 2, (5, 1))} for _ in range(4)]
    world = make_world(pendulum, {"demonstrations": Dataset.from_episodes(pendulum.spec, made)}, how="standard")
    learner, keys = Blind(discount=jnp.float32([0.9, 0.5])), jax.vmap(jax.random.key)(jnp.arange(2, dtype=jnp.uint32))
    source = Mixture({"own": Rollout(envs=3, length=2), "expert": Transitions(batch=5)}).bind(world, learner)
    assert not source.compiled
    policy = policies(world.spec, 2, False)
    feed, batch = source.tuned(Blind()).next(source.start(policy, keys), policy, jnp.int32(0), keys)
    assert batch["own"].reward.shape == (2, 2, 3) and batch["expert"].reward.shape == (2, 5)
    own, raw = batch["own"], source.parts["own"].live.lanes.observation
    shift, scale = (np.asarray(x) for x in (world.normalization.observation.shift, world.normalization.observation.scale))
    np.testing.assert_allclose(own.next_observation[:, 1].reshape(6, 3), (raw - shift) / scale, rtol=1e-4, atol=1e-5)
    _, alone = source.parts["own"].tuned(learner).next(feed["own"], policy, jnp.int32(1), keys)
    np.testing.assert_array_equal(alone.discount[:, 0, 0], np.float32([0.9, 0.5]))
