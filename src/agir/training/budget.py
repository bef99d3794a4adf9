"""Equal budgets that a busy machine does not bend: how many updates of each method take so many seconds is timed once, on an idle
machine, and written down; every comparison by that file then makes those updates, however long they take.

Where a method has stages, all of them share its seconds in the proportion of their own default numbers of updates; one whose
updates are counted (a merge each, say) keeps its number.
"""

import functools
import json
import os
import pathlib
import platform
import time
from typing import Any

import jax

from agir.core import registry
from agir.core.arrays import write_atomically
from agir.core.errors import AgirError, BadData, BadSetting
from agir.core.keys import stream
from agir.core.nouns import Learner, Task
from agir.core.spaces import Key
from agir.core.stages import fill, needed_names, sized
from agir.runtime.bundle import one_lane
from agir.training.comparison import Arm
from agir.training.loop import finish, run_block, setup
from agir.training.progress import Reporter
from agir.training.run import now, source_commit
from agir.training.settings import settings_of
from agir.training.train import DEMONSTRATIONS, order, world_of
from agir.training.world import World

TIMED, ROUNDS = 20, 3  # updates a round; the fastest round counts, since nothing makes a computer faster than it is
BASE = "diffusion-policy"  # the baseline; and what a method is brought that learns from a finished policy, or makes one faster
BASES = (BASE, "dita")  # or the next, where it takes none of this one's kind
SHIPPED = pathlib.Path(__file__).parent / "budgets"  # the files of agir's own tables


def family(name: str) -> list[str]:
    """The methods of one family, as `agir.methods.NAME` holds them."""
    return sorted(method for method, (path, _) in registry.TABLES["method"].items() if path.startswith(f"agir.methods.{name}."))


def make_budget(
    task: Task, methods: list[str], seconds: float, *, data: Any = None, reporter: Reporter | None = None, **asked: Any
) -> dict:
    """-> {"task", "seconds", "methods": {name: {flag: updates}}, "brought": {name: {given: method}}, "left_out": {name: why}, ...}.

    `seconds` are those of one seed's training, without compiling and without that of the policy it is brought. A method that the
    task does not suit is left out, with its reason.
    """
    if seconds <= 0:
        raise BadSetting(f"A budget is some seconds of training, more than {seconds:g}.")
    reporter, made, brought, times, left_out = reporter or Reporter(), {}, {}, {}, {}
    with reporter.task("time", len(methods)) as bar:
        for count, method in enumerate(methods):
            try:
                made[method], brought[method], times[method] = _timed(task, method, seconds, data, reporter, asked)
            except AgirError as error:
                left_out[method] = str(error)
            bar.move(count + 1)
    ms = {method: {stage or "method": round(1000 * s, 4) for stage, s in its.items()} for method, its in times.items()}
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {jax.default_backend()}"
    about = {"task": task.name, "seconds": seconds, "machine": machine, "when": now(), "commit": source_commit()}
    return about | {"methods": made, "brought": {name: its for name, its in brought.items() if its}, "update_ms": ms, "left_out": left_out}


def _timed(task: Task, method: str, seconds: float, data: Any, reporter: Reporter, asked: dict) -> tuple[dict, dict, dict]:
    """-> a method's updates, what it is brought, and the seconds of an update of each of its stages."""
    learner, _, options = order(task, method, **asked)
    refused: AgirError | None = None
    needs = needed_names(learner)
    world = world_of(task, learner, options, {DEMONSTRATIONS: data}, {}, reporter.say)
    learner = sized(learner, world)
    for base in BASES if needs else (BASE,):
        brought = dict.fromkeys(needs, unlearnt(base, world) if needs and learner.updates else None)
        try:
            found = update_times(learner, world, brought)
            return allot(learner, found, seconds), dict.fromkeys(needs, base), found
        except AgirError as error:
            refused = refused or error
    raise refused


def unlearnt(method: str, world: World) -> Any:
    """A method's policy as it is before its first update: for timing what takes one."""
    learner, axes = fill(registry.find("method", method)(), world.spec, {}, lambda *_: None)
    fixed, carry = setup(learner, axes, learner.learns_from.bind(world, learner), jax.random.key(0)[None])
    return one_lane(finish(fixed, carry), 0)


