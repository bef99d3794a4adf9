"""Rows of a second dataset that are like the demonstrations: found, drawn, and asked for by name."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import learner
from training.toys import SPEC, Toy

from agir.core.errors import BadSetting
from agir.core.nouns import Window
from agir.data.dataset import Dataset
from agir.generators.autoencoder import Autoencoder
from agir.method_flags import parse
from agir.methods.imitation.behavior_retrieval import BehaviorRetrieval
from agir.networks.mlp import MLP
from agir.training.memory import Everything
from agir.training.retrieval import Chosen, FitRetrieval, Pairs, Retrieved
from agir.training.sources import Mixture
from agir.training.train import resume, train
from agir.training.world import make_world
from agir.verbs import load


def linear(weight, bias=0.0):
    """An MLP that is this matrix."""
    made, outputs = MLP(*np.shape(weight), jax.random.key(0), depth=0), np.shape(weight)[1]
    values = jnp.float32(weight), jnp.broadcast_to(jnp.float32(bias), (outputs,))
    return eqx.tree_at(lambda x: (x.layers[0].weight, x.layers[0].bias), made, values)


def test_an_autoencoders_losses_are_those_of_the_paper():
    """Encoder: the mean is 2 x and the log variance -20; decoder: half of z. So x comes back, and the divergence is known."""
    encoder = linear(np.hstack([2 * np.eye(3), np.zeros((3, 3))]), [0, 0, 0, -20, -20, -20])
    model = Autoencoder(encoder, linear(0.5 * np.eye(3)))
    x = jnp.array([0.5, -1.0, 2.0])
    error, divergence = model.losses(x, jax.random.key(0))
    np.testing.assert_allclose(error, 0.0, atol=1e-8)
    np.testing.assert_allclose(divergence, 0.5 * np.sum(4 * np.asarray(x) ** 2 + np.exp(-20) - 1 + 20), rtol=1e-5)


def pairs(seed, count, mask=1.0):
    draw = np.random.default_rng(seed)
    seen, done = draw.normal(size=(count, 1, 3)), draw.normal(size=(count, 1, 2))
    return Window(jnp.float32(seen), jnp.float32(done), jnp.full((count, 1), mask))


def test_the_rows_kept_are_the_nearest_of_a_slow_search():
    embed = linear(np.hstack([np.ones((5, 1)), np.zeros((5, 1))]))  # mean: the sum of the pair
    both = Mixture({"demonstrations": Everything(batch=5), "prior": Everything(batch=60, dataset="prior")})
    stage = learner(FitRetrieval, SPEC, keep=7, embedding=Pairs(Autoencoder(embed, embed)), learns_from=both)
    few, prior = pairs(0, 5), pairs(1, 60)
    few = dataclasses.replace(few, mask=few.mask.at[4].set(0.0))  # a place that is empty
    prior = dataclasses.replace(prior, mask=prior.mask.at[50:].set(0.0))
    found, metrics = stage.update(stage.init(jax.random.key(0)), {"demonstrations": few, "prior": prior}, jnp.int32(0), jax.random.key(0))
    key = lambda w: np.concatenate([(w.observation.sum((1, 2)) + w.action.sum((1, 2)))[:, None], w.action[:, 0]], 1)
    apart = np.linalg.norm(key(prior)[:50, None] - key(few)[None, :4], axis=-1).min(1)
    assert found.rows.tolist() == np.argsort(apart)[:7].tolist()
    np.testing.assert_allclose(found.distances, np.sort(apart)[:7], rtol=1e-4)
    assert float(metrics["distance"]) == float(found.distances[-1])
    for keep in (0, 61):
        with pytest.raises(BadSetting, match=f"keep is 1 to 60, .* not {keep}"):
            dataclasses.replace(stage, keep=keep).init(jax.random.key(0))


def test_only_chosen_rows_are_drawn():
    data = Toy().demonstrations(4)
    world = make_world(Toy(), {"prior": data}, how="none")
    method = dataclasses.replace(BehaviorRetrieval(), retrieved=Retrieved(jnp.array([3, 17], jnp.int32), jnp.zeros(2)))
    bound = Chosen(batch=40).bind(world, method)
    _, batch = bound.tuned(method).next((), None, jnp.int32(0), jax.random.key(0))
    seen = np.asarray(world.table("prior", "training").columns["observation"])
    assert {tuple(x) for x in np.asarray(batch.observation[:, 0]).tolist()} == {tuple(seen[3].tolist()), tuple(seen[17].tolist())}
    _, every = bound.next((), None, jnp.int32(0), jax.random.key(0))
    assert len({tuple(x) for x in np.asarray(every.observation[:, 0]).tolist()}) > 10


TINY = {"width": 8, "depth": 1, "updates": 20, "retrieved.keep": 5, "retrieved.embedding.updates": 20, "retrieved.embedding.width": 8}
TINY |= {"demonstrations.batch": 8, "prior.batch": 8}


def test_a_run_with_prior_data(tmp_path, monkeypatch):
    prior = tmp_path / "prior.npz"
    Toy().demonstrations(12, first=1).save(prior)
    asked = {"demonstrations": 5, "prior_data": str(prior), "seeds": 2, "run": tmp_path / "run"}
    run = train(Toy(), "behavior-retrieval", **asked, **TINY)
    assert run.asked["other_data"] == {"prior": str(prior)} and set(run.asked["fingerprints"]) == {"demonstrations", "prior"}
    assert any(row["split"] == "validation" for row in run.rows(stage=""))
    assert load(run).act(jnp.zeros(3), load(run).start(jax.random.key(0)), jax.random.key(0)).action.shape == (2,)
    longer = resume(run, updates=25)
    assert longer.asked["state"] == "finished"
    with pytest.raises(BadSetting, match="give one with --prior-data"):
        train(Toy(), "behavior-retrieval", demonstrations=5, run=tmp_path / "other", **TINY)
    given, settings = parse("toy", "behavior-retrieval", ["--prior-data", "x.npz", "--retrieved.keep", "7"])
    assert settings == {"prior_data": "x.npz", "retrieved.keep": 7} and given == {}


def test_normalisation_is_that_of_both_datasets():
    far = Toy().demonstrations(3)
    far = Dataset(far.spec, far.columns | {"observation": 5 * far.columns["observation"]}, far.ends, far.final_observation)
    world = make_world(Toy(), {"demonstrations": Toy().demonstrations(3), "prior": far})
    both = [np.asarray(world.table(name, "training").columns["observation"]) for name in ("demonstrations", "prior")]
    np.testing.assert_allclose(np.abs(np.concatenate(both)).max(0), 1.0, atol=1e-5)
    assert np.abs(both[0]).max() < 0.9
