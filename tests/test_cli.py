"""The command: what it prints, what it refuses, and that a user can go from data to a policy with it."""

import dataclasses
import json
import signal
import time

import pytest
from training import toys

from agir import cli
from agir.claims.claim import Arm, Claim, Part
from agir.core import registry
from agir.core.errors import BadSetting
from agir.core.ledger import latest
from agir.method_flags import parse
from agir.training.settings import field_comments


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGIR_CACHE", "off")
    monkeypatch.setenv("COLUMNS", "140")
    toys.register()
    return tmp_path


def run(*argv):
    try:
        return cli.main(list(argv))
    except SystemExit as end:  # tyro's own help and refusals
        return end.code


@pytest.mark.parametrize("argv", [(), ("--help",), ("-h",)])
def test_help_names_every_command(argv, capsys):
    assert run(*argv) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in cli.COMMANDS)


def test_every_command_has_help(capsys):
    for name in cli.COMMANDS:
        assert run(name, "--help") in (0, None), name
    assert run("train", "toy", "toy-clone", "--help") in (0, None)
    text = capsys.readouterr().out
    assert "--rate" in text and "of Adam" in text and "--batch" in text


def test_listings(capsys):
    for name in ("tasks", "methods", "claims"):
        assert run(name) == 0
    assert "cartpole" in capsys.readouterr().out
    assert run("tasks", "metaworld") == 0
    assert capsys.readouterr().out.count("metaworld/") > 50
    assert run("tasks", "planar/pu") == 0 and "planar/push" in capsys.readouterr().out
    assert run("methods", "diffusionn") == cli.EXIT_USER and "Did you mean diffusion-policy" in capsys.readouterr().err
    assert run("tasks", "pole") == 0
    text = capsys.readouterr().out
    assert "cartpole" in text and "mountain-car" not in text


def test_a_task_says_what_it_is_and_what_its_settings_mean(capsys):
    assert run("tasks", "planar/push,observe=tokens") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "cannot show momentum" in text and "succeeds in 100%" in text and "velocity, m/s, world, 10 Hz" in text
    assert "observe tokens state: a vector" in text and "planar/push,observe=tokens,NAME=VALUE" in text and "clearance" not in text
    assert run("tasks", "multipath") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Box[3] float32: x, y, how far ahead" in text
    assert "modes 2 how many routes there are" in text and "multipath/NAME=VALUE,NAME=VALUE" in text
    assert run("tasks", "gridworld/cliff") == 0 and "slip 0.1 the chance" in " ".join(capsys.readouterr().out.split())
    assert run("tasks", "planar/grasp") == 0 and "hand (2), opening, object (2), goal (2)" in " ".join(capsys.readouterr().out.split())
    assert run("tasks", "planar/pushh") == cli.EXIT_USER
    said = capsys.readouterr()
    assert not said.out and "Did you mean push" in said.err
    assert run("tasks", "multipath/") == 0 and "multipath/NAME=VALUE" in " ".join(capsys.readouterr().out.split())
    assert run("tasks", "multipath/modes=5") == cli.EXIT_USER and "even number of gaps" in capsys.readouterr().err
    for name in registry.names("task"):  # every setting of every task says what it means
        kind = registry.find("task", name)
        ours = kind.__module__.startswith("agir.")  # and not another test's
        for field in dataclasses.fields(kind) if ours and dataclasses.is_dataclass(kind) else ():
            assert field.name == "variant" or field_comments(kind)[field.name], f"{name}: {field.name}"


