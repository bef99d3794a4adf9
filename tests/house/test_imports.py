"""Imports run downwards only, as the table of floors in docs/design.md says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "agir"
# From the bottom up; a room may know itself and the rooms before it, on its own floor too.
FLOORS = (
    ("core",),
    ("actions", "networks", "data", "tasks"),
    ("objectives", "generators"),
    ("dynamics", "search"),
    ("runtime", "evaluation", "training"),
    ("methods",),
    ("claims",),
    ("cli",),
)
ORDER = [room for floor in FLOORS for room in floor]
SHARED = ("baselines", "claim", "run")  # files of claims/ that are none
TOP = ORDER.index("cli")  # agir/__init__.py and other files beside cli.py: they may know all rooms, and no room knows them


def room_of(module: str) -> str:
    """`agir.data.dataset` -> data; agir itself and its loose files -> their own names."""
    return module.split(".")[1] if "." in module else ""


def height(room: str) -> int:
    return ORDER.index(room) if room in ORDER else TOP


def module_name(path: Path, package: Path) -> str:
    parts = (package.name, *path.relative_to(package).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, module: str, is_package: bool, known: set[str]) -> list[tuple[str, int]]:
    """-> (module of agir, line) for every import in a file, inside functions too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                parents = parents[: len(parents) - node.level + is_package]
                base = ".".join((*parents, base) if base else parents)
            whole = [f"{base}.{alias.name}" for alias in node.names]
            found += [(name if name in known or base == "agir" else base, node.lineno) for name in whole]
    return [(name, line) for name, line in found if name == "agir" or name.startswith("agir.")]


def arrows_up(package: Path) -> list[str]:
    files = {module_name(path, package): path for path in sorted(package.rglob("*.py"))}
    wrong = []
    for module, path in files.items():
        room = room_of(module)
        for target, line in imported(ast.parse(path.read_text()), module, path.name == "__init__.py", set(files)):
            other, where = room_of(target), f"{path.relative_to(package)}:{line} imports {target}"
            if height(other) > height(room):
                wrong.append(f"{where}: {other or 'agir itself'} stands above {room}")
            elif room == other == "claims" and target.rpartition(".")[2] not in ("claims", *SHARED):
                wrong.append(f"{where}: a claim imports no other claim; arms that two share stand in claims/baselines.py")
            elif room == other == "methods" and target != module and not module.startswith(f"{target}."):
                wrong.append(f"{where}: a method imports no other method; what two share moves down")
    return wrong


def test_imports_run_downwards():
    assert not (wrong := arrows_up(PACKAGE)), "\n".join(wrong)


def test_every_room_has_a_floor():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms <= set(ORDER), f"give {sorted(rooms - set(ORDER))} a floor here and in docs/design.md"


def test_the_floors_are_those_of_the_design():
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", (ROOT / "docs" / "design.md").read_text(), re.MULTILINE)
    written = {int(floor): {name.split("/")[0].removesuffix(".py") for name in re.findall(r"`([^`]+)`", rooms)} for floor, rooms in rows}
    assert written == {floor: set(rooms) for floor, rooms in enumerate(FLOORS)}


@pytest.mark.parametrize(
    "path, text, why",
    [
        ("core/a.py", "import agir.data.dataset", "data stands above core"),
        ("data/a.py", "def f():\n    from agir.training import loop", "training stands above data"),
        ("data/a.py", "from ..tasks import lasa", "tasks stands above data"),
        ("data/a.py", "from .. import cli", "cli stands above data"),
        ("core/a.py", "from agir import train", "train stands above core"),
        ("methods/imitation/a.py", "from agir.methods.online.b import loss", "no other method"),
        ("methods/imitation/a.py", "from . import b", "no other method"),
        ("claims/a.py", "from agir.claims.b import BASE", "no other claim"),
        ("evaluation/a.py", "import agir", "agir itself stands above"),
    ],
)
def test_an_arrow_up_is_found(tmp_path, path, text, why):
    file = tmp_path / "agir" / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    (file.parent / "b.py").write_text("")
    assert [why in line for line in arrows_up(tmp_path / "agir")] == [True]


def test_arrows_down_are_free(tmp_path):
    for path, text in (
        ("tasks/a.py", "from agir.data.dataset import Dataset\nimport agir.core.keys"),
        ("methods/imitation/__init__.py", '"""."""'),
        ("methods/imitation/a.py", "from agir.methods import imitation\nfrom agir.runtime import executors"),
        ("claims/a.py", "from agir.claims.baselines import DDIM\nfrom agir.claims.claim import Claim"),
        ("cli.py", "import agir\nfrom agir.claims import ledger"),
    ):
        (tmp_path / "agir" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "agir" / path).write_text(text)
    assert arrows_up(tmp_path / "agir") == []
