"""Rollouts drawn from states: frames packed for the page's player, and still pictures for print and for readers without scripts."""

import base64
import dataclasses
import math
from typing import Any

import numpy as np
from jaxtyping import Float

from agir.core.errors import BadData
from agir.evaluation.axes import Slots, path, picture
from agir.evaluation.markup import Markup, element
from agir.evaluation.tables import Number, Whole

ROLES = ("ground", "demonstration", "goal", "obstacle", "object", "link", "agent")  # in the order of drawing
KINDS = ("line", "polygon", "circle")
WAYS = (("agent", ("circle",), 0), ("agent", ("line",), 0), ("link", KINDS, -1), ("object", KINDS, 0), ("agent", KINDS, 0))
CAMERA_DEG = (-55.0, 24.0)  # azimuth and elevation a 3-D scene is seen from, unless it says "camera": [azimuth, elevation]
EYE = 3.4  # the camera's distance, in radii of the scene
FRAME_BUDGET = 500_000  # bytes of packed points in one section; with more, only every 2nd, 3rd, ... step is kept
LEVELS = 65535  # a coordinate is stored as one of so many levels of its axis's range


@dataclasses.dataclass(frozen=True)
class Rollout:
    """One episode: `frames[t]` is `task.shapes(...)` of the state before step t, and the last one of the final state."""

    method: str
    start_index: Whole
    success: bool | np.bool_
    frames: list[list[dict]]


@dataclasses.dataclass(frozen=True)
class Rollouts:
    """Episodes side by side: a panel a method, the same start in all; `scene` is `task.scene()`."""

    scene: dict
    rollouts: list[Rollout]
    rate_hz: Number = 10.0  # steps of the environment a second at normal speed
    title: str = "Rollouts"
    about: str = ""


@dataclasses.dataclass(frozen=True)
class Packed:
    """All frames of a section as points alone."""

    moving: list[dict]  # the shapes without their points
    counts: list[int]  # points of each
    points: list[Float[np.ndarray, "_ points dims"]]  # of each rollout [frames, points, dims]
    low: Float[np.ndarray, "dims"]
    high: Float[np.ndarray, "dims"]
    box: Float[np.ndarray, "dims 2"]  # what the picture must show: the scene's bounds, in 3-D all that stands or moves in it
    stride: int  # steps from one kept frame to the next; the last frame is always kept

    @property
    def traced(self) -> int | None:
        """The point whose way is drawn: the middle of an agent that is a circle, else the end of an agent that is a line, the end
        of the last link, the first object, or a corner of the agent."""
        offsets = np.cumsum([0, *self.counts])
        for role, kind, pick in WAYS:
            if found := [i for i, shape in enumerate(self.moving) if shape["role"] == role and shape["kind"] in kind]:
                i = found[pick]
                return int(offsets[i + 1] - 1 if self.moving[i]["kind"] == "line" else offsets[i])
        return None


def outline(shape: dict, where: str) -> tuple:
    """What of a shape may not change from frame to frame; raises BadData on a shape that cannot be drawn."""
    kind, role = shape.get("kind"), shape.get("role", "object")
    if kind not in KINDS or role not in ROLES or not len(shape.get("points", ())):
        raise BadData(f"{where}: a shape needs a kind of {KINDS}, a role of {ROLES} and points, not {kind!r}, {role!r}.")
    return kind, role, len(shape["points"])


def pack(section: Rollouts, budget: int = FRAME_BUDGET) -> Packed:
    """-> the frames as arrays; raises BadData, naming method, start and frame, where shapes change or are not finite."""
    dims = 3 if section.scene["view"] == "3d" else 2
    if not section.rollouts:
        raise BadData(f"The section '{section.title}' has no rollouts: give at least one, or leave the section out.")
    form, points = None, []
    for rollout in section.rollouts:
        where = f"Rollout of '{rollout.method}' from start {rollout.start_index}"
        if not rollout.frames:
            raise BadData(f"{where}: has no frames.")
        forms = [tuple(outline(shape, f"{where}, frame {t}") for shape in frame) for t, frame in enumerate(rollout.frames)]
        form = forms[0] if form is None else form
        if (odd := next((t for t, other in enumerate(forms) if other != form), None)) is not None:
            raise BadData(
                f"{where}, frame {odd}: the shapes are not those of the first frame. `Task.shapes` must always give the same ones."
            )
        if not form:
            points.append(np.zeros((len(rollout.frames), 0, dims)))
            continue
        stacked = [np.concatenate([np.reshape(shape["points"], (-1, dims)) for shape in frame]) for frame in rollout.frames]
        points.append(np.asarray(stacked, float))
        if not np.isfinite(points[-1]).all():
            raise BadData(f"{where}: frame {int(np.argwhere(~np.isfinite(points[-1]))[0, 0])} has a coordinate that is not finite.")
    stride = max(1, math.ceil(sum(p.size for p in points) * 2 / budget))
    kept = [p[np.unique(np.append(np.arange(0, len(p), stride), len(p) - 1))] for p in points]
    bounds = np.asarray(section.scene["bounds"], float)
    low = np.min([bounds[:, 0], *(p.min((0, 1)) for p in kept if p.size)], axis=0)
    high = np.max([bounds[:, 1], *(p.max((0, 1)) for p in kept if p.size)], axis=0)
    moving, counts = [_style(shape) for shape in section.rollouts[0].frames[0]], [count for *_, count in form]
    box = _box(section.scene, moving, counts, kept) if dims == 3 else bounds
    return Packed(moving, counts, kept, low, np.maximum(high, low + 1e-9), box, stride)


