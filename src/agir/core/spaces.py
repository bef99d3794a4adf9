"""What observations and actions may be: small hashable descriptions, and what follows from them alone.

A value of a space is an array (or for `Dict` a dict of arrays):

    Box            float32 or uint8 [shape]        Discrete       int32 []
    MultiDiscrete  int32 [len(counts)]             MultiBinary    int32 [count]         Dict  {name: value}
"""

import dataclasses
import difflib
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from agir.core.errors import BadSpec

Key = Any  # a JAX random key


@dataclasses.dataclass(frozen=True)
class Box:
    """Arrays of one shape; `low` and `high` are one number for all entries or one for each (flattened)."""

    shape: tuple[int, ...]
    low: float | tuple[float, ...] = -math.inf
    high: float | tuple[float, ...] = math.inf
    dtype: str = "float32"  # "uint8" for images [height, width, channels]

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """-> low, high, each of the box's shape (float32); those of a uint8 lie within 0 and 255."""
        low, high = (np.broadcast_to(np.reshape(np.float32(x), np.shape(x) and self.shape), self.shape) for x in (self.low, self.high))
        return (np.maximum(low, 0), np.minimum(high, 255)) if self.dtype == "uint8" else (low, high)

    @property
    def bounded(self) -> bool:
        return all(np.isfinite(bound).all() for bound in self.bounds)

    @property
    def image(self) -> bool:
        return self.dtype == "uint8" and len(self.shape) == 3


@dataclasses.dataclass(frozen=True)
class Discrete:
    count: int


@dataclasses.dataclass(frozen=True)
class MultiDiscrete:
    counts: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class MultiBinary:
    count: int


@dataclasses.dataclass(frozen=True)
class Dict:
    parts: tuple[tuple[str, "Space"], ...]

    def __getitem__(self, name: str) -> "Space":
        return dict(self.parts)[name]


Space = Box | Discrete | MultiDiscrete | MultiBinary | Dict
KINDS = {kind.__name__: kind for kind in (Box, Discrete, MultiDiscrete, MultiBinary, Dict)}


MEANINGS = ("absolute", "delta", "velocity", "force", "torque", "choice", "unknown")


@dataclasses.dataclass(frozen=True)
class Meaning:
    """What an action says to the machine. A dataset, a policy and a task that disagree are refused.

    `kind` is "absolute" (a place to go to), "delta" (a move), "velocity", "force", "torque", "choice" (one of several) or "unknown"; it
    decides how a machine is stopped. Raises BadSpec on any other.
    """

    kind: str = "absolute"
    unit: str = ""  # of the raw action: m, px, rad, N ("" none, or normalised)
    frame: str = ""  # world | tool | joint | screen
    rate_hz: float = 0.0  # how many actions a second; 0: not a matter of time

    def __post_init__(self) -> None:
        if self.kind not in MEANINGS:
            near = difflib.get_close_matches(str(self.kind).lower(), MEANINGS, n=1)
            raise BadSpec(
                f"There is no kind of action called {self.kind!r}.{f' Did you mean {near[0]!r}?' if near else ''} "
                f"Known: {', '.join(MEANINGS)}."
            )


@dataclasses.dataclass(frozen=True)
class Spec:
    """What a policy sees and does."""

    observation: Space
    action: Space
    meaning: Meaning = Meaning()

    def __post_init__(self) -> None:
        if not isinstance(self.meaning, Meaning):
            raise BadSpec(f'A spec\'s meaning is a Meaning, such as agir.Meaning("velocity"), not {self.meaning!r}.')

    def require(self, other: "Spec", mine: str, its: str) -> None:
        """Raises BadSpec naming the first thing in which `other` differs; bounds may differ, meaning and shape may not."""
        for field in ("observation", "action"):
            ours, theirs = outline(getattr(self, field)), outline(getattr(other, field))
            if ours != theirs:
                raise BadSpec(
                    f"The {field} of {mine} is {ours}, but that of {its} is {theirs}. Use them with the same task and observations."
                )
        if "unknown" in (self.meaning.kind, other.meaning.kind):
            return  # nothing was said that could be contradicted
        for field in dataclasses.fields(Meaning):
            ours, theirs = getattr(self.meaning, field.name), getattr(other.meaning, field.name)
            if ours != theirs:
                raise BadSpec(
                    f"Actions of {mine} have {field.name} = {ours!r}, those of {its} {field.name} = {theirs!r}. "
                    "Convert the actions, or correct the spec of the one that is wrong."
                )


