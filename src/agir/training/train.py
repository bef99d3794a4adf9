"""`train` and `resume`: from what was asked to a run folder with policies in it."""

import dataclasses
import itertools
import json
import os
import pathlib
import warnings
from collections.abc import Callable, Collection
from typing import Any

import equinox as eqx
import jax
import numpy as np

from agir.core import registry
from agir.core.describe import build, describe
from agir.core.errors import AgirError, BadSetting
from agir.core.nouns import Learner, Method, Policy, Task
from agir.core.stages import check_base, check_brought, fill, given_names, givens, named, part_of, sized
from agir.data.dataset import Dataset
from agir.data.doctor import examined
from agir.data.normalization import Normalized
from agir.runtime.bundle import Recipe, load_bundle, one_lane
from agir.tasks.find import named_task, recordings, task_of
from agir.training.loop import traced
from agir.training.progress import Reporter
from agir.training.run import Run, runs_in
from agir.training.session import Part, Session, check_acts
from agir.training.settings import check_sign, make_method, settings_of, with_settings
from agir.training.world import World, make_world


def train(
    task: str | Task,
    method: str | Method | type,
    *,
    seeds: int | list[int] = 1,
    updates: int | None = None,
    data: Any = None,
    run: str | os.PathLike | None = None,
    reporter: Reporter | None = None,
    **settings: Any,
) -> Run:
    """Trains `method` on `task` and saves its policies: one for each seed, and for each value of a sweep.

    `data` is an address (a path, hub:..., task:..., see `tasks.find.recordings`), a Dataset, or None: the task's own expert is asked
    for `demonstrations` episodes, if the method wants any.
    A second dataset that the method wants is `NAME_data`. `settings` are the method's fields; a list of floats is a sweep (another
    value is not another program); a given (`base=`) is a run's folder, a bundle's, or the part itself (of a run that has these seeds
    each takes its own policy, of another run all take the first). Also understood: `demonstrations` (the task's usual number),
    `labelled` (episodes that keep their actions: all), `normalize` ("limits"), `validation_share` (0.1), `selections` (evaluations
    during training), `selection_episodes` (20), `over` ("vmap" or "map"), `log_to` ("tensorboard" or "wandb").
    Raises AgirError for whatever a caller can mend.
    """
    task = task_of(task)
    others, _ = _other_data(method, settings)
    learner, brought, asked = order(task, method, seeds=seeds, updates=updates, data=data, **settings)
    if data is not None and DEMONSTRATIONS not in wanted(learner, brought):
        raise BadSetting(f"{named(learner)} learns from no recordings: leave out --data (data=...).")
    parts = _load_brought(learner, brought, asked)
    looks_wrong: list[str] = []
    world = world_of(task, learner, asked, {DEMONSTRATIONS: data} | others, parts, looks_wrong.append)
    for text in looks_wrong:
        reporter.say(text) if reporter else warnings.warn(text, stacklevel=2)
    asked["fingerprints"] = {name: _fingerprint(pair) for name, pair in world.datasets.items()}
    made = Run.create(run or _free_folder(task.name, asked["method"]), asked)
    made.task = task
    try:
        return Session(made, world, learner, parts, reporter or Reporter()).work()
    except AgirError:
        made.remove_if_nothing_learnt()
        raise


def check_suits(task: Task, method: str | Method | type, *, forms: dict[str, Any] | None = None, data: Any = None, **asked: Any) -> Any:
    """Raises what `train` with the same arguments would of a task and data that the method does not suit; nothing is computed.

    A method that needs what is learnt first is looked at no further than that, and at whether it finds its part in the `forms`
    {given: policies as they begin, or None} of what it will be brought. -> its own form, None where it waits for what is learnt first.
    """
    others, _ = _other_data(method, asked)
    learner, brought, told = order(task, method, data=data, **asked)
    check_brought(learner, brought)
    for name, form in (forms or {}).items():
        if form is not None and name in givens(learner):
            part_of(learner, name, form)
    world = world_of(task, learner, told, {DEMONSTRATIONS: data} | others, {})
    learner = sized(learner, world, brought)
    for stage in _all_learners(learner, brought):
        dataclasses.replace(stage, spec=world.spec).suits()
    for first in _first_learners(learner, brought):
        filled, _ = fill(first, world.spec, {}, lambda *_: None)
        filled.learns_from.bind(world, filled)  # and not started: that may begin episodes
        begin, keys = (lambda key, its=traced(filled): its.result(its.init(key))), jax.random.split(jax.random.key(0), 1)
        begun = eqx.filter_eval_shape(eqx.filter_vmap(begin), keys)
        if first is learner:  # a stage gives no policy
            check_acts(begun, keys)
            return begun
    return None


