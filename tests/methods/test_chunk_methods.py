"""What holds for every method that learns to generate chunks; what each learns is in its own file."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from generators.exact import posterior
from methods.fitting import NUMBERS, acts, fit, learner, two_ways

from agir.core import registry
from agir.core.errors import BadSetting, BadSpec
from agir.core.names import METHODS, NETWORKS
from agir.core.nouns import Window
from agir.core.spaces import Box, Discrete, Spec
from agir.methods.imitation.act import ACT
from agir.methods.imitation.correlated_noise_flow import CorrelatedNoiseFlow, FitCorrelation
from agir.methods.imitation.diffusion_policy import DiffusionPolicy
from agir.methods.imitation.dita import Dita
from agir.methods.imitation.flow_policy import FlowPolicy
from agir.methods.imitation.mp1 import MP1
from agir.methods.imitation.sdp import SDP
from agir.methods.imitation.streaming_flow_policy import StreamingFlowPolicy
from agir.methods.imitation.two_step_regression import TwoStepRegression
from agir.training.chunk_method import ChunkMethod, GeneratingMethod
from agir.training.loop import traced

ELSEWHERE = ("class", "motion-tracks")  # see images or keypoints alone, and have tests of their own
KINDS = {name: kind for name in METHODS if issubclass(kind := registry.find("method", name), GeneratingMethod) and name not in ELSEWHERE}
DENOISERS = [name for name in NETWORKS if registry.find("network", name).role == "denoiser"]
TRIED = {"diffusion-policy": DENOISERS, "stmdp": ("spiking", "spiking-cross")}  # where all fit, these or the usual ones are tried


def networks(name):
    """Those that a method is tested with."""
    if not issubclass(kind := KINDS[name], ChunkMethod):
        return (None,)
    return kind.networks or TRIED.get(name, ("unet", "transformer", "mlp"))


WHOLE = [(name, network) for name in KINDS for network in networks(name)]
TINY = {"width": 8, "depth": 1, "warmup": 1, "updates": 50}


def tiny(kind, **more):
    """The smallest that makes sense; givens are as their stages begin."""
    name = next(name for name, known in KINDS.items() if known is kind)
    smallest = min(getattr(kind, "networks", ()) or {"mlp", "spiking"} & {*networks(name)}, default="")
    return learner(kind, **TINY | ({"network": smallest} if smallest else {}) | more)


@pytest.mark.parametrize("name, network", WHOLE)
def test_every_method_is_trained_and_acts_with_every_network_at_its_default_size(name, network):
    """By shapes alone: nothing is compiled. (The networks themselves are tested beside their code.)"""
    method = learner(KINDS[name], **{"network": network} if network else {})
    batch = jax.eval_shape(
        lambda: two_ways(jax.random.key(0), history=method.history, horizon=method.horizon, frames=getattr(method, "frames", 1))
    )

    def whole(key, batch):
        before = method.init(key)
        after, metrics = method.update(before, batch, jnp.int32(0), key)
        policy = method.policy(after)
        memory = policy.start(key)
        return before, after, metrics["loss"], memory, policy.act(jnp.zeros(2), memory, key), method.validate(after, batch, key)

    before, after, loss, memory, act, checked = eqx.filter_eval_shape(whole, jax.random.key(0), batch)
    outline = lambda tree: jax.tree.map(lambda x: (x.shape, x.dtype) if hasattr(x, "shape") else x, tree)
    assert outline(before) == outline(after) and outline(memory) == outline(act.memory)
    assert loss.shape == () and act.action.shape == (1,) and checked["loss"].shape == ()
    assert act.info["passes"].dtype == jnp.int32 and act.info["planned"].dtype == bool


@pytest.mark.parametrize("name", KINDS)
def test_padding_and_other_rows_change_nothing(name):
    """The losses and their gradients, where what lies behind the mask is something else; seeds differ, and one seed does not."""
    method = tiny(KINDS[name])
    batch = two_ways(jax.random.key(0), method.history, method.horizon, batch=3, frames=getattr(method, "frames", 1))
    past, steps = method.history - 1, jnp.arange(method.horizon)
    mask = jnp.stack([steps >= 0, steps >= past, steps < past + method.execute + 1]).astype(jnp.float32)
    spoil = lambda x, mask: jnp.where(mask[..., None] > 0, x, jnp.nan)
    later = (jnp.arange(batch.ahead_mask.shape[1])[None] < jnp.arange(3)[:, None]).astype(jnp.float32)
    batch = dataclasses.replace(batch, mask=mask, ahead_mask=later)
    spoiled = dataclasses.replace(batch, action=spoil(batch.action, mask), ahead=spoil(batch.ahead, later))
    state = eqx.filter_jit(method.init)(jax.random.key(0))
    loss = eqx.filter_jit(eqx.filter_value_and_grad(lambda model, batch: method.loss(model, batch, jax.random.key(1))))
    (value, gradient), (same, same_gradient) = (loss(state.model, b) for b in (batch, spoiled))
    assert jnp.isfinite(value) and value == same
    jax.tree.map(np.testing.assert_array_equal, eqx.filter(gradient, eqx.is_array), eqx.filter(same_gradient, eqx.is_array))
    others = [eqx.filter_jit(method.init)(jax.random.key(seed)) for seed in (0, 1)]
    assert eqx.tree_equal(state, others[0]) and not eqx.tree_equal(state, others[1])


@pytest.mark.parametrize("name, now", [("act", 0), ("reactive-diffusion-policy", 0), ("streaming-flow-policy", 1)])
def test_the_first_action_of_a_chunk_that_begins_now_sees_what_is_seen_now(name, now):
    """With a transformer, whose actions see no later observation: here none is later."""
    method = tiny(KINDS[name], network="transformer")
    model = eqx.filter_jit(method.init)(jax.random.key(0)).model
    model = jax.tree.map(lambda x: 10 * x if eqx.is_inexact_array(x) else x, model)  # weights begin so small that nothing shows
    seen = jnp.zeros((2, method.history, 2)).at[1, -1].set(1.0)
    chunks = eqx.filter_jit(lambda model: jax.vmap(lambda one: model.sample(one, jax.random.key(1)))(seen))(model)
    assert jnp.abs(chunks[0, now] - chunks[1, now]).max() > 1e-4


@pytest.mark.parametrize("name", KINDS)
def test_choices_are_refused_by_name(name):
    with pytest.raises(
        BadSpec, match=f"{KINDS[name].__name__} needs actions that are numbers; these are Discrete.3.. Use behavior-cloning"
    ):
        learner(KINDS[name], Spec(Box((2,)), Discrete(3))).suits()


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if issubclass(kind, ChunkMethod)])
def test_a_network_that_does_not_fit_is_refused_with_those_that_do(name):
    known = KINDS[name].networks
    why = f"--network resnet .*: use .*{known[-1]}" if known else "'resnet' cannot denoise a chunk of actions. Those that can: mlp, unet"
    with pytest.raises(BadSetting, match=why):
        learner(KINDS[name], network="resnet", width=8, depth=1).init(jax.random.key(0))
    assert set(known) <= set(DENOISERS)


def test_flow_keeps_two_ways_apart():
    method = learner(
        FlowPolicy, network="mlp", width=64, depth=2, history=2, horizon=4, execute=3, passes=20, rate=5e-3, warmup=20, updates=1500
    )
    state, _ = fit(method, lambda key: two_ways(key, history=2, batch=128), 1500)
    drawn = acts(method.policy(state), jnp.ones((3, 2)), 100)[..., 0]
    assert jnp.abs(jnp.abs(drawn) - 0.6).mean() < 0.06
    assert 0.25 < (drawn[:, 0] > 0).mean() < 0.75
    assert ((drawn > 0) == (drawn[:, :1] > 0)).mean() > 0.97  # all of a chunk go one way


def test_two_step_regression_learns_both_its_means():
    """Seven in ten go one way: the first pass says 0.24; the second, whose noise reaches from one way to the other, the likelier."""

    def mostly(key):
        batch = two_ways(key, history=1)
        choose = jax.random.bernoulli(jax.random.fold_in(key, 1), 0.7, (64, 1, 1))
        return dataclasses.replace(batch, action=jnp.where(choose, 0.6, -0.6) * jnp.ones_like(batch.action))

    settings = {"network": "mlp", "width": 64, "depth": 2, "history": 1, "horizon": 4, "execute": 4, "rate": 5e-3, "warmup": 20}
    method = learner(TwoStepRegression, second=0.6, weight_decay=1e-2, updates=800, **settings)
    state, _ = fit(method, mostly, 800)
    drawn = acts(method.policy(state), jnp.ones((4, 2)), 8)[..., 0]
    ways, weights = jnp.array([[0.6] * 4, [-0.6] * 4]), jnp.array([0.7, 0.3])
    wanted = posterior(jnp.full((1, 4), 0.6 * 0.24), jnp.float32(0.6), ways, weights, 0.0)[0]  # 0.56
    np.testing.assert_allclose(drawn, jnp.broadcast_to(wanted, drawn.shape), atol=0.08)
    np.testing.assert_array_equal(drawn, jnp.broadcast_to(drawn[:1], drawn.shape))
    first = state.best.generator.regress(jnp.zeros((4, 1)), jnp.float32(0), jnp.ones((1, 2)))
    np.testing.assert_allclose(first, 0.24, atol=0.08)
    assert float(method.policy(state).planner.model.generator.second) == np.float32(0.6)  # a setting is never trained nor decayed


def test_mp1_keeps_two_ways_apart_in_one_pass():
    settings = {"network": "mlp", "width": 64, "depth": 2, "history": 1, "horizon": 4, "execute": 3, "rate": 3e-3, "warmup": 20}
    method = learner(MP1, updates=2000, **settings)
    state, _ = fit(method, lambda key: two_ways(key, history=1, batch=128), 2000)
    policy = method.policy(state)
    drawn = acts(policy, jnp.ones((3, 2)), 100)[..., 0]
    assert policy.planner.model.generator.passes == 1
    assert jnp.abs(jnp.abs(drawn) - 0.6).mean() < 0.12
    assert 0.25 < (drawn[:, 0] > 0).mean() < 0.75
    assert ((drawn > 0) == (drawn[:, :1] > 0)).mean() > 0.95


def test_streamed_actions_are_drawn_into_the_demonstrated_ones():
    """All actions so far were 0, and from here they rise by 0.2 times what is seen: mean and spread are the paper's marginal."""

    def rises(key):
        batch = two_ways(key, history=2, horizon=5, batch=64)
        rise = 0.2 * jnp.arange(5, dtype=jnp.float32)[None, :, None] * jnp.ones_like(batch.action)
        return dataclasses.replace(batch, action=batch.observation[:, -1:, :1] * rise)

    settings = {"width": 32, "depth": 2, "history": 2, "horizon": 5, "execute": 4, "rate": 5e-3, "warmup": 20, "spread": 0.4}
    method = learner(StreamingFlowPolicy, updates=600, passes=8, **settings)
    state, _ = fit(method, rises, 600)
    drawn = acts(method.policy(state), jnp.ones((4, 2)), 400)[..., 0]
    np.testing.assert_allclose(drawn.mean(0), [0.2, 0.4, 0.6, 0.8], atol=0.07)
    np.testing.assert_allclose(drawn.std(0), 0.4 * np.exp(-2.5 * np.arange(1, 5) / 4), atol=0.04)


