"""The scripted experts: their demonstrations succeed, are functions of the starts' indices alone, and their stated rate is measured."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadEnvironment
from agir.core.keys import episode_key
from agir.core.nouns import Act, Policy
from agir.core.registry import names
from agir.tasks.demonstrations import collect
from agir.tasks.find import task
from agir.tasks.planar.presets import PRESETS

NAMES = [
    "acrobot",
    "cartpole",
    "mountain-car",
    "multipath",
    "multipath/modes=8,rows=3,pauses=3,control=position",
    "bandit/continuous",
    "gridworld/cliff",
    "point-maze/medium",
    "point-maze/umaze-dense",
    *(f"planar/{name}" for name in PRESETS),
    "pendulum",
    "pendulum/hidden",
]


@pytest.mark.parametrize("name", NAMES)
def test_the_expert(name):
    its = task(name)
    assert its.name == name and names("task")[its.family] == its.about
    tried = collect(its, its.expert(), 256, successful=False)
    margin = 3 * max(np.sqrt(its.expert_rate * (1 - its.expert_rate) / 256), 1 / 256)
    assert abs(tried.about["rate"] - its.expert_rate) <= margin
    assert tried.about["start_index"] == list(range(256))

    data = its.demonstrations(20, first=3)
    assert data.episodes == 20 and data.spec == its.spec
    assert data.about["source"].endswith(its.name) and set(data.about["versions"]) == {"agir", "jax"}
    succeeded = [bool(data.episode(i)["success"].any()) for i in range(20)]
    assert all(succeeded)
    # The same episodes as among the 256 above: neither the lanes nor the other episodes matter.
    for i, index in enumerate(data.about["start_index"]):
        jax.tree.map(np.testing.assert_array_equal, data.episode(i), tried.episode(index))
    first = its.environment().reset(episode_key("demonstrations", data.about["start_index"][0]))[1]
    # Compiled for one lane by itself, where the last bit may differ.
    close = lambda mine, wanted: np.testing.assert_allclose(mine, wanted, atol=1e-6)
    jax.tree.map(close, jax.tree.map(lambda x: x[0], data.episode(0)["observation"]), jax.device_get(first))
    assert (data.lengths <= its.horizon).all()
    assert (data.lengths[data.truncated[data.ends - 1]] == its.horizon).all()


@pytest.mark.parametrize("name", [name for name in NAMES if task(name).scene()])
def test_what_is_drawn_keeps_its_form(name):
    its = task(name)
    env = its.environment()
    state, _ = env.reset(jax.random.key(0))
    expert = its.expert()

    @jax.jit
    def step(state, key):
        shown = expert.see(state) if expert.see else env.observe(state.physics)
        return env.step(state, expert.act(shown, expert.start(jax.random.key(0)), key).action, key)[0]

    scene = its.scene()
    forms = set()
    for i in range(5):
        shapes = its.shapes(jax.device_get(state))
        assert shapes
        forms.add(tuple((shape["kind"], len(shape["points"]), shape["role"]) for shape in shapes))
        for shape in [*shapes, *scene["shapes"]]:
            assert shape["kind"] in ("line", "polygon", "circle") and ("radius" in shape) == (shape["kind"] == "circle")
            assert all(isinstance(x, float) for point in shape["points"] for x in point)
        state = step(state, jax.random.key(i))
    assert len(forms) == 1


class Idle(Policy):
    def act(self, observation, memory, key):
        return Act(jnp.int32(1), memory)


def test_only_successes_are_kept_and_one_who_never_succeeds_is_given_up():
    its = task("mountain-car", horizon=118)
    data = its.demonstrations(10)
    assert data.about["start_index"] != list(range(10)) and data.about["rate"] < 1
    assert all(data.episode(i)["success"][-1] for i in range(10))
    with pytest.raises(BadEnvironment, match="Idle succeeded in 0 of .* mountain-car"):
        collect(its, Idle(its.spec), 2)
