"""The work of one run: its stages and its method learnt by the one loop, logged, checked, saved."""

import dataclasses
import itertools
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.errors import AgirError, BadEnvironment
from agir.core.keys import stream
from agir.core.nouns import Learner, Method
from agir.core.spaces import Key, zeros
from agir.core.stages import fill, sized
from agir.data.normalization import Normalization
from agir.runtime.bundle import Recipe, save_bundle
from agir.training import sinks
from agir.training.checks import Best, checks_of
from agir.training.loop import Fixed, finish, run_block, setup
from agir.training.progress import Bar, Reporter
from agir.training.run import Run
from agir.training.world import World

ROWS = 100  # logged rows a stage
AGAIN_S = 1.0  # a second key press comes later than this
BLOCK_S = 1.0  # a block of updates is about this long, so that a key press or a kill loses little


class Stopped(Exception):
    """Ctrl-C was pressed, and all is saved."""


@dataclasses.dataclass(frozen=True)
class Part:
    """What was brought for a given: the thing in the learner's terms, its recipe, and the normalisation it was made with."""

    value: Any
    recipe: Recipe | None
    normalization: Normalization | None
    own: bool = False  # the value has one entry for each of the run's lanes
    task: str = ""  # that it was trained on, where that is known


def check_acts(policies: Any, keys: Key) -> None:
    """What policies [lanes, ...] (or their shapes) refuse to do, such as more of a plan than it is long, is refused before they learn."""
    if policies.compiled:
        act = lambda policy, seen, key: policy.act(seen, policy.start(key), key)
        eqx.filter_eval_shape(eqx.filter_vmap(act), policies, zeros(policies.spec.observation, len(keys)), keys)


