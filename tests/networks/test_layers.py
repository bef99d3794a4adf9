"""Layers against definitions written out in NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.networks.layers import (
    ACTIVATIONS,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    GroupNorm,
    LayerNorm,
    Linear,
    activation_named,
    grown,
    mish,
)
from agir.networks.mlp import MLP
from agir.networks.positional import sinusoidal

KEY = jax.random.key(0)


def random(seed, *shape):
    return jax.random.normal(jax.random.key(seed), shape)


def slow_conv1d(x, weight, bias, stride):
    kernel, _, outputs = weight.shape
    reach, steps = (kernel - 1) // 2, -(-len(x) // stride)
    out = np.tile(bias, (steps, 1)).astype(np.float64)
    for t in range(steps):
        for k in range(kernel):
            at = t * stride + k - reach
            if 0 <= at < len(x):
                out[t] += x[at] @ weight[k]
    return out


@pytest.mark.parametrize("kernel, stride, time", [(5, 1, 8), (3, 2, 8), (1, 1, 3), (5, 1, 2)])
def test_convolution_over_time(kernel, stride, time):
    conv, x = grown(lambda draw: Conv1d(3, 4, kernel, draw, stride=stride), KEY), random(1, time, 3)
    wanted = slow_conv1d(np.asarray(x), np.asarray(conv.weight), np.asarray(conv.bias), stride)
    np.testing.assert_allclose(conv(x), wanted, atol=1e-5)


def test_transposed_convolution_scatters_each_step():
    conv, x = grown(lambda draw: ConvTranspose1d(3, 2, draw), KEY), random(1, 4, 3)
    kernel = [conv.odd[3:], conv.even[3:], conv.odd[:3], conv.even[:3]]
    wanted = np.zeros((12, 2))  # positions -1 to 10
    for i in range(4):
        for k in range(4):  # y[2 i - 1 + k] += x[i] W[k]
            wanted[2 * i + k] += np.asarray(x[i] @ kernel[k])
    np.testing.assert_allclose(conv(x), wanted[1:9] + np.asarray(conv.bias), atol=1e-5)


@pytest.mark.parametrize("kernel, stride, side", [(3, 1, 5), (3, 2, 6), (1, 2, 4), (8, 4, 16), (8, 4, 13), (4, 2, 7)])
def test_convolution_over_images(kernel, stride, side):
    conv, x = grown(lambda draw: Conv2d(2, 3, kernel, draw, stride=stride), KEY), random(1, side, side + stride, 2)
    reach = kernel // 2
    padding = [(reach, (-(-n // stride) - 1) * stride + kernel - n - reach) for n in x.shape[:2]]
    wanted = jax.lax.conv_general_dilated(
        x[None], conv.weight, (stride, stride), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"), precision="highest"
    )[0]
    np.testing.assert_allclose(conv(x), wanted, atol=1e-5)


def test_a_vmapped_convolution_is_one_matrix_product():
    conv, x = grown(lambda draw: Conv1d(3, 4, 5, draw), KEY), random(1, 7, 8, 3)
    text = jax.jit(jax.vmap(conv)).lower(x).as_text()
    assert text.count("dot_general") == 1 and "convolution" not in text


def test_group_norm():
    norm = eqx.tree_at(lambda n: (n.scale, n.shift), GroupNorm(6, 2), (random(0, 6), random(1, 6)))
    x = 3 + 2 * random(2, 5, 6)
    groups = np.asarray(x).reshape(5, 2, 3)
    plain = (groups - groups.mean((0, 2), keepdims=True)) / np.sqrt(groups.var((0, 2), keepdims=True) + 1e-5)
    np.testing.assert_allclose(norm(x), plain.reshape(5, 6) * np.asarray(norm.scale) + np.asarray(norm.shift), atol=1e-5)
    assert GroupNorm(12, 8).groups == 4  # the most that divides both


def test_layer_norm():
    x = 3 + 2 * random(2, 5, 6)
    norm = eqx.tree_at(lambda n: (n.scale, n.shift), LayerNorm(6), (random(0, 6), random(1, 6)))
    plain = np.asarray(x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(norm(x), plain * np.asarray(norm.scale) + np.asarray(norm.shift), atol=1e-5)


def test_mish_and_its_slope_far_out_too():
    x = jnp.array([-90.0, -5.0, -1.0, 0.0, 0.5, 3.0, 30.0, 200.0])
    slow = lambda x: x * jnp.tanh(jax.nn.softplus(x))
    np.testing.assert_allclose(mish(x), slow(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(jax.grad(mish))(x), jax.vmap(jax.grad(slow))(x), rtol=1e-5, atol=1e-6)


def test_sinusoids():
    embedded = sinusoidal(jnp.array([0.0, 3.0]), 8)
    np.testing.assert_allclose(embedded[0], [0, 0, 0, 0, 1, 1, 1, 1])
    np.testing.assert_allclose(embedded[1, :4], np.sin(3 * 10_000.0 ** -(np.arange(4) / 3)), atol=1e-6)


def test_mlp_layers_and_its_options():
    net, x = MLP(3, 2, jax.random.key(0), width=5, depth=2, activation="tanh"), random(1, 3)
    hidden = np.asarray(x)
    for layer in net.layers[:2]:
        hidden = np.tanh(hidden @ np.asarray(layer.weight) + np.asarray(layer.bias))
    np.testing.assert_allclose(net(x), hidden @ np.asarray(net.layers[2].weight) + np.asarray(net.layers[2].bias), atol=1e-6)
    normed = MLP(3, 2, jax.random.key(0), width=5, depth=1, layer_norm=True)
    first = jax.nn.relu(LayerNorm(5)(normed.layers[0](x)))
    np.testing.assert_allclose(normed(x), normed.layers[1](first), atol=1e-6)
    np.testing.assert_allclose(net(random(2, 4, 3))[1], net(random(2, 4, 3)[1]), atol=1e-6)
    assert MLP(3, 2, jax.random.key(0), depth=0)(x).shape == (2,)


def test_an_unknown_activation_is_refused_by_name():
    with pytest.raises(BadSetting, match="'swosh'.*relu"):
        activation_named("swosh")
    assert all(activation_named(name)(jnp.float32(1.0)) > 0.5 for name in ACTIVATIONS)


def test_linear_starts_within_its_bound():
    layer = grown(lambda draw: Linear(16, 200, draw), KEY)
    assert 0.24 < jnp.abs(layer.weight).max() <= 0.25 and 0.2 < jnp.abs(layer.bias).max() <= 0.25
    normal = grown(lambda draw: Linear(16, 200, draw, deviation=0.02), KEY)
    assert abs(float(normal.weight.std()) - 0.02) < 2e-3 and not normal.bias.any()
    assert grown(lambda draw: Linear(2, 2, draw, bias=False), KEY).bias is None


def test_what_is_drawn_is_drawn_once_and_spread_as_asked():
    pair = grown(lambda draw: (draw.normal((5000,), 2.0), draw.uniform((5000,), 3.0)), KEY)
    assert abs(float(pair[0].std()) - 2) < 0.1 and abs(float(pair[0].mean())) < 0.1 and jnp.abs(pair[0]).max() > 5
    assert abs(float(pair[1].std()) - 3 / 3**0.5) < 0.1 and 2.9 < jnp.abs(pair[1]).max() <= 3
    text = jax.jit(lambda key: grown(lambda draw: [Linear(3, 3, draw) for _ in range(5)], key)[0].weight).lower(KEY).as_text()
    assert text.count("func.func private @_uniform") <= 1
