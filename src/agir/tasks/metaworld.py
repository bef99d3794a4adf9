"""MetaWorld (Yu et al. 2019, version 3): fifty tasks of a Sawyer arm over a table, each with a scripted expert.

`metaworld/door-open` and its forty-nine brothers. `Meta-World/MT1` as Gymnasium makes it keeps its own sequence of goals whatever
the seed says, so here the goal-observable classes are used and seeded at each episode: start and goal are functions of the seed
(in bin-picking, hammer and sweep-into the authors' goal stays where it is, and the object's place varies).
"""

import dataclasses
import functools
import os
import sys
import warnings
from typing import Any

import equinox as eqx
import gymnasium
import numpy as np

from agir.core.errors import BadSetting, Missing
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Dict, Key, Meaning, Spec
from agir.data.dataset import Dataset
from agir.tasks import metaworld_drawing as drawing
from agir.tasks.demonstrations import collect_on_host
from agir.tasks.gym import space_to_gymnasium
from agir.tasks.options import Optioned

HORIZON = 500  # the authors' own; experts that succeed need 28 to 142 steps in the median, 373 at most
RATE_HZ = 80.0  # five simulator steps of 2.5 ms an action
STATE = Box((39,))  # hand, gripper, two objects' places and turns; the same one step ago; the goal
ACTION = Box((4,), -1.0, 1.0)  # the hand's move in cm along x, y, z; the fingers' effort
# The share of 50 episodes (purpose "pilot", indices from 0) that the scripted expert solves.
EXPERT_RATES = {
    "assembly": 1.0,
    "basketball": 0.96,
    "bin-picking": 1.0,
    "box-close": 0.8,
    "button-press": 1.0,
    "button-press-topdown": 1.0,
    "button-press-topdown-wall": 1.0,
    "button-press-wall": 0.96,
    "coffee-button": 1.0,
    "coffee-pull": 1.0,
    "coffee-push": 1.0,
    "dial-turn": 1.0,
    "disassemble": 0.86,
    "door-close": 1.0,
    "door-lock": 1.0,
    "door-open": 0.96,
    "door-unlock": 1.0,
    "drawer-close": 1.0,
    "drawer-open": 1.0,
    "faucet-close": 1.0,
    "faucet-open": 1.0,
    "hammer": 1.0,
    "hand-insert": 1.0,
    "handle-press": 1.0,
    "handle-press-side": 1.0,
    "handle-pull": 1.0,
    "handle-pull-side": 1.0,
    "lever-pull": 1.0,
    "peg-insert-side": 0.92,
    "peg-unplug-side": 1.0,
    "pick-out-of-hole": 1.0,
    "pick-place": 1.0,
    "pick-place-wall": 0.98,
    "plate-slide": 1.0,
    "plate-slide-back": 1.0,
    "plate-slide-back-side": 1.0,
    "plate-slide-side": 1.0,
    "push": 1.0,
    "push-back": 0.98,
    "push-wall": 1.0,
    "reach": 1.0,
    "reach-wall": 1.0,
    "shelf-place": 1.0,
    "soccer": 0.9,
    "stick-pull": 0.96,
    "stick-push": 1.0,
    "sweep": 1.0,
    "sweep-into": 0.94,
    "window-close": 1.0,
    "window-open": 1.0,
}