def update_times(learner: Learner, world: World, brought: dict[str, Any]) -> dict[str, float]:
    """{stage ("" for the method itself, "codec." for its codec): seconds of one update of one seed}, compiling left out."""
    times: dict[str, float] = {}

    def learn(stage: str, learner: Learner, keys: Key, brought: dict[str, Any]) -> Any:
        deeper = lambda name, inner, given: learn(f"{stage}{name}.", inner, stream(keys, name), given)
        learner, axes = fill(learner, world.spec, brought, deeper)
        fixed, carry = setup(learner, axes, learner.learns_from.bind(world, learner), keys)
        carry, _ = jax.block_until_ready(run_block(fixed, carry, 0, 1))
        rounds = []
        for i in range(ROUNDS):
            began = time.perf_counter()
            carry, _ = jax.block_until_ready(run_block(fixed, carry, 1 + i * TIMED, TIMED))
            rounds.append((time.perf_counter() - began) / TIMED)
        times[stage] = min(rounds)
        return finish(fixed, carry)

    if learner.updates:
        learn("", learner, jax.random.key(0)[None], brought)
    return times  # none where nothing is learnt


def allot(learner: Learner, times: dict[str, float], seconds: float) -> dict[str, int]:
    """-> {"updates" or "codec.updates": how many}: the defaults, scaled alike to fill the seconds; two figures, rounded down.

    Raises BadSetting where the counted stages alone take longer.
    """
    if not times:
        return {}  # nothing is learnt
    settings = settings_of(learner)
    defaults = {stage: settings[f"{stage}updates"].value for stage in times if f"{stage}updates" in settings}  # others are computed at once
    counted = {stage for stage in defaults if _stage(learner, stage).counted}
    if counted == set(defaults):
        return {f"{stage}updates": count for stage, count in defaults.items()}
    left_s = seconds - sum(defaults[stage] * times[stage] for stage in counted)
    if left_s <= 0:
        raise BadSetting(f"The stages that are counted out ({', '.join(sorted(counted))}) take {seconds - left_s:.3g} s by themselves.")
    scale = left_s / sum(count * times[stage] for stage, count in defaults.items() if stage not in counted)
    return {f"{stage}updates": count if stage in counted else _two_figures(count * scale) for stage, count in defaults.items()}


def _stage(learner: Learner, path: str) -> Learner:
    """The stage at "skills.codes.", say; "" is the method itself."""
    return functools.reduce(getattr, path.split(".")[:-1], learner)


def _two_figures(count: float) -> int:
    unit = 10 ** max(0, len(str(int(count))) - 2)
    return max(1, int(count // unit * unit))


def write_budget(path: str | os.PathLike, budget: dict) -> None:
    write_atomically(pathlib.Path(path), (json.dumps(budget, indent=1) + "\n").encode())


def shipped(task: Task) -> pathlib.Path:
    """The frozen numbers of agir's own table for a task; raises BadSetting where there are none."""
    path = SHIPPED / f"{task.name.replace('/', '-')}.json"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.json"))) or "no task yet"
        raise BadSetting(
            f"There are frozen budgets for {known}, not for {task.name}. "
            f"`agir budget {task.name} --seconds 60` makes some (on an idle machine), and --budget PATH takes them."
        )
    return path


def arms_of(path: str | os.PathLike, task: Task, methods: tuple[str, ...] = ()) -> tuple[dict[str, Arm], dict[str, str]]:
    """-> an arm for each method of the file (or of `methods` alone), and what was left out, with reasons. Raises BadData, BadSetting."""
    try:
        found = json.loads(pathlib.Path(path).read_text())
        budgets, brought, left_out, its_task = (found[name] for name in ("methods", "brought", "left_out", "task"))
    except (OSError, ValueError, KeyError) as error:
        raise BadData(f"{path} is not a budget: {error}. `agir budget TASK --seconds N` writes one.") from error
    if its_task != task.name:
        raise BadSetting(f"{path} is a budget for {its_task}, not for {task.name}.")
    if missing := [method for method in methods if method not in budgets]:
        raise BadSetting(f"{path} has no budget for {', '.join(missing)}: {'; '.join(left_out.get(m, 'never timed') for m in missing)}")
    if not budgets:
        raise BadData(f"{path} has no method in it: {'; '.join(f'{name}: {why}' for name, why in left_out.items()) or 'none was timed'}")
    # The first is the baseline; what is brought another's run comes next, while that is at hand.
    wanted = methods or tuple(sorted(budgets, key=lambda name: (name != BASE, not brought.get(name), name)))
    ordered = dict.fromkeys(arm for name in wanted for arm in (*brought.get(name, {}).values(), name))  # what is brought comes first
    arms = {name: Arm(name, budgets[name], brought=brought.get(name, {})) for name in ordered}
    return arms, left_out
