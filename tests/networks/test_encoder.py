"""Encoders of observations: every kind of space, images in place, crops."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.spaces import Box, Dict, Discrete, MultiBinary
from agir.networks.encoder import Encoder, cut_out, images_in, value_at
from agir.networks.resnet import ResNet, spatial_softmax

SPACE = Dict((("camera", Box((20, 20, 3), 0.0, 255.0, "uint8")), ("state", Dict((("place", Box((2,))), ("mode", Discrete(3)))))))


def test_numbers_and_choices_are_features_as_they_are():
    encoder = Encoder.create(Dict((("place", Box((2, 2))), ("mode", Discrete(3)), ("on", MultiBinary(2)))), jax.random.key(0))
    seen = {"place": jnp.arange(8.0).reshape(2, 2, 2), "mode": jnp.array([0, 2]), "on": jnp.array([[0, 1], [1, 1]])}
    wanted = [[0, 1, 2, 3, 1, 0, 0, 0, 1], [4, 5, 6, 7, 0, 0, 1, 1, 1]]
    np.testing.assert_allclose(encoder(seen), wanted)
    assert encoder.features == 9 and not encoder.images


def test_images_go_through_their_network():
    encoder = eqx.filter_jit(lambda key: Encoder.create(SPACE, key, width=8, depth=1, features=6))(jax.random.key(0))
    encode = eqx.filter_jit(encoder)
    image = jax.random.randint(jax.random.key(1), (2, 20, 20, 3), 0, 256).astype(jnp.uint8)
    seen = {"camera": image, "state": {"place": jnp.ones((2, 2)), "mode": jnp.array([1, 0])}}
    features = encode(seen)
    assert features.shape == (2, encoder.features) == (2, 11)
    np.testing.assert_allclose(features[:, 6:], [[1, 1, 0, 1, 0], [1, 1, 1, 0, 0]])
    np.testing.assert_allclose(features[1, :6], eqx.filter_jit(encoder.images["/camera"])(image[1, 1:19, 1:19]), atol=1e-5)
    changed = encode(seen | {"camera": image.at[0, 8:12, 8:12].set(255)})
    assert jnp.abs(changed[0] - features[0]).max() > 1e-5
    np.testing.assert_array_equal(changed[1], features[1])
    assert list(images_in(SPACE)) == ["/camera"]
    assert value_at(seen, "/camera") is image and value_at(seen, "/state/mode").tolist() == [1, 0] and value_at(seen, "") is seen


def test_crops_are_random_in_training_and_central_else():
    image = jnp.arange(400, dtype=jnp.float32).reshape(20, 20, 1).astype(jnp.uint8)
    np.testing.assert_array_equal(cut_out(image, 90, None), image[1:19, 1:19])
    corners = set(jax.vmap(lambda key: cut_out(image, 90, key)[0, 0, 0])(jax.random.split(jax.random.key(0), 60)).tolist())
    assert corners == {int(image[i, j, 0]) for i in range(3) for j in range(3)}
    assert cut_out(image, 100, jax.random.key(0)).shape == (20, 20, 1)


def test_spatial_softmax_finds_a_bright_spot():
    x = jnp.zeros((5, 9, 2)).at[1, 6, 0].set(50.0).at[4, 0, 1].set(50.0)
    np.testing.assert_allclose(spatial_softmax(x), [0.5, -1.0, -0.5, 1.0], atol=1e-5)  # x of both, y of both
    np.testing.assert_allclose(spatial_softmax(jnp.zeros((5, 9, 1))), [0, 0], atol=1e-6)


def test_an_image_too_small_is_refused():
    with pytest.raises(BadSetting, match="16 x 16 is too small for 3 stages: use at most 2"):
        ResNet.create((16, 16, 3), jax.random.key(0))
    fits = lambda key: ResNet.create((16, 16, 3), key, 4, 2)(jnp.zeros((16, 16, 3), jnp.uint8))
    assert jax.eval_shape(fits, jax.random.key(0)).shape == (64,)


def test_a_small_image_gets_fewer_stages():
    stages = lambda side: jax.eval_shape(
        lambda key: Encoder.create(Box((side, side, 3), 0.0, 255.0, "uint8"), key, crop=100), jax.random.key(0)
    )
    assert [len(stages(side).images[""].stages) for side in (8, 16, 31, 32, 96)] == [1, 2, 2, 3, 3]
    with pytest.raises(BadSetting, match="7 x 7 is too small"):
        stages(7)
