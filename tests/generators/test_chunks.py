"""Heads over chunks against NumPy, what they draw, and padding."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from agir.generators.chunk_head import chunk_head
from agir.generators.chunks import Headed, Product, Steps
from agir.generators.gaussian import Gaussian, Regression
from agir.generators.generator import mean_loss
from agir.generators.heads import head_of
from agir.generators.mixture import Mixture
from agir.networks.mlp import MLP

ACTIONS = Dict((("arm", Box((2,), -1.0, 1.0)), ("grip", Discrete(3)), ("keys", MultiDiscrete((2, 3))), ("lamps", MultiBinary(2))))


def random(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def softplus(x):
    return np.log1p(np.exp(x))


def np_normal(x, mean, deviation):
    return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation) - 0.5 * np.log(2 * np.pi)


def test_gaussian_against_numpy():
    head, chunk = Gaussian(3, (2,)), random(1, 3, 2)
    parameters = random(0, head.size)
    mean, raw = np.asarray(parameters).reshape(2, 3, 2)
    np.testing.assert_allclose(head.log_prob(parameters, chunk), np_normal(chunk, mean, softplus(raw) + 0.01).sum(-1), atol=1e-5)
    fixed = Gaussian(3, (2,), fixed=0.5)
    np.testing.assert_allclose(fixed.log_prob(parameters[:6], chunk), np_normal(chunk, mean, 0.5).sum(-1), atol=1e-5)


def test_mixture_against_numpy():
    head, chunk, mask = Mixture(3, (2,), modes=4), 0.5 * random(1, 3, 2), np.array([1.0, 1.0, 0.0])
    parameters = random(0, head.size)
    weight, (mean, raw) = np.asarray(parameters[:4]), np.asarray(parameters[4:]).reshape(2, 4, 3, 2)
    weight = np.exp(weight) / np.exp(weight).sum()
    each = np_normal(np.asarray(chunk), np.tanh(mean), softplus(raw) + 1e-4)[:, :2].sum((1, 2))
    wanted = np.log((weight * np.exp(each)).sum())
    np.testing.assert_allclose(head.log_prob(parameters, chunk, jnp.asarray(mask)), wanted, rtol=1e-5)
    np.testing.assert_allclose((head.loss(parameters, chunk, jnp.asarray(mask)) * mask).sum(), -wanted, rtol=1e-5)


def test_choices_step_by_step():
    head, chunk = Steps(head_of(MultiDiscrete((2, 3))), 2), jnp.array([[1, 2], [0, 0]])
    parameters = random(0, head.size)
    rows, wanted = np.asarray(parameters).reshape(2, 5), []
    for t in range(2):
        first, second = np.exp(rows[t, :2]), np.exp(rows[t, 2:])
        wanted.append(np.log(first[chunk[t, 0]] / first.sum()) + np.log(second[chunk[t, 1]] / second.sum()))
    np.testing.assert_allclose(head.loss(parameters, chunk, jnp.ones(2)), -np.array(wanted), rtol=1e-5)


def test_what_is_drawn_has_the_distribution():
    keys = jax.random.split(jax.random.key(0), 4000)
    each = lambda head, parameters, noise=1.0: jax.jit(jax.vmap(lambda key: head.sample(parameters, key, noise)))(keys)
    parameters = jnp.array([0.5, -1.0, 0.0, 2.0])
    drawn = each(Gaussian(1, (2,)), parameters)
    np.testing.assert_allclose(drawn.mean(0)[0], [0.5, -1.0], atol=0.1)
    np.testing.assert_allclose(drawn.std(0)[0], [softplus(0.0) + 0.01, softplus(2.0) + 0.01], rtol=0.05)
    assert not each(Gaussian(1, (2,)), parameters, 0.0).std(0).any()
    three, logits = Steps(head_of(Discrete(3)), 1), jnp.log(jnp.array([0.2, 0.5, 0.3]))
    np.testing.assert_allclose(np.bincount(each(three, logits)[:, 0]) / 4000, [0.2, 0.5, 0.3], atol=0.03)
    cold = np.array([0.2, 0.5, 0.3]) ** 2  # temperature 1/2
    np.testing.assert_allclose(np.bincount(each(three, logits, 0.5)[:, 0]) / 4000, cold / cold.sum(), atol=0.03)
    assert (each(three, logits, 0.0) == 1).all()
    modes = jnp.concatenate([jnp.log(jnp.array([0.25, 0.75])), jnp.arctanh(jnp.array([0.5, 0.5, -0.5, -0.5])), jnp.zeros(4)])
    drawn = each(Mixture(2, (), modes=2), modes, 0.0)
    np.testing.assert_allclose(jnp.abs(drawn), 0.5, atol=1e-5)  # no noise within a mode
    assert (drawn[:, 0] == drawn[:, 1]).all()  # and one mode for all steps
    np.testing.assert_allclose((drawn[:, 0] > 0).mean(), 0.25, atol=0.03)


def test_the_head_for_a_space():
    head = chunk_head(ACTIONS, "mixture", 4, modes=2)
    assert isinstance(head, Product) and head.parts["arm"].squash
    assert head.size == 2 * (2 * 4 * 2 + 1) + 4 * (3 + 5 + 2)
    parameters = random(0, head.size)
    chunk = jax.jit(lambda numbers, key: head.sample(numbers, key))(parameters, jax.random.key(0))
    assert jax.tree.map(lambda x: (x.shape, x.dtype.name), chunk) == {
        "arm": ((4, 2), "float32"),
        "grip": ((4,), "int32"),
        "keys": ((4, 2), "int32"),
        "lamps": ((4, 2), "int32"),
    }
    assert set(np.unique(chunk["lamps"])) <= {0, 1}
    each = lambda numbers: sum(part.loss(own, chunk[name], jnp.ones(4)) for name, part, own in head.each(numbers))
    both = jax.jit(lambda numbers: (head.loss(numbers, chunk, jnp.ones(4)), each(numbers)))(parameters)
    np.testing.assert_allclose(*both, rtol=1e-5)
    assert isinstance(chunk_head(Box((2,)), "mse", 4), Regression)
    assert not chunk_head(Box((2,)), "mixture", 4).squash
    with pytest.raises(BadSetting, match="mse, gaussian, mixture, not 'gauss'"):
        chunk_head(ACTIONS, "gauss", 4)


@pytest.mark.parametrize("kind", ["mse", "gaussian", "mixture"])
def test_padding_and_other_rows_change_nothing(kind):
    head = chunk_head(Dict(ACTIONS.parts[:2]), kind, 4, modes=2)
    generator = Headed(MLP(6, head.size, jax.random.key(0), width=8, depth=1), head)
    contexts, mask = random(1, 3, 2, 3), jnp.array([[1.0, 1, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]])
    chunks = {"arm": 0.3 * random(2, 3, 4, 2), "grip": jnp.full((3, 4), 1, jnp.int32)}
    bad = jax.tree.map(lambda x: jnp.where(mask.reshape(3, 4, *(1,) * (x.ndim - 2)) > 0, x, x + 1000), chunks)
    bad["arm"] = jnp.where(bad["arm"] > 500, jnp.nan, bad["arm"])
    loss = eqx.filter_jit(eqx.filter_value_and_grad(lambda g, c: mean_loss(g, c, mask, contexts, jax.random.key(0))))
    (value, gradient), (same, same_gradient) = loss(generator, chunks), loss(generator, bad)
    assert jnp.isfinite(value) and value == same
    jax.tree.map(np.testing.assert_array_equal, eqx.filter(gradient, eqx.is_array), eqx.filter(same_gradient, eqx.is_array))
    each = eqx.filter_jit(lambda c, x: jax.vmap(lambda c, m, x: generator.loss(c, m, x, jax.random.key(0)))(c, mask, x))
    np.testing.assert_array_equal(each(chunks, contexts)[::2], each(chunks, contexts.at[1].add(1.0))[::2])