def _all_learners(learner: Learner, brought: Collection[str]) -> list[Learner]:
    """The learner, and after each those of its stages that are to be learnt."""
    stages = [getattr(learner, name) for name in givens(learner) if name not in brought]
    return [learner, *(deeper for stage in stages if isinstance(stage, Learner) for deeper in _all_learners(stage, brought))]


def _first_learners(learner: Learner, brought: Collection[str]) -> list[Learner]:
    """Of those the ones that wait for nothing."""
    return [stage for stage in _all_learners(learner, brought) if not givens(stage)]


def order(
    task: Task, method: str | Method | type, *, seeds: int | list[int] = 1, updates: int | None = None, data: Any = None, **settings: Any
) -> tuple[Learner, dict[str, Any], dict[str, Any]]:
    """`train`'s arguments -> the learner, what is brought to it, and what a run of it writes down in run.json. Nothing is begun."""
    others, settings = _other_data(method, settings)
    how = {name: settings.pop(name) for name in list(settings) if name in OPTIONS}
    if not 0 <= (share := (OPTIONS | how)["validation_share"]) < 1:
        raise BadSetting(f"--validation-share is the share of the episodes held out, from 0 to less than 1: not {share:g}.")
    for name, least in LEAST.items():
        if (said := how.get(name)) is not None and said < least:
            raise BadSetting(f"--{name.replace('_', '-')} should be {least} or more, not {said}.")
    brought = {name: settings.pop(name) for name in list(settings) if _is_given(method, name)}
    sweep = {name: [float(x) for x in value] for name, value in settings.items() if isinstance(value, list) and not _is_tuple(method, name)}
    plain = {name: value for name, value in settings.items() if name not in sweep}
    learner = make_method(method, plain)
    _check_sweep(learner, sweep)
    if updates is not None:
        learner = with_settings(learner, {"updates": updates})
    return (
        learner,
        brought,
        {
            "task": task.name,
            "method": registry.name_of("method", type(learner)) or type(learner).__name__,
            "learner": describe(learner),
            "seeds": seed_list(seeds),
            "sweep": sweep,
            "data": None if data is None else _written(data),
            "other_data": {name: _written(value) for name, value in others.items()},
            "brought": {name: _written(value) for name, value in brought.items()},
            "options": OPTIONS | how,
            "state": "running",
        },
    )


DEMONSTRATIONS = "demonstrations"  # the dataset that `data` is
BY_CALLER = "given by the caller"


def _written(value: Any) -> str:
    """What run.json says of data or of a part: its address, or that the program gave it."""
    return str(value) if isinstance(value, str | os.PathLike) else BY_CALLER


OPTIONS = {
    "demonstrations": None,  # episodes asked of the task's expert; None: the task's usual number
    "labelled": None,  # episodes that keep their actions, the first ones; the others' are made unknown (None: all keep them)
    "normalize": "limits",
    "validation_share": 0.1,
    "selections": None,  # evaluations during training; None: 10 where the task is compiled and nothing is learnt from data
    "selection_episodes": 20,
    "over": None,
    "checkpoint_s": 30.0,
    "log_to": None,  # "tensorboard" or "wandb"
}
LEAST = {"demonstrations": 1, "labelled": 0, "selections": 0, "selection_episodes": 1}


