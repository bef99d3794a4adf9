"""Every task: where an episode starts is a function of its key (or seed) alone, and purposes never share a start.

One row a task, compiled or on the host; add yours. `finite`: it has so few starts that two episodes may well share one.
"""

import jax
import numpy as np
import pytest

from agir.core.keys import episode_key, episode_seed
from agir.tasks.find import task

ROWS = [  # name, finite
    ("adroit/door", False),
    ("pusht", False),
    ("pusht/image", False),
    ("acrobot", False),
    ("cartpole", False),
    ("lasa/Sine", False),
    ("mountain-car", False),
    ("bandit", True),
    ("bandit/continuous", False),
    ("gridworld", True),
    ("point-maze/medium", False),
    ("multipath", False),
    ("multipath/modes=4,rows=2,pauses=1,distractors=2", False),
    ("planar/push,distractors=1", False),
    ("planar/insert", False),
    ("planar/lane", False),
    ("planar/strokes", False),
    ("planar/goals", False),
    ("planar/reach-tokens", False),
    ("planar/two-views", False),
    ("planar/wipe", False),
    ("planar/grasp,observe=image,image=16,views=2,vary=1", False),
    ("pendulum", False),
    ("pendulum/hidden", False),
]


def starts(its, purpose, indices):
    """The first observations as bytes, so that equal means equal in every bit."""
    if its.compiled:
        reset = jax.jit(jax.vmap(lambda index: its.environment().reset(episode_key(purpose, index))[1]))
        seen = jax.device_get(reset(np.asarray(indices, np.int32)))
        seen = [jax.tree.map(lambda x: x[i], seen) for i in range(len(indices))]
    else:
        env = its.make()
        seen = [env.reset(seed=episode_seed(purpose, int(index)))[0] for index in indices]
        env.close()
    return [b"".join(np.ascontiguousarray(x).tobytes() for x in jax.tree.leaves(one)) for one in seen]


@pytest.mark.parametrize("name, finite", ROWS, ids=[row[0] for row in ROWS])
def test_starts(name, finite):
    its = task(name)
    indices = list(range(32 if its.compiled else 6))
    demonstrated = starts(its, "demonstrations", indices)
    # The second time in another order, and before it other resets: only the index may matter.
    assert starts(its, "demonstrations", indices[::-1])[::-1] == demonstrated
    evaluated = starts(its, "evaluation", indices)
    if finite:
        assert len(set(demonstrated)) > 1 or len(set(evaluated) | set(demonstrated)) == 1
        return
    assert len(set(demonstrated)) == len(indices)
    assert not set(demonstrated) & set(evaluated)


@pytest.mark.parametrize("name, finite", ROWS, ids=[row[0] for row in ROWS])
def test_the_first_observation_is_as_the_spec_says(name, finite):
    its = task(name)
    if its.compiled:
        observation = its.environment().reset(episode_key("pilot", 0))[1]
    else:
        env = its.make()
        observation = env.reset(seed=episode_seed("pilot", 0))[0]
        env.close()
    from agir.core.spaces import zeros

    expected = zeros(its.spec.observation)
    assert jax.tree.structure(expected) == jax.tree.structure(jax.tree.map(np.asarray, observation))
    for mine, wanted in zip(jax.tree.leaves(observation), jax.tree.leaves(expected)):
        assert np.shape(mine) == wanted.shape
