"""PPO on cartpole against Stable-Baselines3's at the same setting, in one run: environment steps a second, and the return both reach.

    bash benchmarks/peers.sh && python benchmarks/ppo_sb3.py [--rounds 7]

Eight environments, 128 steps, four minibatches of 256, four epochs, two separate tanh networks of 64-64. Rounds are interleaved;
the peer has the number of threads, 1 or 2, with which it was faster in the first round. Compile time is apart, and printed.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import time

import jax

from agir.core.stages import fill
from agir.data.normalization import Normalized
from agir.evaluation.rollout import evaluate
from agir.methods.online.ppo import PPO
from agir.tasks.find import task
from agir.training.loop import run_block, setup
from agir.training.world import make_world

HERE = pathlib.Path(__file__).parent
STEPS = 1024  # environment steps an update
SETTING = {
    "gamma": 0.98,
    "gae_lambda": 0.8,
    "rate": 1e-3,  # of Adam; both let it fall linearly to 0
    "envs": 8,
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 4,
    "ent_coef": 0.0,
}


class Peer:
    """A process of the peer's, that does nothing until it is told."""

    def __init__(self, threads: int, seed: int):
        python = HERE.parent / ".bench-venv" / "bin" / "python"
        if not python.exists():
            raise SystemExit("There is no .bench-venv: run `bash benchmarks/peers.sh` first.")
        asked = json.dumps(SETTING | {"seed": seed})
        command = [python, HERE / "peer_sb3.py", str(threads), asked]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, verb: str, number: int) -> float:
        self.process.stdin.write(f"{verb} {number}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Ours:
    def __init__(self, updates: int, seed: int):
        ppo = PPO(discount=SETTING["gamma"], decay=SETTING["gae_lambda"], rate=SETTING["rate"], updates=updates)
        self.world = make_world(task("cartpole"))
        self.learner, axes = fill(ppo, self.world.spec, {}, lambda *_: None)
        source = self.learner.learns_from.bind(self.world, self.learner)
        self.fixed, self.carry = setup(self.learner, axes, source, jax.random.key(seed)[None])

    def train(self, updates: int) -> float:
        begin = time.perf_counter()
        self.carry, _ = run_block(self.fixed, self.carry, 0, updates)
        jax.block_until_ready(self.carry)
        return time.perf_counter() - begin

    def evaluate(self, episodes: int) -> float:
        state = jax.tree.map(lambda x: x[0], self.carry[0])
        policy = Normalized(self.world.task.spec, self.learner.policy(state), self.world.normalization)
        return float(evaluate(policy, self.world.task, episodes).columns["return"].mean())


def speeds(rounds: int, updates: int) -> None:
    """Prints both sides' environment steps a second, and the ratio of the interleaved pairs."""
    ours, peers = Ours(updates, 0), {threads: Peer(threads, 0) for threads in (1, 2)}
    compile_s = ours.train(1)
    first = {threads: peer.ask("train", 8 * STEPS) for threads, peer in peers.items()}
    best = min(first, key=first.get)
    rows = []
    for _ in range(rounds):
        theirs = 16 * STEPS / peers[best].ask("train", 16 * STEPS)
        rows.append((updates * STEPS / ours.train(updates), theirs))
    for peer in peers.values():
        peer.end()
    low, middle, high = statistics.quantiles([mine / theirs for mine, theirs in rows], n=4)
    mine, theirs = (statistics.median(column) for column in zip(*rows))
    threads = ", ".join(f"{n} threads {8 * STEPS / s:,.0f}" for n, s in first.items())
    print(f"environment steps a second: agir {mine:,.0f} (compiled in {compile_s:.1f} s), Stable-Baselines3 {theirs:,.0f} ({threads})")
    print(f"ratio {middle:.1f} [{low:.1f}, {high:.1f}] (median and quartiles of {rounds} interleaved pairs)", flush=True)


def returns(updates: int, seeds: int) -> None:
    """Prints what both reach in as many steps, over 100 episodes a seed from unseen starts (the program is compiled already)."""
    for seed in range(seeds):
        ours, peer = Ours(updates, seed), Peer(1, seed)
        ours_s, peer_s = ours.train(updates), peer.ask("train", updates * STEPS)
        mine, theirs = ours.evaluate(100), peer.ask("evaluate", 100)
        peer.end()
        print(f"seed {seed}, {updates * STEPS:,} steps: agir {mine:.1f} in {ours_s:.1f} s, ", end="")
        print(f"Stable-Baselines3 {theirs:.1f} in {peer_s:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    speeds(asked.rounds, asked.updates)
    returns(asked.updates, asked.seeds)


if __name__ == "__main__":
    main()