def test_a_method_and_a_claim_are_explained(capsys):
    said = lambda *argv: (run(*argv), " ".join(capsys.readouterr().out.split()))
    status, text = said("methods", "rti-dp")
    assert status == 0 and "first plan all `passes` of `sampler`" in text and "agir train TASK rti-dp --base RUN" in text
    assert "`agir claims rti-dp` says more" in text
    assert run("methods", "diffusion-policy") == 0
    assert "noise, k, o)|^2      k uniform in 0 .. steps - 1\n" in capsys.readouterr().out  # an equation is not broken, in 80 columns
    assert "agir train TASK behavior-retrieval --prior-data PATH" in said("methods", "behavior-retrieval")[1]
    status, text = said("claims", "mp1")
    row = latest()["mp1"].parts[0]
    assert (
        status == 0
        and f"{row['sentence']} ({row['quantity']}: {row['figure']:.3f} [" in text
        and "`agir claim mp1` runs it (5 seeds, 500 episodes" in text
    )
    assert "not worse" not in said("claims", "mp")[1]  # no name, so words to look for


def test_what_cannot_be_done_is_said_before_anything_is_trained(here, capsys):
    how = ("--folder", "both", "--seeds", "1", "--updates", "5")
    compared = lambda *more: run("compare", "toy", "toy-clone", *more)
    for more, words in (
        (("toy-staged", "--episodes", "-1"), "--episodes should be 1 or more, not -1"),
        (("rti-dp",), "rti-dp needs --base RUN, a trained diffusion policy; what was given has none (Direct)."),
        (("toy-staged", "--demonstrations", "0"), "--demonstrations should be 1 or more, not 0"),
    ):
        assert compared(more[0], *how, *more[1:]) == cli.EXIT_USER and words in capsys.readouterr().err
    assert not (here / "both").exists()
    assert compared("toy-staged", *how, "--episodes", "2") == 0
    assert compared("toy-staged", *how, "--episodes", "2", "--updates", "7") == cli.EXIT_USER
    assert "updates was 5, now 7. Remove it, or name another folder with --folder" in capsys.readouterr().err


def test_a_version_and_a_nearest_name(capsys):
    assert run("--version") == 0
    assert run("trian") == cli.EXIT_USER
    assert "Did you mean train?" in capsys.readouterr().err
    assert run("train", "toyy", "toy-clone") == cli.EXIT_USER
    assert "toy" in capsys.readouterr().err
    assert run("train", "toy", "toy-clon") == cli.EXIT_USER
    assert "toy-clone" in capsys.readouterr().err
    assert run("tasks", "no-such-thing") == cli.EXIT_USER


def test_from_training_to_a_report(here, capsys):
    assert run("train", "toy", "toy-clone", "--updates", "20", "--seeds", "2", "--run", "one") == 0
    assert run("evaluate", "one", "--episodes", "4") == 0
    text = capsys.readouterr().out
    assert "agir evaluate one" in text and "success" in text.lower()
    rows = [json.loads(line) for line in next((here / "one" / "evaluations").iterdir()).read_text().splitlines()]
    assert len(rows) == 8 and {row["seed"] for row in rows} == {0, 1} and rows[0]["start"] == "evaluation/0"
    assert run("resume", "one", "--updates", "30") == 0
    assert run("report", "one") == 0
    page = (here / "one" / "report.html").read_text()
    assert "toy-clone" in page and "http://" not in page.replace("http://www.w3.org", "")


def test_a_sweep_is_a_comma(here):
    asked, settings = parse("toy", "toy-clone", ["--rate", "1e-3,1e-2", "--seeds", "3"])
    assert asked == {"seeds": 3} and settings == {"rate": [1e-3, 1e-2]}
    with pytest.raises(BadSetting, match="commas between"):
        parse("toy", "toy-clone", ["--rate", "fast"])
    assert run("train", "toy", "toy-clone", "--updates", "5", "--rate", "1e-3,1e-2", "--run", "swept") == 0
    assert run("evaluate", "swept", "--episodes", "3") == 0


