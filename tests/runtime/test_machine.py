"""Cores and memory as a container limits them."""

import os

import pytest

from agir.runtime import machine

ALL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def system(tmp_path, listing: str, **files: str):
    """A made-up root folder: /proc/self/cgroup and files under /sys/fs/cgroup."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(listing)
    for name, text in files.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return tmp_path


@pytest.mark.parametrize(
    "listing, files, cores, memory",
    [
        ("0::/\n", {"cpu.max": "50000 100000", "memory.max": "1000000"}, 0.5, 1_000_000),
        ("0::/\n", {"cpu.max": "max 100000", "memory.max": "max"}, None, None),
        ("0::/a/b\n", {"a/cpu.max": "25000 100000", "a/b/cpu.max": "90000 100000", "a/b/memory.max": "max", "a/memory.max": "7"}, 0.25, 7),
        (
            "5:memory:/job\n4:cpuset:/x\n3:cpu,cpuacct:/job\n",
            {"memory/job/memory.limit_in_bytes": "2000", "cpu/job/cpu.cfs_quota_us": "30000", "cpu/job/cpu.cfs_period_us": "100000"},
            0.3,
            2000,
        ),
        ("3:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None, None),
        ("5:memory:/of-the-host/not-seen-here\n", {"memory/memory.limit_in_bytes": "3000"}, None, 3000),
        ("5:cpuset:/\n", {"cpu.max": "10000 100000"}, None, None),  # of no controller that counts
    ],
)
def test_limits_of_control_groups(tmp_path, listing, files, cores, memory):
    root = system(tmp_path, listing, **files)
    assert machine.cores(root) == (ALL if cores is None else cores)
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert machine.memory_bytes(root) == (physical if memory is None else memory)


def test_a_machine_without_control_groups(tmp_path):
    assert machine.cores(tmp_path) == ALL and machine.memory_bytes(tmp_path) > 1e8


def test_the_browser(monkeypatch):
    monkeypatch.delenv("AGIR_CHROMIUM", raising=False)
    monkeypatch.setattr(machine.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "google-chrome" else None)
    assert machine.browser() == "/usr/bin/google-chrome"
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    assert machine.browser() is None
    monkeypatch.setenv("AGIR_CHROMIUM", "/opt/chromium")
    assert machine.browser() == "/opt/chromium"