def resume(
    run: str | os.PathLike | Run,
    *,
    updates: int | None = None,
    task: Task | None = None,
    data: Any = None,
    other_data: dict[str, Any] | None = None,
    brought: dict[str, Any] | None = None,
    reporter: Reporter | None = None,
) -> Run:
    """Goes on with a run from its last checkpoint, or on to `updates` where that is more.

    `task`, `data`, `other_data` ({name: data}) and `brought` are needed only where the run was given them as objects of the program.
    With more updates, learning-rate schedules are those of the new length from there on.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    asked = run.asked
    task = run.task = task or run.task or named_task(asked["task"], str(run.folder))
    learner = build(asked["learner"])
    if updates is not None:
        done = max(run.checkpoints().steps, default=0)
        if updates < min(done, learner.updates):  # a file that says more than was asked for is refused when it is read
            raise BadSetting(f"{run.folder} has {done} updates behind it: --updates {updates} is fewer. Name as many, or leave it out.")
        learner = with_settings(learner, {"updates": updates})
    brought = {name: (brought or {}).get(name, path) for name, path in asked["brought"].items()}
    given = {DEMONSTRATIONS: data or asked["data"]} | asked.get("other_data", {}) | (other_data or {})
    for name, value in (given | brought).items():
        if isinstance(value, str) and value == BY_CALLER:
            how = "data" if name == DEMONSTRATIONS else "other_data" if name in given else "brought"
            raise BadSetting(f"{run.folder} was given its {name} by the program that made it: resume it there, agir.resume({how}=...).")
    parts = _load_brought(learner, brought, asked)
    world = world_of(task, learner, asked, given, parts)
    for name, pair in world.datasets.items():
        if _fingerprint(pair) != asked["fingerprints"].get(name):
            raise BadSetting(f"The dataset '{name}' is not the one that {run.folder} was begun with: its contents have changed.")
    run.amend(learner=describe(learner), state="running")
    return Session(run, world, learner, parts, reporter or Reporter()).work()


def seed_list(seeds: int | list[int]) -> list[int]:
    listed = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    whole = all(isinstance(seed, int) for seed in listed)
    if not whole or not listed or len(set(listed)) != len(listed) or min(listed) < 0:
        raise BadSetting(f"--seeds should be 1 or more, or a list of different seeds from 0 on, not {seeds!r}.")
    return listed


def _is_given(method: Any, name: str) -> bool:
    return name in given_names(_plain(method))


def _plain(method: Any) -> Learner:
    """The method as it is without settings."""
    kind = registry.find("method", method) if isinstance(method, str) else method
    return kind if isinstance(kind, Learner) else kind()


def _is_tuple(method: Any, name: str) -> bool:
    known = settings_of(make_method(method, {}))
    return name in known and known[name].kind is tuple


def wanted_data(learner: Learner) -> set[str]:
    """The names of the datasets beside the demonstrations that the learner and its stages read."""
    return {name for source in _sources(learner, {}) for name in source.wants()} - {DEMONSTRATIONS}


def _other_data(method: Any, settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """-> {name: what was given as `NAME_data`} for the datasets that the method wants, and the other settings."""
    flags = {f"{name}_data": name for name in wanted_data(_plain(method))}
    found = {flags[name]: value for name, value in settings.items() if name in flags}
    return found, {name: value for name, value in settings.items() if name not in flags}


def _check_sweep(learner: Learner, sweep: dict[str, list[float]]) -> None:
    known = settings_of(learner)
    for name, values in sweep.items():
        if name not in known or len(known[name].path) != 1 or known[name].kind is not float:
            able = ", ".join(flag for flag, s in known.items() if s.kind is float and len(s.path) == 1)
            raise BadSetting(f"--{name} cannot be swept over: only the method's own floats can ({able}).")
        for value in values:
            check_sign(name, known[name], value)
        if len(set(values)) != len(values) or not values:
            raise BadSetting(f"--{name} should be a list of different values, not {values}.")


def _free_folder(task: str, method: str) -> pathlib.Path:
    stem = f"{task}-{method}".replace("/", "-").replace("=", "").replace(",", "-")
    return next(path for n in itertools.count(1) if not (path := pathlib.Path("runs") / f"{stem}-{n}").exists())


def _fingerprint(pair: tuple[Dataset, Dataset]) -> list[str]:
    return [part.fingerprint() for part in pair]


def _load_brought(learner: Learner, brought: dict[str, Any], asked: dict) -> dict[str, Part]:
    check_brought(learner, brought)
    parts = {name: _load_part(value, asked) for name, value in brought.items()}
    if not learner.updates and len(asked["seeds"]) > 1:
        for name, part in parts.items():
            if not part.own:
                raise BadSetting(
                    f"Nothing is learnt, so {len(asked['seeds'])} seeds would be as many copies of one policy, counted as if they were "
                    f"trained apart: leave --seeds at 1, or bring a --{name} that was trained with these seeds."
                )
    return parts


def _load_part(value: Any, asked: dict) -> Part:
    """A run or a bundle, a Normalized, or the part itself. A run that has all the seeds asked for gives each its own policy."""
    policies, own = value, False
    if isinstance(value, str | os.PathLike):
        policies, text = load_bundle(policy_folder(value))
        places = [text["lanes"].index({"seed": seed}) for seed in asked["seeds"] if {"seed": seed} in text["lanes"]]
        if len(places) == len(asked["seeds"]) and not asked["sweep"]:
            policies, own = jax.tree.map(lambda x: x[np.array(places)] if eqx.is_array(x) else x, policies), len(places) > 1
        value = one_lane(policies, 0)
    if isinstance(value, Normalized):
        recipe = Recipe.from_json(json.loads(value.recipe)) if value.recipe else None
        return Part(policies.inner if own else value.inner, recipe, value.normalization, own, value.task)
    return Part(value, None, None)


def policy_folder(path: str | os.PathLike, which: str = "last") -> pathlib.Path:
    """The bundle in a run's folder, or the folder itself where it is one; raises BadSetting."""
    path = pathlib.Path(path)
    if (path / "policy.json").exists():
        return path
    if not path.exists():
        raise BadSetting(f"There is no {path}.{runs_in(pathlib.Path('runs'))}")
    if not (path / "run.json").exists():
        raise BadSetting(f"{path} is neither a run nor a policy: it holds neither run.json nor policy.json.{runs_in(path)}")
    if not (path / "policies" / which / "policy.json").exists():
        if (path / "policies" / "last" / "policy.json").exists():
            raise BadSetting(f"{path} has no '{which}' policy: it was neither validated nor evaluated while it was trained. Use 'last'.")
        raise BadSetting(f"{path} has no policy yet: `agir resume {path}` finishes its training (sooner with --updates N).")
    return path / "policies" / which