@dataclasses.dataclass(frozen=True)
class MetaWorld(Optioned):
    """One of the fifty tasks.

    `sparse` reward is 1 at success, where the episode ends; `dense` is the authors' shaped reward (0 to 10 a step), and the
    episode goes on to its horizon, because ending it would punish success. Images need OpenGL: without it `make` raises Missing.
    """

    family = "metaworld"
    variants = tuple(EXPERT_RATES)
    compiled = False
    horizon = HORIZON

    variant: str
    reward: str = "sparse"  # or "dense"
    observation: str = "state"  # or "image": a picture, and the hand's place and opening
    size: int = 84  # of the picture, in pixels
    camera: str = "side"  # agir's own, sees the whole table; or one of the model's: corner, corner2, corner3, topview, gripperPOV

    def __post_init__(self) -> None:
        for option, known in (("reward", ("sparse", "dense")), ("observation", ("state", "image"))):
            if getattr(self, option) not in known:
                raise BadSetting(f"metaworld's {option} is {' or '.join(known)}, not '{getattr(self, option)}'.")
        if self.size < 1 or self.camera not in drawing.CAMERAS:
            raise BadSetting(f"metaworld's size is at least 1 and its camera one of {', '.join(drawing.CAMERAS)}.")

    @property
    def spec(self) -> Spec:
        picture = Dict((("image", Box((self.size, self.size, 3), 0.0, 255.0, "uint8")), ("proprioception", Box((4,)))))
        return Spec(STATE if self.observation == "state" else picture, ACTION, Meaning("delta", "", "world", RATE_HZ))

    @property
    def expert_rate(self) -> float:
        return EXPERT_RATES[self.variant]

    @property
    def about(self) -> str:
        return f"a Sawyer arm, {self.variant.replace('-', ' ')}; start and goal vary"

    def make(self) -> "SawyerEnv":
        return SawyerEnv(self)

    def expert(self) -> "ScriptedExpert":
        """The authors' script; it sees the state, also where the task shows images."""
        return ScriptedExpert(dataclasses.replace(self, observation="state").spec, self.variant)

    def demonstrations(self, episodes: int, first: int = 0) -> Dataset:
        """The expert's first `episodes` successes from index `first`; failures are left out, so indices may have gaps."""
        return collect_on_host(self, self.expert(), episodes, first, see=lambda env: env.state, packages=("metaworld", "mujoco"))

    def scene(self) -> dict:
        return drawing.scene()

    def shapes(self, state: "SawyerEnv") -> list[dict]:
        return drawing.shapes(state.inner)


class SawyerEnv(gymnasium.Env):
    """The simulator of one task; `reset(seed=...)` decides start and goal alone. `state` is the 39 numbers, whatever is shown."""

    def __init__(self, task: MetaWorld):
        classes = _metaworld().env_dict.ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE
        self.task = task
        self.observation_space, self.action_space = (space_to_gymnasium(space) for space in (task.spec.observation, task.spec.action))
        self.inner = classes[f"{task.variant}-v3-goal-observable"](seed=0)
        self.inner.seeded_rand_vec, self.inner._freeze_rand_vec = True, False
        self.renderer, self.state = None, np.zeros(STATE.shape, np.float32)
        if task.observation == "image":
            try:
                self.renderer = drawing.renderer(self.inner, task.size)
            except Missing:
                self.inner.close()
                raise

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        if seed is not None:
            self.inner.seed(seed)
        state, _ = self.inner.reset()
        return self._seen(state), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        state, reward, _, truncated, info = self.inner.step(np.clip(action, -1.0, 1.0))
        success, sparse = bool(info["success"]), self.task.reward == "sparse"
        return self._seen(state), float(success) if sparse else float(reward), sparse and success, bool(truncated), {"success": success}

    def _seen(self, state: np.ndarray) -> Any:
        self.state = state.astype(np.float32)
        if self.renderer is None:
            return self.state
        return {"image": drawing.picture(self.inner, self.renderer, self.task.camera), "proprioception": self.state[:4]}

    def close(self) -> None:
        if self.renderer is not None:
            self.renderer.close()
        self.inner.close()


class ScriptedExpert(Policy):
    """The authors' script for one task: a function of the state [39]."""

    variant: str = eqx.field(static=True)
    compiled = False

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that large moves are clipped, which is meant
            action = _script(self.variant).get_action(np.asarray(observation, np.float64))
        return Act(np.clip(action, -1.0, 1.0).astype(np.float32), memory)


@functools.cache
def _script(variant: str) -> Any:
    _metaworld()
    from metaworld.policies import ENV_POLICY_MAP

    return ENV_POLICY_MAP[f"{variant}-v3"]()


def _metaworld() -> Any:
    """The package; raises Missing with the command that brings it."""
    if sys.platform == "linux":
        os.environ.setdefault("MUJOCO_GL", "egl")  # MuJoCo reads it once, when it is imported
    try:
        import metaworld.env_dict
    except ModuleNotFoundError as error:
        raise Missing.extra("MetaWorld", "robots", error) from error
    return metaworld
