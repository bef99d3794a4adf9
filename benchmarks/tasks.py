"""How many steps a second each task in JAX gives: 64 lanes of uniformly random actions, compiled, episodes begun again where they end.

    python benchmarks/tasks.py [--only planar,cartpole] [--lanes 64] [--rounds 5]

Median and quartiles of the rounds; the compile time apart. Policies cost more: this is the room that a task leaves them.
"""

import argparse
import statistics

import equinox as eqx
import jax
from timing import seconds

from agir.core.lanes import begin_lanes, step_lanes
from agir.core.scans import lean_scan
from agir.evaluation.floors import Random
from agir.tasks.find import task
from agir.tasks.planar.presets import PRESETS

STEPS = 200
NAMES = [
    *("acrobot", "bandit", "cartpole", "gridworld", "mountain-car", "multipath", "pendulum", "point-maze/medium"),
    *(f"planar/{preset}" for preset in PRESETS),
    *("planar/push,observe=tokens", "planar/push,observe=image,image=16", "planar/push,observe=image,image=64"),
]


def measure(name: str, lanes: int, rounds: int) -> None:
    its = task(name)
    env, policy = its.environment(), Random(its.spec)
    carry = begin_lanes(env, policy, *jax.random.split(jax.random.key(0), (2, lanes)))

    @eqx.filter_jit
    def play(carry, key):
        one = lambda carry, key: (step_lanes(env, policy, carry, key)[0], None)
        return lean_scan(one, carry, jax.random.split(key, STEPS))[0]

    compiled = seconds(lambda: play(carry, jax.random.key(1)))
    speeds = [lanes * STEPS / seconds(lambda: play(carry, jax.random.key(2 + i))) for i in range(rounds)]
    low, middle, high = statistics.quantiles(speeds, n=4)
    print(f"{name:36} {middle:12,.0f} steps/s [{low:,.0f}, {high:,.0f}]; first call {compiled:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="parts of names, with commas between")
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    wanted = [part for part in asked.only.split(",") if part]
    for name in NAMES:
        if not wanted or any(part in name for part in wanted):
            measure(name, asked.lanes, asked.rounds)


if __name__ == "__main__":
    main()
