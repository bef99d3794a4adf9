"""What the tests of online methods share: the loop itself, without a run folder."""

import equinox as eqx
import jax
import jax.numpy as jnp

from agir.core.stages import fill
from agir.data.normalization import Normalized
from agir.training.loop import begin, run_block, setup
from agir.training.world import make_world


def started(task, learner, seeds=(0,), over=None):
    """-> world, what stays, what is carried, at step 0."""
    world = make_world(task)
    learner, axes = fill(learner, world.spec, {}, lambda *_: None)
    source = learner.learns_from.bind(world, learner)
    keys = jax.vmap(jax.random.key)(jnp.array(seeds))
    return world, *setup(learner, axes, source, keys, over)


def learn(task, learner, seeds=(0,), cuts=(), over=None):
    """-> world, the learner as the loop has it, its state [seeds], the last block's metrics."""
    world, fixed, carry = started(task, learner, seeds, over)
    steps = [0, *cuts, learner.updates]
    for step, after in zip(steps, steps[1:]):
        carry, metrics = run_block(fixed, carry, step, after - step)
    return world, fixed.learner, carry[0], metrics


def one(tree):
    """The first seed's."""
    return jax.tree.map(lambda x: x[0] if eqx.is_array(x) else x, tree)


def policy_of(world, learner, state):
    """The first seed's policy, in the task's own terms."""
    return Normalized(world.task.spec, learner.policy(one(state)), world.normalization)


def same(a, b):
    """Equal bits."""
    return eqx.tree_equal(a, b) is True or bool(eqx.tree_equal(a, b))


__all__ = ["begin", "learn", "one", "policy_of", "same", "started"]
