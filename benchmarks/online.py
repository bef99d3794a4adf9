"""Online learning's speed: updates against a hand-written compiled loop of the same update, and eight seeds against eight single runs.

    python benchmarks/online.py [--rounds 15] [--only ppo,dqn,seeds]

The loops by hand are what one would write for cartpole alone: the same environment, networks, batches, losses and optimiser, one
`scan` in another, nothing general and no trick. Pairs are interleaved; compile time is apart.
"""

import argparse
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from timing import compare, seconds

from agir.core.nouns import Method
from agir.core.stages import fill
from agir.methods.online.dqn import DQN
from agir.methods.online.ppo import PPO
from agir.tasks.find import task
from agir.training.loop import run_block, setup
from agir.training.world import make_world


def held(method: Method, seeds: int = 1, over: str | None = None) -> Callable[[int], Any]:
    """-> `run(count)`: so many updates of cartpole, from wherever it is."""
    world = make_world(task("cartpole"))
    learner, axes = fill(method, world.spec, {}, lambda *_: None)
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds))
    fixed, carry = setup(learner, axes, learner.learns_from.bind(world, learner), keys, over)
    box = [carry]

    def run(count: int) -> Any:
        box[0], metrics = run_block(fixed, box[0], 0, count)
        return box[0], metrics

    return run


# --------------------------------------------------------------------------------------------------- cartpole, written by hand
def reset(key: Any) -> tuple:
    start = jax.random.uniform(key, (4,), minval=-0.05, maxval=0.05)
    return start, jnp.int32(0)


def move(state: tuple, action: Any) -> tuple:
    """-> state, terminated, truncated; the reward is always 1."""
    (x, speed, angle, turning), time = state
    push = (jnp.where(action == 1, 10.0, -10.0) + 0.05 * turning**2 * jnp.sin(angle)) / 1.1
    turn = (9.8 * jnp.sin(angle) - jnp.cos(angle) * push) / (0.5 * (4 / 3 - 0.1 * jnp.cos(angle) ** 2 / 1.1))
    slide = push - 0.05 * turn * jnp.cos(angle) / 1.1
    physics = jnp.stack([x + 0.02 * speed, speed + 0.02 * slide, angle + 0.02 * turning, turning + 0.02 * turn])
    fell = (jnp.abs(physics[0]) > 2.4) | (jnp.abs(physics[2]) > 12 * math.pi / 180)
    return (physics, time + 1), fell, (time + 1 >= 500) & ~fell


def step_all(states: tuple, actions: Any, key: Any) -> tuple:
    """-> the next states (fresh where an episode ended), true successors, terminated, truncated."""
    moved, terminated, truncated = jax.vmap(move)(states, actions)
    fresh = jax.vmap(reset)(jax.random.split(key, actions.shape[0]))
    over = terminated | truncated
    states = jax.tree.map(lambda f, m: jnp.where(over.reshape(-1, *(1,) * (m.ndim - 1)), f, m), fresh, moved)
    return states, moved[0], terminated, truncated


def network(key: Any, sizes: tuple[int, ...], last: float) -> list:
    gains = [math.sqrt(2)] * (len(sizes) - 2) + [last]
    shapes = zip(sizes, sizes[1:])
    return [(jax.nn.initializers.orthogonal(g)(k, s), jnp.zeros(s[1])) for k, s, g in zip(jax.random.split(key, len(gains)), shapes, gains)]


def through(layers: list, x: Any, activation: Callable) -> Any:
    for weight, bias in layers[:-1]:
        x = activation(x @ weight + bias)
    return x @ layers[-1][0] + layers[-1][1]


