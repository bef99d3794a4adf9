"""Writes the pages that follow from the code, the ledger and results: docs/methods/, docs/claims.md, the tables in README.md and in
docs/results/imitation-*.md (of the arms in the file of the same name beside it, and of times-*.jsonl) and studies.md (of
study-*.jsonl), docs/planar.md.
`--figures` draws pictures too.

    uv run python docs/generate.py             writes them
    uv run python docs/generate.py --check     writes nothing; names the pages that are out of date, and fails if there are any

A test runs the check, so that no page is older than what it describes.
"""

import dataclasses
import importlib
import inspect
import json
import pathlib
import re
import sys

from agir.claims.claim import Claim
from agir.core import ledger, registry
from agir.core.names import CLAIMS, METHODS
from agir.core.nouns import Learner
from agir.core.spaces import outline
from agir.evaluation.drawing import Frontier
from agir.evaluation.figures import save_frontier, save_stills
from agir.evaluation.rollout import evaluate
from agir.evaluation.sections import comparison, rollouts
from agir.evaluation.tables import Comparison, columns, smallest_difference
from agir.listings import training_command
from agir.tasks.find import task as find_task
from agir.tasks.planar.presets import COMMON, PRESETS
from agir.training.budget import BASE, SHIPPED
from agir.training.results import Result, Results
from agir.training.settings import settings_of

ROOT = pathlib.Path(__file__).resolve().parents[1]
WORDS = {"holds": "✓ holds", "fails": "✗ fails", "undecided": "? undecided"}
METHODS_IN = "<!-- methods: written by docs/generate.py -->", "<!-- end of methods -->"
TABLE_IN = "<!-- table: written by docs/generate.py -->", "<!-- end of table -->"
RESULTS = "docs/results/imitation-*.jsonl"  # of `agir compare TASK --all-imitation --results FILE`
STUDIES = "docs/results/study-*.jsonl"  # of `agir study TASK CLAIM ... --results FILE`
STUDIED = "docs/results/studies.md"


def pages(rows: dict[str, ledger.Row], readme: str) -> dict[str, str]:
    """{path from the root: its text} of everything that is generated."""
    found = {f"docs/methods/{name}.md": method_page(name, rows) for name in METHODS}
    found |= {
        "docs/planar.md": planar_page(),
        "docs/claims.md": claims_page(rows),
        "README.md": between(readme, methods_table(rows), METHODS_IN),
    }
    tables = {name: results_table(path) for name, path in results_pages().items()}
    tables |= {STUDIED: studies_table(studies)} if (studies := sorted(ROOT.glob(STUDIES))) else {}
    return found | {name: between((ROOT / name).read_text(), text, TABLE_IN) for name, text in tables.items()}


