"""What one pass instead of ten saves: ratios of interleaved pairs over Diffusion Policy with DDIM-10, one lane, compile time apart.

    python benchmarks/generation.py [--rounds 7] [--only large,whole,small] [--width 1536]

`first action` is streaming-flow-policy's (its network has as many parameters as the denoiser's), `call` is mp1's (the same network, and
its embedding of the observations). In `large` a pass of the denoiser takes 2 ms or more, and the context is given: the encoding of
observations is left out on both sides. `whole` is the whole policy from an episode's first observation, an image among them, with the
encoder; `small` the same with MLPs of 256 and numbers alone. The aim in `large` is at most one seventh.
"""

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from timing import compare, seconds

from agir.core.nouns import Policy
from agir.core.spaces import Box, Dict, Spec, sample
from agir.generators.chunk_model import ChunkModel
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.methods.imitation.mp1 import MP1
from agir.methods.imitation.streaming_flow_policy import StreamingFlowPolicy
from agir.runtime.actor import bound
from agir.training.chunk_method import ChunkMethod
from agir.training.comparison import count_parameters

NUMBERS = Spec(Box((10,)), Box((2,), -1.0, 1.0))
IMAGES = Spec(Dict((("camera", Box((96, 96, 3), 0.0, 255.0, "uint8")), ("place", Box((10,))))), NUMBERS.action)


def policy_of(method: ChunkMethod, spec: Spec) -> Policy:
    method = dataclasses.replace(method, spec=spec)
    return eqx.filter_jit(lambda key: method.policy(method.init(key)))(jax.random.key(0))


def model_of(policy: Policy) -> ChunkModel:
    return policy.streamer.model if hasattr(policy, "streamer") else policy.planner.model


def matched(method: ChunkMethod, spec: Spec, parameters: int) -> ChunkMethod:
    """The method with the network's width at which it has as many parameters, to the nearest."""

    def count(width: int) -> int:
        made = dataclasses.replace(method, spec=spec, width=width)
        network = eqx.filter_eval_shape(made.init, jax.random.key(0)).model.generator.network
        return sum(int(np.prod(x.shape)) for x in jax.tree.leaves(network) if hasattr(x, "shape"))

    low, high = 8, 8192
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < parameters else (low, middle)
    return dataclasses.replace(method, width=min((low, high), key=lambda width: abs(count(width) - parameters)))


def calls(function: Callable, model: Any, *inputs: Any, count: int) -> Callable[[], None]:
    """-> what makes `count` calls of function(model, *inputs) one after the other, each with its result on the host, as an actor does."""
    compiled = bound(function, model)

    def many() -> None:
        for _ in range(count):
            np.asarray(compiled(*inputs))

    return many


def from_context(method: ChunkMethod, spec: Spec, count: int) -> tuple[Callable, Any]:
    """The generator alone, given a context: a chunk, or of a stream the first action."""
    generator = model_of(policy_of(method, spec)).generator
    context, key = jnp.ones((method.history, 10)), jax.random.key(1)
    if isinstance(method, StreamingFlowPolicy):
        first = lambda g, context, key: g.move(g.begin(jnp.zeros(2), key), jnp.int32(0), context)
        return calls(first, generator, context, key, count=count), generator
    return calls(lambda g, context, key: g.sample(context, key), generator, context, key, count=count), generator


def whole(method: ChunkMethod, spec: Spec, count: int) -> tuple[Callable, Any]:
    """A policy from an episode's begin: its first action."""
    policy, key = policy_of(method, spec), jax.random.key(1)
    seen = jax.device_get(sample(spec.observation, key))
    first = lambda policy, seen, key: policy.act(seen, policy.start(key), key).action
    return calls(first, policy, jax.tree.map(jnp.asarray, seen), key, count=count), model_of(policy).generator


def measure(name: str, made: Callable, spec: Spec, settings: dict, count: int, rounds: int) -> None:
    """Streaming flow and MP1 over DDIM-10."""
    diffusion, denoiser = made(DiffusionPolicy(**settings), spec, count)
    parameters = count_parameters(denoiser.network)
    seconds(diffusion)
    print(f"{name}: {parameters:,} parameters, {1e3 * seconds(diffusion) / count / 10:.2f} ms a pass (a tenth of a call)", flush=True)
    matching = matched(StreamingFlowPolicy(), spec, parameters)
    for label, method in ((f"{name}, first action", matching), (f"{name}, mp1's call", MP1(**settings))):
        ours, generator = made(method, spec, count)
        compare(label, f"({count_parameters(generator.network):,} parameters)", ours, diffusion, count, rounds, against="DDIM-10")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="large,whole,small")
    parser.add_argument("--width", type=int, default=1536)
    asked = parser.parse_args()
    only, large = asked.only.split(","), {"network": "mlp", "width": asked.width}
    small = {"network": "mlp", "width": 256}
    if "large" in only:
        measure("MLP, large", from_context, NUMBERS, large, 30, asked.rounds)
        measure("U-Net, large", from_context, NUMBERS, {"network": "unet", "width": 96}, 30, asked.rounds)
    if "whole" in only:
        measure("MLP, large, whole", whole, IMAGES, large, 5, asked.rounds)
    if "small" in only:
        measure("MLP, small", from_context, NUMBERS, small, 50, asked.rounds)
        measure("MLP, small, whole", whole, NUMBERS, small, 50, asked.rounds)


if __name__ == "__main__":
    main()
