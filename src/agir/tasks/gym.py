"""Any Gymnasium environment as a task: by its id (`gym/CartPole-v1`), or from the caller's own factory (`from_gymnasium`).

agir's values of a space are fewer than Gymnasium's: float32 and uint8 boxes, choices that count from 0, dicts. `Adapted` speaks
both languages; spaces that have no such form are refused by name, with the wrapper that mends it.
"""

import importlib
import importlib.util
import math
import re
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from agir.core.errors import BadEnvironment, BadSetting, BadSpec, UnknownName
from agir.core.nouns import Task
from agir.core.spaces import Box, Dict, Discrete, Meaning, MultiBinary, MultiDiscrete, Space, Spec
from agir.tasks.options import WORDS, split

PROVIDERS = ("gymnasium_robotics", "gym_pusht", "ale_py", "minigrid", "highway_env", "miniwob")  # register their ids when imported
_TORQUES = "Ant|HalfCheetah|Hopper|Humanoid|HumanoidStandup|InvertedDoublePendulum|InvertedPendulum|Pusher|Reacher|Swimmer|Walker2d"
MEANINGS = (  # of an id without its namespace and version; rate_hz 0: the simulator's own `dt` says it, where it has one
    (r"CartPole|MountainCar|Acrobot|LunarLander", Meaning("choice")),
    (r"Pendulum", Meaning("torque", "N m", "joint", 20.0)),
    (rf"({_TORQUES})|AntMaze.*", Meaning("torque", "", "joint")),  # of each motor's range
    (r"PointMaze.*", Meaning("force", "", "world")),
    (r"PushT.*", Meaning("absolute", "px", "screen", 10.0)),
    (r"AdroitHand.*", Meaning("absolute", "", "joint")),
    (r"Fetch.*", Meaning("delta", "", "world")),
    (r"FrankaKitchen", Meaning("velocity", "", "joint")),
)
UNKNOWN = Meaning("unknown")  # of any other environment, where nobody says it


# ---------------------------------------------------------------------------------------------------------------- spaces
def space_from_gymnasium(space: spaces.Space, where: str = "the space") -> Space:
    """The space of the same values; raises BadSpec naming the part that has no such form, and what to wrap it in."""
    match space:
        case spaces.Box() if space.dtype == np.uint8 or space.dtype.kind == "f":
            dtype = "uint8" if space.dtype == np.uint8 else "float32"
            return Box(tuple(space.shape), _bound(space.low), _bound(space.high), dtype)
        case spaces.Discrete():
            return Discrete(int(space.n))
        case spaces.MultiDiscrete() if space.nvec.ndim == 1:
            return MultiDiscrete(tuple(int(count) for count in space.nvec))
        case spaces.MultiBinary() if len(space.shape) == 1:
            return MultiBinary(int(space.shape[0]))
        case spaces.Dict():
            return Dict(tuple((name, space_from_gymnasium(part, f"{where}.{name}")) for name, part in space.spaces.items()))
    mend = {
        spaces.Box: "Cast it to float32 (gymnasium.wrappers.DtypeObservation)",
        spaces.Tuple: "Flatten it (gymnasium.wrappers.FlattenObservation) or make it a Dict",
        spaces.MultiDiscrete: "Give it one axis (gymnasium.wrappers.TransformObservation or TransformAction)",
        spaces.MultiBinary: "Give it one axis (gymnasium.wrappers.TransformObservation or TransformAction)",
        spaces.Text: "Leave it out (gymnasium.wrappers.FilterObservation) or encode it (TransformObservation)",
    }.get(type(space), "Turn it into boxes and choices (gymnasium.wrappers.TransformObservation or TransformAction)")
    raise BadSpec(f"{where} is {' '.join(str(space).split())}, which agir has no form for. {mend}.")


def _bound(bound: np.ndarray) -> float | tuple[float, ...]:
    with np.errstate(over="ignore"):  # a bound beyond float32 is none
        flat = bound.astype(np.float32).ravel().tolist()
    return flat[0] if len(set(flat)) == 1 else tuple(flat)


def space_to_gymnasium(space: Space) -> spaces.Space:
    match space:
        case Box():
            return spaces.Box(*(bound.astype(space.dtype) for bound in space.bounds), space.shape, np.dtype(space.dtype).type)
        case Discrete():
            return spaces.Discrete(space.count)
        case MultiDiscrete():
            return spaces.MultiDiscrete(space.counts, np.int32)
        case MultiBinary():
            return spaces.MultiBinary(space.count)
        case Dict():
            return spaces.Dict({name: space_to_gymnasium(part) for name, part in space.parts})
    raise TypeError(space)