# ------------------------------------------------------------------------------------------------------------- PPO by hand
def ppo_by_hand(ppo: PPO, envs: int = 8, length: int = 128) -> Callable[[int], Any]:
    left = lambda count: 1 - count / (ppo.updates * ppo.epochs * ppo.minibatches)
    optimiser = optax.chain(optax.clip_by_global_norm(ppo.largest_norm), optax.adam(lambda count: ppo.rate * left(count), eps=1e-5))
    actor, critic = (lambda p, x: through(p["actor"], x, jnp.tanh)), (lambda p, x: through(p["critic"], x, jnp.tanh)[..., 0])

    def act(carry: tuple, key: Any) -> tuple:
        params, states = carry
        draw, fresh = jax.random.split(key)
        logits = actor(params, states[0])
        action = jax.random.categorical(draw, logits)
        log_prob = jnp.take_along_axis(jax.nn.log_softmax(logits), action[:, None], 1)[:, 0]
        later, successor, terminated, truncated = step_all(states, action, fresh)
        return (params, later), (states[0], action, log_prob, critic(params, states[0]), successor, terminated, truncated)

    def loss(params: Any, batch: tuple) -> Any:
        seen, action, old, advantage, target = batch
        logs = jax.nn.log_softmax(actor(params, seen))
        log_prob = jnp.take_along_axis(logs, action[:, None], 1)[:, 0]
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        ratio = jnp.exp(log_prob - old)
        gain = jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - ppo.clip, 1 + ppo.clip) * advantage).mean()
        error, entropy = 0.5 * ((critic(params, seen) - target) ** 2).mean(), -(jnp.exp(logs) * logs).sum(1).mean()
        metrics = (gain, error, entropy, ((ratio - 1) - jnp.log(ratio)).mean(), (jnp.abs(ratio - 1) > ppo.clip).mean())
        return -gain + ppo.value_weight * error - ppo.entropy_weight * entropy, metrics

    def update(i: Any, carry: tuple) -> tuple:
        params, moments, states, total = carry
        collect, shuffle = jax.random.split(jax.random.fold_in(jax.random.key(0), i))
        (_, states), rows = jax.lax.scan(act, (params, states), jax.random.split(collect, length))
        seen, action, log_prob, value, successor, terminated, truncated = rows
        error = 1 + ppo.discount * jnp.where(terminated, 0.0, critic(params, successor)) - value
        decay = ppo.discount * ppo.decay * (1.0 - (terminated | truncated))
        back = lambda later, row: (row[0] + row[1] * later,) * 2
        advantage = jax.lax.scan(back, jnp.zeros(envs), (error, decay), reverse=True)[1]
        data = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), (seen, action, log_prob, advantage, advantage + value))

        def epoch(carry: tuple, key: Any) -> tuple:
            order = jax.random.permutation(key, envs * length).reshape(ppo.minibatches, -1)

            def minibatch(carry: tuple, rows: Any) -> tuple:
                params, moments = carry
                gradient, metrics = jax.grad(loss, has_aux=True)(params, jax.tree.map(lambda x: x[rows], data))
                change, moments = optimiser.update(gradient, moments, params)
                return (optax.apply_updates(params, change), moments), metrics

            return jax.lax.scan(minibatch, carry, order)

        (params, moments), metrics = jax.lax.scan(epoch, (params, moments), jax.random.split(shuffle, ppo.epochs))
        return params, moments, states, jax.tree.map(lambda t, m: t + m.mean(), total, metrics)

    keys = jax.random.split(jax.random.key(1), 3)
    params = {"actor": network(keys[0], (4, 64, 64, 2), 0.01), "critic": network(keys[1], (4, 64, 64, 1), 1.0)}
    carry = (params, optimiser.init(params), jax.vmap(reset)(jax.random.split(keys[2], envs)), (jnp.zeros(()),) * 5)
    return looped(update, carry)


def looped(update: Callable, carry: Any) -> Callable[[int], Any]:
    loop = jax.jit(lambda carry, count: jax.lax.fori_loop(0, count, update, carry), donate_argnums=0)
    box = [jax.tree.map(jnp.copy, carry)]  # no buffer twice: each is given up

    def run(count: int) -> Any:
        box[0] = loop(box[0], jnp.int32(count))
        return box[0]

    return run