def test_a_stages_settings_and_givens_are_flags(here):
    asked, settings = parse("toy", "toy-staged", ["--squash.updates", "7", "--batch", "8"])
    assert settings == {"squash.updates": 7, "batch": 8}
    _, settings = parse("toy", "toy-reuse", ["--base", "one"])
    assert settings == {"base": "one"}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("resume", "nowhere"), "There is no run"),
        (("evaluate", "nowhere"), "There is no nowhere"),
        (("report", "nowhere"), "There is no run"),
        (("train", "toy", "toy-reuse"), "needs --base"),
        (("train", "toy", "toy-reuse", "--base", "nowhere"), "There is no nowhere"),
        (("train", "toy", "toy-clone", "--seeds", "0"), "--seeds"),
        (("train", "toy", "toy-clone", "--normalize", "maybe"), "limits"),
        (("train", "toy", "toy-clone", "--data", "missing.npz"), "missing.npz"),
        (("compare", "toy", "toy-clone"), "two or more"),
        (("claim", "nothing"), "claim"),
        (("claim",), "agir claims"),
        (("budget", "cartpole", "flow-policy"), "suits none of these methods"),
        (("study", "toy", "nothing"), "claim"),
        (("train", "behavior-cloning", "lasa/Sine"), "There is no method called 'lasa/Sine'. It is a task."),
        (("train", "toy", "toy-clone", "--run", "file"), "file is a file"),
        (("compare", "toy", "toy-reuse", "toy-clone"), "of a method that is named before it"),
        (("inspect", "gym/Pendulum-v1"), "agir inspect FILE"),
    ],
)
def test_a_users_mistakes_are_named(argv, words, here, capsys):
    (here / "file").touch()
    assert run(*argv) == cli.EXIT_USER
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(("flag", "word"), [("--seeds", "1.5"), ("--demonstrations", "abc")])
def test_a_word_where_a_number_should_be_is_shown_and_no_type_of_python(flag, word, capsys):
    assert run("train", "toy", "toy-clone", flag, word) == 2
    said = capsys.readouterr()
    assert f"'{word}'" in said.err and "NoneType" not in said.err + said.out


def test_help_leaves_the_equations_of_a_method_as_they_stand(capsys):
    run("train", "toy", "code-prior", "--help")
    assert "\n    stage    codec: chunk" in capsys.readouterr().out


def test_a_method_that_needs_a_run_is_brought_that_of_the_one_before_it(here):
    assert run("compare", "toy", "toy-clone", "toy-reuse", "--seeds", "2", "--updates", "2", "--episodes", "2", "--folder", "pair") == 0
    asked = json.loads((here / "pair" / "toy-reuse" / "run.json").read_text())
    assert asked["brought"] == {"base": "pair/toy-clone"}


def test_data_are_for_those_that_learn_from_them(here, capsys):
    """A run of another kind is refused, not written down as if it had used them; in a comparison they go to the others alone."""
    toys.Toy().demonstrations(4).save("shown.npz")
    for more in (("toy-online",), ("rti-dp", "--base", "nowhere")):
        assert run("train", "toy", *more, "--data", "shown.npz", "--run", "one") == cli.EXIT_USER
        assert f"{more[0]} learns from no recordings: leave out --data" in capsys.readouterr().err and not (here / "one").exists()
    compared = ("compare", "toy", "toy-clone", "toy-online", "--updates", "2", "--episodes", "2", "--folder", "pair", "--data", "shown.npz")
    assert run(*compared) == 0 and run(*compared) == 0  # begun, and gone on with
    given = {name: json.loads((here / "pair" / name / "run.json").read_text())["data"] for name in ("toy-clone", "toy-online")}
    assert given == {"toy-clone": "shown.npz", "toy-online": None}


def test_a_run_of_a_task_that_only_its_program_knows_says_so(here, capsys):
    assert run("train", "toy", "toy-clone", "--updates", "1", "--run", "own") == 0
    path = here / "own" / "run.json"
    path.write_text(path.read_text().replace('"task": "toy"', '"task": "mine"'))
    for argv in (("resume", "own", "--updates", "2"), ("report", "own")):
        assert run(*argv) == cli.EXIT_USER
        assert "own is of a task of your own" in capsys.readouterr().err


