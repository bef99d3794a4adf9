"""What the tests of imitation share: training on made batches, and acting in many lanes."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.nouns import Foresight
from agir.core.spaces import Box, Spec
from agir.core.stages import fill, givens
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.training.chunk_method import ChunkMethod
from agir.training.loop import traced

NUMBERS = Spec(Box((2,)), Box((1,), -1.0, 1.0))


@eqx.filter_jit
def fit(method, draw, updates):
    """`updates` updates on the batches that `draw(key)` gives -> state, the losses."""
    state = method.init(jax.random.key(0))
    arrays, static = eqx.partition(state, eqx.is_array)

    def once(arrays, step):
        batch = draw(jax.random.fold_in(jax.random.key(1), step))
        state, metrics = method.update(eqx.combine(arrays, static), batch, step, jax.random.fold_in(jax.random.key(2), step))
        return eqx.filter(state, eqx.is_array), metrics.get("loss", 0.0)

    arrays, losses = jax.lax.scan(once, arrays, jnp.arange(updates))
    return eqx.combine(arrays, static), losses


@eqx.filter_jit
def acts(policy, observations, lanes):
    """The actions of `lanes` lanes that all see `observations` [steps, ...] -> [lanes, steps, ...]."""

    def lane(key):
        def step(memory, now):
            action, memory, _ = policy.act(now[0], memory, now[1])
            return memory, action

        steps = jax.tree.leaves(observations)[0].shape[0]
        return jax.lax.scan(step, policy.start(key), (observations, jax.random.split(key, steps)))[1]

    return jax.vmap(lane)(jax.random.split(jax.random.key(7), lanes))


def two_ways(key, history=1, horizon=4, batch=64, frames=1):
    """From anywhere, all actions of a chunk are 0.6 or all are -0.6; what is seen later is anything."""
    see, choose, later = jax.random.split(key, 3)
    way = jnp.where(jax.random.bernoulli(choose, 0.5, (batch, 1, 1)), 0.6, -0.6)
    seen = jax.random.normal(see, (batch, history, 2))
    ahead = jax.random.normal(later, (batch, frames, 2))
    chunk = jnp.broadcast_to(way, (batch, horizon, 1))
    return Foresight(seen, chunk, jnp.ones((batch, horizon)), ahead, jnp.ones((batch, frames)))


@functools.cache
def base(history, horizon):
    """An untrained diffusion policy: what a method learns from that needs one."""
    method = traced(DiffusionPolicy(spec=NUMBERS, network="mlp", width=8, depth=1, history=history, horizon=horizon))
    return method.policy(eqx.filter_jit(method.init)(jax.random.key(0)))


def learner(kind, spec=NUMBERS, **settings):
    """The method as the loop has it; what it is given by stages is as these begin, untrained, and so is a base."""
    method = dataclasses.replace(kind(), **settings)
    if issubclass(kind, ChunkMethod):
        needed = [name for name in givens(method) if getattr(method, name) is None]
        method = dataclasses.replace(method, **{name: base(method.history, method.horizon) for name in needed})
    if isinstance(spec.action, Box):
        method, _ = fill(method, spec, {}, lambda _, stage, brought: began(stage, spec))
    return traced(dataclasses.replace(method, spec=spec))


def began(stage, spec=NUMBERS):
    """What a stage hands on before its first update."""
    stage, _ = fill(stage, spec, {}, lambda _, inner, brought: began(inner, spec))
    stage = traced(stage)
    return eqx.filter_jit(lambda key: stage.result(stage.init(key)))(jax.random.key(0))
