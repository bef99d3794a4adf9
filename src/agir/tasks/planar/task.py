"""Planar: one small world of contact, as a table of presets. `planar/PRESET,option=value,...`.

An option that is None has the preset's own value; every preset knows those from `observe` to `inertia` and `steps`,
and some know others. A hand's demonstrations are action-free (`Dataset.without_actions`).

`blind` and the jumps of `disturb` are hidden in the state's vector only: images and tokens show the fixture where it is.

Success is the preset's; it ends the episode, and so does failure. `info["phase"]` is 1 where the action was chosen at work and 0 in
free space, for methods that take such labels.
"""

import dataclasses
import functools
from types import SimpleNamespace
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Key, Meaning, Spec
from agir.data.dataset import Dataset
from agir.tasks.cameras import Camera, look_at
from agir.tasks.native import Native, Timed, World
from agir.tasks.planar import sight
from agir.tasks.planar.demonstrator import Demonstrator, bounded
from agir.tasks.planar.presets import ABOUT, PRESETS
from agir.tasks.planar.scenes import Scene
from agir.tasks.planar.world import RATE_HZ, STRIDE_M, TABLE_M, TOP_M, WIDEST_M, Physics, move
from agir.tasks.raster import drawing

CHOICES = {
    "observe": ("state", "tokens", "image", "keypoints"),
    "control": ("velocity", "position"),
    "embodiment": ("point", "gripper", "hand"),
    "region": ("all", "inside", "outside"),
    "shape": ("disc", "box"),
}
BETWEEN = dict.fromkeys(("vary", "uneven", "speed", "friction"), (0.0, 1.0))
BETWEEN |= dict.fromkeys(("noise", "slip", "blind", "disturb", "clearance"), (0.0, 0.05))
BETWEEN |= {"inertia": (0.0, 0.95), "width": (0.005, 0.2), "image": (16, 64), "views": (1, 2), "modes": (1, 8)}
BETWEEN |= {"distractors": (0, 8), "goal": (0, 7), "steps": (1, 10_000)}
HARMLESS = {"observe", "image", "views", "vary", "control", "goal", "region", "word"}  # to the demonstrator's rate


