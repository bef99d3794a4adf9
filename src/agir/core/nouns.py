"""The nouns of agir. Everything acts and learns on ONE lane and ONE seed, with no batch axis; lanes and seeds are vmaps."""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx

from agir.core.errors import BadSetting
from agir.core.spaces import Key, Spec


# ------------------------------------------------------------------------------------------------------------- the world
class Step(NamedTuple):
    """What `Environment.step` gives beside its next state."""

    observation: Any
    reward: Any  # float32 []
    terminated: Any  # bool []: the task ended here (goal, failure), so there is no value after it
    truncated: Any  # bool []: the episode was cut (time), so there is
    info: dict = {}  # arrays of fixed structure: success (bool), cost, action mask, ...


@runtime_checkable
class Environment(Protocol):
    """A simulator in JAX: pure functions of a state. One on the host is a `gymnasium.Env` instead."""

    def reset(self, key: Key) -> tuple[Any, Any]:
        """-> state, observation. The start (and goal) is a function of the key alone."""

    def step(self, state: Any, action: Any, key: Key) -> tuple[Any, Step]: ...


class Task:
    """What is to be done. Subclasses set the fields and give `environment` (compiled) or `make` (on the host)."""

    name: str
    spec: Spec
    horizon: int  # steps after which an episode is truncated
    compiled: bool = True
    about: str = ""  # one line for the listing
    shows: str = ""  # what can and cannot be shown with it
    observed: str = ""  # what the numbers of an observation are, in their order
    usual_demonstrations: int | None = 100  # episodes asked of `demonstrations` where nothing is said; None: all there are
    expert_rate: float | None = None  # measured success of the scripted expert, where there is one
    infos: tuple[str, ...] = ("success",)  # on the host: what of `info` is recorded at every step (numbers of fixed shapes)

    def environment(self) -> Environment:
        raise NotImplementedError

    def make(self) -> Any:
        """-> a new `gymnasium.Env`; `reset(seed=...)` decides the start alone, `info["success"]` says when the task is done."""
        raise NotImplementedError

    def demonstrations(self, episodes: int, first: int = 0) -> Any:
        """-> Dataset of `episodes` successful expert episodes; their starts are those of purpose "demonstrations" from index `first`.

        Raises BadSetting where the task has no expert.
        """
        raise BadSetting(f"{self.name} has no expert to ask for demonstrations: bring recordings (--data PATH, or data=...).")

    def replay(self, dataset: Any, episodes: int | None = None) -> dict | None:
        """The recorded actions of the first `episodes` (None: all), open loop from each recorded start.

        -> arrays [episodes], `success` among them; None: recordings of this task cannot be replayed. Raises BadData where the
        dataset lacks what it takes to restore a start.
        """
        return None

    def scene(self) -> dict | None:
        """What never moves, for drawing; None: the task cannot be drawn.

        {"view": "2d" or "3d", "bounds": [[x_min, x_max], [y_min, y_max] (, [z_min, z_max])], "shapes": [shape, ...]}. A shape is
        {"kind": "line" | "polygon" | "circle", "points": [[x, y (, z)], ...], "width" or "radius": float in world units, "role":
        "agent" | "link" | "object" | "goal" | "obstacle" | "demonstration" | "ground"}; a circle has one point, its centre.
        A 3-D scene has z up, and may say where it is best seen from: "camera": [azimuth, elevation] in degrees.
        """
        return None

    def shapes(self, state: Any) -> list[dict]:
        """What moves, in the same form: from one environment state as NumPy (compiled), or a live `gymnasium.Env` (host).

        Always the same shapes in the same order with the same number of points, so that frames are points alone.
        """
        return []


# ---------------------------------------------------------------------------------------------------------------- acting
class Act(NamedTuple):
    action: Any  # as spec.action; a planner's action is a chunk [horizon, ...]
    memory: Any  # same structure, shapes and dtypes as start() gave: it is a loop carry
    info: dict = {}  # log_prob, value, passes of the network, features: recorded by whoever wants them


class Policy(eqx.Module):
    """How to act. Arrays and static fields only; a policy that wraps another (executor, guard, monitor) is a Policy."""

    spec: Spec = eqx.field(static=True)
    compiled = True  # False: any Python, driven on the host without jit or vmap
    see = None  # of a scripted expert in a compiled task, where the observation does not do: a function state -> what `act` is shown

    def start(self, key: Key) -> Any:
        """-> memory. Sees no observation, so that a lane can begin again at any moment."""
        return ()

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        raise NotImplementedError


class Experience(eqx.Module):
    """Transitions, with whatever leading axes a source gives them."""

    observation: Any
    action: Any
    reward: Any  # of one step, or of n with the learner's discount
    discount: Any  # what multiplies next_observation's value: 0 where terminated, else discount ** n
    next_observation: Any  # the true successor, at an episode's end too
    terminated: Any
    truncated: Any
    info: dict = dataclasses.field(default_factory=dict)  # the environment's
    act_info: dict = dataclasses.field(default_factory=dict)  # the acting policy's
    memory: Any = None  # the acting policy's, before the first of these steps: no time axis


