"""The cache of compiled programs: where it is, that the second run skips compilation, and what cannot go wrong silently."""

import os
import pathlib
import subprocess
import sys
import time
import warnings
import zlib

import pytest

from agir.core import cache


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    for name in (cache.VARIABLE, "JAX_COMPILATION_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_warned", set())


def test_where_it_is(tmp_path, monkeypatch):
    processor = cache.folder().name
    assert cache.folder() == tmp_path / "cache" / "agir" / "compiled" / processor
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "mine"))
    assert cache.folder() == tmp_path / "mine" / "compiled" / processor
    for word in ("off", "OFF", "0"):
        monkeypatch.setenv(cache.VARIABLE, word)
        assert cache.folder() is None
    monkeypatch.delenv(cache.VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.user_cache() == pathlib.Path.home() / ".cache"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.user_cache() == pathlib.Path.home() / "Library" / "Caches"


PROGRAM = """
import jax, jax.numpy as jnp
from jax._src import monitoring
from agir.core.cache import enable
events = []
monitoring.register_event_listener(lambda name, **more: events.append(name.split("/")[-1]))
enable(); enable()
def long(x):
    for i in range(15):
        x = jnp.sort(jnp.tanh(x @ x) * (i + 1.0), axis=i % 2)
    return x.sum()
x = jax.block_until_ready(jnp.linspace(0, 1, 64).reshape(8, 8))
events.clear()
y = jax.jit(long)(x)
print(events.count("cache_misses"), events.count("cache_hits"), y)
"""


def run(**environment: str) -> tuple[str, str, str]:
    """-> entries written, entries loaded, the result; nothing may be said on the way."""
    clean = {name: value for name, value in os.environ.items() if name not in (cache.VARIABLE, "JAX_COMPILATION_CACHE_DIR")}
    result = subprocess.run([sys.executable, "-c", PROGRAM], env=clean | environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return tuple(result.stdout.split())


def test_the_second_run_skips_compilation():
    written, loaded, first = run()
    assert (written, loaded) == ("1", "0")
    assert run() == ("0", "1", first)  # the same bits
    (file,) = cache.folder().glob("jit_long*-cache")
    file.write_bytes(file.read_bytes()[:-100])  # a kill in the middle of writing it
    assert run() == ("1", "0", first)
    assert run(**{cache.VARIABLE: "off"}) == ("0", "0", first)


def test_what_cannot_be_written_is_said_once(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    with pytest.warns(UserWarning, match=r"cannot be written to .*file.* \(Not a directory\).*AGIR_CACHE=FOLDER moves the cache"):
        assert cache.enable() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.enable() is None


def test_a_folder_that_anyone_may_write_is_not_trusted(tmp_path):
    path = cache.folder()
    assert cache.unusable(path) is None and path.stat().st_mode & 0o777 == 0o700
    path.chmod(0o777)
    assert "written by anyone" in cache.unusable(path)


def test_the_users_own_choice_is_left(monkeypatch, tmp_path):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    assert cache.enable() is None


def entry(path: pathlib.Path, name: str, age_s: float, size: int = 10) -> pathlib.Path:
    file = path / f"{name}-cache"
    file.write_bytes(zlib.compress(os.urandom(size)))
    os.utime(file, (time.time() - age_s,) * 2)
    return file


def test_torn_entries_are_removed_and_the_oldest_above_the_size(tmp_path):
    files = [entry(tmp_path, f"f{age}", age, 1000) for age in (400, 300, 200, 100)]
    torn = entry(tmp_path, "torn", 50, 1000)
    torn.write_bytes(torn.read_bytes()[:500])
    empty = tmp_path / "empty-cache"
    empty.touch()
    other = tmp_path / "notes.txt"
    other.write_text("x" * 10_000)
    cache.tidy(tmp_path, largest_bytes=2500)
    assert [file.exists() for file in (*files, torn, empty, other)] == [False, False, True, True, False, False, True]
    assert cache.size_bytes(tmp_path) > 12_000


def test_what_was_checked_once_is_not_read_again(tmp_path, monkeypatch):
    entry(tmp_path, "old", 100)
    cache.tidy(tmp_path)
    read = []
    monkeypatch.setattr(cache, "whole", lambda path: read.append(path.name) or True)
    cache.tidy(tmp_path)
    assert read == []
    entry(tmp_path, "new", -1)
    cache.tidy(tmp_path)
    assert read == ["new-cache"]
