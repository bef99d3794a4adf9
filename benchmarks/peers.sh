#!/bin/bash
# A virtual environment of the peers' own, beside this repository's: PyTorch never enters agir's environment.
#   bash benchmarks/peers.sh    then    python benchmarks/ppo_sb3.py
set -eu
cd "$(dirname "$0")/.."
"${PYTHON:-python3.11}" -m venv .bench-venv
.bench-venv/bin/python -m pip install torch==2.13.0  # first, so that what depends on it takes this one
.bench-venv/bin/python -m pip install stable-baselines3==2.9.2