def outline(space: Space) -> str:
    """A space in words, without its bounds."""
    match space:
        case Box():
            return f"Box{list(space.shape)} {space.dtype}"
        case Dict():
            return "{" + ", ".join(f"{name}: {outline(part)}" for name, part in space.parts) + "}"
        case Discrete() | MultiBinary():
            return f"{type(space).__name__}({space.count})"
        case MultiDiscrete():
            return f"MultiDiscrete{list(space.counts)}"
    raise TypeError(space)


def zeros(space: Space, *lead: int) -> Any:
    """A value of zeros with leading axes `lead`."""
    match space:
        case Box():
            return jnp.zeros((*lead, *space.shape), space.dtype)
        case Discrete():
            return jnp.zeros(lead, jnp.int32)
        case MultiDiscrete():
            return jnp.zeros((*lead, len(space.counts)), jnp.int32)
        case MultiBinary():
            return jnp.zeros((*lead, space.count), jnp.int32)
        case Dict():
            return {name: zeros(part, *lead) for name, part in space.parts}
    raise TypeError(space)


def sample(space: Space, key: Key) -> Any:
    """A uniformly random value (where a box lacks a bound: a standard normal one, clipped to those it has)."""
    match space:
        case Box(dtype="uint8"):
            low, high = (bound.astype(np.int32) for bound in space.bounds)
            return jax.random.randint(key, space.shape, low, high + 1).astype(jnp.uint8)
        case Box():
            low, high = space.bounds
            part = jax.random.uniform(key, space.shape)
            value = low * (1 - part) + high * part if space.bounded else jax.random.normal(key, space.shape)  # high - low may overflow
            return jnp.clip(value, low, high).astype(space.dtype)
        case Discrete():
            return jax.random.randint(key, (), 0, space.count)
        case MultiDiscrete():
            return jax.random.randint(key, (len(space.counts),), 0, jnp.array(space.counts))
        case MultiBinary():
            return jax.random.randint(key, (space.count,), 0, 2)
        case Dict():
            return {name: sample(part, jax.random.fold_in(key, i)) for i, (name, part) in enumerate(space.parts)}
    raise TypeError(space)


def flatten(space: Space, value: Any) -> Float[Array, "size"]:
    """One value as a vector of features: numbers as they are (images scaled to [0, 1]), choices as one-hot."""
    match space:
        case Box():
            scale = 1 / 255 if space.dtype == "uint8" else 1.0
            return jnp.ravel(value).astype(jnp.float32) * scale
        case Discrete():
            return jax.nn.one_hot(value, space.count)
        case MultiDiscrete():
            return jnp.concatenate([jax.nn.one_hot(value[i], count) for i, count in enumerate(space.counts)])
        case MultiBinary():
            return value.astype(jnp.float32)
        case Dict():
            return jnp.concatenate([flatten(part, value[name]) for name, part in space.parts])
    raise TypeError(space)


def flat_size(space: Space) -> int:
    """The length of `flatten`'s vector."""
    match space:
        case Box():
            return math.prod(space.shape)
        case Discrete() | MultiBinary():
            return space.count
        case MultiDiscrete():
            return sum(space.counts)
        case Dict():
            return sum(flat_size(part) for _, part in space.parts)
    raise TypeError(space)


def things(space: Space) -> int:
    """How many things a value tells of: a Box of two axes that is no image of one in each row, everything else of one."""
    return space.shape[0] if isinstance(space, Box) and not space.image and len(space.shape) == 2 else 1


def to_json(space: Space) -> dict:
    if isinstance(space, Dict):
        return {"kind": "Dict", "parts": [[name, to_json(part)] for name, part in space.parts]}
    number = lambda x: list(map(number, x)) if isinstance(x, tuple) else x if not isinstance(x, float) or math.isfinite(x) else str(x)
    return {"kind": type(space).__name__} | {f.name: number(getattr(space, f.name)) for f in dataclasses.fields(space)}


def from_json(text: dict) -> Space:
    """The inverse of `to_json`; raises BadSpec on an unknown kind."""
    fields = dict(text)
    kind = KINDS.get(fields.pop("kind", None))
    if kind is None:
        raise BadSpec(f"Unknown kind of space {text.get('kind')!r}. Known: {', '.join(KINDS)}.")
    if kind is Dict:
        return Dict(tuple((name, from_json(part)) for name, part in fields["parts"]))
    number = lambda x: tuple(map(number, x)) if isinstance(x, list) else float(x) if x in ("inf", "-inf") else x
    return kind(**{name: number(x) for name, x in fields.items()})


def spec_to_json(spec: Spec) -> dict:
    return {"observation": to_json(spec.observation), "action": to_json(spec.action), "meaning": dataclasses.asdict(spec.meaning)}


def spec_from_json(text: dict) -> Spec:
    return Spec(from_json(text["observation"]), from_json(text["action"]), Meaning(**text["meaning"]))
