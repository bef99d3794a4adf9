"""What the cache of compiled programs spares the second run of a command: the same short training twice, each in a process of its own.

    python benchmarks/startup.py [--task lasa/Sine] [--method diffusion-policy] [FLAGS OF THE METHOD ...]

The first run begins with an empty cache in a folder that is removed afterwards. Each prints its whole time and what of it XLA compiled.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

TOLD = """
import sys, jax
from agir.cli import main
spent = []
jax.monitoring.register_event_duration_secs_listener(lambda name, s, **_: spent.append(s) if "backend_compile" in name else None)
code = main(sys.argv[1:])
print(f"COMPILED {sum(spent):.2f}", file=sys.stderr)
sys.exit(code)
"""


def once(command: list[str], cache: pathlib.Path, folder: pathlib.Path) -> tuple[float, float]:
    """-> seconds in all, and of compiling."""
    began = time.perf_counter()
    environment = os.environ | {"AGIR_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", TOLD, *command],
        cwd=folder,
        env=environment,
        check=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    return time.perf_counter() - began, float(done.stderr.rsplit("COMPILED", 1)[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--task", default="lasa/Sine")
    parser.add_argument("--method", default="diffusion-policy")
    asked, flags = parser.parse_known_args()
    command = ["train", asked.task, asked.method, *(flags or ["--updates", "50"])]
    with tempfile.TemporaryDirectory() as place:
        for name in ("first", "second"):
            whole, compiling = once(command, pathlib.Path(place) / "cache", pathlib.Path(place))
            print(f"{name} run of `agir {' '.join(command)}`: {whole:.1f} s, of which compiling {compiling:.1f} s", flush=True)


if __name__ == "__main__":
    main()
