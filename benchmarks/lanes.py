"""64 environments in receding horizon pay only for the lanes that replan: the time of a step against that of planning in every lane.

    python benchmarks/lanes.py [--rounds 7] [--network mlp]

The lanes are out of step with each other (an eighth of them plans at each step, execute 8), as they are once episodes have ended at
different times. The floor is a step at which each lane plans (execute 1); an eighth of it, 0.125, would be free of any overhead.
"""

import argparse
import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from imitation import OBSERVATION, Made
from timing import compare

from agir.core.nouns import Policy
from agir.core.stages import fill
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.training.world import make_world

LANES, STEPS = 64, 16


def acting(policy: Policy, stagger: int) -> Any:
    """-> a call that steps all lanes STEPS times, compiled."""
    arrays, static = eqx.partition(policy, eqx.is_array)
    keys = jax.random.split(jax.random.key(0), LANES)
    memory = jax.vmap(policy.start)(keys)
    memory = memory._replace(taken=1 + jnp.arange(LANES, dtype=jnp.int32) % stagger)
    seen = jax.random.normal(jax.random.key(1), (STEPS, LANES, OBSERVATION))

    @jax.jit
    def run(arrays: Any, memory: Any) -> Any:
        act = jax.vmap(eqx.combine(arrays, static).act)

        def step(memory: Any, observation: Any) -> tuple[Any, Any]:
            done = act(observation, memory, keys)
            return done.memory, (done.action, done.info["planned"])

        return jax.lax.scan(step, memory, seen)[1]

    share = float(run(arrays, memory)[1].mean())
    print(f"{share:.3f} of the lanes plan at a step")
    return lambda: run(arrays, memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--network", default="mlp")
    asked = parser.parse_args()
    world = make_world(Made(), {"demonstrations": Made().demonstrations(2)})
    method = DiffusionPolicy(network=asked.network)
    learner, _ = fill(method, world.spec, {}, lambda *_: None)
    policy = learner.policy(learner.init(jax.random.key(0)))
    every = dataclasses.replace(policy, execute=1)
    compare(
        f"a step, {asked.network}", "of 64 lanes", acting(policy, policy.execute), acting(every, 1), STEPS, asked.rounds, "all planning"
    )


if __name__ == "__main__":
    main()