def _box(scene: dict, moving: list[dict], counts: list[int], points: list[np.ndarray]) -> np.ndarray:
    """[3, 2]: around all points but the ground's, with their thickness. So the ground may run out of the picture."""
    size = lambda shape: shape.get("radius", shape.get("width", 0.0) / 2)
    thick = np.repeat([size(shape) for shape in moving], counts)[:, None]
    lows, highs = [], []
    for frames in points if counts else []:
        lows.append((frames - thick).min((0, 1)))
        highs.append((frames + thick).max((0, 1)))
    for shape in scene["shapes"]:
        if shape.get("role") != "ground":
            lows.append(np.min(shape["points"], axis=0) - size(shape))
            highs.append(np.max(shape["points"], axis=0) + size(shape))
    return np.stack([np.min(lows, axis=0), np.max(highs, axis=0)], -1) if lows else np.asarray(scene["bounds"], float)


def _style(shape: dict) -> dict:
    size = {name: float(shape[name]) for name in ("width", "radius") if name in shape}
    return {"kind": shape["kind"], "role": shape.get("role", "object")} | size


def quantised(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
    """Points as base64 of little-endian 16-bit integers; off by at most half a level, (high - low) / 65535 / 2."""
    levels = np.rint((points - low) / (high - low) * LEVELS).astype("<u2")
    return base64.b64encode(levels.tobytes()).decode()


def player_data(section: Rollouts, packed: Packed, slots: Slots) -> dict:
    """All that the page's player needs, as JSON types."""
    methods, starts = _methods(section), _starts(section)
    fixed = [_style(shape) | {"points": np.round(np.asarray(shape["points"], float), 5).tolist()} for shape in section.scene["shapes"]]
    runs = [
        {
            "method": methods.index(rollout.method),
            "start": starts.index(int(rollout.start_index)),
            "success": bool(rollout.success),
            "steps": len(rollout.frames) - 1,
            "points": quantised(points, packed.low, packed.high),
        }
        for rollout, points in zip(section.rollouts, packed.points)
    ]
    return {
        "view": section.scene["view"],
        "bounds": np.asarray(section.scene["bounds"], float).tolist(),
        "box": packed.box.tolist(),
        "camera": list(section.scene.get("camera", CAMERA_DEG)),
        "eye": EYE,
        "rate": float(section.rate_hz),
        "fixed": fixed,
        "moving": [shape | {"count": count} for shape, count in zip(packed.moving, packed.counts)],
        "traced": packed.traced,
        "low": packed.low.tolist(),
        "high": packed.high.tolist(),
        "stride": packed.stride,
        "methods": [{"name": name, "mark": slots.mark(name)} for name in methods],
        "starts": starts,
        "runs": runs,
    }


def _methods(section: Rollouts) -> list[str]:
    return list(dict.fromkeys(rollout.method for rollout in section.rollouts))


def _starts(section: Rollouts) -> list[int]:
    return list(dict.fromkeys(int(rollout.start_index) for rollout in section.rollouts))


# ----------------------------------------------------------------------------------------------------------------- stills
class Camera:
    """World to picture: y up in 2-D, and in 3-D (z up) a perspective from outside the scene's sphere. The player does the same."""

    def __init__(self, section: Rollouts, packed: Packed, width: float, margin: float = 10.0):
        self.flat = section.scene["view"] != "3d"
        self.center = packed.box.mean(1)
        self.radius = float(np.linalg.norm(packed.box[:, 1] - packed.box[:, 0])) / 2
        azimuth, elevation = np.radians(section.scene.get("camera", CAMERA_DEG))
        ca, sa, ce, se = np.cos(azimuth), np.sin(azimuth), np.cos(elevation), np.sin(elevation)
        self.turn = np.array([[-sa, ca, 0.0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]])  # right, up, towards the eye
        corners = np.stack(np.meshgrid(*packed.box, indexing="ij"), -1).reshape(-1, len(packed.box))
        seen = self.seen(corners)[:, :2]
        low, high = seen.min(0), seen.max(0)
        tallest = 1.1 if self.flat else 0.8
        self.width, self.height = width, float(min(tallest, (high[1] - low[1]) / (high[0] - low[0])) * width)
        self.scale = float(min((np.array([self.width, self.height]) - 2 * margin) / (high - low)))
        self.middle = (low + high) / 2

    def seen(self, points: Any) -> np.ndarray:
        """[points, dims] -> [points, 3]: x to the right and y up in world units at the centre's depth, and how much larger than there."""
        points = np.asarray(points, float) - self.center
        if self.flat:
            return np.concatenate([points, np.ones((len(points), 1))], 1)
        turned = points @ self.turn.T
        larger = EYE * self.radius / (EYE * self.radius - turned[:, 2:])
        return np.concatenate([turned[:, :2] * larger, larger], 1)

    def __call__(self, points: Any) -> np.ndarray:
        """[points, dims] -> [points, 3]: x, y in the picture, and its units per world unit there."""
        seen = self.seen(points)
        flat = (seen[:, :2] - self.middle) * self.scale * [1, -1] + [self.width / 2, self.height / 2]
        return np.concatenate([flat, seen[:, 2:] * self.scale], 1)


def still(section: Rollouts, packed: Packed, method: str, slots: Slots) -> Markup:
    """A method's first rollout: faintly as it began, as it ended, and the ways of all its episodes (of its first, in 3-D)."""
    camera = Camera(section, packed, 320.0)
    mine = [i for i, rollout in enumerate(section.rollouts) if rollout.method == method]
    first = section.rollouts[mine[0]]
    fixed = [(shape, np.asarray(shape["points"], float)) for shape in section.scene["shapes"]]
    split = lambda frame: list(zip(packed.moving, np.split(frame, np.cumsum(packed.counts)[:-1])))
    under = sorted(fixed, key=lambda pair: ROLES.index(pair[0].get("role", "object")))
    inside = [_shape(shape, camera(points)) for shape, points in under]
    if packed.traced is not None:
        for i in mine if camera.flat else mine[:1]:
            way = camera(packed.points[i][:, packed.traced])
            kind = "way" + " lost" * (not section.rollouts[i].success) + " others" * (i != mine[0])
            inside.append(element("path", d=path(way[:, 0], way[:, 1]), class_=kind))
    for frame, ghost in ((packed.points[mine[0]][0], True), (packed.points[mine[0]][-1], False)):
        order = sorted(split(frame), key=lambda pair: ROLES.index(pair[0]["role"]))
        inside.append(element("g", [_shape(shape, camera(points)) for shape, points in order], class_="ghost" if ghost else None))
    ending = "success" if first.success else "failure"
    text = f"{method}, start {first.start_index}: {ending} after {len(first.frames) - 1} steps; drawn as it began and as it ended."
    caption = element("text", f"start {first.start_index}, {ending}", x=12, y=camera.height - 11, class_="caption")
    return picture(camera.width, camera.height, text, *inside, caption, class_=f"still {slots.mark(method)}" + " deep" * (not camera.flat))


def _shape(shape: dict, seen: np.ndarray) -> Markup:
    """One shape in the picture; what is thinner than a hair is drawn as a hair."""
    role, kind = "r-" + shape.get("role", "object"), shape["kind"]
    if kind == "circle":
        x, y, scale = seen[0]
        return element("circle", cx=float(x), cy=float(y), r=max(3.0, float(shape.get("radius", 0.0) * scale)), class_=role)
    d = path(seen[:, 0], seen[:, 1])
    if kind == "polygon":
        return element("path", d=d + "Z", class_=role)
    width = max(1.2, float(shape.get("width", 0.0) * seen[:, 2].mean()))
    return element("path", d=d, class_=role + " stroke", stroke_width=width)


def stills(section: Rollouts, packed: Packed, slots: Slots) -> list[tuple[str, Markup]]:
    """-> each method's name and picture."""
    return [(method, still(section, packed, method, slots)) for method in _methods(section)]
