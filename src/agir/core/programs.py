"""Compiled programs in memory: a process that compiles many, as a long comparison does, must give some of them back.

Linux lets a process have so many regions of memory (vm.max_map_count, usually 65,530). Training a method takes one to three thousand
of them, which JAX keeps for as long as it keeps the programs; past the limit the compiler fails and the process with it.
"""

import gc
import pathlib

LIMIT, REGIONS = pathlib.Path("/proc/sys/vm/max_map_count"), pathlib.Path("/proc/self/maps")
SHARE = 0.4  # the rest is for what one method may compile, and for the policies of all, which are timed in turns


def give_back(share: float = SHARE) -> bool:
    """Drops all compiled programs where the process has more than `share` of the regions it may have -> whether it did.

    What is called again is compiled again (or loaded from the cache on disk), so methods of one form go on sharing theirs until then.
    Where there is no such limit, nothing is done.
    """
    if not (LIMIT.exists() and REGIONS.exists()):
        return False
    with REGIONS.open("rb") as lines:
        taken = sum(1 for _ in lines)
    if taken <= share * int(LIMIT.read_text()):
        return False
    import equinox as eqx
    import jax

    eqx.clear_caches()
    jax.clear_caches()
    gc.collect()
    return True
