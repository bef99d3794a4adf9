"""Methods that denoise as Diffusion Policy does, with another network or loss: what they draw after a short training."""

import dataclasses

import jax.numpy as jnp
import pytest
from methods.fitting import acts, fit, learner, two_ways

from agir.methods.imitation.crossway_diffusion import CrosswayDiffusion
from agir.methods.imitation.diffusion_transformer_policy import DiffusionTransformerPolicy
from agir.methods.imitation.mini_diffuser import MiniDiffuser
from agir.methods.imitation.stmdp import STMDP

CHUNKS = {"history": 1, "horizon": 4, "steps": 20, "passes": 20, "sampler": "ddpm", "warmup": 20, "width": 16, "depth": 1, "rate": 1e-2}


@pytest.mark.parametrize(
    "kind, batch, settings, off, together",  # one that learnt nothing is off by 0.3
    [
        (CrosswayDiffusion, 64, {"updates": 400}, 0.18, 0.95),
        (DiffusionTransformerPolicy, 64, {"updates": 500}, 0.12, 0.9),
        (MiniDiffuser, 16, {"updates": 400, "noises": 8, "rate": 5e-3}, 0.12, 0.88),
    ],
    ids=["crossway-diffusion", "diffusion-transformer-policy", "mini-diffuser"],
)
def test_two_ways_are_drawn_apart_and_all_of_a_chunk_goes_one_way(kind, batch, settings, off, together):
    method = learner(kind, execute=3, **CHUNKS | settings)
    state, _ = fit(method, lambda key: two_ways(key, batch=batch), method.updates)
    drawn = acts(method.policy(state), jnp.ones((3, 2)), 100)[..., 0]
    assert jnp.abs(jnp.abs(drawn) - 0.6).mean() < off
    assert 0.25 < (drawn[:, 0] > 0).mean() < 0.75
    assert ((drawn > 0) == (drawn[:, :1] > 0)).mean() > together


def test_spiking_neurons_learn_which_of_two_ways_what_is_seen_says():
    """Spikes are coarse, and two ways that nothing tells apart would take them longer than a test may."""

    def told(key):
        batch = two_ways(key, batch=32)
        return dataclasses.replace(batch, action=0.6 * jnp.sign(batch.observation[:, :, :1]) * jnp.ones_like(batch.action))

    method = learner(STMDP, execute=1, updates=200, **CHUNKS)
    state, _ = fit(method, told, 200)
    seen = jnp.array([[1.0, 0.5], [-1.0, 0.5], [1.0, -1.0], [-0.7, -1.0], [0.6, 0.3], [-0.6, 0.0]])
    drawn = acts(method.policy(state), seen, 50)[..., 0] * jnp.sign(seen[:, 0])[None]
    assert (drawn > 0).mean() > 0.9 and jnp.abs(drawn - 0.6).mean() < 0.2
