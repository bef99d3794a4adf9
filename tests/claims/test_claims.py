"""The mechanism of claims: verdicts follow from intervals alone, pilots are never recorded, the ledger only grows."""

import dataclasses
import json

import pytest
from training import toys

import agir
from agir.claims.claim import Arm, Claim, Part
from agir.claims.run import PILOT_SEEDS, run_claim, run_claims
from agir.core import ledger, registry
from agir.core.errors import UnknownName
from agir.tasks.find import task as find_task
from agir.training.comparison import measure, places
from agir.training.progress import Reporter
from agir.training.train import order

TOY = Claim(
    slug="toy_claim",
    sentence="Longer training is better.",
    source="nobody",
    method="toy-clone",
    task="toy",
    arms={"long": Arm("toy-clone", {"updates": 30}), "short": Arm("toy-clone", {"updates": 1})},
    parts=(
        Part("more often", "long", "short", "success", 0.9),
        Part("never much worse", "long", "short", "success", -0.99),
        Part("a call takes no ten times as long", "long", "short", "ms_per_call", 10.0, below=True),
    ),
    asked={"demonstrations": 5},
    budget_s=10,
    seeds=2,
    episodes=20,
)


@pytest.fixture(autouse=True)
def toy():
    toys.register()


def test_a_claim_is_run_once_and_judged_part_by_part(tmp_path, capsys, monkeypatch):
    path = tmp_path / "ledger.jsonl"
    row = run_claim(TOY, tmp_path, Reporter(), ledger=path)
    assert [part["verdict"] for part in row["parts"]][1:] == ["holds", "holds"]
    assert row["parts"][0]["verdict"] in ("fails", "undecided")
    first = row["parts"][0]
    assert first["low"] <= first["figure"] <= first["high"] and first["n"] == 40 and first["threshold"] == 0.9
    assert row["arms"].keys() == {"long", "short"} and row["seeds"] == 2 and row["load"] >= 0 and row["form"] == TOY.form
    for arm in row["arms"].values():  # success and latency stand together
        assert 0 <= arm["success"][1] <= arm["success"][0] and 0 < arm["ms_per_call"][0] <= arm["ms_per_call"][1] <= arm["ms_per_call"][2]
    made = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.safetensors")}
    again = run_claim(TOY, tmp_path, Reporter(), ledger=path)
    assert made == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.safetensors")}
    assert again["parts"][:2] == row["parts"][:2]
    rows = ledger.rows(path)
    assert len(rows) == 2 and ledger.latest(path)["toy_claim"].whole["when"] == again["when"]
    assert ledger.verdicts(path) == {"toy-clone": ledger.tally(again["parts"])}
    monkeypatch.setitem(registry._added["claim"], "toy_claim", (TOY, ""))
    with pytest.raises(UnknownName):  # before the first is run
        run_claims(("toy_claim", "toy_clain"), tmp_path, ledger=path)
    status = run_claims(("toy_claim",), tmp_path, ledger=path)
    assert len(ledger.rows(path)) == 3 and f"Recorded in {path}" in capsys.readouterr().out
    assert status == any(part["verdict"] == "fails" for part in ledger.latest(path)["toy_claim"].parts)
    assert ledger.tally([{"verdict": name} for name in ("holds", "undecided", "holds")]) == "2 ✓ 1 ?"


def test_equal_arms_of_two_claims_are_one_run_and_an_edited_claim_gets_runs_of_its_own(tmp_path):
    """A claim that was edited must not be judged by the runs of its earlier form."""
    where = lambda arms, **asked: [place.folder for place in places(tmp_path, "toy", arms, shared=True, **(TOY.asked | asked)).values()]
    long, short = where(TOY.arms)
    assert long != short and where(TOY.arms | {"once more": TOY.arms["long"]}) == [long, short, long]
    assert where({"longer": Arm("toy-clone", {"updates": 31})})[0] not in (long, short)
    assert not set(where(TOY.arms, demonstrations=6)) & {long, short} and not set(where(TOY.arms, seeds=2)) & {long, short}