# --------------------------------------------------------------------------------------------------------------- methods
def method_page(name: str, rows: dict[str, ledger.Row]) -> str:
    path, about = METHODS[name]
    module, _, attribute = path.partition(":")
    kind = getattr(importlib.import_module(module), attribute)
    source = f"src/{module.replace('.', '/')}.py"
    parts = [f"# {name}", about[0].upper() + about[1:] + ".", f"`{training_command(kind())}` · [{source}](../../{source})"]
    parts += [prose(inspect.getdoc(importlib.import_module(module)) or ""), own_text(kind)]
    parts += ["## Settings", settings_table(kind()), givens_table(kind())]
    lines = [f"- [{c.slug}](../claims.md#{c.slug}): {cell(c.sentence)} ({verdict(rows.get(c.slug))})" for c in claims_of(name)]
    parts += ["## Claims" if lines else "", "\n".join(lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def own_text(kind: type) -> str:
    """A class's own docstring; a dataclass without one is given its signature by Python, which says nothing new."""
    text = kind.__dict__.get("__doc__") or ""
    return "" if text.startswith(f"{kind.__name__}(") else prose(inspect.cleandoc(text))


def settings_table(learner: Learner) -> str:
    rows = [(f"`--{flag}`", f"`{shown(setting.value)}`", cell(setting.about)) for flag, setting in settings_of(learner).items()]
    return table(("flag", "default", ""), rows)


def givens_table(learner: Learner) -> str:
    """The finished parts that it takes, and what is learnt first where none is brought."""
    rows = []
    for field in dataclasses.fields(learner):
        if wanted := field.metadata.get("given"):
            stage = getattr(learner, field.name)
            without = "must be given" if stage is None else f"`{type(stage).__name__}` is learnt first"
            rows.append((f"`--{field.name}`", cell(field.metadata.get("about", "")), f"`{wanted.__name__}`", without))
    return "A run or a policy brings\n\n" + table(("flag", "", "holds one", "otherwise"), rows) if rows else ""


def shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def methods_table(rows: dict[str, ledger.Row]) -> str:
    """For the README: each method, what it is, and what came of its claims."""
    lines = []
    for name, (_, about) in sorted(METHODS.items()):
        claims = [f"[{claim.slug}](docs/claims.md#{claim.slug}): {verdict(rows.get(claim.slug))}" for claim in claims_of(name)]
        lines.append((f"[{name}](docs/methods/{name}.md)", cell(about), "; ".join(claims)))
    return table(("method", "", "claims, and how many of their parts hold ✓, fail ✗, are undecided ?"), lines)


def between(text: str, inner: str, marks: tuple[str, str]) -> str:
    """`text` with `inner` between the two marks."""
    begin, end = marks
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(f"The page should hold '{begin}' and '{end}' once, in this order.")
    return pattern.sub(lambda _: f"{begin}\n{inner}\n{end}", text)


# ---------------------------------------------------------------------------------------------------------------- claims
def claims() -> list[Claim]:
    return [registry.find("claim", slug) for slug in CLAIMS]


def claims_of(method: str) -> list[Claim]:
    return [claim for claim in claims() if claim.method == method]


def claims_page(rows: dict[str, ledger.Row]) -> str:
    listed = [(f"[{claim.slug}](#{claim.slug})", cell(CLAIMS[claim.slug][1]), verdict(rows.get(claim.slug))) for claim in claims()]
    parts = [
        "# Claims",
        "What papers say, run as checks: `agir claim SLUG` trains a method and its baselines on the same data and seeds, evaluates them "
        "on the same starts, and appends a row to the ledger. A claim that fails stays here as failing. "
        f"Of {len(listed)} claims {len(rows)} were run; of their {sum(len(row.parts) for row in rows.values())} parts "
        f"{ledger.tally(part for row in rows.values() for part in row.parts)} (✓ holds, ✗ fails, ? undecided).",
        "Times are of one lane, in one process on one core, until the action is on the host; a load of about 1 is this process alone, and "
        "above 1.5 other work ran on the other core. Arms without times are of rows from before all were timed: there only a "
        "part about time has any.",
        "Plain and two-step regression stand beside every claim of one method against others, on the task of its first part. On two forks "
        "one behind the other ('4 modes') both have no success at all: they stand there once, in "
        "[house_two_step_regression](#house_two_step_regression).",
        table(("claim", "", "parts"), listed),
    ]
    return "\n\n".join(parts + [claim_text(claim, rows.get(claim.slug)) for claim in claims()]) + "\n"


def verdict(row: ledger.Row | None) -> str:
    return row.tally if row else "not run"


def claim_text(claim: Claim, row: ledger.Row | None) -> str:
    """A claim as it was fixed, and what came of its newest run: figures with their intervals, and what it took."""
    size = f"{claim.seeds} seeds, {claim.episodes} episodes each, on `{claim.task}`"
    about = f"{prose(claim.source)}. [{claim.method}](methods/{claim.method}.md); {size}."
    parts = [f"## {claim.slug}", prose(claim.sentence), about]
    if row is None:
        lines = [(cell(part.sentence), f"{part.quantity} of {part.ours} against {part.theirs}") for part in claim.parts]
        parts += [table(("part", "compared"), lines), "Not run."]
    else:
        parts += [parts_table(row), arms_table(row.whole["arms"]), run_text(row.whole)]
        if changed_since(claim, row):
            parts.append("**The claim was changed after this run, and was not run again yet: this is what came of its earlier form.**")
    return "\n\n".join([*parts, prose(claim.note)]).strip()


def changed_since(claim: Claim, row: ledger.Row) -> bool:
    """Whether it would be run otherwise today; of rows without a form what they say of it is compared."""
    if "form" in row.whole:
        return row.whole["form"] != claim.form
    parts = [(part.sentence, part.threshold) for part in claim.parts], [(part["sentence"], part["threshold"]) for part in row.parts]
    sizes = (claim.task, claim.seeds, claim.episodes), tuple(row.whole[name] for name in ("task", "seeds", "episodes"))
    return parts[0] != parts[1] or sizes[0] != sizes[1] or set(claim.arms) != set(row.whole["arms"])


def parts_table(row: ledger.Row) -> str:
    lines = []
    for part in row.parts:
        scale, unit = (100, " points") if part["quantity"].endswith(": success") else (1, "")
        value, low, high, threshold = (f"{scale * part[name]:.3g}" for name in ("figure", "low", "high", "threshold"))
        sign = "<" if part["below"] else ">"
        figure = f"{value} [{low}, {high}]{unit}"
        lines.append((cell(part["sentence"]), WORDS[part["verdict"]], cell(part["quantity"]), figure, f"{sign} {threshold}{unit}"))
    return table(("part", "verdict", "quantity", "figure [95%]", "threshold"), lines)


def arms_table(arms: dict[str, dict]) -> str:
    """An arm with a load of its own was not timed in this run, but in another, whose machine may have been another."""
    lines = []
    for name, arm in arms.items():
        rate = "" if arm["success"] is None else "{:.3f} [{:.3f}, {:.3f}]".format(*arm["success"])
        other = "\\*" if "load" in arm else ""
        spent = ["{:.3g} ({:.3g})".format(*arm[name]) + other if name in arm else "" for name in ("ms_per_call", "ms_per_action")]
        passes = arm.get("passes_per_action")
        spent.append("" if passes is None else f"{passes:.3g}")
        lines.append((name, rate, f"{arm['return']:.4g}", *spent, f"{arm['parameters']:,}", f"{arm['training_s']:.0f} s"))
    timed = ("ms a call (p95)", "ms an action (p95)", "passes an action")
    text = table(("arm", "success [95%]", "return", *timed, "parameters", "training"), lines)
    elsewhere = any("load" in arm for arm in arms.values())
    return text + "\n\n\\* timed in another run, perhaps on a machine of another speed: not to be compared." * elsewhere


def run_text(whole: dict) -> str:
    took = f"{whole['seeds']} seeds, {whole['episodes']} episodes each, {whole['seconds']:.0f} s"
    load = f"; timed at a load of {whole['load']:.1f}" if whole.get("load") is not None else ""
    return f"Run on {whole['when'][:10]} at commit {(whole['commit'] or 'unknown')[:10]}: {took}; {cell(whole['machine'])}{load}."


# --------------------------------------------------------------------------------------------------------------- results
def results_pages() -> dict[str, pathlib.Path]:
    """{page: the file of its results}."""
    return {path.with_suffix(".md").relative_to(ROOT).as_posix(): path for path in sorted(ROOT.glob(RESULTS))}


def arms_in(path: pathlib.Path) -> tuple[dict[str, Result], dict]:
    """-> the newest result of each method, in the budget's order, and the frozen budget; times are of one sitting, where
    there was one that had the method."""
    name = path.stem.removeprefix("imitation-")
    budget = json.loads((SHIPPED / f"{name}.json").read_text())
    results = list(Results(path).lines.values())
    found = {result.method: result for result in results}
    if len(found) < len(results):
        raise ValueError(f"{path} holds a method trained in two ways: {', '.join(sorted(result.key for result in results))}. Remove one.")
    if (sitting := path.with_name(f"times-{name}.jsonl")).exists():
        times = {result.method: result for result in Results(sitting).lines.values()}
        found = {name: timed_in(result, times[name]) if name in times else result for name, result in found.items()}
    order = sorted(budget["methods"], key=lambda name: (name != BASE, name))
    return {name: found[name] for name in order if name in found}, budget


def timed_in(result: Result, timed: Result) -> Result:
    """The result with the times of another, of an equal policy but for what it has learnt."""
    if timed.parameters != result.parameters:
        raise ValueError(f"{timed.name} was timed with {timed.parameters:,} parameters, and trained with {result.parameters:,}.")
    return dataclasses.replace(result, latency=timed.latency, load=timed.load)


def compared(arms: dict[str, Result]) -> Comparison:
    times = lambda spent: {name: getattr(spent, name) for name in ("per_pass", "per_call", "to_first_action", "per_action")}
    measured = {name: times(arm.latency) | {"parameters": arm.parameters, "training_s": arm.training_s} for name, arm in arms.items()}
    return comparison({name: arm.evaluation for name, arm in arms.items()}, (), BASE if BASE in arms else "", measured)


def results_table(path: pathlib.Path) -> str:
    """All figures of all methods, what is not trained yet, and what the task does not suit."""
    arms, budget = arms_in(path)
    shown = compared(arms)
    columns_ = columns(shown)
    head = ("method", "updates", *(f"{column.title}" for column in columns_), "timed at a load of")
    lines = []
    for i, row in enumerate(shown.ordered):
        updates = " + ".join(f"{count:,}" for count in budget["methods"][row.name].values()) or "none"
        cells = ["<br>".join((cell(c.cells[i].text), *map(cell, c.cells[i].detail))) for c in columns_]
        busy = arms[row.name].load
        lines.append((f"[{row.name}](../methods/{row.name}.md)", updates, *cells, "" if busy is None else f"{busy:.1f}"))
    missing = [name for name in sorted(budget["methods"]) if name not in arms]
    parts = [table(head, lines), smallest_difference(shown)]
    parts += [f"Not trained yet: {', '.join(missing)}."] if missing else []
    parts += ["What the task does not suit:", "\n".join(f"- {name}: {cell(why)}" for name, why in budget["left_out"].items())]
    machines = sorted({arm.machine for arm in arms.values()})
    commits = sorted({(arm.commit or "unknown")[:10] for arm in arms.values()})
    parts += [f"Trained on {cell(' and '.join(machines))}, at {'commit' if len(commits) == 1 else 'commits'} {', '.join(commits)}."]
    return "\n\n".join(part for part in parts if part)


def studies_table(paths: list[pathlib.Path]) -> str:
    """Every arm on every task: success (or return, where there is none) with its interval, and milliseconds an action."""
    tasks, names, facts = {}, {}, []
    for path in paths:
        arms = {result.name: result for result in Results(path).lines.values()}
        first = next(iter(arms.values()))
        tasks[first.evaluation.task], names = arms, names | arms
        loads = sorted(arm.load for arm in arms.values() if arm.load is not None)
        busy = " to ".join(dict.fromkeys(f"{load:.1f}" for load in (*loads[:1], *loads[-1:]))) or "unknown"
        commits = sorted({(arm.commit or "unknown")[:10] for arm in arms.values()})
        size = f"{len(first.evaluation.seeds)} seeds, {first.evaluation.episodes} episodes each, {first.machine}"
        facts.append(f"- `{first.evaluation.task}`: {cell(size)}, timed at a load of {busy}; commit {', '.join(commits)}.")
    lines = [(cell(name), *(studied(arms.get(name)) for arms in tasks.values())) for name in names]
    return "\n\n".join((table(("arm", *(f"`{task}`" for task in tasks)), lines), "\n".join(facts)))


def studied(arm: Result | None) -> str:
    if arm is None:
        return ""
    summary = arm.evaluation.summary()
    rate = summary.success or summary.mean_return
    return f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}]<br>{arm.latency.per_action.median_ms:.2g} ms"


