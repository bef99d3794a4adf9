"""Networks that denoise a chunk: against slow references, what may look at what, rows apart."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting, UnknownName
from agir.networks.denoiser import create_denoiser
from agir.networks.in_context import DiffusionTransformer, InContext
from agir.networks.layers import grown
from agir.networks.mlp import DenoisingMLP
from agir.networks.transformer import Attention, Transformer
from agir.networks.unet import FilmBlock, PlainUnet, Unet

CHUNK, CONTEXT = (8, 2), (2, 3)
NAMES = ["mlp", "unet", "plain-unet", "transformer", "dit", "in-context", "token-head", "small-head"]


def build(name, key, **options):
    """Weights ten times their first size, or not 0, so that what matters shows."""
    network = create_denoiser(name, CHUNK, CONTEXT, key, 8, 2, **options)
    if isinstance(network, InContext):
        return eqx.tree_at(lambda net: net.out.weight, network, jax.random.normal(key, network.out.weight.shape))
    return jax.tree.map(lambda x: 10 * x if eqx.is_array(x) and name == "transformer" else x, network)


def inputs(*lead, times=1):
    return (
        jax.random.normal(jax.random.key(1), (*lead, *CHUNK)),
        jnp.full((*lead, times), 5.0),
        jax.random.normal(jax.random.key(2), (*lead, *CONTEXT)),
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_input_matters_and_rows_stay_apart(name):
    many = inputs(3, times=2)
    variants = [many, *([x.at[1].add(1.0) if i == j else x for j, x in enumerate(many)] for i in range(3))]
    variants.append([many[0], many[1].at[1, 1].add(2.0), many[2]])  # the second time alone

    @jax.jit
    def evaluate(key, variants):
        network = build(name, key, times=2)
        return jax.vmap(jax.vmap(network))(*variants), network(*(x[0, 1] for x in variants))

    out, alone = evaluate(jax.random.key(0), [jnp.stack(x) for x in zip(*variants)])
    assert out.shape == (5, 3, *CHUNK)
    np.testing.assert_allclose(alone, out[0, 1], atol=1e-4)
    for other in out[1:]:  # one input, changed in one row, changes that row and no other
        np.testing.assert_array_equal(out[0, ::2], other[::2])
        assert jnp.abs(out[0, 1] - other[1]).max() > 1e-4


def test_sizes_that_are_not_given_are_the_networks_own():
    shapes = lambda **sizes: jax.eval_shape(lambda key: create_denoiser("mlp", CHUNK, CONTEXT, key, **sizes), jax.random.key(0))
    assert shapes().first.weight.shape == (22, 256) and len(shapes(width=8).layers) == 3 and len(shapes(depth=1).layers) == 1


def test_unknown_and_unfit_networks_are_refused():
    with pytest.raises(UnknownName, match="unet"):
        build("unett", jax.random.key(0))
    with pytest.raises(BadSetting, match="'resnet' cannot denoise.*mlp"):
        build("resnet", jax.random.key(0))
    with pytest.raises(BadSetting, match="not a multiple of 4. Set the horizon to 8"):
        Unet.create((6, 2), CONTEXT, jax.random.key(0), 8, 3)


# ------------------------------------------------------------------------------- the U-Net, step by step in NumPy
def np_mish(x):
    return x * np.tanh(np.log1p(np.exp(x)))


def np_conv(conv, x):
    kernel, _, outputs = conv.weight.shape
    reach, steps = (kernel - 1) // 2, len(x) // conv.stride
    out = np.tile(np.asarray(conv.bias), (steps, 1))
    for t in range(steps):
        for k in range(kernel):
            if 0 <= t * conv.stride + k - reach < len(x):
                out[t] += x[t * conv.stride + k - reach] @ np.asarray(conv.weight[k])
    return out


def np_block(block, x):
    y, groups = np_conv(block.conv, x), block.norm.groups
    split = y.reshape(len(y), groups, -1)
    split = (split - split.mean((0, 2), keepdims=True)) / np.sqrt(split.var((0, 2), keepdims=True) + 1e-5)
    return np_mish(split.reshape(y.shape) * np.asarray(block.norm.scale) + np.asarray(block.norm.shift))


def np_linear(layer, x):
    return x @ np.asarray(layer.weight) + np.asarray(layer.bias)


def np_film(block, x, condition):
    scale, shift = (1.0, 0.0) if block.film is None else np.split(np_linear(block.film, condition), 2)
    y = np_block(block.second, scale * np_block(block.first, x) + shift)
    return y + (x if block.skip is None else np_linear(block.skip, x))


def np_double(conv, x):
    size = x.shape[1]
    kernel = [np.asarray(part) for part in (conv.odd[size:], conv.even[size:], conv.odd[:size], conv.even[:size])]
    out = np.zeros((2 * len(x) + 2, conv.even.shape[1]))
    for i in range(len(x)):
        for k in range(4):
            out[2 * i + k] += x[i] @ kernel[k]
    return out[1:-1] + np.asarray(conv.bias)


def np_time(embedding, time):
    angle = time * 10_000.0 ** -(np.arange(4) / 3)
    return np_linear(embedding.second, np_mish(np_linear(embedding.first, np.concatenate([np.sin(angle), np.cos(angle)]))))


def np_unet(net, x, condition):
    kept = []
    for i, level in enumerate(net.down):
        x = np_film(level.second, np_film(level.first, x, condition), condition)
        kept.append(x)
        x = np_conv(level.resample, x) if i < 1 else x
    for block in net.middle:
        x = np_film(block, x, condition)
    for level in net.up:
        x = np.concatenate([x, kept.pop()], -1)
        x = np_double(level.resample, np_film(level.second, np_film(level.first, x, condition), condition))
    return np_linear(net.out, np_block(net.last, x))


def test_unet_equals_a_slow_one():
    net = eqx.filter_jit(lambda key: Unet.create((8, 2), CONTEXT, key, 8, 2))(jax.random.key(3))
    chunk, times, context = map(np.asarray, inputs())
    condition = np_mish(np.concatenate([np_time(net.time, times[0]), context.ravel()]))
    np.testing.assert_allclose(eqx.filter_jit(net)(*inputs()), np_unet(net, chunk, condition), atol=1e-4)


def test_the_plain_unet_has_the_same_inside_and_its_condition_beside_every_action():
    net = eqx.filter_jit(lambda key: PlainUnet.create((8, 2), CONTEXT, key, 8, 2))(jax.random.key(3))
    chunk, times, context = map(np.asarray, inputs())
    beside = np.concatenate([np_time(net.time, times[0]), context.ravel()])
    x = np.concatenate([chunk, np.tile(beside, (8, 1))], -1)
    assert all(
        leaf.film is None for leaf in jax.tree.leaves(net, is_leaf=lambda x: isinstance(x, FilmBlock)) if isinstance(leaf, FilmBlock)
    )
    np.testing.assert_allclose(eqx.filter_jit(net)(*inputs()), np_unet(net.unet, x, None), atol=1e-4)


def test_the_mlp_against_numpy():
    net = eqx.filter_jit(lambda key: DenoisingMLP.create(CHUNK, CONTEXT, key, 8, 2))(jax.random.key(3))
    chunk, times, context = map(np.asarray, inputs())
    angle = times[0] * 10_000.0 ** -(np.arange(16) / 15)
    embedded = np_linear(net.time.first, np.concatenate([np.sin(angle), np.cos(angle)]))
    time = np_mish(np_linear(net.time.second, np_mish(embedded)))
    x = np_linear(net.first, np.concatenate([chunk.ravel(), context.ravel()]))
    for layer in net.layers:
        scale, shift = np.split(np_linear(layer.film, time), 2)
        x = x + np_mish(np_linear(layer.inside, x) * (1 + scale) + shift)
    wanted = np_linear(net.last, x) + np_linear(net.straight, time) * chunk.ravel()
    np.testing.assert_allclose(eqx.filter_jit(net)(*inputs()), wanted.reshape(chunk.shape), atol=1e-5)


# ------------------------------------------------------------------------------------------------- the transformer
def test_an_action_sees_no_later_action_and_no_later_observation():
    chunk, context = (4, 2), (3, 2)
    net = eqx.filter_jit(lambda key: Transformer.create(chunk, context, key, 8, 2))(jax.random.key(0))
    ones = lambda shape: jax.random.normal(jax.random.key(5), shape)
    jacobian = jax.jit(jax.jacrev(lambda c, o: net(c, jnp.ones(1), o), argnums=(0, 1)))
    by_action, by_observation = jacobian(ones(chunk), ones(context))
    sees = lambda jacobian: np.abs(np.asarray(jacobian)).max((1, 3)) > 0
    np.testing.assert_array_equal(sees(by_action), np.tril(np.ones((4, 4), bool)))
    np.testing.assert_array_equal(sees(by_observation), np.arange(4)[:, None] >= np.arange(3)[None])


def test_attention_against_numpy():
    attention = grown(lambda draw: Attention(4, 2, draw), jax.random.key(0))
    x, memory = jax.random.normal(jax.random.key(1), (3, 4)), jax.random.normal(jax.random.key(2), (5, 4))
    mask = np.ones((3, 5), bool)
    mask[0, 2:] = False
    query, both = np_linear(attention.query, np.asarray(x)), np_linear(attention.key_value, np.asarray(memory))
    heads = []
    for head in (slice(0, 2), slice(2, 4)):
        score = query[:, head] @ both[:, :4][:, head].T / np.sqrt(2)
        weight = np.where(mask, np.exp(score), 0)
        heads.append(weight / weight.sum(1, keepdims=True) @ both[:, 4:][:, head])
    wanted = np_linear(attention.out, np.concatenate(heads, 1))
    np.testing.assert_allclose(attention(x, memory, jnp.asarray(mask)), wanted, atol=1e-6)


# --------------------------------------------------------------------------------------- tokens of one sequence
def slow_sequence(net, chunk, times, context, mask):
    """All tokens in one sequence [known, time, actions], by one masked self-attention a layer."""
    known = np_linear(net.context_in[1], np_mish(np_linear(net.context_in[0], context)))
    time = np.asarray(net.time(jnp.asarray(times)))[None]
    x = np.concatenate([time + known, np_linear(net.action_in, chunk)] if net.pooled else [time, np_linear(net.action_in, chunk)])
    x = x + np.asarray(net.place)
    x = x if net.pooled else np.concatenate([known, x])
    for layer in net.layers:
        y = layer.norms[0](jnp.asarray(x))
        x = x + np.asarray(layer.attention(y, y, jnp.asarray(mask)))
        hidden = np_linear(layer.first, np.asarray(layer.norms[1](jnp.asarray(x))))
        x = x + np_linear(layer.second, np.asarray(jax.nn.gelu(jnp.asarray(hidden))))
    said = np_linear(net.out, np.asarray(net.norm(jnp.asarray(x)))[-len(chunk) :])
    return said if net.pooled else said + np_linear(net.straight, np_mish(time)) * chunk


@pytest.mark.parametrize("name", ["dit", "in-context"])
def test_known_and_noisy_tokens_are_one_masked_sequence(name):
    net = eqx.filter_jit(build)(name, jax.random.key(3))
    chunk, times, context = map(np.asarray, inputs())
    if name == "dit":
        context, mask = context.reshape(1, -1), np.ones((9, 9), bool)
    else:
        mask = np.tril(np.ones((11, 11), bool))
        mask[:2, :2] = True  # the known see each other, and nothing else
    wanted = slow_sequence(net, chunk, times, context, mask)
    np.testing.assert_allclose(eqx.filter_jit(net)(*inputs()), wanted, atol=1e-4)


def test_what_is_known_is_worked_out_once_for_all_noisy_chunks_of_a_context():
    """The products of known tokens have no axis of the noises."""
    net = jax.eval_shape(lambda key: InContext.create((4, 2), (3, 2), key, 8, 2), jax.random.key(0))

    def shapes(noises):
        many = lambda net, chunks, times, context: jax.vmap(net, (0, 0, None))(chunks, times, context)
        jaxpr = jax.make_jaxpr(many)(net, jnp.zeros((noises, 4, 2)), jnp.zeros((noises, 1)), jnp.zeros((3, 2)))
        return [eqn.outvars[0].aval.shape for eqn in jaxpr.eqns if eqn.primitive.name == "dot_general"]

    alone = [shape for shape in shapes(5) if 5 not in shape]
    assert sorted(alone) == sorted(shape for shape in shapes(7) if 7 not in shape)
    assert alone.count((3, 32)) == 1  # the hidden layer of the known; after the last layer nobody looks at them
    assert alone.count((3, 16)) == 1 + 2  # their keys and values: for themselves in the first layer, for actions in both


def test_a_token_head_denoises_each_action_alone():
    net, (chunk, times, context) = build("token-head", jax.random.key(0)), inputs()
    out, moved = net(chunk, times, context), net(chunk.at[3].add(1.0), times, context)
    assert np.flatnonzero((out != moved).any(1)).tolist() == [3]
    assert (net(chunk, times, context + 1.0) != out).any(1).all()


def test_a_first_answer_is_nothing():
    net = DiffusionTransformer.create(CHUNK, CONTEXT, jax.random.key(0), 8, 1)
    np.testing.assert_array_equal(net(*inputs()), np.zeros(CHUNK))


def test_a_first_answer_in_context_is_a_share_of_what_is_shown_as_the_time_says():
    net = InContext.create(CHUNK, CONTEXT, jax.random.key(0), 8, 1)
    chunk, times, context = inputs()
    shares = net(chunk, times, context) / chunk
    np.testing.assert_allclose(shares, np.broadcast_to(shares[:1], CHUNK), rtol=1e-4)
    np.testing.assert_allclose(net(2 * chunk, times, 3 * context), 2 * shares * chunk, rtol=1e-4)
    assert not np.allclose(net(chunk, times + 20.0, context) / chunk, shares, rtol=1e-2)
