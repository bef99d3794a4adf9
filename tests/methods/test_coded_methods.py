"""Methods that generate by codes or piece by piece, on data whose right answer is known; what holds for all is in test_chunk_methods."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, acts, fit, learner, two_ways

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Window
from agir.core.spaces import Meaning
from agir.methods.imitation.carp import CARP
from agir.methods.imitation.coa import CoA
from agir.methods.imitation.code_prior import CodePrior
from agir.methods.imitation.discrete_diffusion_vla import DiscreteDiffusionVLA
from agir.methods.imitation.fast import Fast
from agir.methods.imitation.freqpolicy import FreqPolicy
from agir.methods.imitation.redrawn import Redrawn
from agir.methods.imitation.vq_bet import VQBeT
from agir.methods.imitation.vq_vla import VQVLA
from agir.runtime.bundle import load_bundle
from agir.training.fit import FitCodec, FitFast, FitResidual
from agir.training.train import train

SMALL = {"history": 1, "execute": 4, "width": 16, "depth": 1, "rate": 5e-3, "warmup": 20}
SEEN = jnp.ones((4, 2))


def stage(kind, **settings):
    """A stage, learnt from chunks that all go one of two ways."""
    learnt = learner(kind, **settings)
    return learnt.result(fit(learnt, lambda key: two_ways(key, horizon=learnt.horizon), settings["updates"])[0])


def kept_apart(drawn, atol, share=1.0):
    """Actions [lanes, steps] are 0.6 or -0.6, all of a chunk alike, both in a `share` of the lanes, and both ways are taken."""
    assert (jnp.abs(jnp.abs(drawn) - 0.6) < atol).all(1).mean() >= share
    assert (jnp.sign(drawn) == jnp.sign(drawn[:, :1])).all(1).mean() >= share and 0.25 < (drawn[:, 0] > 0).mean() < 0.75


def test_fast_spells_two_ways_with_a_token_each_and_keeps_them_apart():
    tokens = stage(FitFast, horizon=4, updates=8)
    sequences, counts = jax.vmap(tokens.encode)(jnp.array([[[0.6]] * 4, [[-0.6]] * 4]))
    assert counts.tolist() == [1, 1] and sequences[0, 0] != sequences[1, 0]
    method = learner(Fast, updates=150, tokens=tokens, temperature=1.0, **SMALL)
    state, losses = fit(method, two_ways, 150)
    assert abs(losses[-20:].mean() * 4 - np.log(2)) < 0.1  # the entropy of a fair coin, in shares of four steps
    kept_apart(acts(method.policy(state), SEEN, 100)[..., 0], 1e-5)
    policy = method.policy(state)
    info = policy.act(SEEN[0], policy.start(jax.random.key(0)), jax.random.key(0)).info
    assert int(info["passes"]) == 1


def test_a_code_prior_learns_where_chunks_reach_behind_an_episodes_end_too():
    def ends(key):
        """Both ways, and at [5, 5], where an episode has one action left, only the upper one; what is behind the end is not read."""
        window = two_ways(key)
        late = jnp.arange(window.mask.shape[0]) % 4 == 0
        seen = jnp.where(late[:, None, None], 5.0, window.observation)
        action = jnp.where(late[:, None, None], jnp.array([0.6, *[jnp.nan] * 3])[:, None], window.action)
        return Window(seen, action, jnp.where(late[:, None], jnp.array([1.0, 0.0, 0.0, 0.0]), window.mask))

    codec = stage(FitCodec, horizon=4, levels=(3,), width=16, rate=5e-3, updates=300)
    method = learner(CodePrior, updates=300, codec=codec, width=16, rate=5e-3)
    policy = method.policy(fit(method, ends, 300)[0])
    kept_apart(acts(policy, SEEN, 100)[..., 0], 0.06)
    assert (jnp.abs(acts(policy, 5 * SEEN, 100)[..., 0] - 0.6) < 0.06).mean() > 0.95  # a coin where only whole chunks were learnt
    with pytest.raises(BadSetting, match="--base holds a CodePlanner"):
        redrawn(policy)


def test_carp_keeps_two_ways_apart_in_a_pass_a_scale():
    codec = stage(FitResidual, horizon=4, scales=(1, 2), codes=4, dim=2, width=16, rate=5e-3, updates=400)
    method = learner(CARP, updates=300, codec=codec, temperature=0.5, **SMALL)
    state, _ = fit(method, two_ways, 300)
    kept_apart(acts(method.policy(state), SEEN, 100)[..., 0], 0.06)
    assert method.policy(state).planner.model.generator.passes == 2


def test_vq_bet_mends_by_offsets_what_its_codes_leave():
    small = {"horizon": 4, "scales": (1,), "codes": 4, "dim": 2, "width": 8}
    codec, ways = stage(FitResidual, rate=1e-2, updates=40, **small), jnp.array([[[0.6]] * 4, [[-0.6]] * 4])
    left = jnp.abs(jax.vmap(lambda way: codec.decode(codec.encode(way)))(ways) - ways).max()
    assert 0.05 < left < 0.5  # hardly trained, but it tells the two apart
    method = learner(VQBeT, updates=400, codec=codec, **SMALL)
    state, _ = fit(method, two_ways, 400)
    kept_apart(acts(method.policy(state), SEEN, 100)[..., 0], 0.04)


def test_masked_diffusion_keeps_two_ways_apart_where_one_round_mixes_them():
    method = learner(DiscreteDiffusionVLA, chunk=4, scale=5, rounds=8, reopened=0, updates=400, **SMALL)
    state, _ = fit(method, two_ways, 400)
    policy = method.policy(state)
    kept_apart(acts(policy, SEEN, 100)[..., 0], 0.01, share=0.9)
    at_once = acts(redrawn(policy, temperature=1.0, rounds=1), SEEN, 100)[..., 0]
    assert (jnp.sign(at_once) == jnp.sign(at_once[:, :1])).all(1).mean() < 0.35  # two of sixteen, by chance


def redrawn(policy, **settings):
    method = dataclasses.replace(Redrawn(base=policy, **settings), spec=NUMBERS)
    return method.policy(method.init(jax.random.key(0)))


def test_a_run_is_redrawn_for_each_of_its_seeds(tmp_path):
    small = {"demonstrations": 3, "batch": 4, "tokens.updates": 1, "updates": 2, "width": 8, "depth": 1, "temperature": 1.0, "seeds": 2}
    base = train("multipath", "fast", run=tmp_path / "base", **small)
    again = train("multipath", "redrawn", base=base.folder, seeds=2, run=tmp_path / "again")
    of = lambda run: load_bundle(run.folder / "policies" / "last")[0].inner.planner.model.generator
    assert of(again).temperature.tolist() == [0.0, 0.0] and of(base).temperature.tolist() == [1.0, 1.0]
    head = of(base).network.head.weight
    np.testing.assert_array_equal(of(again).network.head.weight, head)
    assert not (head[0] == head[1]).all()


def test_what_is_redrawn_is_the_likeliest_and_what_draws_no_tokens_is_refused():
    tokens = stage(FitFast, horizon=4, updates=8)
    method, cold = learner(Fast, tokens=tokens, temperature=1.0, **SMALL), learner(Fast, tokens=tokens, **SMALL)
    policy = method.policy(eqx.filter_jit(method.init)(jax.random.key(0)))
    keys = jax.random.split(jax.random.key(1), 50)
    chunks = lambda policy: jax.vmap(lambda key: policy.planner.act(SEEN[:1], (), key).action)(keys)
    assert len(np.unique(chunks(policy), axis=0)) > 10 and len(np.unique(chunks(redrawn(policy)), axis=0)) == 1
    same = cold.policy(eqx.filter_jit(cold.init)(jax.random.key(0)))
    np.testing.assert_array_equal(chunks(redrawn(policy)), chunks(same))
    freq = learner(FreqPolicy, horizon=4, **SMALL)
    numbers = freq.policy(eqx.filter_jit(freq.init)(jax.random.key(0)))
    for base, wrong, why in (
        (numbers, {}, "FrequencyAutoregression, which draws no tokens"),
        (policy, {"rounds": 2}, "masked diffusion's"),
    ):
        with pytest.raises(BadSetting, match=why):
            redrawn(base, **wrong)


def test_freqpolicy_follows_what_is_seen():
    def rises(key):
        batch = two_ways(key, history=1, horizon=4)
        seen = jnp.clip(batch.observation, -1.5, 1.5)
        return Window(seen, seen[:, :, :1] * (0.15 * jnp.arange(1, 5, dtype=jnp.float32))[None, :, None], batch.mask)

    method = learner(FreqPolicy, horizon=4, levels=3, head_width=32, steps=20, passes=10, updates=800, **SMALL)
    state, _ = fit(method, rises, 800)
    seen = jnp.stack([jnp.array([0.9, 0.0])] * 4)
    drawn = acts(method.policy(state), seen, 50)[..., 0]
    wanted = 0.9 * 0.15 * np.arange(1, 5)
    assert np.abs(drawn.mean(0) - wanted).max() < 0.08 and drawn.std(0).max() < 0.12


@pytest.mark.parametrize("order", ["backward", "forward"])
def test_a_chain_says_how_long_it_is(order):
    """The way leads to what is seen first, in two steps or in four, as is seen second."""

    def ways(key):
        batch = two_ways(key, history=1, horizon=4, batch=64)
        seen = jnp.clip(batch.observation, -1.5, 1.5)
        steps = jnp.where(seen[:, :, 1] > 0, 4.0, 2.0)
        time = jnp.minimum(jnp.arange(1, 5, dtype=jnp.float32)[None] / steps, 1.0)
        mask = (jnp.arange(4, dtype=jnp.float32)[None] < steps).astype(jnp.float32)
        return Window(seen, seen[:, :, :1] * time[..., None], mask)

    method = learner(CoA, reach=4, order=order, updates=1000, **SMALL | {"execute": 0, "width": 32})
    state, _ = fit(method, ways, 1000)
    planner = method.policy(state).planner
    seen = jnp.array([[[0.8, 1.0]], [[0.8, -1.0]], [[-0.5, 1.0]], [[-0.5, -1.0]]])
    chunks, _, info = jax.jit(jax.vmap(lambda seen: planner.act(seen, (), jax.random.key(0))))(seen)
    assert info["length"].tolist() == [4, 2, 4, 2] == info["passes"].tolist()
    wanted = seen[:, :, :1] * jnp.array([[0.25, 0.5, 0.75, 1.0], [0.5, 1.0, 1.0, 1.0]] * 2)[..., None]
    np.testing.assert_allclose(chunks, wanted, atol=0.2)
    assert type(method.policy(state)).__name__ == ("EndEnsembled" if order == "backward" else "Ensembled")
    assert type(learner(CoA, reach=4, **SMALL).policy(state)).__name__ == "Receding"


def test_a_trajectory_from_its_end_is_of_places():
    spec = dataclasses.replace(NUMBERS, meaning=Meaning("delta", "m"))
    with pytest.raises(BadSpec, match="a delta says nothing of where it leads"):
        learner(CoA, spec, reach=4).init(jax.random.key(0))
    learner(CoA, spec, reach=4, order="forward").init(jax.random.key(0))


def test_vq_vla_says_its_codes_one_by_one():
    codec = stage(FitResidual, horizon=4, scales=(1, 1), codes=4, dim=2, width=16, shared=False, rate=5e-3, updates=200)
    method = learner(VQVLA, updates=200, codec=codec, temperature=0.5, **SMALL)
    state, _ = fit(method, two_ways, 200)
    kept_apart(acts(method.policy(state), SEEN, 100)[..., 0], 0.1)
    policy = method.policy(state)
    assert int(policy.act(SEEN[0], policy.start(jax.random.key(0)), jax.random.key(0)).info["passes"]) == 2
