"""A policy as a folder that is never separated from what it needs.

    policy.json           method, settings, specs, which columns are normalised, versions, the seeds (and swept values) it holds
    weights.safetensors   weights and normalisation, one entry a lane, with a checksum
    golden.npz            recorded inputs and outputs

Loading replays the golden pairs and refuses on a mismatch, with the difference in the message. No pickle, anywhere.
"""

import dataclasses
import io
import json
import pathlib
import zipfile
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.core.arrays import read_arrays, write_arrays, write_atomically
from agir.core.describe import build, canonical, describe
from agir.core.errors import BadCheckpoint, BadSetting
from agir.core.nouns import Learner, Policy
from agir.core.spaces import Box, Dict, Space, Spec, sample, spec_from_json, spec_to_json
from agir.core.stages import fill
from agir.data.normalization import Affine, Normalization, Normalized, normalized_spec

FORMAT = 1
GOLDEN_STEPS = 4
CLOSE = 1e-3  # of each action's own size: machines may sum in another order, a wrong weight differs by far more


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a result is rebuilt: its learner's settings, the learner's spec, and the recipes of what was brought."""

    learner: Learner
    spec: Spec  # the learner's: normalised
    brought: dict[str, "Recipe"] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict:
        brought = {name: recipe.to_json() for name, recipe in self.brought.items()}
        return {"learner": describe(self.learner), "spec": spec_to_json(self.spec), "brought": brought}

    def __str__(self) -> str:
        return canonical(self.to_json())

    @classmethod
    def from_json(cls, text: dict) -> "Recipe":
        brought = {name: cls.from_json(inner) for name, inner in text["brought"].items()}
        return cls(build(text["learner"]), spec_from_json(text["spec"]), brought)

    def outline(self) -> Any:
        """-> the learner's result as a tree of shapes: nothing is computed."""
        brought = {name: recipe.outline() for name, recipe in self.brought.items()}
        learn = lambda name, stage, given: Recipe(stage, self.spec, {n: self.brought[n] for n in given}).outline()
        learner, _ = fill(self.learner, self.spec, brought, learn)
        return eqx.filter_eval_shape(lambda learner, key: learner.result(learner.init(key)), learner, jax.random.key(0))


def save_bundle(folder: pathlib.Path, policies: Normalized, lanes: list[dict], about: dict) -> None:
    """Writes `policies` (a Normalized whose arrays have a leading lane axis), one lane for each of `lanes` (its seed, ...).

    Raises BadSetting where the policy does not know how it is rebuilt: a part of it was brought as an object of the program.
    """
    if not policies.recipe:
        raise BadSetting("This policy holds a part that was not loaded from a run or a bundle, so it cannot be saved: save the part first.")
    text = {
        "format": FORMAT,
        "recipe": json.loads(policies.recipe),
        "spec": spec_to_json(policies.spec),
        "normalized": _which(policies.normalization),
        "lanes": lanes,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_arrays(folder / "weights.safetensors", policies, {"format": FORMAT})
    observations = _probes(policies.spec.observation)
    actions = _replay_lanes(policies, observations)
    arrays = {f"observation{jax.tree_util.keystr(p)}": x for p, x in jax.tree_util.tree_leaves_with_path(observations)}
    arrays |= {f"action{jax.tree_util.keystr(p)}": x for p, x in jax.tree_util.tree_leaves_with_path(actions)}
    content = io.BytesIO()
    np.savez(content, **{name: np.asarray(x) for name, x in arrays.items()})
    write_atomically(folder / "golden.npz", content.getvalue())
    write_atomically(folder / "policy.json", (json.dumps(text | about, indent=1) + "\n").encode())


def load_bundle(folder: pathlib.Path) -> tuple[Normalized, dict]:
    """-> policies [lanes, ...] and policy.json's contents, after the golden pairs were replayed; raises BadCheckpoint."""
    try:
        text = json.loads((folder / "policy.json").read_text())
    except FileNotFoundError as error:
        raise BadSetting(f"There is no policy in {folder}: name a run or a folder that holds policy.json.") from error
    except ValueError as error:
        raise BadCheckpoint(f"{folder / 'policy.json'} is not JSON ({error}): it was edited or torn.") from error
    if text.get("format") != FORMAT:
        raise BadCheckpoint(f"{folder} has format {text.get('format')}; this version of agir reads format {FORMAT}.")
    try:
        like = _outline(text)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadCheckpoint(f"{folder / 'policy.json'} lacks something or holds something odd ({error!r}): was it edited?") from error
    policies, _ = read_arrays(folder / "weights.safetensors", like)
    _check_golden(folder, policies)
    return policies, text


def _outline(text: dict) -> Normalized:
    """The policies that policy.json describes, as a tree of shapes [lanes, ...]."""
    spec, recipe, which, lanes = spec_from_json(text["spec"]), Recipe.from_json(text["recipe"]), text["normalized"], len(text["lanes"])
    normalization = Normalization(_affines(spec.observation, which["observation"]), _affines(spec.action, which["action"]), which["how"])
    if recipe.spec != normalized_spec(spec, normalization):
        raise BadCheckpoint("The policy's spec and its normalisation do not belong together: policy.json was edited.")
    one = Normalized(spec, recipe.outline(), normalization, str(recipe), text["task"])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct((lanes, *x.shape), x.dtype) if hasattr(x, "shape") else x, one)


