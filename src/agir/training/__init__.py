"""The one training loop, sources, checkpoints, logs."""
