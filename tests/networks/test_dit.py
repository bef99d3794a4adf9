"""Adaptive norms: at first the condition does nothing; then every token may depend on it and on every other."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from agir.networks.dit import JointTransformer

PARTS, CONTEXT = ((3, 2), (2, 4)), (2, 5)


def test_conditions_begin_as_nothing_and_tokens_see_each_other():
    network = JointTransformer.create(PARTS, CONTEXT, jax.random.key(0), width=8, depth=2)
    column, context = jax.random.normal(jax.random.key(1), (14, 1)), jax.random.normal(jax.random.key(2), CONTEXT)
    run = eqx.filter_jit(lambda network, column, times, context: network(column, jnp.float32(times), context))
    np.testing.assert_array_equal(run(network, column, [3, 40], context), run(network, column, [3, 40], 2 * context))
    assert not np.allclose(run(network, column, [3, 40], context), run(network, column, [40, 3], context))  # the straight path's
    moved = eqx.tree_at(
        lambda n: [layer.modulation.weight for layer in (*n.blocks, n.end)],
        network,
        replace_fn=lambda weight: jax.random.normal(jax.random.key(3), weight.shape),
    )
    before = run(moved, column, [3, 40], context)
    assert before.shape == (14, 1)
    for other in (run(moved, column, [3, 40], 2 * context), run(moved, column.at[0].add(1.0), [3, 40], context)):
        assert (jnp.abs(other - before) > 1e-6).all()  # an action's number reaches all that is seen, too


def test_what_is_seen_may_stand_beside_the_numbers_of_each_token():
    network = JointTransformer.create(PARTS, CONTEXT, jax.random.key(0), width=8, depth=2, registers=0, beside=True)
    column, context = jax.random.normal(jax.random.key(1), (14, 1)), jax.random.normal(jax.random.key(2), CONTEXT)
    run = eqx.filter_jit(lambda context: network(column, jnp.float32([3, 3]), context))
    assert (jnp.abs(run(2 * context) - run(context)) > 1e-6).all()  # from the beginning, where norms say nothing of it yet
    assert network.end.modulation.weight.shape[0] == 32  # the times alone