def test_compare_pairs_the_starts_and_goes_on_where_it_was(here, capsys):
    argv = ("compare", "toy", "toy-clone", "toy-staged", "--seeds", "2", "--updates", "10", "--episodes", "4", "--folder", "both")
    assert run(*argv) == 0
    stamps = {path: path.stat().st_mtime_ns for path in (here / "both").rglob("*.safetensors")}
    assert stamps and "Each method has its own loss" in (here / "both" / "report.html").read_text()
    assert (here / "both" / "comparison.csv").read_text().startswith("method,success,")
    assert run(*argv) == 0
    assert stamps == {path: path.stat().st_mtime_ns for path in (here / "both").rglob("*.safetensors")}
    told = capsys.readouterr()
    assert "random" in told.out
    assert "1/2 toy-clone: 10/10" in told.err and "2/2 toy-staged, squash: " in told.err  # which of the arms, and which of its stages
    assert run(*argv, "--results", "r.jsonl") == 0  # and from there into another folder, where nothing is trained
    assert run(*argv[:-1], "there", "--results", "r.jsonl") == 0
    assert not list((here / "there").rglob("run.json"))
    page = (here / "there" / "report.html").read_text()
    assert (
        page.count("Measured before: toy-") == 2
        and "timed at a load of" in page
        and "Measured before" not in (here / "both" / "report.html").read_text()
    )


def test_a_comparison_refuses_what_the_task_does_not_suit_before_any_method_is_trained(here, capsys):
    assert run("compare", "toy", "toy-clone", "dqn", "--folder", "both") == cli.EXIT_USER
    assert "DQN chooses one of several actions" in capsys.readouterr().err and not list(here.rglob("run.json"))
    assert run("compare", "toy", "toy-reuse", "toy-clone", "--folder", "both") == cli.EXIT_USER
    assert "of a method that is named before it" in capsys.readouterr().err and not list(here.rglob("run.json"))


def test_a_study_runs_the_arms_of_claims_that_are_not_of_another_task(here, capsys):
    arms = {"one": Arm("toy-clone", {"updates": 9000}), "other": Arm("toy-staged"), "elsewhere": Arm("toy-clone", task="cartpole")}
    more = {"the same": arms["one"], "other": Arm("toy-clone", {"rate": 0.1})}
    part = Part("One is no worse.", "one", "other", "success", -0.05)
    for slug, its in (("toy-study", arms), ("toy-again", more)):
        registry.add("claim", slug, Claim(slug, "A study.", "none", "toy-clone", "toy", its, (part,), {}, 1), "a study")
    short = ("--seeds", "1", "--updates", "5", "--episodes", "3")
    assert run("study", "toy", "toy-study", *short, "--folder", "study", "--results", "study.jsonl") == 0
    text = capsys.readouterr().out
    assert "one" in text and "other" in text and "elsewhere" not in text and (here / "study" / "report.html").exists()
    updates = [json.loads(path.read_text())["learner"]["fields"]["updates"] for path in sorted((here / "study").rglob("run.json"))]
    assert updates == [5, 5]
    assert run("study", "toy", "toy-study", "toy-again", *short, "--folder", "both", "--results", "study.jsonl") == 0
    assert [path.parent.name for path in (here / "both").rglob("run.json")] == ["other, toy-again"]
    assert [json.loads(line)["name"] for line in (here / "study.jsonl").read_text().splitlines()] == ["one", "other", "other, toy-again"]


def _xla_gc_callback():
    """Stands for JAX's, by its name: what is raised in it is dropped."""
    try:
        signal.raise_signal(signal.SIGINT)
        return "kept"
    except KeyboardInterrupt:
        return "dropped"


def test_a_ctrl_c_within_jax_collecting_garbage_is_not_lost():
    with pytest.raises(KeyboardInterrupt), cli.interruptible():
        assert _xla_gc_callback() == "kept"
        time.sleep(10)


def test_the_old_handler_of_ctrl_c_is_there_again():
    before = signal.getsignal(signal.SIGINT)
    assert run("--version") == 0 and signal.getsignal(signal.SIGINT) is before