class Session:
    """One stretch of work on a run, from wherever its checkpoints are to the end or to a Ctrl-C."""

    def __init__(self, run: Run, world: World, learner: Method, parts: dict[str, Part], reporter: Reporter):
        self.run, self.world, self.learner, self.parts, self.reporter = run, world, sized(learner, world, parts), parts, reporter
        sweep = run.asked["sweep"]
        values = [dict(zip(sweep, row, strict=True)) for row in itertools.product(*sweep.values())]
        self.lanes = [{"seed": seed} | value for value in values for seed in run.asked["seeds"]]
        self.keys = jax.vmap(jax.random.key)(jnp.array([lane["seed"] for lane in self.lanes], jnp.uint32))
        self.options = run.asked["options"]
        self.stopped = False
        self.saved_at = time.monotonic()

    def work(self) -> Run:
        """Learns what is left and saves the policies. After a Ctrl-C, what is learnt so far is saved and the run says "interrupted"."""
        began = time.monotonic()
        brought = {name: part.value for name, part in self.parts.items()}
        state = "failed"
        try:
            with self._listening(), sinks.opened(self.options["log_to"], self.run, self.lanes):
                last, best = self.learn("", self.learner, self.keys, brought)
            self._save("last", last)
            if best is not None:
                self._save("best", best)
            state = "finished"
        except Stopped:
            state = "interrupted"
        finally:
            seconds = self.run.asked.get("seconds", 0.0) + time.monotonic() - began
            self.run.amend(state=state, seconds=round(seconds, 2))
        return self.run

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """The first Ctrl-C (or SIGTERM) is taken at the end of the running block, the second at once.

        What comes within a second is the same key press, which a wrapper such as uv passes on once more.
        """
        pressed = -math.inf

        def stop(number: int, frame: Any) -> None:
            nonlocal pressed
            now = time.monotonic()
            if self.stopped and now - pressed > AGAIN_S:
                raise KeyboardInterrupt
            if self.stopped:
                return
            self.stopped, pressed = True, now
            self.reporter.say("Stopping after this block; press Ctrl-C again to stop at once.")

        try:
            old = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not the main thread: whoever started it handles the key
            yield
            return
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    # ------------------------------------------------------------------------------------------------------- one learner
    def learn(self, stage: str, learner: Learner, keys: Key, brought: dict[str, Any]) -> tuple[Any, Any]:
        """-> the learner's result and its best-scored one (None where nothing scores it), each [lanes, ...].

        `stage` is "" for the method itself, "codec/" for its codec, and so on: the place of its checkpoints and rows.
        """
        whole = lambda name, inner, given: self.learn(f"{stage}{name}/", inner, stream(keys, name), given)[0]
        learner, axes = fill(learner, self.world.spec, brought, whole, {name for name, part in self.parts.items() if part.own})
        if not stage:
            learner, axes = self._swept(learner, axes)
        source = learner.learns_from.bind(self.world, learner)
        fixed, carry = setup(learner, axes, source, keys, self.options["over"])
        checkpoints, step = self.run.checkpoints(stage), 0
        best = Best(checkpoints, carry[0], len(self.lanes))
        if saved := checkpoints.load(carry):
            (state, feed), step = saved
            carry = state, source.resumed(feed)
            self.run.forget_after(stage, step)
            best.load()
        else:
            self.run.forget_after(stage, -1)  # rows of a start that was killed before its first checkpoint
        if not stage and step < learner.updates:
            check_acts(eqx.filter_eval_shape(finish, fixed, carry), self.keys)
        carry = self._updates(stage, learner, fixed, carry, step, best)
        return finish(fixed, carry), finish(fixed, (best.state, ())) if best.known else None

    def _swept(self, learner: Learner, axes: Any) -> tuple[Learner, Any]:
        """The learner with one value a lane in each swept field."""
        for name in self.run.asked["sweep"]:
            values = jnp.array([lane[name] for lane in self.lanes], jnp.float32)
            learner, axes = dataclasses.replace(learner, **{name: values}), dataclasses.replace(axes, **{name: 0})
        return learner, axes

    def _updates(self, stage: str, learner: Learner, fixed: Fixed, carry: tuple, step: int, best: Best) -> tuple:
        """The blocks from `step` to the end, and what happens between them."""
        every, size, rows = max(1, learner.updates // ROWS), 1, Mean()
        checks = checks_of(learner, fixed, self.world, {} if stage else self.options)
        stops = (every, *(check.every for check in checks))  # a block ends at each multiple of these
        with self.reporter.task(stage.rstrip("/") or self.run.asked["method"], learner.updates) as bar:
            bar.move(step)
            while step < learner.updates:
                count = min(size, learner.updates - step, *(stop - step % stop for stop in stops))
                began = time.monotonic()
                carry, metrics = run_block(fixed, carry, step, count)
                metrics = {name: np.asarray(value) for name, value in metrics.items()}
                update_s = (time.monotonic() - began) / count
                step += count
                self._refuse_nonsense(stage, step, carry, metrics)
                rows.add(metrics, count)
                if step % every == 0 or step == learner.updates:
                    self._log(stage, step, "training", rows.take(), update_ms=round(1000 * update_s, 4))
                for check in checks:
                    if step % check.every == 0 or step == learner.updates:
                        measured, score = check.measure(carry[0], step)
                        self._log(stage, step, check.split, measured)
                        best.consider(carry[0], step, score)
                self._show(bar, step, metrics)
                size = max(1, min(2 * size, int(BLOCK_S / update_s)))
                self._checkpoint(stage, step, carry, best, done=step == learner.updates)
        return carry

    def _checkpoint(self, stage: str, step: int, carry: tuple, best: Best, done: bool) -> None:
        if done or self.stopped or time.monotonic() - self.saved_at > self.options["checkpoint_s"]:
            best.save()
            self.run.checkpoints(stage).save(step, carry)
            self.saved_at = time.monotonic()
        if self.stopped and not (done and not stage):
            raise Stopped

    def _show(self, bar: Bar, step: int, metrics: dict) -> None:
        bar.move(step, **{name: float(np.mean(value)) for name, value in list(metrics.items())[:2]})

    def _log(self, stage: str, step: int, split: str, metrics: dict, **more: Any) -> None:
        listed = {name: np.asarray(value).tolist() for name, value in metrics.items()}
        self.run.log({"stage": stage, "step": step, "split": split, "metrics": listed} | more)

    def _refuse_nonsense(self, stage: str, step: int, carry: tuple, metrics: dict) -> None:
        """Numbers that are not finite in every lane stop the run, with its last checkpoint as it was."""
        where = f"before update {step}" + f" of the stage {stage.rstrip('/')}" * bool(stage)
        for leaf in jax.tree.leaves(eqx.filter(carry[1], eqx.is_inexact_array)):
            if not bool(jnp.isfinite(leaf).all()):
                raise BadEnvironment(f"{self.world.task.name} gave a number that is not finite {where}. {self._kept()}")
        for name, value in metrics.items():
            if not np.isfinite(value).any():
                raise AgirError(f"'{name}' is no longer finite {where}: the learning diverged. Try a smaller --rate. {self._kept()}")

    def _kept(self) -> str:
        return f"The last checkpoint in {self.run.folder} is as it was." if self.run.learnt else "Nothing was saved yet."

    # ------------------------------------------------------------------------------------------------------- the policies
    def _save(self, which: str, policies: Any) -> None:
        recipe = self._recipe()
        wrapped = self.world.wrapped(policies, len(self.lanes), str(recipe) if recipe else "")
        about = {"task": self.run.asked["task"], "method": self.run.asked["method"], "versions": self.run.asked["versions"]}
        if recipe:
            save_bundle(self.run.folder / "policies" / which, wrapped, self.lanes, about)

    def _recipe(self) -> Recipe | None:
        """How the policies are rebuilt; None where a part was brought as an object that does not know its own recipe."""
        brought = {name: part.recipe for name, part in self.parts.items()}
        return None if None in brought.values() else Recipe(self.learner, self.world.spec, brought)


class Mean:
    """The mean of metrics over blocks of unequal length."""

    def __init__(self) -> None:
        self.total, self.count = {}, 0

    def add(self, metrics: dict, count: int) -> None:
        self.total = {name: self.total.get(name, 0.0) + np.float64(value) * count for name, value in metrics.items()}
        self.count += count

    def take(self) -> dict:
        mean = {name: value / self.count for name, value in self.total.items()}
        self.total, self.count = {}, 0
        return mean
