"""Randomness: every key is a function of (seed, purpose, step or index)."""

import zlib

import jax

from agir.core.spaces import Key

PURPOSES = ("demonstrations", "training", "selection", "evaluation", "pilot")  # whose episodes never share a start
SEEDS_EACH = 2**28  # integer seeds a purpose, for environments that live on the host


def stream(keys: Key, name: str) -> Key:
    """Keys for one purpose, from one key or from an array of them [lanes].

    Needed because split(key)[i] == fold_in(key, i): a key that is folded by step is used for nothing else.
    """
    fold = lambda key: jax.random.fold_in(key, zlib.crc32(name.encode()))
    return jax.vmap(fold)(keys) if keys.ndim else fold(keys)


def episode_key(purpose: str, index) -> Key:
    """The key that an episode's start is drawn with: a function of its purpose and index alone."""
    PURPOSES.index(purpose)
    return jax.random.fold_in(stream(jax.random.key(0), purpose), index)


def episode_seed(purpose: str, index: int) -> int:
    """The same for environments on the host: a seed in a range of the purpose's own."""
    if not 0 <= index < SEEDS_EACH:
        raise ValueError(f"episode index {index} is outside 0 to {SEEDS_EACH - 1}")
    return PURPOSES.index(purpose) * SEEDS_EACH + index