# ---------------------------------------------------------------------------------------------------------------- planar
def planar_page() -> str:
    """The presets of one family of tasks: drawn, what each can and cannot show, and how it differs from the usual settings."""
    rows = []
    for name, preset in PRESETS.items():
        own = ", ".join(f"`{option}={value}`" for option, value in preset.settings.items() if COMMON.get(option, None) != value)
        its = find_task(f"planar/{name}")
        seen = its.observed or outline(its.spec.observation)
        rows.append(
            (
                f"`planar/{name}`",
                cell(preset.shows),
                cell(seen),
                cell(outline(its.spec.action)),
                own,
                f"{its.horizon}",
                f"{100 * preset.rate:g}%",
            )
        )
    head = (
        "task",
        "what it can show, and what it cannot",
        "observed",
        "done",
        "settings of its own",
        "steps",
        "its demonstrator succeeds in",
    )
    parts = [
        "# Planar",
        "One small world of contact, compiled, in which many claims about imitation can be checked within minutes: a hand on a table, with "
        "things that can be pushed, gripped, inserted or wiped, lanes and strokes. `agir tasks planar/PRESET` says what a preset's "
        "settings are and mean; any of them can be set behind the name, as in `planar/push,observe=image,image=64,views=2`.",
        "![Each preset as one of its demonstrations began, and the ways of six of them](planar.png)",
        table(head, rows),
        "Each setting that stands in no row is that of all: " + ", ".join(f"`{option}={value}`" for option, value in COMMON.items()) + ".",
    ]
    return "\n\n".join(parts) + "\n"