def from_gymnasium_value(space: spaces.Space, value: Any) -> Any:
    """An environment's value as agir's: choices count from 0, floats are float32. Shapes are left as they are."""
    match space:
        case spaces.Dict():
            if not isinstance(value, dict) or not space.spaces.keys() <= value.keys():
                what = f"a dict of {', '.join(value)}" if isinstance(value, dict) else f"a {type(value).__name__}"
                raise BadEnvironment(f"An environment gives {what} where its space is a dict of {', '.join(space.spaces)}.")
            return {name: from_gymnasium_value(part, value[name]) for name, part in space.spaces.items()}
        case spaces.Discrete() | spaces.MultiDiscrete():
            return np.asarray(value - space.start, np.int32)
        case spaces.MultiBinary():
            return np.asarray(value, np.int32)
    with np.errstate(over="ignore"):
        return np.asarray(value, space.dtype if space.dtype == np.uint8 else np.float32)


def to_gymnasium_value(space: spaces.Space, value: Any) -> Any:
    """agir's value as the environment wants it: its own dtype, start and (for one choice) an int."""
    match space:
        case spaces.Dict():
            return {name: to_gymnasium_value(part, value[name]) for name, part in space.spaces.items()}
        case spaces.Discrete():
            return space.dtype.type(int(value) + int(space.start))
        case spaces.MultiDiscrete():
            return (np.asarray(value) + space.start).astype(space.dtype)
    return np.asarray(value).astype(space.dtype)


# ------------------------------------------------------------------------------------------------------------------ task
class Adapted(gymnasium.Wrapper):
    """An environment that sees and gives agir's values; where it tells of success at all, `info["success"]` stands in every step."""

    def __init__(self, env: gymnasium.Env, spec: Spec, tells: bool):
        super().__init__(env)
        self.tells = tells
        self.observation_space = space_to_gymnasium(spec.observation)
        self.action_space = space_to_gymnasium(spec.action)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        observation, info = self.env.reset(seed=seed, options=options)
        return from_gymnasium_value(self.env.observation_space, observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict]:
        observation, reward, terminated, truncated, info = self.env.step(to_gymnasium_value(self.env.action_space, action))
        if tells_success(info) and not self.tells:
            raise BadEnvironment('only some steps say a success: give from_gymnasium infos=("success",), and the others count as none')
        if self.tells:
            info = info | {"success": bool(info.get("success", info.get("is_success", False)))}
        return from_gymnasium_value(self.env.observation_space, observation), reward, terminated, truncated, info


def tells_success(info: dict) -> bool:
    return "success" in info or "is_success" in info


class GymnasiumTask(Task):
    """See `from_gymnasium`; `gym/ID,horizon=200,...` gives other options to `gymnasium.make` as they are."""

    compiled = False

    def __init__(self, make: Callable[[], gymnasium.Env], name: str, horizon: int | None, meaning: Meaning | None, infos: tuple[str, ...]):
        self.name, self._make = name, make
        if not callable(make):
            raise BadSetting(f"{name}: give a function that makes the environment (or its id), not a {type(make).__name__} that is made.")
        env = make()
        if not isinstance(env, gymnasium.Env):
            raise BadEnvironment(f"{name}: the factory gives a {type(env).__name__}, not a gymnasium.Env.")
        try:
            observation = space_from_gymnasium(env.observation_space, f"The observation of {name}")
            action = space_from_gymnasium(env.action_space, f"The action of {name}")
            self.spec = Spec(observation, action, meaning or _meaning(env, action))
            self.horizon = horizon or _time_limit(env, name)
            self.tells = _probe(Adapted(env, self.spec, True), env, name) or "success" in infos
        finally:
            env.close()
        self.infos = tuple(dict.fromkeys(("success", *infos))) if self.tells else infos
        self.about = "success as the environment says it" if self.tells else "return only: the environment says no success"

    @classmethod
    def from_name(cls, rest: str, horizon: int | str | None = None, **options: Any) -> "GymnasiumTask":
        variant, written = split(rest)
        if not variant:
            raise BadSetting("'gym' is a family of tasks: write 'gym/ID', as in 'gym/CartPole-v1'.")
        horizon = written.pop("horizon", horizon)
        if horizon is not None and not str(horizon).isdigit():
            raise BadSetting(f"gym's horizon should be a number of steps, not {horizon!r}.")
        options = {name: _literal(value) for name, value in (written | options).items()}
        said = "".join(f",{name}={value}" for name, value in (options | ({"horizon": horizon} if horizon else {})).items())
        return from_gymnasium(variant, name=f"gym/{variant}{said}", horizon=horizon and int(horizon), **options)

    def make(self) -> Adapted:
        return Adapted(self._make(), self.spec, self.tells)


