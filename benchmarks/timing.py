"""Timing of pairs: what the benchmarks share."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - begin


def at_work(call: Callable[[], Any]) -> float:
    """The seconds of a second call."""
    seconds(call)
    return seconds(call)


def compare(  # noqa: PLR0913
    name: str, unit: str, ours: Callable[[], Any], floor: Callable[[], Any], count: int, rounds: int, against: str = "by hand"
) -> float:
    """Prints the time of one of `count` in each, and the ratio of the interleaved pairs (ours / floor): median and quartiles.

    Each is at work before its time is taken: what ran between had pushed its weights out of the caches.
    """
    compile_s = seconds(ours), seconds(floor)
    pairs = [(at_work(ours) / count, at_work(floor) / count) for _ in range(rounds)]
    ratios = sorted(mine / other for mine, other in pairs)
    low, middle, high = statistics.quantiles(ratios, n=4)
    mine, other = (statistics.median(times) * 1e3 for times in zip(*pairs))
    print(
        f"{name:22} {mine:8.3f} ms {unit}, {against} {other:8.3f} ms; ratio {middle:.2f} [{low:.2f}, {high:.2f}], "
        f"speed {1 / middle:.2f} of it; compiled in {compile_s[0]:.1f} and {compile_s[1]:.1f} s",
        flush=True,
    )
    return middle
