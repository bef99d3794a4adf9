"""How far what a trained policy plans is from what was done, in normalised actions: for looking into why one sampler does worse.

    python benchmarks/against_data.py RUN TASK [--data FILE] [--windows 256]

Of a diffusion policy, the mean distance of whole chunks by several samplers with the same weights, and (`anew`) with the noise taken anew
from the clipped chunk; of one that foretells what will be seen beside (PAD, UWM), the same of its actions. Of a flow of chunks, that of
the actions it would do. Of a streaming flow, that of the first and the eighth action, begun off the last one done by a normal number
times so much. Of a chain from the end to now (CoA), that of its trajectories, and (`shown`) of each action where those after it are shown.
The first seed's policy; the same windows and draws for all.
"""

import argparse
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import agir
from agir.data.normalization import normalize
from agir.generators.chain import Chain
from agir.generators.diffusion import Diffusion, column
from agir.runtime.executors import Streaming
from agir.tasks.find import recordings

DONE = 8  # actions of a plan that are looked at one by one


class Anew(Diffusion):
    """Whose idea of the noise is what is left beside the clipped chunk."""

    def guess(self, x: Any, at: Any, context: Any) -> tuple[Any, Any]:
        clean, _ = super().guess(x, at, context)
        return clean, (x - jnp.sqrt(column(at.now)) * clean) / jnp.sqrt(1 - column(at.now))


SAMPLERS = ((Diffusion, "ddim", 10), (Anew, "ddim", 10), (Diffusion, "ddim", 100), (Diffusion, "ddpm", 10), (Diffusion, "ddpm", 100))


def windows(policy: Any, dataset: Any, count: int, horizon: int) -> tuple[Any, Any]:
    """-> observations [count, 2, ...] and actions [count, horizon, ...] from the first of them on, normalised."""
    columns, draw = normalize(dataset, policy.normalization), np.random.default_rng(0)
    episodes = draw.integers(dataset.episodes, size=count)
    rows = dataset.starts[episodes] + 1 + (draw.random(count) * (dataset.lengths[episodes] - horizon)).astype(int)
    seen = jax.tree.map(lambda column: jnp.stack([column[rows - 1], column[rows]], 1), columns["observation"])
    return seen, jnp.stack([columns["action"][rows - 1 + i] for i in range(horizon)], 1)


def off(plan: Callable, seen: Any, done: Any) -> np.ndarray:
    """-> the mean distance of each action of the plans: whole chunks, or the next ones to be done."""
    keys = jax.random.split(jax.random.key(0), len(done))
    planned = eqx.filter_jit(lambda: jax.vmap(plan)(seen, done, keys))()
    begin = 1 if planned.shape[1] in (DONE, done.shape[1] - 1) else 0
    return np.asarray(jnp.abs(planned - done[:, begin : begin + planned.shape[1]]).mean((0, 2)))


def plans(policy: Any) -> Iterator[tuple[str, Callable]]:
    """-> a name, and (observations [2, ...], actions [horizon, ...], key) -> planned actions."""
    if isinstance(policy.inner, Streaming):
        model = policy.inner.streamer.model
        for far in (0.0, 0.3):
            yield f"begun off by {far:g}", streamed(model, far)
        return
    model = policy.inner.planner.model
    if isinstance(model.generator, Chain):
        yield "chain", lambda seen, done, key: model.generator.sample(model.encoder(seen[1:]), key)
        yield "chain, shown", lambda seen, done, key: shown(model, seen[1:], done[1:])
        return
    if not isinstance(model.generator, Diffusion):
        yield "chunks", lambda seen, done, key: model.sample(seen, key)[1 : 1 + DONE]
        return
    fields = {field.name: getattr(model.generator, field.name) for field in dataclasses.fields(model.generator)}
    for kind, sampler, passes in SAMPLERS:
        how = {"sampler": sampler, "sampling_passes": passes}
        if kind is Diffusion:
            generator = dataclasses.replace(model.generator, **how)  # what foretells beside stays what it is
        elif type(model.generator) is Diffusion:
            generator = kind(**fields | how)
        else:
            continue
        yield f"{sampler}-{passes}{' anew' * (kind is Anew)}", lambda seen, done, key, g=generator: g.sample(model.encoder(seen), key)


def shown(model: Any, seen: Any, done: Any) -> Any:
    """-> each action of the trajectory as the chain would make it after those that were done."""
    chain, network = model.generator, model.generator.network
    made = network(chain.turned(done, len(done)), model.encoder(seen))
    return chain.turned(network.action_out(network.heads[0](made)), len(done))


def streamed(model: Any, far: float) -> Callable:
    def plan(seen: Any, done: Any, key: Any) -> Any:
        context = model.encoder(seen)
        action = model.generator.begin(done[0] + far * jax.random.normal(key, done[0].shape), key)

        def follow(action: Any, step: Any) -> tuple[Any, Any]:
            action = jnp.clip(model.generator.move(action, step, context), -1, 1)
            return action, action

        return jax.lax.scan(follow, action, jnp.arange(DONE, dtype=jnp.int32))[1]

    return plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run")
    parser.add_argument("task")
    parser.add_argument("--data")
    parser.add_argument("--windows", type=int, default=256)
    asked = parser.parse_args()
    policy, task = agir.load(asked.run), agir.task(asked.task)
    dataset = recordings(asked.data, task) if asked.data else task.demonstrations(30, 500)
    generator = None if isinstance(policy.inner, Streaming) else policy.inner.planner.model.generator
    seen, done = windows(policy, dataset, asked.windows, 1 + generator.horizon if isinstance(generator, Chain) else 16)
    print("at the largest there is:", np.round((jnp.abs(done) > 0.99).mean((0, 1)), 2).tolist())
    for name, plan in plans(policy):
        distances = off(plan, seen, done)
        print(f"{name:16} off by {distances.mean():.3f} (first {distances[0]:.3f}, last {distances[-1]:.3f})", flush=True)


if __name__ == "__main__":
    main()
