"""How much of a hand-written compiled loop's speed imitation has here: ratios of interleaved pairs, compile time apart.

    python benchmarks/imitation.py [--rounds 7] [--only bc,mlp,unet,flow,mp1,masked,ddim]

`updates`: updates per second of the training loop over those of a loop written by hand for this one case (the same network,
batches, optimiser, schedule and average; nothing general in it). `ddim`: the time of a call of the planner over that of a
sampler written by hand with the same network; 1 is the floor.
"""

import argparse
import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from timing import compare

from agir.core.nouns import Method, Task
from agir.core.spaces import Box, Spec
from agir.core.stages import fill
from agir.data.dataset import Dataset
from agir.methods.imitation.behavior_cloning import BehaviorCloning
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.methods.imitation.discrete_diffusion_vla import DiscreteDiffusionVLA
from agir.methods.imitation.flow_policy import FlowPolicy
from agir.methods.imitation.mp1 import MP1
from agir.training.chunk_method import GeneratingMethod
from agir.training.loop import run_block, setup
from agir.training.state import warm_cosine
from agir.training.world import World, make_world

OBSERVATION, ACTION, STEPS = 10, 2, 100  # as in Push-T by keypoints, halved


class Made(Task):
    """Episodes of numbers, for timing alone."""

    name, horizon, about = "made", STEPS, "for timing"
    spec = Spec(Box((OBSERVATION,)), Box((ACTION,), -1.0, 1.0))

    def demonstrations(self, episodes: int, first: int = 0) -> Dataset:
        draw = np.random.default_rng(first)
        made = []
        for _ in range(episodes):
            seen = draw.normal(size=(STEPS + 1, OBSERVATION))
            made.append({"observation": seen, "action": np.tanh(seen[:-1, :ACTION])})
        return Dataset.from_episodes(self.spec, made)


def bound(method: Method, world: World) -> tuple[Any, Any]:
    """-> what the training loop keeps fixed, and its carry."""
    learner, axes = fill(method, world.spec, {}, lambda *_: None)
    return setup(learner, axes, learner.learns_from.bind(world, learner), jax.random.split(jax.random.key(0), 1))


def updates(name: str, method: Method, world: World, by_hand: Callable, count: int, rounds: int) -> None:
    fixed, carry = bound(method, world)
    held = {"ours": carry, "hand": by_hand(method, world, carry[0])}
    columns = world.table("demonstrations", "training")

    def ours() -> Any:
        held["ours"], metrics = run_block(fixed, held["ours"], 0, count)
        return held["ours"], metrics

    @jax.jit
    def hand_loop(columns: Any, state: Any) -> Any:
        return jax.lax.fori_loop(0, count, lambda i, state: held["step"](columns, i, state), state)

    held["hand"], held["step"] = held["hand"]

    def hand() -> Any:
        held["hand"] = hand_loop(columns, held["hand"])
        return held["hand"]

    compare(name, "an update", ours, hand, count, rounds)


def windows(columns: Any, key: Any, batch: int, history: int, horizon: int) -> tuple[Any, Any, Any]:
    """Observations, actions and masks of random rows, cut by hand."""
    row = jax.random.randint(key, (batch,), 0, columns.first.shape[0])
    first, last, begin = columns.first[row][:, None], columns.last[row][:, None], (row - history + 1)[:, None]
    seen = jnp.maximum(begin + jnp.arange(history)[None], first)
    done = begin + jnp.arange(horizon)[None]
    mask = ((done >= first) & (done <= last)).astype(jnp.float32)
    return columns.columns["observation"][seen], columns.columns["action"][jnp.clip(done, first, last)], mask


def cloning_by_hand(method: BehaviorCloning, world: World, state: Any) -> tuple[Any, Callable]:
    """Squared error of a network of two hidden layers, Adam, warm-up and cosine."""
    layers = [(x.weight[0], x.bias[0]) for x in state.model.generator.network.layers]
    optimiser = optax.adam(warm_cosine(method.rate, method.warmup, method.updates))

    def loss(layers: Any, seen: Any, action: Any) -> Any:
        x = seen[:, 0]
        for weight, bias in layers[:-1]:
            x = jax.nn.relu(x @ weight + bias[None])
        return jnp.mean((x @ layers[-1][0] + layers[-1][1][None] - action[:, 0]) ** 2)

    def step(columns: Any, i: Any, state: Any) -> Any:
        layers, moments = state
        seen, action, _ = windows(columns, jax.random.fold_in(jax.random.key(0), i), method.learns_from.batch, 1, 1)
        change, moments = optimiser.update(jax.grad(loss)(layers, seen, action), moments, layers)
        return optax.apply_updates(layers, change), moments

    return (layers, optimiser.init(layers)), step


def kept_by_hand(steps: int) -> np.ndarray:
    signal = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.cumprod(1 - np.minimum(1 - signal[1:] / signal[:-1], 0.999))


