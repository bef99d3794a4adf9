"""The loop: seeds, cuts, sweeps, stages, and what a policy bundle carries."""

import dataclasses
import json

import equinox as eqx
import jax
import numpy as np
import pytest
from safetensors.numpy import load_file
from training import toys

from agir.core.errors import AgirError, BadCheckpoint, BadSetting, BadSpec, UnknownName
from agir.core.keys import stream
from agir.core.stages import fill
from agir.runtime.bundle import load_bundle, one_lane
from agir.training.loop import finish, run_block, setup
from agir.training.train import train
from agir.training.world import make_world
from agir.verbs import evaluate, load, save

pytestmark = pytest.mark.optimised
KEYS = jax.vmap(jax.random.key)(np.arange(3, dtype=np.uint32))


def learn(learner, cuts, keys=KEYS, over=None):
    """-> the carry after the blocks `cuts`, and the result."""
    task = toys.Toy()
    world = make_world(task, {"demonstrations": task.demonstrations(8)} if learner.learns_from.wants() else {})
    stage = lambda name, inner, given: learn(inner, [40], stream(keys, name), over)[1]
    learner, axes = fill(learner, world.spec, {}, stage)
    fixed, carry = setup(learner, axes, learner.learns_from.bind(world, learner), keys, over)
    first = jax.tree.map(lambda x: np.array(x), eqx.filter(carry[0], eqx.is_array))
    step = 0
    for count in cuts:
        carry, _ = run_block(fixed, carry, step, count)
        step += count
    return carry, finish(fixed, carry), first


def same(a, b):
    leaves = [jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array)) for tree in (a, b)]
    return len(leaves[0]) > 0 and all(np.array_equal(x, y) for x, y in zip(*leaves, strict=True))


@pytest.mark.parametrize("learner", [toys.Clone(), toys.Online(), toys.Staged()], ids=lambda x: type(x).__name__)
@pytest.mark.parametrize("over", ["vmap", "map"])
def test_no_cut_changes_the_bits(learner, over):
    assert same(learn(learner, [24], over=over)[0], learn(learner, [1, 7, 16], over=over)[0])


def test_seeds_differ_at_step_0_and_equal_seeds_do_not():
    first = learn(toys.Clone(), [])[2]
    weights = [np.asarray(x) for x in jax.tree.leaves(first.model)]
    assert any(not np.array_equal(x[0], x[1]) for x in weights)
    assert same(learn(toys.Clone(), [8])[0], learn(toys.Clone(), [8])[0])


def test_each_seed_learns_as_it_would_alone():
    for learner in (toys.Clone(), toys.Online()):
        together, alone = learn(learner, [12])[1], learn(learner, [12], keys=KEYS[1:2])[1]
        for x, y in zip(*(jax.tree.leaves(eqx.filter(t, eqx.is_array)) for t in (together, alone)), strict=True):
            np.testing.assert_allclose(x[1], y[0], rtol=2e-4, atol=2e-5)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    toys.register()
    folder = tmp_path_factory.mktemp("runs")
    return lambda name, method, **more: train("toy", method, run=folder / name, **({"updates": 30} | more))


