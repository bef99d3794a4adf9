"""JAX's cache of compiled programs on disk: what was compiled once is loaded the next time.

It is on by default, in the user's cache folder. The environment variable AGIR_CACHE moves it (a path) or switches it off
("off"); a cache that the user has given to JAX itself (JAX_COMPILATION_CACHE_DIR) is left as it is.

Three things that JAX's cache does not do are done here, when it is switched on: each kind of processor has its own folder
(an entry is machine code, and its key does not name the processor: a home shared by two machines would load the other's);
an entry torn by a kill is removed (JAX would warn of it for ever and never mend it); the oldest are removed above a size.
"""

import hashlib
import os
import pathlib
import platform
import stat
import sys
import tempfile
import warnings
import zlib

VARIABLE = "AGIR_CACHE"
OFF = ("off", "0", "no", "false")
LEAST_COMPILE_S = 0.02  # what compiles faster is not kept (0.2 left 4 s of 28 to a second run of a short training)
LARGEST_BYTES = 2_000_000_000
CHECKED = ".checked"  # its time: the entries before it are known to be whole

_warned: set[str] = set()


def folder() -> pathlib.Path | None:
    """Where the cache of this machine's processor is (it need not exist yet); None where it is switched off."""
    asked = os.environ.get(VARIABLE, "").strip()
    if asked.lower() in OFF:
        return None
    base = pathlib.Path(asked).expanduser() if asked else user_cache() / "agir"
    return base / "compiled" / _processor()


def user_cache() -> pathlib.Path:
    """The platform's folder for what can be made again."""
    if os.environ.get("XDG_CACHE_HOME"):
        return pathlib.Path(os.environ["XDG_CACHE_HOME"]).expanduser()
    return pathlib.Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def enable() -> pathlib.Path | None:
    """Switches the cache on for this process -> its folder, or None where it is off, the user's own, or cannot be used.

    A folder that cannot be written, or that anyone may write (what is loaded is executed), is said once and not used.
    """
    import jax

    path = folder()
    if path is None or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return None
    if problem := unusable(path):
        if problem not in _warned:
            _warned.add(problem)
            remedy = f"{VARIABLE}=FOLDER moves the cache, {VARIABLE}=off says that it is meant."
            warnings.warn(f"{problem} Programs are compiled anew each time; {remedy}", stacklevel=2)
        return None
    tidy(path)
    if jax.config.jax_compilation_cache_dir != str(path):
        from jax.experimental.compilation_cache import compilation_cache

        compilation_cache.reset_cache()
        jax.config.update("jax_compilation_cache_dir", str(path))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", LEAST_COMPILE_S)
    return path


def unusable(path: pathlib.Path) -> str | None:
    """Makes the folder -> None, or what is wrong with it, in a sentence."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        return f"The cache of compiled programs cannot be written to {path} ({error.strerror or error})."
    if path.stat().st_mode & stat.S_IWOTH:
        return f"The cache of compiled programs at {path} can be written by anyone, so it is not trusted."
    return None


def tidy(path: pathlib.Path, largest_bytes: int = LARGEST_BYTES) -> None:
    """Removes torn entries that are new since the last time, and the least recently used ones above `largest_bytes`."""
    mark = path / CHECKED
    since = mark.stat().st_mtime if mark.exists() else 0.0
    mark.touch()
    entries = []
    for entry in path.glob("*-cache"):
        try:
            about = entry.stat()
            torn = about.st_mtime >= since and not whole(entry)
        except FileNotFoundError:  # removed by another process meanwhile
            continue
        if torn:
            entry.unlink(missing_ok=True)
        else:
            entries.append((max(about.st_atime, about.st_mtime), about.st_size, entry))
    total = sum(size for _, size, _ in entries)
    for _, size, entry in sorted(entries):
        if total <= largest_bytes:
            break
        entry.unlink(missing_ok=True)
        total -= size


def whole(entry: pathlib.Path) -> bool:
    """False: the file ends before its compressed data do."""
    data = entry.read_bytes()
    if data[:1] != b"\x78":  # not zlib: JAX packs with zstandard where that is installed, which finds a torn end by itself
        return bool(data)
    unpack = zlib.decompressobj()
    try:
        unpack.decompress(data)
    except zlib.error:
        return False
    return unpack.eof


def size_bytes(path: pathlib.Path) -> int:
    """Of all files in a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _processor() -> str:
    """A short name that two machines share only if they run the same machine code."""
    features = ""
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        features = "\n".join(next((line for line in lines if line.startswith(key)), "") for key in ("model name", "flags", "Features"))
    return f"{platform.machine()}-{hashlib.sha256((platform.processor() + features).encode()).hexdigest()[:8]}"
