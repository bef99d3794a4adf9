"""A method's updates are one program and its evaluation is another, however often they are asked for."""

import collections

import equinox as eqx
import jax
import pytest
from jax import monitoring

from agir.core import registry
from agir.tasks.find import task as find_task
from agir.training.train import train
from agir.verbs import evaluate


@pytest.fixture
def compiled():
    """How often each function was compiled, or loaded from the cache on disk, since this was last cleared."""
    count = collections.Counter()

    def heard(event, seconds, fun_name="", **more):
        if event == "/jax/core/compile/backend_compile_duration":
            count[fun_name.removeprefix("jit(").removesuffix(")")] += 1

    monitoring.register_event_duration_secs_listener(heard)
    yield count
    monitoring.unregister_event_duration_listener(heard)


@pytest.mark.parametrize(
    "task, method, settings",
    [
        ("pendulum", "behavior-cloning", {"updates": 100, "width": 8, "depth": 1, "batch": 8, "demonstrations": 3}),
        ("cartpole", "ppo", {"updates": 40, "width": 8, "length": 8, "envs": 2, "selection_episodes": 2}),
    ],
    ids=["from-data", "online"],
)
def test_updates_are_compiled_once_and_evaluating_again_compiles_nothing(task, method, settings, compiled, tmp_path):
    run = train(task, method, seeds=2, run=tmp_path / "run", **settings)
    assert len(run.rows(split="training")) == settings["updates"], "a block of updates for each row"
    assert compiled["advance"] == 1 and compiled["for_lanes"] == 4  # init, behaviour, start and result
    asked = "validation" if method == "behavior-cloning" else "selection"
    assert len(run.rows(split=asked)) > 5 and compiled["validation" if asked == "validation" else "roll_seeds"] == 1
    compiled.clear()
    evaluate(run, episodes=4)
    assert compiled["roll_seeds"] == 1
    compiled.clear()
    evaluate(run, episodes=4)
    assert not compiled
    train(task, method, seeds=[5, 9], rate=3e-4, run=tmp_path / "other", **settings)
    assert not compiled["advance"] and not compiled["for_lanes"]  # other seeds and another rate are no other program


HOSTED = ("adroit", "gym", "metaworld", "pusht")  # simulators of others, which nothing compiles


def test_a_tasks_environment_is_equal_each_time_it_is_made():
    """It is a part of the program's name: of one that were not, every evaluation would be compiled anew."""
    families = [name for name in registry.TABLES["task"] if name not in HOSTED]
    variants = {name: sorted(getattr(registry.find("task", name), "variants", ())) for name in families}
    for name in (f"{family}/{variant}" if variant else family for family in families for variant in variants[family] or [""]):
        static = lambda: jax.tree.flatten(eqx.filter(find_task(name).environment(), eqx.is_array, inverse=True))
        (one, one_kind), (other, other_kind) = static(), static()
        assert (tuple(one), one_kind) == (tuple(other), other_kind) and hash(tuple(one)) == hash(tuple(other)), name