def test_a_sweep_is_the_same_as_its_values_one_by_one(runs):
    swept = runs("sweep", "toy-clone", rate=[1e-3, 1e-2], seeds=2)
    policies, text = load_bundle(swept.folder / "policies" / "last")
    assert [lane["rate"] for lane in text["lanes"]] == [1e-3, 1e-3, 1e-2, 1e-2]
    single, _ = load_bundle(runs("single", "toy-clone", rate=1e-2, seeds=2).folder / "policies" / "last")
    for x, y in zip(*(jax.tree.leaves(eqx.filter(p, eqx.is_array)) for p in (one_lane(policies, 3), one_lane(single, 1))), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
    with pytest.raises(BadSetting, match="cannot be swept"):
        runs("bad", "toy-clone", batch=[1.0, 2.0])


def test_a_base_is_brought_with_its_normalisation(runs):
    base = runs("base", "toy-staged")
    reuse = runs("reuse", "toy-reuse", base=base.folder)
    (whole, _), (halved, _) = (load_bundle(run.folder / "policies" / "last") for run in (base, reuse))
    assert same(whole.normalization, halved.normalization)
    observation = np.array([0.3, -0.2, 0.1], np.float32)
    act = lambda policy: policy.inner.act(policy.normalization.observe(observation), (), jax.random.key(0)).action
    np.testing.assert_allclose(act(one_lane(halved, 0)) * 2, act(one_lane(whole, 0)), rtol=1e-6)


def test_of_a_base_with_the_same_seeds_each_seed_takes_its_own(runs):
    base = runs("seeds", "toy-clone", seeds=[3, 5])
    bundle = lambda run: load_bundle(run.folder / "policies" / "last")[0]
    observation = np.array([0.3, -0.2, 0.1], np.float32)
    acts = lambda policies, i: np.asarray(one_lane(policies, i).inner.act(observation, (), jax.random.key(0)).action)
    same, other = (bundle(runs(name, "toy-reuse", base=base.folder, seeds=seeds)) for name, seeds in (("own", [3, 5]), ("first", [5, 3])))
    whole = bundle(base)
    assert not np.allclose(acts(whole, 0), acts(whole, 1))
    for lane in range(2):
        np.testing.assert_allclose(acts(same, lane) * 2, acts(whole, lane), rtol=1e-6)
        np.testing.assert_allclose(acts(other, lane) * 2, acts(whole, 1 - lane), rtol=1e-6)
    with pytest.raises(BadSetting, match="3 seeds would be as many copies of one policy"):
        runs("copies", "toy-reuse", base=base.folder, seeds=3, updates=0)
    assert not (base.folder.parent / "copies").exists()


def test_givens_and_settings_are_refused_by_name(runs):
    with pytest.raises(BadSetting, match="needs --base"):
        runs("a", "toy-reuse")
    with pytest.raises(UnknownName, match="rate"):
        runs("b", "toy-clone", ratee=1.0)
    with pytest.raises(BadSetting, match="should be of type int"):
        runs("c", "toy-clone", batch="many")
    with pytest.raises(UnknownName, match="toy-clone"):
        runs("d", "toy-clon")
    with pytest.raises(BadSetting, match="There is no nowhere"):
        runs("e", "toy-reuse", base="nowhere")
    for settings, said in (
        ({"rate": -1.0}, "--rate should be above 0, not -1"),
        ({"rate": [1e-3, 0.0]}, "--rate should be above 0, not 0"),
        ({"updates": 0}, "--updates should be above 0, not 0"),
        ({"batch": -4}, "--batch should be above 0, not -4"),
        ({"batch": 0}, "--batch should be above 0, not 0"),
        ({"validation_share": 1.5}, "from 0 to less than 1: not 1.5"),
    ):
        with pytest.raises(BadSetting, match=said):
            runs("f", "toy-clone", **settings)
    with pytest.raises(BadSetting, match="needs --base"):  # nothing was left behind that would stand in the way
        runs("a", "toy-reuse")


def test_what_cannot_act_is_refused_before_it_is_trained_and_leaves_no_folder(runs, tmp_path):
    folder = tmp_path / "refused"
    with pytest.raises(BadSetting, match="fewer than execute = 20"):
        train("pendulum", "diffusion-policy", execute=20, updates=10**9, demonstrations=2, network="mlp", run=folder)
    assert not folder.exists()


def test_a_base_for_other_actions_is_refused(runs):
    base = runs("velocity", "toy-clone")

    class Other(toys.Toy):
        spec = toys.Spec(toys.SPEC.observation, toys.SPEC.action, toys.Meaning("absolute"))

    data = toys.Toy().demonstrations(3)
    object.__setattr__(data, "spec", Other.spec)
    with pytest.raises(BadSpec, match="kind"):
        train(Other(), "toy-reuse", base=base.folder, data=data, run=base.folder.parent / "other")


def test_a_base_of_another_task_is_taken_and_said(runs):
    base = runs("on-its-own", "toy-clone", updates=2)

    class Elsewhere(toys.Toy):
        name = "elsewhere"

    with pytest.warns(UserWarning, match=f"--base was trained on {toys.Toy.name}; this run is of elsewhere"):
        train(Elsewhere(), "toy-reuse", base=base.folder, data=toys.Toy().demonstrations(3), run=base.folder.parent / "elsewhere")


@pytest.mark.parametrize("how", ["standard", "none"])
def test_a_bundle_remembers_how_it_was_normalised(runs, how):
    policies, text = load_bundle(runs(f"normalised-{how}", "toy-clone", normalize=how, updates=2).folder / "policies" / "last")
    assert policies.normalization.how == text["normalized"]["how"] == how
    assert not policies.inner.spec.action.bounded or how == "none"


def test_a_base_for_numbers_is_refused_where_there_is_a_choice(runs):
    with pytest.raises(BadSpec, match="that of --base is"):
        train("cartpole", "toy-reuse", base=runs("for-numbers", "toy-clone", updates=2).folder)


def test_a_training_that_diverges_leaves_nothing_and_does_not_say_otherwise(tmp_path):
    with pytest.raises(AgirError, match=r"diverged.*Nothing was saved yet"):
        train(toys.Toy(), "toy-clone", rate=1e30, updates=50, data=toys.Toy().demonstrations(4), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_looks_wrong_with_data_is_said_where_nobody_is_told(tmp_path):
    data = toys.Toy().demonstrations(4)
    far = dataclasses.replace(data, columns=data.columns | {"action": 100 * data.columns["action"]})
    with pytest.warns(UserWarning, match=r"outside \[-1, 1\]; so are 100% of rows"):
        train(toys.Toy(), "behavior-cloning", data=far, updates=1, run=tmp_path / "run")


def test_a_policy_remembers_its_task(runs, tmp_path):
    run = runs("remembers", "toy-clone", updates=2)
    save(load(run.folder), tmp_path / "kept")
    assert json.loads((tmp_path / "kept" / "policy.json").read_text())["task"] == load(tmp_path / "kept").task == run.asked["task"] == "toy"
    assert evaluate(load(tmp_path / "kept"), episodes=1).task == "toy"
    with pytest.raises(BadSetting, match="This policy is of a task of your own"):
        evaluate(dataclasses.replace(load(tmp_path / "kept"), task="mine"), episodes=1)


@pytest.mark.parametrize("damage", ["weights", "golden", "class", "spec"])
def test_a_bundle_that_was_changed_is_refused(runs, damage):
    folder = runs(f"bundle-{damage}", "toy-clone").folder / "policies" / "last"
    load_bundle(folder)
    if damage == "weights":
        path = folder / "weights.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    elif damage == "golden":
        golden = dict(np.load(folder / "golden.npz"))
        golden["action"] += 0.1
        np.savez(folder / "golden.npz", **golden)
    else:
        text = json.loads((folder / "policy.json").read_text())
        if damage == "class":
            text["recipe"]["learner"]["class"] = "os:system"
        else:
            text["spec"]["action"]["shape"] = [3]
        (folder / "policy.json").write_text(json.dumps(text))
    with pytest.raises(BadCheckpoint):
        load_bundle(folder)


def test_weights_are_checked_against_the_golden_pairs(runs):
    """Weights that were replaced together with their checksum still do not act as recorded."""
    from agir.core.arrays import write_arrays

    folder = runs("replaced", "toy-clone").folder / "policies" / "last"
    policies, _ = load_bundle(folder)
    changed = jax.tree.map(lambda x: x * 1.5 if eqx.is_inexact_array(x) else x, policies)
    write_arrays(folder / "weights.safetensors", changed, {"format": 1})
    with pytest.raises(BadCheckpoint, match="does not act as recorded"):
        load_bundle(folder)


def test_no_check_is_passed_over(runs):
    """Blocks end where a check is due, also where that is no multiple of the logged rows."""
    run = runs("checked", "toy-clone", updates=250, selections=7, selection_episodes=2)
    assert [row["step"] for row in run.rows(split="selection")] == [*range(35, 250, 35), 250]
    assert [row["step"] for row in run.rows(split="validation")] == [*range(12, 250, 12), 250]


def test_metrics_have_both_splits_and_the_best_is_kept(runs):
    run = runs("metrics", "toy-clone", seeds=2)
    assert len(run.rows(split="training")) == 30 and run.rows(split="validation")
    scores = [row["metrics"]["loss"] for row in run.rows(split="validation")]
    best = load_file(run.checkpoints().best)
    assert best and (run.folder / "policies" / "best" / "policy.json").exists()
    from agir.core.arrays import read_about

    assert np.allclose(read_about(run.checkpoints().best)["score"], -np.min(scores, 0))