def world_of(
    task: Task, learner: Learner, asked: dict, data: dict[str, Any], parts: dict[str, Part], say: Callable[[str], None] | None = None
) -> World:
    """The world of the run, `data` being {name: address or Dataset}. What looks wrong with what is brought is said.

    A run given a base takes the base's normalisation.
    """
    options = asked["options"]
    datasets = {name: _dataset(task, name, data, options["demonstrations"]) for name in wanted(learner, parts)}
    if DEMONSTRATIONS in datasets:
        datasets[DEMONSTRATIONS] = hidden(datasets[DEMONSTRATIONS], options.get("labelled"))
    for name, dataset in datasets.items() if say is not None else ():
        if data.get(name) is not None:
            examined(dataset, say)
    for name, part in parts.items():
        if isinstance(part.value, Policy):
            check_base(name, part.value, task.spec)
            if say is not None and part.task not in ("", task.name):
                say(f"--{name} was trained on {part.task}; this run is of {task.name}.")
    bases = [part.normalization for part in parts.values() if part.normalization is not None]
    world = make_world(
        task,
        datasets,
        how=options["normalize"],
        normalization=bases[0] if bases else None,
        validation_share=options["validation_share"],
    )
    for other in bases[1:]:
        if not eqx.tree_equal(bases[0], other):
            raise BadSetting("What was brought was normalised in two ways: bring parts that were trained on the same data.")
    return world


def wanted(learner: Learner, parts: Collection[str]) -> dict[str, None]:
    """The names of the datasets that it and those of its stages learn from that are not brought, in order."""
    return dict.fromkeys(name for source in _sources(learner, parts) for name in source.wants())


def _sources(learner: Learner, parts: Collection[str]) -> list:
    stages = [getattr(learner, f.name) for f in dataclasses.fields(learner) if f.name not in parts]
    return [learner.learns_from, *(s for stage in stages if isinstance(stage, Learner) for s in _sources(stage, parts))]


def hidden(dataset: Dataset, labelled: int | None) -> Dataset:
    """With the actions of all but the first `labelled` episodes unknown; raises BadSetting where none would be known."""
    if labelled is None:
        return dataset
    if not 1 <= labelled <= dataset.episodes:
        raise BadSetting(
            f"--labelled is how many of the {dataset.episodes} episodes keep their actions, at least one of them: not {labelled}."
        )
    return dataset.without_actions(np.arange(dataset.episodes) >= labelled)


def _dataset(task: Task, name: str, data: dict[str, Any], episodes: int | None) -> Dataset:
    value = data.get(name)
    if isinstance(value, Dataset):
        return value
    if value is not None:
        return recordings(value, task)
    if name != DEMONSTRATIONS:
        raise BadSetting(f"This method learns from a second dataset, '{name}': give one with --{name}-data PATH ({name}_data=...).")
    return _shown(task, task.usual_demonstrations if episodes is None else episodes)


def _shown(task: Task, episodes: int) -> Dataset:
    """The expert's demonstrations. The last are kept: on a simulator they take half a minute, and every arm of a comparison asks."""
    if not (_LAST and _LAST[0] is task and _LAST[1] == episodes):
        _LAST[:] = task, episodes, task.demonstrations(episodes)
    return _LAST[2]


_LAST: list = []  # of `_shown`: the task, how many, and the demonstrations