def test_a_streaming_flow_goes_on_from_what_is_done_within_its_bounds():
    """Where the velocity grows with the action, as beyond what was demonstrated it may, an action out of bounds would run away."""
    bounded = Spec(NUMBERS.observation, Box((1,), -1.0, 0.5))
    method = learner(StreamingFlowPolicy, spec=bounded, **TINY)
    policy = method.policy(method.init(jax.random.key(0)))
    away = lambda action, times, context: 100.0 * (action + 0.2)
    policy = eqx.tree_at(lambda p: p.streamer.model.generator.network, policy, away)

    def once(memory, key):
        action, memory, _ = policy.act(jnp.zeros(2), memory, key)
        return memory, action[0]

    memory, actions = jax.lax.scan(once, policy.start(jax.random.key(1)), jax.random.split(jax.random.key(2), 60))
    assert set(actions[2:].tolist()) <= {-1.0, 0.5} and memory.last[0] == actions[-1]


def test_what_a_streaming_flow_cannot_do_is_refused():
    for wrong, why in (
        ({"history": 1, "horizon": 15}, "--history 2 on"),
        ({"network": "unet"}, "use mlp or transformer"),
        ({"noises": 0}, "At least one noise"),
        ({"passes": 0}, "--passes is at least 1"),
    ):
        with pytest.raises(BadSetting, match=why):
            learner(StreamingFlowPolicy, **wrong).init(jax.random.key(0))
    method = tiny(StreamingFlowPolicy, execute=16)
    with pytest.raises(BadSetting, match="at most 15"):
        method.policy(method.init(jax.random.key(0)))