def from_gymnasium(
    make: str | Callable[[], gymnasium.Env],
    *,
    name: str = "",
    horizon: int | None = None,
    meaning: Meaning | None = None,
    infos: tuple[str, ...] = (),
    **options: Any,
) -> GymnasiumTask:
    """A task from a factory of environments, or from an id that `gymnasium.make` knows (`options` go to it).

    `meaning` is what its actions say to the machine, `Meaning("velocity", "m/s", "world", 10.0)` say: it decides how a guard stops, and
    data that mean something else are refused. For ids that agir knows it is known; else "unknown".

    `horizon` is the environment's own time limit unless given; `infos` are entries of `info` to record. Success, which is
    `info["success"]` or `info["is_success"]`, is recorded where the environment says it from its first step on, or where `infos`
    names it (a step that does not say it then has none). Raises UnknownName on an id,
    BadSpec on a space that agir has no form for, BadSetting where there is no time limit, BadEnvironment where equal seeds do
    not give equal starts.
    """
    if isinstance(make, str):
        identity = _registered(make)
        limit = {"max_episode_steps": horizon} if horizon else {}
        make, name = (lambda: gymnasium.make(identity, disable_env_checker=True, **limit, **options)), name or f"gym/{identity}"
    elif options:
        raise BadSetting(f"{', '.join(options)}: options go with an id; a factory sets its own.")
    return GymnasiumTask(make, name or getattr(make, "__name__", "gym"), horizon, meaning, infos)


def _registered(identity: str) -> str:
    """The id, when Gymnasium knows it or an installed package that registers it has been imported; raises UnknownName."""
    module, colon, _ = identity.rpartition(":")
    namespace = identity.split("/")[0] if "/" in identity else ""
    for package in (module,) if colon else ("", namespace, *PROVIDERS):
        if package and importlib.util.find_spec(package) is not None:
            importlib.import_module(package)
        try:
            gymnasium.spec(identity)
        except gymnasium.error.UnregisteredEnv:
            continue
        return identity
    raise UnknownName("Gymnasium environment", identity, gymnasium.registry, "python -c 'import gymnasium; gymnasium.pprint_registry()'")


def _meaning(env: gymnasium.Env, action: Space) -> Meaning:
    identity = env.spec.id if env.spec else ""
    stem = re.sub(r"(-v\d+)?$", "", identity.rpartition("/")[2])
    stem = re.split(r"[-_]", stem)[0]
    known = next((meaning for rule, meaning in MEANINGS if re.fullmatch(rule, stem)), UNKNOWN)
    if not isinstance(action, Box):
        return Meaning("choice")
    step_s = getattr(env.unwrapped, "dt", 0.0)
    if known == UNKNOWN or known.rate_hz or not isinstance(step_s, float) or step_s <= 0:
        return known
    return Meaning(known.kind, known.unit, known.frame, round(1 / step_s, 6))


def _time_limit(env: gymnasium.Env, name: str) -> int:
    limit = env.spec.max_episode_steps if env.spec else None
    wrapper = env
    while limit is None and isinstance(wrapper, gymnasium.Wrapper):
        limit, wrapper = getattr(wrapper, "_max_episode_steps", None), wrapper.env
    if not limit:
        raise BadSetting(f"{name} has no time limit: say after how many steps an episode is cut, with horizon=STEPS.")
    return int(limit)


def _probe(adapted: Adapted, env: gymnasium.Env, name: str) -> bool:
    """-> whether the environment says its success; raises BadEnvironment where equal seeds do not give equal starts."""
    first, _ = adapted.reset(seed=0)
    env.action_space.seed(0)
    _, _, _, _, info = env.step(env.action_space.sample())
    again, _ = adapted.reset(seed=0)
    same = [np.array_equal(a, b, equal_nan=True) for a, b in zip(_leaves(first), _leaves(again))]
    if not all(same):
        raise BadEnvironment(
            f"{name}: reset(seed=0) gave two different starts. An episode's start must be a function of its seed alone: "
            "draw everything from self.np_random after super().reset(seed=seed)."
        )
    return tells_success(info)


def _leaves(value: Any) -> list:
    return [leaf for part in value.values() for leaf in _leaves(part)] if isinstance(value, dict) else [value]


def _literal(text: Any) -> Any:
    """An option's text as a number or a truth value, where it reads as one."""
    if not isinstance(text, str):
        return text
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return WORDS.get(text.lower(), text)
    return number if math.isfinite(number) else text
