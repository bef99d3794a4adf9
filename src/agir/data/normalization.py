"""Normalisation belongs to the data: a dataset gives normalised columns and the two maps; a trained policy is wrapped in them.

Each map is affine and entry by entry, x -> (x - shift) / scale: to [-1, 1] by the range of the data (`limits`, the convention of
Diffusion Policy), to mean 0 and deviation 1 (`standard`), or not at all (`none`). A constant entry keeps scale 1 and lands on 0,
in training and in acting alike. Images, choices and binary values are left as they are.

An observed box of several things, one a row (`spaces.things`), has one map for all its rows: were each row's its
own, what tells a thing that always stands first from the others would be constant there, and gone.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Dict, Key, Space, Spec, things

TINY = 1e-4  # a range below this is a constant (Diffusion Policy's range_eps)


class Affine(eqx.Module):
    """x -> (x - shift) / scale, and back; leading axes broadcast."""

    shift: Any  # float32, the shape of one value
    scale: Any

    def __call__(self, x: Any) -> Any:
        return (x - _aligned(self.shift, x)) / _aligned(self.scale, x)

    def inverse(self, x: Any) -> Any:
        return x * _aligned(self.scale, x) + _aligned(self.shift, x)


def _aligned(parameter: Any, x: Any) -> Any:
    return parameter.reshape((1,) * (x.ndim - parameter.ndim) + parameter.shape)


class Normalization(eqx.Module):
    """The two maps. A tree like the space's: an Affine for each float box, None for what is left as it is."""

    observation: Any
    action: Any
    how: str = eqx.field(default="limits", static=True)

    def observe(self, observation: Any) -> Any:
        return _apply(self.observation, observation, lambda affine, x: affine(x))

    def encode(self, action: Any) -> Any:
        """A raw action (or a chunk of them) -> the learner's."""
        return _apply(self.action, action, lambda affine, x: affine(x))

    def decode(self, action: Any) -> Any:
        """The learner's action -> the raw one."""
        return _apply(self.action, action, lambda affine, x: affine.inverse(x))


def _apply(maps: Any, value: Any, function: Any) -> Any:
    if isinstance(maps, dict):
        return {name: _apply(maps[name], value[name], function) for name in maps}
    return value if maps is None else function(maps, value)


def fit(*datasets: Any, how: str = "limits") -> Normalization:
    """From the training columns of all Datasets together; raises BadSetting on an unknown `how`."""
    if how not in ("limits", "standard", "none"):
        raise BadSetting(f"Normalisation is 'limits', 'standard' or 'none', not '{how}'.")
    spec, known = datasets[0].spec, any(dataset.recorded.any() for dataset in datasets)
    observations = [dataset.columns["observation"] for dataset in datasets]
    keep = lambda dataset: jax.tree.map(lambda column: column[dataset.recorded] if known else column, dataset.columns["action"])
    actions = [keep(dataset) for dataset in datasets]
    return Normalization(_fit(spec.observation, observations, how, shared=True), _fit(spec.action, actions, how, shared=False), how)


def _fit(space: Space, columns: list, how: str, shared: bool) -> Any:
    if isinstance(space, Dict):
        return {name: _fit(part, [column[name] for column in columns], how, shared) for name, part in space.parts}
    if how == "none" or not isinstance(space, Box) or space.dtype == "uint8":
        return None
    column = columns[0] if len(columns) == 1 else np.concatenate(columns)
    if shared and things(space) > 1:
        column = column.reshape(-1, space.shape[1])
    if how == "standard":
        shift, scale = column.mean(0, dtype=np.float64), column.std(0, dtype=np.float64)
    else:
        low, high = column.min(0).astype(np.float64), column.max(0).astype(np.float64)
        shift, scale = (low + high) / 2, (high - low) / 2
    whole = lambda x: jnp.float32(np.broadcast_to(x, space.shape))
    return Affine(whole(shift), whole(np.where(2 * scale < TINY, 1.0, scale)))


def by_bounds(spec: Spec) -> Normalization:
    """For learning online: observations as they are, bounded actions from [-1, 1]."""
    return Normalization(_nothing(spec.observation), _bounds(spec.action))


def _nothing(space: Space) -> Any:
    return {name: _nothing(part) for name, part in space.parts} if isinstance(space, Dict) else None


