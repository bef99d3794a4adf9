"""Budgets: what is timed, how it is shared among stages, and what a comparison makes of the file."""

import json

import pytest
from training import toys

from agir.core.errors import BadData, BadSetting
from agir.methods.imitation.fast import Fast
from agir.methods.imitation.prise import PRISE
from agir.training.budget import allot, arms_of, family, make_budget, shipped, write_budget


@pytest.fixture(scope="module", autouse=True)
def registered():
    toys.register()


def test_stages_share_the_seconds_as_their_defaults_do():
    learner = toys.Staged()
    names = {"": learner.updates, "squash.": learner.squash.updates}
    found = allot(learner, {"": 0.010, "squash.": 0.002}, 100.0)
    whole = 0.010 * names[""] + 0.002 * names["squash."]
    for stage, count in names.items():
        exact = count * 100.0 / whole
        assert 0.9 * exact < found[f"{stage}updates"] <= exact  # two figures, rounded down
    assert allot(toys.Clone(), {"": 0.0317}, 240.0) == {"updates": 7500}  # 7570 of them
    assert allot(toys.Clone(), {"": 5.0}, 1.0) == {"updates": 1}


def test_a_stage_that_is_counted_keeps_its_number():
    found = allot(Fast(), {"": 0.046, "tokens.": 0.010}, 100.0)
    assert found == {"tokens.updates": Fast().tokens.updates, "updates": 2100}  # 97.44 s of 46 ms
    found = allot(PRISE(), {"": 0.001, "skills.": 0.01, "skills.codes.": 0.002}, 100.0)
    assert found["skills.updates"] == PRISE().skills.updates
    assert found["updates"] / found["skills.codes.updates"] == pytest.approx(PRISE().updates / PRISE().skills.codes.updates, rel=0.1)
    with pytest.raises(BadSetting, match="tokens.*take 2.56 s by themselves"):
        allot(Fast(), {"": 0.046, "tokens.": 0.010}, 2.0)


def test_a_budget_is_timed_written_and_compared_by(tmp_path):
    found = make_budget(toys.Toy(), ["toy-clone", "toy-staged", "dqn"], 0.05, demonstrations=5)
    assert set(found["methods"]) == {"toy-clone", "toy-staged"} and list(found["left_out"]) == ["dqn"]
    for method, updates in found["methods"].items():
        spent = found["update_ms"][method]
        whole = sum(updates["updates" if stage == "method" else f"{stage}updates"] * ms for stage, ms in spent.items())
        assert 0.5 * 50 < whole <= 50.01
    write_budget(tmp_path / "b.json", found)
    arms, left_out = arms_of(tmp_path / "b.json", toys.Toy())
    assert arms["toy-clone"].settings == found["methods"]["toy-clone"] and left_out == found["left_out"]
    assert list(arms_of(tmp_path / "b.json", toys.Toy(), ("toy-staged",))[0]) == ["toy-staged"]
    with pytest.raises(BadSetting, match="no budget for dqn: .*several actions"):
        arms_of(tmp_path / "b.json", toys.Toy(), ("dqn",))


def test_what_is_no_budget_is_refused(tmp_path):
    (tmp_path / "torn.json").write_text('{"task": "toy", "meth')
    with pytest.raises(BadData, match="is not a budget"):
        arms_of(tmp_path / "torn.json", toys.Toy())
    (tmp_path / "other.json").write_text(json.dumps({"task": "pusht", "methods": {}, "brought": {}, "left_out": {}}))
    with pytest.raises(BadSetting, match="for pusht, not for toy"):
        arms_of(tmp_path / "other.json", toys.Toy())
    (tmp_path / "empty.json").write_text(json.dumps({"task": "toy", "methods": {}, "brought": {}, "left_out": {"act": "for numbers"}}))
    with pytest.raises(BadData, match="no method in it: act: for numbers"):
        arms_of(tmp_path / "empty.json", toys.Toy())
    with pytest.raises(BadSetting, match="agir budget toy"):
        shipped(toys.Toy())
    with pytest.raises(BadSetting, match="more than 0"):
        make_budget(toys.Toy(), ["toy-clone"], 0.0)


def test_what_takes_a_finished_policy_brings_its_own(tmp_path):
    budget = {"task": "toy", "methods": {name: {"updates": 3} for name in ("a", "b", "c", "diffusion-policy")}, "left_out": {}}
    write_budget(tmp_path / "b.json", budget | {"brought": {"a": {"base": "diffusion-policy"}, "b": {"base": "c"}}})
    arms, _ = arms_of(tmp_path / "b.json", toys.Toy(), ("a",))
    assert list(arms) == ["diffusion-policy", "a"] and arms["a"].brought == {"base": "diffusion-policy"}  # it is trained first
    assert list(arms_of(tmp_path / "b.json", toys.Toy())[0]) == ["diffusion-policy", "a", "c", "b"]  # the baseline before all


def test_the_family_is_the_methods_folder():
    assert {"behavior-cloning", "diffusion-policy", "code-prior"} <= set(family("imitation")) and "ppo" not in family("imitation")