def in_chunks_by_hand(loss: Callable, method: GeneratingMethod, world: World, state: Any) -> tuple[Any, Callable]:
    """AdamW, warm-up and cosine, the moving average, and `loss(method, generator, seen, action, mask, key)` written over a batch."""
    generator = jax.tree.map(lambda x: x[0] if eqx.is_array(x) else x, state.model.generator)
    weights, static = eqx.partition(generator, eqx.is_inexact_array)
    optimiser = optax.adamw(warm_cosine(method.rate, method.warmup, method.updates), b1=0.95, b2=0.999, weight_decay=method.weight_decay)

    def step(columns: Any, i: Any, state: Any) -> Any:
        weights, moments, average = state
        draw, learn = jax.random.split(jax.random.fold_in(jax.random.key(0), i))
        cut = windows(columns, draw, method.learns_from.batch, method.history, method.horizon)
        gradient = jax.grad(lambda weights: loss(method, eqx.combine(weights, static), *cut, learn))(weights)
        change, moments = optimiser.update(gradient, moments, weights)
        weights = optax.apply_updates(weights, change)
        decay = jnp.minimum(1 - jnp.maximum(i.astype(jnp.float32), 1.0) ** -0.75, 0.9999)
        return weights, moments, jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, average, weights)

    return (weights, optimiser.init(weights), jax.tree.map(jnp.copy, weights)), step


def diffusion(method: DiffusionPolicy, generator: Any, seen: Any, action: Any, mask: Any, key: Any) -> Any:
    draw, disturb = jax.random.split(key)
    k, noise = jax.random.randint(draw, (len(action),), 0, method.steps), jax.random.normal(disturb, action.shape)
    signal = jnp.asarray(kept_by_hand(method.steps), jnp.float32)[k][:, None, None]
    noisy = jnp.sqrt(signal) * action * mask[..., None] + jnp.sqrt(1 - signal) * noise
    out = jax.vmap(generator.network)(noisy, k.astype(jnp.float32)[:, None], seen)
    return jnp.sum(jnp.mean((out - noise) ** 2, -1) * mask) / jnp.sum(mask)


def flow(method: FlowPolicy, generator: Any, seen: Any, action: Any, mask: Any, key: Any) -> Any:
    draw, disturb = jax.random.split(key)
    time, noise, action = jax.random.uniform(draw, (len(action), 1, 1)), jax.random.normal(disturb, action.shape), action * mask[..., None]
    out = jax.vmap(generator.network)((1 - time) * noise + time * action, 100 * time[:, 0], seen)
    return jnp.sum(jnp.mean((out - action + noise) ** 2, -1) * mask) / jnp.sum(mask)


def mean_flow(method: MP1, generator: Any, seen: Any, action: Any, mask: Any, key: Any) -> Any:
    """Times of one draw for the batch; the tangent through the whole batch at once."""
    draw, choose, disturb = jax.random.split(key, 3)
    times = jnp.sort(jax.nn.sigmoid(-0.4 + jax.random.normal(draw, (len(action), 2))), 1)
    r, t = times[:, 0], times[:, 1]
    r = jnp.where(jax.random.bernoulli(choose, method.share, t.shape), t, r)
    noise, action = jax.random.normal(disturb, action.shape), action * mask[..., None]
    wide = lambda time: time[:, None, None]
    z, velocity = (1 - wide(t)) * action + wide(t) * noise, noise - action
    context = jax.vmap(jax.vmap(generator.embedding))(seen)
    said = lambda network, z, r, t, context: jax.vmap(network)(z, 4 * jnp.stack([t, r], 1), context)
    fixed, still = jax.lax.stop_gradient(eqx.filter(generator.network, eqx.is_inexact_array)), jax.lax.stop_gradient(context)
    fixed = eqx.combine(fixed, generator.network)
    velocity = method.guidance * velocity + (1 - method.guidance) * said(fixed, z, t, t, still)
    change = jax.jvp(lambda z, t: said(fixed, z, r, t, still), (z, t), (velocity, jnp.ones_like(t)))[1]
    error = ((said(generator.network, z, r, t, context) - velocity + wide(t - r) * change) ** 2).mean(-1)
    weight = jax.lax.stop_gradient((jnp.sum(error * mask, 1) / jnp.sum(mask, 1) + 1e-3) ** -method.power)
    flat = context.reshape(len(context), -1)
    square = (flat**2).sum(-1)
    distance = jnp.maximum(square[:, None] + square[None] - 2 * flat @ flat.T, 0)
    spread = jnp.log(jnp.exp(-distance / jnp.maximum(distance.max(), 1e-8)).mean())
    return jnp.sum(error * weight[:, None] * mask) / jnp.sum(mask) + method.disperse * spread