def test_an_arm_may_be_tested_on_another_task_than_it_was_trained_on(tmp_path):
    class Elsewhere(toys.Toy):
        name = "elsewhere"

    agir.register.task("elsewhere", "the toy, somewhere else")(Elsewhere)
    arm = TOY.arms["short"]
    arms = {"here": arm, "there": dataclasses.replace(arm, tested="elsewhere")}
    found = measure(places(tmp_path, "toy", arms, shared=True, demonstrations=5), episodes=3)
    assert [found[name].evaluation.task for name in arms] == ["toy", "elsewhere"] and found["here"].run.folder == found["there"].run.folder


def test_a_pilot_has_seeds_and_starts_of_its_own_and_is_not_recorded(tmp_path):
    row = run_claim(TOY, tmp_path, Reporter(), pilot=True, ledger=tmp_path / "ledger.jsonl")
    assert not (tmp_path / "ledger.jsonl").exists() and row["seeds"] == len(PILOT_SEEDS)
    rows = [json.loads(line) for path in tmp_path.rglob("evaluations/*.jsonl") for line in path.read_text().splitlines()]
    assert rows and all(row["start"].startswith("pilot/") and row["seed"] in PILOT_SEEDS for row in rows)


def test_every_claim_of_the_house_is_well_formed():
    for name in registry.names("claim"):
        claim = registry.find("claim", name)
        assert claim.slug == name and claim.sentence.endswith(".") and claim.method in registry.names("method")
        assert claim.seeds >= 5 and claim.episodes >= 200
        for part in claim.parts:
            assert {part.ours, part.theirs} <= claim.arms.keys()
        for arm in claim.arms.values():
            assert arm.method in registry.names("method")
            assert arm.method not in ("diffusion-policy", "rti-dp") or arm.settings.get("passes") != 1, f"{name}: DDIM-1 says the noise"
            learner, *_ = order(find_task(arm.task or claim.task), arm.method, **(claim.asked | arm.settings))  # or it raises
            assert learner.updates < 2 or getattr(learner, "warmup", 0) <= learner.updates / 2  # or it hardly learns at its rate


NOT_BESIDE = {  # claims beside which plain and two-step regression do not stand, and why
    "dp-components-study": "Diffusion Policy against itself without a component: nothing is said of generating against regressing",
    "house_action_chunks": "behaviour cloning against itself, by chunks and by single steps",
    "house_ddim": "one set of weights, two samplers; house_diffusion_modes has the same arms on the same task with regression beside them",
    "house_history": "regression against itself, with one observation and with two",
}


def test_plain_and_two_step_regression_stand_beside_every_claim_where_its_first_part_is_judged():
    """The strongest simple things (docs/design.md); what they are spared is said by name."""
    for name in registry.names("claim"):
        claim = registry.find("claim", name)
        where = lambda arm: arm.tested or arm.task or claim.task
        judged = where(claim.arms[claim.parts[0].ours])
        there = [arm for arm in claim.arms.values() if where(arm) == judged]
        squares = lambda arm: order(find_task(judged), arm.method, **(claim.asked | arm.settings))[0].head == "mse"
        beside = {arm.method for arm in there if arm.method != "behavior-cloning" or squares(arm)}
        assert ({"behavior-cloning", "two-step-regression"} <= beside) is (name not in NOT_BESIDE), name
    assert NOT_BESIDE.keys() <= registry.names("claim").keys()


def test_the_ledger_belongs_to_known_claims_and_no_verdict_is_at_odds_with_its_interval():
    for row in ledger.rows():
        assert row.claim in registry.names("claim")
        for part in row.parts:
            above, below = part["low"] > part["threshold"], part["high"] < part["threshold"]
            holds, fails = (below, above) if part["below"] else (above, below)
            assert part["verdict"] == ("holds" if holds else "fails" if fails else "undecided")
