"""The pages: what is generated is up to date, what is linked exists, and every example runs as it is written."""

import dataclasses
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agir.claims.claim import Claim, Part
from agir.core.ledger import Row
from agir.evaluation.latency import Latency
from agir.evaluation.outcomes import Evaluation
from agir.training.comparison import Arm
from agir.training.results import Result, Results

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = ("pip install uv && uv run agir demo", "pip install uv && uv run pytest -n 2")

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
            assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


def run_examples(page: Path, folder: Path) -> str:
    """All the Python of a page, as one program, in an empty folder."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    (folder / "example.py").write_text("\n".join(blocks))
    environment = os.environ | {"AGIR_CACHE": "off"}
    result = subprocess.run([sys.executable, "example.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=560)
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
CLAIM = Claim(
    slug="made-up",
    sentence="A is *faster* than B, and as good.",
    source="Ann 2020",
    method="code-prior",
    task="multipath",
    arms={"a": Arm("code-prior"), "an older row's": Arm("behavior-cloning"), "elsewhere": Arm("mp1")},
    parts=(Part("A is as good.", "a", "b", "success", -0.05), Part("A | is faster.", "a", "b", "ms_per_call", 0.5, below=True)),
    asked={},
    budget_s=60,
    seeds=10,
    note="A note.",
)
BETTER = {"verdict": "undecided", "figure": -0.012, "low": -0.062, "high": 0.038, "quantity": "a less b: success"}
FASTER = {"verdict": "holds", "figure": 0.25, "low": 0.225, "high": 0.275, "quantity": "a over b: ms_per_call"}
ROW = {
    "task": "multipath",
    "when": "2026-01-02T03:04:05",
    "commit": "0123456789abcdef",
    "seconds": 61.4,
    "seeds": 10,
    "episodes": 500,
    "machine": "x86_64, cpu",
    "load": 2.04,
    "parts": [p | {"sentence": c.sentence, "threshold": c.threshold, "below": c.below} for p, c in zip((BETTER, FASTER), CLAIM.parts)],
    "arms": {
        "a": {
            "success": [0.8, 0.75, 0.85],
            "return": -12.345,
            "parameters": 12345,
            "training_s": 30.2,
            "ms_per_call": [2.5111, 3.1, 4.0],
            "ms_per_action": [0.31, 0.4, 0.5],
            "passes_per_action": 1.25,
        },
        "an older row's": {"success": None, "return": 1.0, "parameters": 1, "training_s": 1.0},
        "elsewhere": {"success": None, "return": 1.0, "parameters": 1, "training_s": 1.0, "load": 1.0, "ms_per_call": [2.0, 3.0, 4.0]},
    },
}


@pytest.fixture
def made_up(monkeypatch) -> dict[str, Row]:
    monkeypatch.setattr(generate, "CLAIMS", {"made-up": ("nowhere:CLAIM", "faster, as good")})
    monkeypatch.setattr(generate.registry, "find", lambda kind, name: CLAIM)
    return {"made-up": Row("made-up", tuple(ROW["parts"]), ROW)}


def test_a_claims_figures_reach_the_pages(made_up):
    text = generate.claims_page(made_up)
    assert "| [made-up](#made-up) | faster, as good | 1 ✓ 1 ? |" in text
    assert "A is \\*faster\\* than B, and as good.\n\nAnn 2020. [code-prior](methods/code-prior.md)" in text
    assert "| A is as good. | ? undecided | a less b: success | -1.2 [-6.2, 3.8] points | > -5 points |" in text
    assert "| A \\| is faster. | ✓ holds | a over b: ms\\_per\\_call | 0.25 [0.225, 0.275] | < 0.5 |" in text
    assert "| a | 0.800 [0.750, 0.850] | -12.35 | 2.51 (3.1) | 0.31 (0.4) | 1.25 | 12,345 | 30 s |" in text
    assert "| an older row's | | 1 | | | | 1 | 1 s |" in text
    assert "| elsewhere | | 1 | 2 (3)\\* | | | 1 | 1 s |" in text and "\\* timed in another run" in text
    assert "Run on 2026-01-02 at commit 0123456789: 10 seeds, 500 episodes each, 61 s; x86\\_64, cpu; timed at a load of 2.0.\n" in text
    assert "\n\nA note.\n" in text
    assert "(1 ✓ 1 ?)" in generate.method_page("code-prior", made_up)
    line = next(line for line in generate.methods_table(made_up).splitlines() if "[code-prior]" in line)
    assert line.endswith("| [made-up](docs/claims.md#made-up): 1 ✓ 1 ? |")


def test_a_row_of_an_earlier_form_of_its_claim_says_so(made_up):
    changed = "was changed after this run"
    assert changed not in generate.claims_page(made_up)
    older = [made_up["made-up"].parts[0] | {"sentence": "A is good."}, *made_up["made-up"].parts[1:]]
    assert changed in generate.claims_page({"made-up": Row("made-up", tuple(older), ROW)})
    for other in ({"seeds": 5}, {"task": "pusht"}, {"form": "another"}):
        assert changed in generate.claims_page({"made-up": Row("made-up", made_up["made-up"].parts, ROW | other)})
    assert changed not in generate.claims_page({"made-up": Row("made-up", made_up["made-up"].parts, ROW | {"form": CLAIM.form})})
    lower = dataclasses.replace(CLAIM, parts=(dataclasses.replace(CLAIM.parts[0], threshold=-0.1), CLAIM.parts[1]))
    wider = dataclasses.replace(CLAIM, arms=CLAIM.arms | {"a": Arm("code-prior", {"width": 8})})
    assert len({CLAIM.form, lower.form, wider.form, dataclasses.replace(CLAIM, note="Another.").form}) == 3
    fewer = ROW | {"arms": {"a": ROW["arms"]["a"]}}
    assert changed in generate.claims_page({"made-up": Row("made-up", made_up["made-up"].parts, fewer)})


def test_a_claim_that_was_not_run_says_so(made_up):
    text = generate.claims_page({})
    assert "faster, as good | not run |" in text and "| A is as good. | success of a against b |" in text and "Not run." in text
    assert "(not run)" in generate.method_page("code-prior", {})
    assert "## Claims" not in generate.method_page("bc-rnn", {})


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
    assert generate.between("a\n(\nold\n)\nb", "new", ("(", ")")) == "a\n(\nnew\n)\nb"
    with pytest.raises(ValueError, match="should hold"):
        generate.between("no marks", "new", ("(", ")"))


def result(task, method, name, share):
    spent = Latency(1.0, np.array([2.0, 4.0]), np.array([3.0]), np.array([0.5]), np.array([0.1]), 1.25, "cpu")
    won = np.arange(80).reshape(2, 40) % 4 < 4 * share
    columns = {"return": won.astype(float), "length": np.full((2, 40), 10), "success": won}
    found = Evaluation(task, "evaluation", 0, (0, 1), columns, (), {}, 1.0)
    key = f"{method}-{name}/{task}/evaluation/40"
    return Result(key, name, method, found, spent, 0.9, 12_000, 100.0, "abc", {}, "x86_64", "today")


def test_a_table_of_results_has_every_method_what_is_missing_and_why(tmp_path):
    path = tmp_path / "imitation-pusht.jsonl"
    for method, share in (("behavior-cloning", 0.25), ("diffusion-policy", 0.75)):
        Results(path).add(result("pusht", method, method, share))
    shown = generate.results_table(path)
    rows = [line for line in shown.splitlines() if line.startswith("| [")]
    assert len(rows) == 2 and "diffusion-policy" in rows[0] and "| 75.0<br>" in rows[0] and "| 9,200 |" in rows[0] and "baseline" in rows[0]
    assert "−50.0<br>" in rows[1] and "worse" in rows[1] and "| 3.00<br>p95" in rows[1] and rows[1].endswith("| 0.9 |")
    assert "Not trained yet: act, act-jepa, bac," in shown and "- hydra: " in shown and "at commit abc" in shown


def test_a_tables_times_are_of_one_sitting_where_there_was_one(tmp_path):
    mine = result("pusht", "diffusion-policy", "diffusion-policy", 0.75)
    Results(tmp_path / "imitation-pusht.jsonl").add(mine)
    slower = dataclasses.replace(mine.latency, planning_ms=np.array([7.0, 9.0]))
    sitting = dataclasses.replace(result("pusht", "diffusion-policy", "diffusion-policy", 0.0), latency=slower, load=0.2)
    Results(tmp_path / "times-pusht.jsonl").add(sitting)
    shown = generate.results_table(tmp_path / "imitation-pusht.jsonl")
    row = next(line for line in shown.splitlines() if line.startswith("| ["))
    assert "| 75.0<br>" in row and "| 8.00<br>p95" in row and row.endswith("| 0.2 |")
    with pytest.raises(ValueError, match="was timed with 5 parameters, and trained with 12,000"):
        generate.timed_in(mine, dataclasses.replace(sitting, parameters=5))


def test_a_table_of_studies_has_every_arm_on_every_task(tmp_path):
    paths = [tmp_path / "study-one.jsonl", tmp_path / "study-two.jsonl"]
    for path, name in zip((paths[0], paths[0], paths[1]), ("DDIM-10", "flow", "flow")):
        Results(path).add(result(path.stem, "flow-policy", name, 0.75))
    lines = generate.studies_table(paths).splitlines()
    assert lines[0] == "| arm | `study-one` | `study-two` |"
    assert lines[2].startswith("| DDIM-10 | 0.75 [") and lines[2].endswith("<br>0.5 ms | |") and lines[3].count("0.75 [") == 2
    assert "- `study-two`: 2 seeds, 40 episodes each, x86\\_64, timed at a load of 0.9; commit abc." in lines