# ------------------------------------------------------------------------------------------------------------- DQN by hand
def dqn_by_hand(dqn: DQN) -> Callable[[int], Any]:
    replay = dqn.learns_from
    rows, capacity = replay.envs * replay.collect, replay.capacity
    optimiser = optax.chain(optax.clip_by_global_norm(dqn.largest_norm), optax.adam(dqn.rate))
    value_of = lambda layers, x: through(layers, x, jax.nn.relu)

    def act(carry: tuple, key: Any) -> tuple:
        layers, epsilon, states = carry
        draw, pick, fresh = jax.random.split(key, 3)
        best = value_of(layers, states[0]).argmax(1).astype(jnp.int32)
        other = jax.random.randint(pick, best.shape, 0, 2)
        action = jnp.where(jax.random.uniform(draw, best.shape) < epsilon, other, best)
        later, successor, terminated, _ = step_all(states, action, fresh)
        return (layers, epsilon, later), (states[0], action, successor, terminated)

    def loss(layers: Any, target: Any, batch: tuple) -> tuple:
        seen, action, successor, terminated = batch
        at = lambda values, index: jnp.take_along_axis(values, index[:, None], 1)[:, 0]
        aim = at(value_of(target, successor), value_of(layers, successor).argmax(1))
        aim = jax.lax.stop_gradient(1 + dqn.discount * jnp.where(terminated, 0.0, aim))
        value = at(value_of(layers, seen), action)
        return optax.l2_loss(value, aim).mean(), value.mean()

    def update(i: Any, carry: tuple) -> tuple:
        layers, target, moments, states, ring, total = carry
        collect, draw = jax.random.split(jax.random.fold_in(jax.random.key(0), i))
        epsilon = jnp.maximum(1 - i / (dqn.exploration * dqn.updates) * (1 - dqn.epsilon), dqn.epsilon)
        (_, _, states), new = jax.lax.scan(act, (layers, epsilon, states), jax.random.split(collect, replay.collect))
        place, filled = (replay.warm + i * rows) % capacity, jnp.minimum(replay.warm + (i + 1) * rows, capacity)
        new = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), new)
        ring = jax.tree.map(lambda old, x: jax.lax.dynamic_update_slice_in_dim(old, x, place, 0), ring, new)
        picked = jax.random.randint(draw, (replay.batch,), 0, filled)
        batch = jax.tree.map(lambda x: x[picked], ring)
        (value, mean), gradient = jax.value_and_grad(loss, has_aux=True)(layers, target, batch)
        change, moments = optimiser.update(gradient, moments, layers)
        layers = optax.apply_updates(layers, change)
        target = jax.lax.cond((i + 1) % dqn.target_period == 0, lambda: layers, lambda: target)
        return layers, target, moments, states, ring, (total[0] + value, total[1] + mean)

    keys = jax.random.split(jax.random.key(1))
    layers = network(keys[0], (4, *(dqn.width,) * dqn.depth, 2), 1.0)
    states = jax.vmap(reset)(jax.random.split(keys[1], replay.envs))
    ring = tuple(jnp.zeros((capacity, *shape), kind) for shape, kind in (((4,), "float32"), ((), "int32"), ((4,), "float32"), ((), "bool")))
    carry = (layers, jax.tree.map(jnp.copy, layers), optimiser.init(layers), states, ring, (jnp.zeros(()),) * 2)
    return looped(update, carry)


def seeds(name: str, method: Method, count: int, rounds: int) -> None:
    """Eight seeds in one program, against eight times one seed."""
    alone = held(method)
    for over in ("vmap", "map"):
        together = held(method, 8, over)
        seconds(lambda: together(1)), seconds(lambda: alone(1))
        ratios = sorted(seconds(lambda: together(count)) / (8 * seconds(lambda: alone(count))) for _ in range(rounds))
        print(f"{name}: eight seeds by {over} take {ratios[rounds // 2]:.2f} of eight single runs", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="ppo,dqn,seeds")
    asked = parser.parse_args()
    only, rounds, ppo, dqn = asked.only.split(","), asked.rounds, PPO(), DQN()
    if "ppo" in only:
        ours, hand = held(ppo), ppo_by_hand(ppo)
        compare("ppo", "an update", lambda: ours(20), lambda: hand(20), 20, rounds)
    if "dqn" in only:
        ours, hand = held(dqn), dqn_by_hand(dqn)
        compare("dqn", "an update", lambda: ours(500), lambda: hand(500), 500, rounds)
    if "seeds" in only:
        seeds("ppo", ppo, 5, rounds)
        seeds("dqn", dqn, 100, rounds)


if __name__ == "__main__":
    main()