def _bounds(space: Space) -> Any:
    if isinstance(space, Dict):
        return {name: _bounds(part) for name, part in space.parts}
    if not isinstance(space, Box) or space.dtype == "uint8" or not space.bounded:
        return None
    low, high = space.bounds
    return Affine(jnp.float32((low + high) / 2), jnp.float32((high - low) / 2))


def normalized_spec(spec: Spec, normalization: Normalization) -> Spec:
    """The spec as the learner sees it: what is normalised has no bounds, but an action normalised by limits lies in [-1, 1]."""
    unbounded = lambda box: Box(box.shape, dtype=box.dtype)
    limits = lambda box: Box(box.shape, -1.0, 1.0, box.dtype)
    observation = _inside(spec.observation, normalization.observation, unbounded)
    return Spec(
        observation, _inside(spec.action, normalization.action, limits if normalization.how == "limits" else unbounded), spec.meaning
    )


def _inside(space: Space, maps: Any, normalized: Any) -> Space:
    if isinstance(space, Dict):
        return Dict(tuple((name, _inside(part, maps[name], normalized)) for name, part in space.parts))
    return space if maps is None else normalized(space)


class Normalized(Policy):
    """A policy that sees normalised observations and gives normalised actions, wrapped to see and give the raw ones."""

    inner: Policy
    normalization: Normalization
    recipe: str = eqx.field(default="", static=True)  # how `inner` is rebuilt (JSON; see runtime/bundle.py); "": it cannot be
    task: str = eqx.field(default="", static=True)  # the name of the one that it was trained on

    @property
    def compiled(self) -> bool:
        return self.inner.compiled

    def start(self, key: Key) -> Any:
        return self.inner.start(key)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        require_shape(self.spec.observation, observation, "observation")
        action, memory, info = self.inner.act(self.normalization.observe(observation), memory, key)
        return Act(clip(self.spec.action, self.normalization.decode(action)), memory, info)


def require_shape(space: Space, value: Any, where: str) -> None:
    """Raises BadSpec, naming the part, where a value has not the space's shape. Its numbers are not looked at."""
    if isinstance(space, Dict):
        if not isinstance(value, dict) or value.keys() != dict(space.parts).keys():
            raise BadSpec(f"The policy's {where} is a dict of {', '.join(name for name, _ in space.parts)}, not {_kind(value)}.")
        for name, part in space.parts:
            require_shape(part, value[name], f"{where}.{name}")
    elif isinstance(space, Box) and getattr(value, "shape", None) != space.shape:
        raise BadSpec(f"The policy's {where} is an array of shape {list(space.shape)}, not {_kind(value)}.")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return f"one of {', '.join(map(str, value))}"
    return f"one of shape {list(value.shape)}" if hasattr(value, "shape") else f"a {type(value).__name__}"


def clip(space: Space, action: Any) -> Any:
    """Bounded boxes clipped to their bounds; everything else as it is."""
    if isinstance(space, Dict):
        return {name: clip(part, action[name]) for name, part in space.parts}
    if not isinstance(space, Box) or space.dtype == "uint8":
        return action
    low, high = space.bounds
    return jnp.clip(action, _aligned(jnp.asarray(low), action), _aligned(jnp.asarray(high), action))


class NormalizedEnvironment(eqx.Module):
    """An environment whose observations and actions are normalised: what a learner meets online.

    The action is recorded as the learner gave it (its log-probability is of that one) and clipped only here.
    """

    inner: Any
    normalization: Normalization
    spec: Spec = eqx.field(static=True)  # the raw one

    def reset(self, key: Key) -> tuple[Any, Any]:
        state, observation = self.inner.reset(key)
        return state, self.normalization.observe(observation)

    def step(self, state: Any, action: Any, key: Key) -> tuple[Any, Any]:
        state, after = self.inner.step(state, clip(self.spec.action, self.normalization.decode(action)), key)
        return state, after._replace(observation=self.normalization.observe(after.observation))


def normalize(dataset: Any, normalization: Normalization) -> dict:
    """The dataset's columns with observation, action and final_observation normalised (arrays on the device)."""
    columns = jax.tree.map(jnp.asarray, dataset.columns)
    final = jax.tree.map(jnp.asarray, dataset.final_observation)
    return columns | {
        "observation": normalization.observe(columns["observation"]),
        "action": normalization.encode(columns["action"]),
        "final_observation": normalization.observe(final),
    }
