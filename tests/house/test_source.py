"""Limits of size, what is never written, and the formatter: read from the source text alone."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = sorted((ROOT / "src").rglob("*.py"))
OURS = SOURCE + sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "docs").rglob("*.py"))
FILE_LINES, FUNCTION_LINES, ARGUMENTS = 400, 60, 8

SERIALISERS = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}


def too_large(text: str) -> list[str]:
    wrong = [] if (lines := len(text.splitlines())) <= FILE_LINES else [f"{lines} lines; at most {FILE_LINES}"]
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = node.end_lineno - node.lineno + 1
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        arguments = len([a for a in every if a is not None and a.arg not in ("self", "cls")])
        if lines > FUNCTION_LINES:
            wrong.append(f"{node.name} (line {node.lineno}) has {lines} lines; at most {FUNCTION_LINES}")
        if arguments > ARGUMENTS:
            wrong.append(f"{node.name} (line {node.lineno}) has {arguments} arguments; at most {ARGUMENTS}")
    return wrong


def unsafe(text: str) -> list[str]:
    """What could run a stranger's code when a file is read."""
    wrong = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            wrong += [f"imports {alias.name}" for alias in node.names if alias.name.split(".")[0] in SERIALISERS]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in SERIALISERS:
            wrong.append(f"imports from {node.module}")
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
                wrong.append(f"calls {node.func.id}")
            allows = [k.value for k in node.keywords if k.arg == "allow_pickle"]
            if allows and not (isinstance(allows[0], ast.Constant) and allows[0].value is False):
                wrong.append("passes allow_pickle")
    return wrong


@pytest.mark.parametrize("check, files", [(too_large, OURS), (unsafe, SOURCE)], ids=["size", "safety"])
def test_no_file_breaks_the_rule(check, files):
    wrong = [f"{path.relative_to(ROOT)}: {what}" for path in files for what in check(path.read_text())]
    assert not wrong, "\n".join(wrong)


def test_every_module_says_what_it_is():
    silent = [str(path.relative_to(ROOT)) for path in OURS if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent, f"no docstring: {silent}"


@pytest.mark.parametrize(
    "check, text, found",
    [
        (too_large, "x = 1\n" * 401, "401 lines"),
        (too_large, "def f():\n" + "    x = 1\n" * 60, "61 lines"),
        (too_large, "def f(a, b, c, d, e, f, g, *h, i): ...", "9 arguments"),
        (unsafe, "import pickle", "imports pickle"),
        (unsafe, "from cloudpickle import loads", "imports from cloudpickle"),
        (unsafe, "eval('1')", "calls eval"),
        (unsafe, "np.load(f, allow_pickle=True)", "passes allow_pickle"),
        (unsafe, "np.load(f, allow_pickle=flag)", "passes allow_pickle"),
    ],
)
def test_a_broken_rule_is_found(check, text, found):
    assert [found in line for line in check(text)] == [True]


def test_what_keeps_the_rules_passes():
    assert too_large("class A:\n    def f(self, a, b, c, d, e, f, g, h): ...\n" + "x = 1\n" * 398) == []
    assert unsafe("np.load(f, allow_pickle=False); model.eval(); jax.eval_shape(f)") == []


# ------------------------------------------------------------------------------------------------ every committed file
HOSTS = "|".join(["py" + "pi.org", "python" + "hosted.org", "ana" + "conda.org", "crates" + ".io", "npm" + "js.org", "npm" + "js.com"])
PLACES = "/(?:wo" + "rk|ro" + "ot|home|Us" + "ers)/[a-z.]"
NEVER = {
    "a registry's host": re.compile(HOSTS),
    "a path of one machine": re.compile(r"(?<![\w.~})])" + PLACES),
    "work left undone": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME)\b"),
}
LARGEST_BYTES = 5_000_000


def committed() -> list[Path]:
    """The files that git keeps; without git (an unpacked archive) the ones that it would."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        )
        names = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
        return [path for path in names if path.is_file()]
    roots = ("src", "tests", "docs", "claims", ".ci")
    inside = [path for root in roots for path in (ROOT / root).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return inside + [ROOT / name for name in ("README.md", "LICENSE", "pyproject.toml")]


def strange(text: str) -> list[str]:
    lines = text.splitlines()
    return [
        f"line {n}, {what}: {match[0]}" for what, rule in NEVER.items() for n, line in enumerate(lines, 1) if (match := rule.search(line))
    ]


def test_nothing_of_this_machine_is_committed():
    wrong = []
    for path in committed():
        data = path.read_bytes()
        if len(data) > LARGEST_BYTES:
            wrong.append(f"{path.relative_to(ROOT)} has {len(data)} bytes")
        if b"\0" not in data:
            wrong += [f"{path.relative_to(ROOT)} {what}" for what in strange(data.decode())]
    assert not wrong, "\n".join(wrong)


def test_what_is_strange_is_found():
    assert len(strange("see https://py" + "pi.org/simple\n/ro" + "ot/.cache\n# TO" + "DO: finish\nopen('/home" + "/ann/x')")) == 4
    assert strange("claims/work/x ~/.cache a/home/b arxiv.org") == []


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(command):
    result = subprocess.run([sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
