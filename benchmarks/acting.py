"""What an actor costs over the least there can be: ratios of interleaved pairs of one action each, compile time apart.

    python benchmarks/acting.py [--rounds 15]

By hand is one compiled call of the same policy that is given its weights as a list, with its memory and its key inside, and nothing else:
no guard, no look at shapes or kinds of numbers. `filter_jit` is what one writes first. Both give the action on the host, as the actor does.
"""

import argparse

import equinox as eqx
import jax
import numpy as np
from generation import NUMBERS, policy_of
from timing import compare

from agir.methods.imitation.behavior_cloning import BehaviorCloning
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.runtime.actor import Actor

CALLS = 50
METHODS = {
    "cloning, MLP": BehaviorCloning(),
    "DDIM-10, MLP": DiffusionPolicy(network="mlp", execute=1),
    "DDIM-10, U-Net": DiffusionPolicy(execute=1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    for name, method in METHODS.items():
        policy = policy_of(method, NUMBERS)
        actor, seen = Actor(policy), np.zeros(10, np.float32)
        leaves, structure = jax.tree.flatten(policy)
        naive, key = eqx.filter_jit(lambda policy, *inputs: policy.act(*inputs)), jax.random.key(0)
        memory = {"by hand": (policy.start(key), jax.random.key_data(key)), "naive": policy.start(key)}

        @jax.jit
        def least(leaves, seen, memory, key, structure=structure):
            now, later = jax.random.split(jax.random.wrap_key_data(key))
            action, memory, _ = jax.tree.unflatten(structure, leaves).act(seen, memory, now)
            return action, (memory, jax.random.key_data(later))

        def by_hand(leaves=leaves, least=least, memory=memory, seen=seen):
            for _ in range(CALLS):
                action, memory["by hand"] = least(leaves, seen, *memory["by hand"])
                np.asarray(action)

        def at_first(policy=policy, naive=naive, memory=memory, seen=seen, key=key):
            for i in range(CALLS):
                action, memory["naive"], _ = naive(policy, seen, memory["naive"], jax.random.fold_in(key, i))
                np.asarray(action)

        def ours(actor=actor, seen=seen):
            for _ in range(CALLS):
                actor(seen)

        compare(name, "an action", ours, by_hand, CALLS, rounds)
        compare(name, "an action", ours, at_first, CALLS, rounds, against="filter_jit")


if __name__ == "__main__":
    main()