def masked_bins(method: DiscreteDiffusionVLA, generator: Any, seen: Any, action: Any, mask: Any, key: Any) -> Any:
    """All tokens' cross entropies, of which those hidden (or checked) count."""
    share, order, check, spoil, other = jax.random.split(key, 5)
    numbers = action[:, method.history - 1 :].reshape(len(action), -1)
    tokens = jnp.clip(jnp.round(method.scale * numbers), -method.scale, method.scale).astype(jnp.int32) + method.scale
    many, bins = tokens.shape[1], 2 * method.scale + 1
    count = jnp.maximum(jnp.ceil(many * jnp.cos(jnp.pi / 2 * jax.random.uniform(share, (len(action), 1)))), 1)
    hidden = jnp.argsort(jax.random.uniform(order, tokens.shape), 1) < count
    checked = ~hidden & jax.random.bernoulli(check, method.checked, tokens.shape)
    spoilt = checked & jax.random.bernoulli(spoil, 0.5, tokens.shape)
    shown = jnp.where(spoilt, jax.random.randint(other, tokens.shape, 0, bins), tokens)
    likely = jax.nn.log_softmax(jax.vmap(generator.network)(shown, hidden, seen))
    likely = jnp.take_along_axis(likely, tokens[..., None], -1)[..., 0]
    counts = (hidden | checked).astype(jnp.float32)
    coming = mask[:, method.history - 1 :].any(1).astype(jnp.float32)  # some of the chunk is within the episode
    return -jnp.sum(coming * many * (counts * likely).sum(1) / counts.sum(1)) / jnp.sum(mask)


def sampling(name: str, method: DiffusionPolicy, world: World, lanes: int, rounds: int) -> None:
    """A call of the planner: the chunks of `lanes` lanes by DDIM."""
    _, (state, _) = bound(method, world)
    model = jax.tree.map(lambda x: x[0] if eqx.is_array(x) else x, state.best)
    planner = jax.tree.map(lambda x: x[0] if eqx.is_array(x) else x, eqx.filter_vmap(method_policy(method, world))(state)).planner
    seen = jax.random.normal(jax.random.key(1), (lanes, method.history, OBSERVATION))
    arrays, static = eqx.partition(planner, eqx.is_array)
    visited = np.arange(method.passes)[::-1] * (method.steps // method.passes)
    kept = kept_by_hand(method.steps)
    now, later = np.float32(kept[visited]), np.float32(np.append(kept[visited[1:]], 1.0))

    @jax.jit
    def ours(arrays: Any, seen: Any, key: Any) -> Any:
        keys = jax.random.split(key, lanes)
        return jax.vmap(lambda seen, key: eqx.combine(arrays, static).act(seen, (), key).action)(seen, keys)

    network_arrays, network_static = eqx.partition(model.generator.network, eqx.is_array)

    @jax.jit
    def by_hand(network_arrays: Any, seen: Any, key: Any) -> Any:
        network = jax.vmap(eqx.combine(network_arrays, network_static))
        table = jnp.stack([jnp.float32(visited), now, later], 1)

        def step(i: Any, x: Any) -> Any:
            k, now, later = table[i]
            noise = network(x, jnp.broadcast_to(k, (lanes, 1)), seen)
            clean = jnp.clip((x - jnp.sqrt(1 - now) * noise) / jnp.sqrt(now), -1.0, 1.0)
            return jnp.sqrt(later) * clean + jnp.sqrt(1 - later) * noise

        return jax.lax.fori_loop(0, method.passes, step, jax.random.normal(key, (lanes, method.horizon, ACTION)))

    key, count = jax.random.key(0), 10
    many = lambda call, *inputs: [call(*inputs) for _ in range(count)]
    compare(name, "a call", lambda: many(ours, arrays, seen, key), lambda: many(by_hand, network_arrays, seen, key), count, rounds)


def method_policy(method: Method, world: World) -> Callable:
    return fill(method, world.spec, {}, lambda *_: None)[0].policy


KINDS = "bc,mlp,unet,flow,mp1,masked,ddim"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default=KINDS)
    asked = parser.parse_args()
    only, rounds = asked.only.split(","), asked.rounds
    if unknown := set(only) - set(KINDS.split(",")):
        parser.error(f"--only {', '.join(sorted(unknown))}: this knows {KINDS}")
    world = make_world(Made(), {"demonstrations": Made().demonstrations(100)})
    mlp = DiffusionPolicy(network="mlp")
    unet = DiffusionPolicy()
    if "bc" in only:
        updates("behavior-cloning", BehaviorCloning(), world, cloning_by_hand, 300, rounds)
    chunks = {
        "mlp": ("diffusion, MLP", mlp, diffusion, 200),
        "unet": ("diffusion, U-Net", unet, diffusion, 10),
        "flow": ("flow matching, MLP", FlowPolicy(network="mlp"), flow, 200),
        "mp1": ("mean flow, MLP", MP1(network="mlp"), mean_flow, 100),
        "masked": ("masked bins", DiscreteDiffusionVLA(), masked_bins, 20),
    }
    for name in [name for name in chunks if name in only]:
        title, method, loss, count = chunks[name]
        updates(title, method, world, functools.partial(in_chunks_by_hand, loss), count, rounds)
    if "ddim" in only:
        for lanes in (1, 64):
            sampling(f"DDIM-10, MLP, {lanes}", mlp, world, lanes, rounds)
        for lanes in (1, 64):
            sampling(f"DDIM-10, U-Net, {lanes}", unet, world, lanes, rounds)


if __name__ == "__main__":
    main()
