"""Stable-Baselines3's side of ppo_sb3.py; runs in the peers' environment, told what to do line by line.

    python benchmarks/peer_sb3.py THREADS SETTINGS

`train N` answers the seconds that N environment steps took, `evaluate N` the mean return of N episodes of the mean policy.
"""

import json
import sys
import time

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy


def main() -> None:
    torch.set_num_threads(int(sys.argv[1]))
    asked = json.loads(sys.argv[2])
    rate = asked.pop("rate")
    env = make_vec_env("CartPole-v1", n_envs=asked.pop("envs"), seed=asked["seed"])
    network = {"pi": [64, 64], "vf": [64, 64]}
    model = PPO("MlpPolicy", env, learning_rate=lambda left: rate * left, policy_kwargs={"net_arch": network}, device="cpu", **asked)
    for line in sys.stdin:
        verb, number = line.split()
        if verb == "train":
            begin = time.perf_counter()
            model.learn(int(number))
            print(time.perf_counter() - begin, flush=True)
        else:
            unseen = make_vec_env("CartPole-v1", n_envs=8, seed=10_000)
            print(evaluate_policy(model, unseen, int(number))[0], flush=True)


if __name__ == "__main__":
    main()