@dataclasses.dataclass(frozen=True)
class Planar(Native):
    family: ClassVar[str] = "planar"
    variants: ClassVar[tuple[str, ...]] = tuple(PRESETS)
    about: ClassVar[str] = ABOUT

    variant: str
    observe: str | None = None  # state: a vector; tokens: [things, features]; image, and what the robot knows of itself; keypoints
    image: int | None = None  # pixels of an image's side, 16 to 64
    views: int | None = None  # 1, from above; 2, also from aside: calibrated cameras
    vary: float | None = None  # how much light, texture and cameras differ from episode to episode, 0 to 1
    embodiment: str | None = None  # how the hand looks, and where its keypoints are: point (a disc), gripper or hand
    control: str | None = None  # what an action is: a velocity (m/s), or the position to move to (m)
    noise: float | None = None  # of each of the demonstrator's strides (standard deviation, m); a tenth of it where it takes care
    speed: float | None = None  # of the demonstrator, as a share of the fastest
    uneven: float | None = None  # how far below its speed the demonstrator may be, afresh at each step
    modes: int | None = None  # how many ways the demonstrator has
    slip: float | None = None  # of each of the hand's strides, whoever acts (standard deviation, m): noise of the system
    inertia: float | None = None  # the share of its velocity that the hand keeps; it is then observed too
    distractors: int | None = None  # things that do not matter
    region: str | None = None  # where goals lie: inside the training region, outside of it, or all
    goal: int | None = None  # which of eight
    shape: str | None = None  # of what is pushed: disc or box
    friction: float | None = None  # between the pusher and what is pushed
    clearance: float | None = None  # of the peg in the slot, m
    blind: float | None = None  # how far from its place, at most, the slot is said to be, m
    disturb: float | None = None  # how far, at most, the fixture jumps, m
    width: float | None = None  # half of the lane's, m
    word: str | None = None  # which strokes
    steps: int | None = None  # the horizon

    def __post_init__(self):
        known = PRESETS[self.variant].settings
        for name, value in self.said.items():
            if name not in known:
                others = [preset for preset, row in PRESETS.items() if name in row.settings]
                raise BadSetting(f"planar/{self.variant} has no '{name}'; these have: {', '.join(others)}.")
            if name in CHOICES and value not in CHOICES[name]:
                raise BadSetting(f"planar: {name} is one of {', '.join(CHOICES[name])}, not '{value}'.")
            if name in BETWEEN and not BETWEEN[name][0] <= value <= BETWEEN[name][1]:
                raise BadSetting(f"planar: {name} lies between {BETWEEN[name][0]} and {BETWEEN[name][1]}, not at {value}.")
        if self.of.speed == 0:
            raise BadSetting("planar: a demonstrator with speed=0 gets nowhere. Take a share above 0, at most 1.")
        self.stage.check()

    @property
    def said(self) -> dict[str, Any]:
        """The options that are not the preset's own."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "variant"}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def settings(self) -> dict[str, Any]:
        return vars(self.of)

    @property
    def observed(self) -> str:
        if self.of.observe != "state":
            return ""
        return ", ".join(column.name + f" ({column.size})" * (column.size > 1) for column in self.stage.columns)

    @property
    def shows(self) -> str:
        return PRESETS[self.variant].shows

    @functools.cached_property
    def of(self) -> SimpleNamespace:
        """The values of all options that the preset knows."""
        return SimpleNamespace(**(PRESETS[self.variant].settings | self.said))

    @functools.cached_property
    def stage(self) -> Scene:
        return PRESETS[self.variant].scene(self.of)

    @property
    def horizon(self) -> int:
        return self.of.steps

    @property
    def expert_rate(self) -> float | None:
        """Measured over 4096 episodes with the preset's own options."""
        return None if self.said.keys() - HARMLESS else PRESETS[self.variant].rate

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """The calibrated cameras (with `vary` the episodes' differ from them)."""
        return tuple(look_at(eye, sight.MIDDLE, focal) for eye, focal in sight.VIEWS.values())

    @functools.cached_property
    def spec(self) -> Spec:
        rises, fingers = self.stage.rises, self.stage.outfit.fingers
        if self.of.control == "velocity":
            low = (-STRIDE_M * RATE_HZ,) * (2 + rises + fingers)
            high, meaning = tuple(-x for x in low), Meaning("velocity", "m/s", "world", RATE_HZ)
        else:
            low = (-TABLE_M, -TABLE_M) + (0.0,) * rises + (0.0,) * fingers
            high = (TABLE_M, TABLE_M) + (TOP_M,) * rises + (WIDEST_M,) * fingers
            meaning = Meaning("absolute", "m", "world", RATE_HZ)
        return Spec(sight.space(self.stage), Box((len(low),), low, high), meaning)

    def say(self, physics: Physics, stride: Float[Array, "3"], closing: Float[Array, ""]) -> Float[Array, "size"]:
        """A stride of the hand and of the fingers (m) as an action."""
        part = lambda whole, fingers: jnp.append(whole[: 2 + self.stage.rises], fingers if self.stage.outfit.fingers else jnp.zeros(0))
        if self.of.control == "velocity":
            return part(stride, closing) * RATE_HZ
        return part(physics.hand + stride, physics.opening + closing)

    def understand(self, physics: Physics, action: Float[Array, "size"]) -> tuple[Float[Array, "3"], Float[Array, ""]]:
        """The inverse of `say`: the commanded stride, no longer than the longest, and the fingers'."""
        rises, fingers = self.stage.rises, self.stage.outfit.fingers
        here = jnp.append(physics.hand, physics.opening)
        full = jnp.concatenate([action[: 2 + rises], jnp.zeros(1 - rises), action[-1:] if fingers else jnp.zeros(1)])
        kept = jnp.array([1.0, 1.0, float(rises), float(fingers)])
        stride = full / RATE_HZ if self.of.control == "velocity" else kept * (full - here)
        return bounded(stride[:3], STRIDE_M), jnp.clip(stride[3], -STRIDE_M, STRIDE_M)

    def environment(self) -> "PlanarEnvironment":
        return PlanarEnvironment(self.horizon, self)

    def expert(self) -> Demonstrator:
        return Demonstrator(self.spec, self)

    def demonstrations(self, episodes: int, first: int = 0) -> Dataset:
        made = super().demonstrations(episodes, first)
        return made.without_actions() if self.of.embodiment == "hand" else made

    def scene(self) -> dict:
        return {"view": "2d", "bounds": [[-TABLE_M - 0.02, TABLE_M + 0.02]] * 2, "shapes": []}

    def shapes(self, state: World) -> list[dict]:
        return drawing(jax.device_get(self._figures(jax.tree.map(jnp.asarray, state.physics))))

    @functools.cached_property
    def _figures(self) -> Any:
        """All figures of a state, compiled: a report draws thousands."""
        return eqx.filter_jit(lambda physics: self.stage.figures(physics) + sight.hand(self.stage, physics))


class PlanarEnvironment(Timed):
    task: Planar = eqx.field(static=True)

    def begin(self, key: Key) -> Physics:
        start, look, order = jax.random.split(key, 3)
        physics = self.task.stage.begin(start)
        if self.task.of.vary:
            physics = physics._replace(look=jax.random.uniform(look, (24,), jnp.float32, -1.0, 1.0))
        if self.task.of.observe == "tokens":
            others = sight.token_count(self.task.stage) - 1
            physics = physics._replace(order=jax.random.permutation(order, others).astype(jnp.int32))
        return physics

    def advance(self, physics: Physics, action: Float[Array, "size"], key: Key) -> tuple[Physics, Float[Array, ""], Bool[Array, ""]]:
        of, stage = self.task.of, self.task.stage
        stride, closing = self.task.understand(physics, action)
        stride = of.inertia / RATE_HZ * physics.velocity + (1 - of.inertia) * stride
        if of.slip:
            level = jnp.array([1.0, 1.0, float(stage.rises)])
            stride = stride + of.slip * level * jax.random.normal(key, (3,), jnp.float32)
        if stage.jumps:
            due = (physics.jumps[:, :1] == physics.clock.astype(jnp.float32)).astype(jnp.float32)
            physics = physics._replace(fixture=physics.fixture + (due * physics.jumps[:, 1:]).sum(0))
        moved = stage.judge(physics, move(stage.outfit, physics, stride, closing))
        moved = moved._replace(clock=physics.clock + 1, done=moved.done & ~moved.failed)
        return moved, moved.done.astype(jnp.float32), moved.done | moved.failed

    def observe(self, physics: Physics) -> Any:
        return sight.observe(self.task.stage, physics)

    def info(self, physics: Physics, terminated: Any, truncated: Any) -> dict:
        return {"success": physics.done, "phase": physics.phase} | self.task.stage.info(physics)