def test_a_streamed_buffer_keeps_two_ways_apart():
    settings = {"network": "mlp", "width": 64, "depth": 2, "history": 2, "horizon": 5, "execute": 2, "rate": 5e-3, "warmup": 20}
    method = learner(SDP, steps=20, passes=20, sampler="ddpm", begin="denoise", updates=1500, **settings)
    state, _ = fit(method, lambda key: two_ways(key, history=2, horizon=5, batch=128), 1500)
    policy = method.policy(state)
    drawn = acts(policy, jnp.ones((8, 2)), 100)[..., 0]
    assert jnp.abs(jnp.abs(drawn) - 0.6).mean() < 0.08
    assert 0.25 < (drawn[:, 0] > 0).mean() < 0.75
    assert ((drawn[:, 1:] > 0) == (drawn[:, :-1] > 0)).mean() > 0.88  # the buffer says which way; 0.79 if each plan chose by itself
    memory, paid = policy.start(jax.random.key(0)), []
    act = jax.jit(lambda *now: policy.act(*now))
    for step in range(5):
        _, memory, info = act(jnp.ones(2), memory, jax.random.key(step))
        paid.append(int(info["passes"]))
    assert paid == [20 + 10, 0, 10, 0, 10]


def test_settings_of_a_buffer_that_do_not_fit_are_refused():
    for wrong, why in (({"begin": "pose"}, "zero or denoise"), ({"passes": 9}, "not a multiple"), ({"execute": 30}, "0 parts of 30")):
        with pytest.raises(BadSetting, match=why):
            learner(SDP, **wrong).init(jax.random.key(0))


