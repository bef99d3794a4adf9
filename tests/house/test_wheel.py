"""What is built installs into a clean environment with nothing but its own dependencies, and works there."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str, cwd: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT")}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=560)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module")
def uv() -> str:
    if not (path := os.environ.get("UV") or shutil.which("uv")):
        pytest.skip("needs uv")
    return path


@pytest.fixture(scope="module")
def wheel(uv, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(uv, "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT), cwd=folder)
    (path,) = folder.glob("agir-*.whl")
    return path


def test_the_wheel_holds_all_and_only_what_it_should(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src" / "agir").rglob("*") if path.is_file()}
    package = {name for name in package if "__pycache__" not in name}
    assert package <= names, sorted(package - names)
    assert {name.split("/")[0] for name in names - package} == {f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_it_installs_and_runs_with_its_own_dependencies_alone(uv, wheel):
    """No extra is installed: every module of agir must be importable without one."""
    folder = wheel.parent
    pins = folder / "pins.txt"  # the versions tested here, so that nothing else is fetched
    installed = run(uv, "pip", "freeze", "--exclude-editable", "--python", sys.executable, cwd=folder)
    pins.write_text("\n".join(line for line in installed.splitlines() if "==" in line))
    run(uv, "venv", "--quiet", "--python", sys.executable, "clean", cwd=folder)
    binaries = folder / "clean" / "bin"
    run(uv, "pip", "install", "--quiet", "--python", str(binaries / "python"), "--constraint", str(pins), str(wheel), cwd=folder)
    run(uv, "pip", "check", "--quiet", "--python", str(binaries / "python"), cwd=folder)
    text = (
        "import agir, importlib, pkgutil; print([importlib.import_module(m.name) for m in pkgutil.walk_packages(agir.__path__, 'agir.')])"
    )
    assert str(binaries.parent) in run(str(binaries / "python"), "-c", text, cwd=folder)
    assert "usage: agir COMMAND" in run(str(binaries / "agir"), "--help", cwd=folder)
    assert "cartpole" in run(str(binaries / "agir"), "tasks", cwd=folder)