def one_lane(policies: Policy, index: int) -> Policy:
    """The policy of one lane."""
    return jax.tree.map(lambda x: x[index] if eqx.is_array(x) else x, policies)


def _which(normalization: Normalization) -> dict:
    def mark(maps: Any) -> Any:
        return {name: mark(part) for name, part in maps.items()} if isinstance(maps, dict) else maps is not None

    return {"observation": mark(normalization.observation), "action": mark(normalization.action), "how": normalization.how}


def _affines(space: Space, marks: Any) -> Any:
    if isinstance(space, Dict):
        return {name: _affines(part, marks[name]) for name, part in space.parts}
    if not marks:
        return None
    if not isinstance(space, Box):
        raise BadCheckpoint(f"A {type(space).__name__} cannot be normalised.")
    shape = jax.ShapeDtypeStruct(space.shape, jnp.float32)
    return Affine(shape, shape)


def _probes(space: Space) -> Any:
    return jax.vmap(lambda key: sample(space, key))(jax.random.split(jax.random.key(7), GOLDEN_STEPS))


@eqx.filter_jit
def _replay(policy: Policy, observations: Any) -> Any:
    """-> the actions of a few steps from a fresh memory [steps, ...]."""

    def step(memory: Any, seen: tuple) -> tuple:
        action, memory, _ = policy.act(seen[0], memory, seen[1])
        return memory, action

    key = jax.random.key(11)
    return jax.lax.scan(step, policy.start(key), (observations, jax.random.split(key, GOLDEN_STEPS)))[1]


def _replay_lanes(policies: Policy, observations: Any) -> Any:
    lanes = next(x for x in jax.tree.leaves(policies) if eqx.is_array(x)).shape[0]
    return jax.tree.map(lambda *x: np.stack(x), *[_replay(one_lane(policies, lane), observations) for lane in range(lanes)])


def _check_golden(folder: pathlib.Path, policies: Policy) -> None:
    try:
        with np.load(folder / "golden.npz", allow_pickle=False) as golden:
            recorded = dict(golden)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BadCheckpoint(f"{folder / 'golden.npz'} is missing or torn ({error}): the policy cannot be checked.") from error
    path = jax.tree_util.keystr
    like = _probes(policies.spec.observation)
    try:
        observations = jax.tree_util.tree_map_with_path(lambda p, _: jnp.asarray(recorded[f"observation{path(p)}"]), like)
        actions = _replay_lanes(policies, observations)
        for p, found in jax.tree_util.tree_leaves_with_path(actions):
            wanted = recorded[f"action{path(p)}"]
            off = np.abs(np.float64(found) - np.float64(wanted))
            if off.shape != found.shape or (off > CLOSE * (1 + np.abs(wanted))).any():
                raise BadCheckpoint(
                    f"{folder} does not act as recorded: its actions differ by up to {off.max():.3g}. "
                    "Was it edited, or made by another version of agir?"
                )
    except KeyError as error:
        raise BadCheckpoint(f"{folder / 'golden.npz'} lacks {error}: it belongs to another policy.") from error