def test_act_gives_the_median_of_a_style_that_is_not_seen_and_averages_its_chunks():
    """From what is seen follow the actions 0.5 times it, three in ten of the demonstrations 0.3 above."""

    def styles(key):
        batch = two_ways(key, history=1)
        style = 0.3 * jax.random.bernoulli(jax.random.fold_in(key, 1), 0.3, (64, 1, 1)).astype(jnp.float32)
        return dataclasses.replace(batch, action=(0.5 * batch.observation[:, :, :1] + style) * jnp.ones_like(batch.action))

    settings = {"network": "mlp", "width": 64, "depth": 2, "horizon": 4, "latent": 4, "rate": 5e-3, "warmup": 20}
    method = learner(ACT, updates=600, **settings)
    state, losses = fit(method, styles, 600)
    seen = jnp.array([[0.4, 0.0], [0.4, 0.5], [0.4, -0.5]])
    drawn = acts(method.policy(state), seen, 4)[..., 0]
    np.testing.assert_allclose(drawn, 0.2, atol=0.07)  # the likelier style: the median, where a mean would say 0.29
    np.testing.assert_array_equal(drawn, jnp.broadcast_to(drawn[:1], drawn.shape))
    assert type(method.policy(state)).__name__ == "Ensembled"
    assert type(learner(ACT, execute=2, updates=600, **settings).policy(state)).__name__ == "Receding"


def test_several_noises_of_a_window_are_the_mean_over_keys_and_its_observations_are_encoded_once():
    one, many = (tiny(DiffusionPolicy, noises=noises) for noises in (1, 3))
    batch = two_ways(jax.random.key(0), one.history, one.horizon, batch=2)
    model = eqx.filter_jit(one.init)(jax.random.key(0)).model
    seen = []

    class Counted(eqx.Module):
        def __call__(self, observation, key=None):
            seen.append(1)
            return observation

    @eqx.filter_jit
    def losses(model, key):
        keys = jax.random.split(jax.random.split(key)[1], 2)
        contexts = model.contexts(batch.observation, None)
        loss = jax.vmap(model.generator.loss, (0, 0, 0, 0))
        each = jax.vmap(loss, (None, None, None, 1))(
            batch.action, batch.mask, contexts, jax.vmap(lambda key: jax.random.split(key, 3))(keys)
        )
        seen.clear()
        return (
            many.loss(dataclasses.replace(model, encoder=Counted()), batch, key),
            each,
            one.loss(model, batch, key),
            model.loss(batch, key),
        )

    found, each, alone, always = losses(model, jax.random.key(1))
    np.testing.assert_allclose(found, each.mean(), rtol=1e-5)
    assert len(seen) == 1
    assert alone == always  # one noise is drawn as it always was