class Window(eqx.Module):
    """A history of observations and the chunk of actions that begins at its first observation."""

    observation: Any  # [history, ...]; before the episode's begin the first observation is repeated
    action: Any  # [horizon, ...]; index history - 1 is the action taken at the last observation
    mask: Any  # float32 [horizon]: 0 where the chunk runs over either end of the episode; padding never counts


class Foresight(Window):
    """A window, and what was seen after it."""

    ahead: Any  # [frames, ...]: observations after the window's last; past the episode's end its final one is repeated
    ahead_mask: Any  # float32 [frames]: 0 there


# -------------------------------------------------------------------------------------------------------------- learning
def given(capability: type, default: Any = None, about: str = "") -> Any:
    """A field that is a finished thing, not a number: a trained part or policy, a dataset, a simulator, a language model.

    The caller brings it (`--base RUN`), or its default is a Learner: a stage, learnt first by the same loop, a seed each.
    """
    return eqx.field(default=default, metadata={"given": capability, "about": about})


def bound(default: Any = None) -> Any:
    """A field that `Source.bind` or `Source.tuned` sets: not the user's, and not written down."""
    return eqx.field(default=default, metadata={"bound": True})


def fixed(default: Any) -> Any:
    """A field that the method's author chooses: written down, but not a user's setting."""
    return eqx.field(default=default, metadata={"fixed": True})


class Learner(eqx.Module):
    """Something learnt in updates.

    Fields: floats are traced (another value is not another program); ints, bools and strings are static; givens are parts.
    """

    counted = False  # True: how many updates there are is a part of what is made (a merge each, say), and no budget changes it

    learns_from: eqx.AbstractVar[Any]  # a Source, not yet bound to a world
    updates: eqx.AbstractVar[int]  # in all
    spec: Spec | None = eqx.field(default=None, static=True, kw_only=True)  # the loop sets it

    def suits(self) -> None:
        """Raises BadSpec where it is not for such observations or actions, BadSetting for settings that can be seen to be wrong.

        The spec is in its place, the givens are not yet. So a method that learns in stages says it before the first of them.
        """

    def init(self, key: Key) -> Any:
        """-> state; its structure and shapes follow from self, never from data."""
        raise NotImplementedError

    def update(self, state: Any, batch: Any, step: Any, key: Key) -> tuple:
        """-> state, metrics (scalars), and if the source wants any, feedback (priorities, ...).

        `step` is the same for all seeds, so that a lax.cond on it pays for one branch.
        """
        return state, {}

    def validate(self, state: Any, batch: Any, key: Key) -> dict:
        """-> metrics (scalars) on data that nothing is learnt from."""
        return {}

    def behaviour(self, state: Any) -> Policy | None:
        """-> the policy that collects (it explores)."""
        return None

    def result(self, state: Any) -> Any:
        """What it hands on: a codec, a critic, a model; a Method's is its policy."""
        raise NotImplementedError


class Method(Learner):
    def policy(self, state: Any) -> Policy:
        """-> the policy to evaluate and to deploy."""
        raise NotImplementedError

    def behaviour(self, state: Any) -> Policy:
        return self.policy(state)

    def result(self, state: Any) -> Policy:
        return self.policy(state)


class Source(eqx.Module):
    """Where batches come from."""

    compiled = True  # False: lives on the host and serves all seeds at once (a leading seed axis on everything)

    def sized(self, world: Any) -> "Source":
        """-> the source with those of its settings that only the data say (how many rows there are), for a learner's `init`."""
        return self

    def bind(self, world: Any, learner: Learner, split: str = "training") -> "Source":
        """-> the same source with its columns or environment, and what it must know of the learner."""
        raise NotImplementedError

    def wants(self) -> tuple[str, ...]:
        """The names of the datasets it reads."""
        return ()

    def tuned(self, learner: Learner) -> "Source":
        """-> the source with this lane's values of the learner's float fields (its discount, ...)."""
        return self

    def start(self, policy: Policy | None, key: Key) -> Any:
        """-> feed: all that must survive a kill (lanes, memories, a replay ring), arrays only."""
        return ()

    def next(self, feed: Any, policy: Policy | None, step: Any, key: Key) -> tuple[Any, Any]:
        """-> feed, batch."""
        raise NotImplementedError

    def resumed(self, feed: Any) -> Any:
        """-> a feed whose arrays come from a checkpoint, made ready to go on (what lives on the host begins anew)."""
        return feed

    def receive(self, feed: Any, feedback: Any) -> Any:
        """-> feed; the third result of `Learner.update`, where it gives one."""
        return feed
