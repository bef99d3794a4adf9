"""What this machine lends us: cores and memory as a container limits them, a browser. Imports no JAX."""

import os
import pathlib
import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ROOT = pathlib.Path("/")


def cores(root: pathlib.Path = ROOT) -> float:
    """How many cores this process may use: those it may run on, or fewer where its control group has a quota."""
    shares = [float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)]
    for group in _groups("cpu", root):
        pair = _words(group / "cpu.max") or _words(group / "cpu.cfs_quota_us") + _words(group / "cpu.cfs_period_us")
        if len(pair) == 2 and all(word.isdigit() for word in pair):  # "max" or -1: no quota
            shares.append(int(pair[0]) / int(pair[1]))
    return min(shares)


def memory_bytes(root: pathlib.Path = ROOT) -> int:
    """How much memory this process may use: the machine's, or less where its control group has a limit."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for group in _groups("memory", root):
        limit = _words(group / "memory.max") or _words(group / "memory.limit_in_bytes")
        limits += [int(word) for word in limit if word.isdigit()]
    return min(limits)


def _groups(controller: str, root: pathlib.Path) -> list[pathlib.Path]:
    """The folders of this process's control groups, up to the top: a limit anywhere on the way holds."""
    listing, groups = root / "proc/self/cgroup", []
    for line in listing.read_text().splitlines() if listing.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controllers and controller)  # the second version has one tree for all controllers
        inner = pathlib.PurePosixPath(path.lstrip("/"))
        groups += [top / part for part in (inner, *inner.parents)]
    return groups


def _words(file: pathlib.Path) -> list[str]:
    return file.read_text().split() if file.is_file() else []


def browser() -> str | None:
    """The path of Chromium or its like (AGIR_CHROMIUM names another); None where there is none."""
    return os.environ.get("AGIR_CHROMIUM") or next((path for name in BROWSERS if (path := shutil.which(name))), None)
