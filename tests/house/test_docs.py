"""The pages: what is generated is up to date, what is linked exists, and every example runs as it is written."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agir.core.ledger import Row

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = ("pip install uv && uv run agir demo", "pip install uv && uv run pytest")

found = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
generate = importlib.util.module_from_spec(found)
found.loader.exec_module(generate)


def test_generated_pages_are_up_to_date(capsys):
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def anchors(page: Path) -> set[str]:
    """GitHub's: lower case, hyphens for spaces, nothing but letters, digits, hyphens and underscores."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w-]", "", head.lower().replace(" ", "-")) for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if not link.startswith(("http", "mailto")):
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), f"{page.name} links to {link}"
            assert not anchor or anchor in anchors(target) or "claims.md" in link, f"{page.name} links to {link}"


def run_examples(page: Path, folder: Path) -> str:
    """All the Python of a page, as one program, in an empty folder."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    (folder / "example.py").write_text("\n".join(blocks))
    environment = os.environ | {"AGIR_CACHE": "off"}
    result = subprocess.run([sys.executable, "example.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=280)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_example_of_the_readme(tmp_path):
    assert run_examples(ROOT / "README.md", tmp_path)
    assert (tmp_path / "my-policy" / "policy.json").exists()
    block = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)[1]
    lines = [line for line in block.splitlines() if line and not line.startswith("import")]
    assert len(lines) <= 10, "the README promises few lines"


def test_the_examples_for_contributors(tmp_path):
    run_examples(ROOT / "docs" / "contributing.md", tmp_path)
    assert (tmp_path / "runs/linear/policies/last/policy.json").exists() and (tmp_path / "runs/corridor/run.json").exists()


def test_the_two_commands():
    readme, script = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    assert [line.strip() for line in readme.splitlines() if line.strip().startswith("pip install uv")] == list(COMMANDS)
    assert script.splitlines()[-1] == COMMANDS[1] and "uv run" not in script.replace(COMMANDS[1], "")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


# ---------------------------------------------------------------------------------------------------------- the generator
PART = {"name": "speed", "sentence": "faster | than *all*", "verdict": "holds", "figure": 2.5, "low": 2.25, "high": 2.75, "threshold": 2.0}
ROW = {
    "method": "code-prior",
    "when": "2026-01-02T03:04:05",
    "commit": "0123456789abcdef",
    "seconds": 61.4,
    "seeds": 10,
    "episodes": 500,
    "machine": "2 cores",
    "note": "A note.",
}


def ledger(**more) -> dict:
    parts = (PART | {"unit": "times"}, PART | {"name": "success", "sentence": "as good", "verdict": "undecided", "unit": "points"})
    return {"made-up": Row("made-up", parts, ROW | more)}


def test_a_claims_figures_reach_the_pages():
    text = generate.claim_text(ledger()["made-up"])
    assert "| faster \\| than \\*all\\* | ✓ holds | 2.5 [2.25, 2.75] times | 2 times |" in text
    assert "| as good | ? undecided |" in text
    assert "10 seeds, 500 episodes each, 61 s; 2 cores; commit 0123456789, 2026-01-02." in text and text.endswith("A note.")
    assert "### made-up" in generate.method_page("code-prior", ledger())
    assert "None was run yet" in generate.method_page("code-prior", ledger(method="other"))
    line = next(line for line in generate.methods_table(ledger()).splitlines() if "[code-prior]" in line)
    assert line.endswith("| [made-up](docs/claims.md#made-up): ✓ holds, ? undecided |")


def test_a_page_holds_the_docstring_and_every_setting():
    page = generate.method_page("code-prior", {})
    assert "    prior    max_p  E log p(c(chunk) | o)" in page  # equations stay as they are
    assert "| `--history` | `1` | observations that the prior sees |" in page
    assert "| `--codec` | what an action chunk is | `Codec` | `FitCodec` is learnt first |" in page


def test_prose_is_not_taken_for_markup():
    assert generate.prose("a*b*c `x*y` <br> d_e") == "a\\*b\\*c `x*y` \\<br> d\\_e"
    assert generate.prose("    code * stays") == "    code * stays"


def test_stale_pages_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    (tmp_path / "docs/methods").mkdir(parents=True)
    for name in ("kept", "old", "gone"):
        (tmp_path / f"docs/methods/{name}.md").write_text("text")
    texts = {"docs/methods/kept.md": "text", "docs/methods/old.md": "new text", "docs/methods/new.md": "text"}
    assert generate.stale(texts) == ["docs/methods/old.md", "docs/methods/new.md", "docs/methods/gone.md"]


def test_the_marks_are_needed():
    assert generate.between(f"a\n{generate.BEGIN}\nold\n{generate.END}\nb", "new") == f"a\n{generate.BEGIN}\nnew\n{generate.END}\nb"
    with pytest.raises(ValueError, match="should hold"):
        generate.between("no marks", "new")
