"""What every method has learnt survives the disk, whatever it is made of: bits, structure, and what it does.

By name, so that a new method is here by itself; nothing is trained. That a training that was cut ends with the same bits is in
tests/training.
"""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import pytest

from agir.core import registry
from agir.core.nouns import Learner, Task
from agir.core.spaces import Box, Dict, Meaning, Spec, sample
from agir.core.stages import fill, givens, needed_names, sized
from agir.data.dataset import Dataset
from agir.runtime import bundle
from agir.runtime.bundle import Recipe
from agir.training.budget import family
from agir.training.checkpoints import Checkpoints
from agir.training.loop import traced
from agir.training.world import make_world

PLACES = Spec(Box((2,)), Box((1,), -1.0, 1.0), Meaning("absolute", "m"))
IMAGES = Spec(Dict((("eye", Box((16, 16, 3), 0.0, 255.0, "uint8")), ("hand", Box((2,))))), Box((1,), -1.0, 1.0))
KEYPOINTS = Spec(Box((2, 4, 2)), Box((3,), -1.0, 1.0), Meaning("velocity", "m/s", "world", 10.0))
SPECS = {"class": IMAGES, "motion-tracks": KEYPOINTS}  # those that see nothing but images, or keypoints
BASES = {"redrawn": "fast"}  # what draws tokens; the others that need a policy take a diffusion policy's
ELSEWHERE: dict[str, str] = {}  # {method: why it cannot be here}: there is none
NAMES = [name for name in family("imitation") if name not in ELSEWHERE]
SMALL = {"width": 8, "depth": 1, "units": 10, "keep": 5}


class Told(Task):
    name, horizon = "told", 20

    def __init__(self, spec):
        self.spec = spec


def world_of(spec):
    """Rows of anything: what is begun takes from data how many there are, and no more."""
    draws = lambda space, count: jax.vmap(lambda key: sample(space, key))(jax.random.split(jax.random.key(count), count))
    episode = {"observation": draws(spec.observation, 21), "action": draws(spec.action, 20), "phase": np.zeros(20, np.int32)}
    data = Dataset.from_episodes(spec, 4 * [jax.tree.map(np.asarray, episode)])
    return make_world(Told(spec), {"demonstrations": data, "prior": data})


def small(learner, **settings):
    """The learner and its stages, as narrow as may be."""
    names = {field.name for field in dataclasses.fields(learner)}
    stages = {name: small(stage) for name in givens(learner) if isinstance(stage := getattr(learner, name), Learner)}
    network = {"network": min(learner.networks or ("mlp",))} if hasattr(learner, "networks") else {}
    return dataclasses.replace(learner, **{name: value for name, value in SMALL.items() if name in names} | network | settings | stages)


def begun(learner, world, brought, seen=lambda place, learner, state: None, place=""):
    """-> what the learner hands on before its first update; `seen(place, learner, state)` for it and its stages."""
    whole = lambda name, stage, given: begun(stage, world, given, seen, f"{place}/{name}")
    learner = traced(fill(learner, world.spec, brought, whole)[0])
    state = eqx.filter_jit(learner.init)(jax.random.key(0))
    seen(place, learner, state)
    return learner.result(state)


def with_base(name, world):
    """-> the method, what it is brought, and its recipe."""
    method = sized(small(registry.find("method", name)()), world)
    base = small(registry.find("method", BASES.get(name, "diffusion-policy"))(), **({} if name in BASES else {"network": "transformer"}))
    needs = needed_names(method)
    brought = {given: begun(base, world, {}) for given in needs}
    return method, brought, Recipe(method, world.spec, {given: Recipe(base, world.spec) for given in needs})


def same(one, other):
    """Every bit of the arrays, and all else there is in the trees."""
    plain = lambda tree: jax.tree.map(
        lambda x: jax.random.key_data(x) if eqx.is_array(x) and jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key) else x, tree
    )
    one, other = plain(one), plain(other)
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert eqx.is_array(x) == eqx.is_array(y)
        if not eqx.is_array(x):
            assert x == y
        else:
            assert x.dtype == y.dtype and x.shape == y.shape and np.asarray(x).tobytes() == np.asarray(y).tobytes()


@eqx.filter_jit
def replay(policy, observations):
    """A bundle's golden steps -> the actions, and the memory that is left."""

    def step(memory, seen):
        action, memory, _ = policy.act(seen[0], memory, seen[1])
        return memory, action

    memory, actions = jax.lax.scan(step, policy.start(jax.random.key(5)), (observations, jax.random.split(jax.random.key(6), 4)))
    return actions, memory


@pytest.mark.parametrize("name", NAMES)
def test_the_state_and_the_policy_of_every_method_come_back_from_the_disk_as_they_were(name, tmp_path, monkeypatch):
    world = world_of(SPECS.get(name, PLACES))
    method, brought, recipe = with_base(name, world)

    def through_a_checkpoint(place, learner, state):
        carry, other = (state, jax.random.key(3)), (eqx.filter_jit(learner.init)(jax.random.key(1)), jax.random.key(4))
        Checkpoints(tmp_path / f"checkpoints{place}").save(0, carry)
        found, step = Checkpoints(tmp_path / f"checkpoints{place}").load(other)
        same(found, carry)
        assert step == 0

    policy = begun(method, world, brought, through_a_checkpoint)
    policies, did = world.wrapped(jax.tree.map(lambda x: x[None] if eqx.is_array(x) else x, policy), 1, str(recipe)), []
    monkeypatch.setattr(bundle, "_replay", lambda *golden: did.append(replay(*golden)) or did[-1][0])  # compiled once for all that is asked
    bundle.save_bundle(tmp_path / "policy", policies, [{"seed": 0}], {"task": "told"})
    loaded, _ = bundle.load_bundle(tmp_path / "policy")
    same(loaded, policies)
    same(*did)