def draw_planar(path: pathlib.Path, episodes: int = 6) -> None:
    panels = {}
    for name in PRESETS:
        its = find_task(f"planar/{name}")
        found = evaluate(its.expert(), its, episodes, purpose="demonstrations", record=episodes)
        panels[name] = rollouts(its, {"demonstrator": found})
    save_stills(path, panels)


# ------------------------------------------------------------------------------------------------------------------ text
def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(re.sub(r" +", " ", line) for line in lines)


def cell(text: str) -> str:
    return prose(" ".join(text.split())).replace("|", "\\|")


def prose(text: str) -> str:
    """A docstring's text as Markdown: indented blocks stay code; elsewhere nothing becomes markup by accident."""
    return "\n".join(line if line.startswith("    ") else escaped(line) for line in text.splitlines())


def escaped(line: str) -> str:
    pieces = re.split(r"(`[^`]*`)", line)  # every second one is code
    return "".join(piece if i % 2 else re.sub(r"([*_<\\])", r"\\\1", piece) for i, piece in enumerate(pieces))


def stale(texts: dict[str, str]) -> list[str]:
    """The pages that are not as they should be, those of methods that are gone included."""
    differ = [path for path, text in texts.items() if not (ROOT / path).exists() or (ROOT / path).read_text() != text]
    return differ + [path for path in old_pages() if path not in texts]


def old_pages() -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs" / "methods").glob("*.md"))]


def main(argv: list[str]) -> int:
    texts = pages(ledger.latest(), (ROOT / "README.md").read_text())
    if argv == ["--check"]:
        if differ := stale(texts):
            print(f"Out of date: {', '.join(differ)}. Run: uv run python docs/generate.py")
        return int(bool(differ))
    for path in set(old_pages()) - set(texts):
        (ROOT / path).unlink()
    for path, text in texts.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text)
    if "--figures" in argv:
        draw_planar(ROOT / "docs" / "planar.png")
        for path in results_pages().values():
            save_frontier(path.with_suffix(".png"), Frontier(compared(arms_in(path)[0]).rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