def test_tokens_in_context_find_the_thing_that_matters():
    """Of three things in any order the action is where the marked one stands."""
    spec = Spec(Box((3, 2), -1.0, 1.0), Box((1,), -1.0, 1.0))

    def marked(key):
        place, order = jax.random.split(key)
        places = jax.random.uniform(place, (64, 3), jnp.float32, -0.8, 0.8)
        which = jax.random.randint(order, (64,), 0, 3)
        seen = jnp.stack([places, jax.nn.one_hot(which, 3)], -1)[:, None]
        action = jnp.take_along_axis(places, which[:, None], 1)[:, :, None]
        return Window(seen, action, jnp.ones((64, 1)))

    settings = {"history": 1, "horizon": 1, "execute": 1, "width": 16, "depth": 1, "rate": 1e-2, "warmup": 20, "noises": 2}
    method = learner(Dita, spec, prediction="sample", steps=4, passes=4, updates=300, **settings)
    state, _ = fit(method, marked, 300)
    seen = jnp.array([[[0.5, 0.0], [-0.6, 1.0], [0.1, 0.0]], [[-0.6, 1.0], [0.1, 0.0], [0.5, 0.0]], [[0.5, 0.0], [0.0, 0.0], [0.4, 1.0]]])
    drawn = acts(method.policy(state), seen, 16)[..., 0]
    np.testing.assert_allclose(drawn.mean(0), [-0.6, -0.6, 0.4], atol=0.15)


def test_correlated_noise_goes_on_from_the_last_plan():
    """Two ways, and every plan goes the way of the last: the past and the overlap tell it."""
    settings = {"network": "mlp", "width": 64, "depth": 2, "history": 2, "horizon": 6, "execute": 2, "rate": 5e-3, "warmup": 20}
    kind = dataclasses.replace(
        CorrelatedNoiseFlow(), correlation=FitCorrelation(horizon=6), spec=NUMBERS, updates=1200, overlap=3, **settings
    )
    stage = dataclasses.replace(kind.correlation, spec=NUMBERS)
    moments, _ = stage.update(stage.init(jax.random.key(0)), two_ways(jax.random.key(0), 2, 6), jnp.int32(0), jax.random.key(0))
    correlation = stage.result(moments)
    np.testing.assert_allclose(correlation.matrix, 1.0, atol=1e-3)  # all entries are the same number
    method = traced(dataclasses.replace(kind, correlation=correlation, beta=0.8))
    state, _ = fit(method, lambda key: two_ways(key, history=2, horizon=6, batch=128), 1200)
    drawn = acts(method.policy(state), jnp.ones((8, 2)), 100)[..., 0]
    assert jnp.abs(jnp.abs(drawn) - 0.6).mean() < 0.12
    assert 0.25 < (drawn[:, 0] > 0).mean() < 0.75
    assert ((drawn > 0) == (drawn[:, :1] > 0)).mean() > 0.85  # if each plan chose by itself: 0.63
    anew = traced(dataclasses.replace(kind, correlation=correlation, beta=0.8, inpaint="none"))
    alone = acts(anew.policy(state), jnp.ones((8, 2)), 100)[..., 0]
    assert ((alone[:, ::2] > 0) == (alone[:, :1] > 0)).mean() < 0.8


def test_correlations_are_learnt_where_no_chunk_lies_inside_its_episode():
    """Actions that rise by 0.1 a step from anywhere: held or not, every entry moves with every other."""
    stage = FitCorrelation(horizon=4, spec=NUMBERS)
    begin = jax.random.uniform(jax.random.key(0), (64, 1, 1))
    chunks = begin + 0.1 * jnp.arange(4, dtype=jnp.float32)[None, :, None]
    mask = jnp.broadcast_to((jnp.arange(4) < 3).astype(jnp.float32), (64, 4))
    batch = Window(jnp.zeros((64, 2, 2)), jnp.where(mask[..., None] > 0, chunks, jnp.nan), mask)
    moments, metrics = stage.update(stage.init(jax.random.key(0)), batch, jnp.int32(0), jax.random.key(0))
    np.testing.assert_allclose(stage.result(moments).matrix, 1.0, atol=1e-3)
    assert metrics["chunks"] == 64


def test_what_correlated_noise_cannot_do_is_refused():
    for wrong, why in (
        ({"horizon": 8, "execute": 2}, "correlated as chunks of 16 actions are"),
        ({"inpaint": "soft"}, "correlated, hard or none"),
        ({"execute": 12}, "Set --overlap to at most 3"),
    ):
        with pytest.raises(BadSetting, match=why):
            learner(CorrelatedNoiseFlow, **wrong).init(jax.random.key(0))
