"""Executors against slow references in plain Python."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Dict, Discrete, Spec
from agir.runtime.executors import Agreeing, EndEnsembled, Ensembled, Receding, Streamer, Streaming

SPEC = Spec(Dict((("place", Box((2,))), ("time", Box((1,))))), Box((3,)))


class Planner(Policy):
    """Its chunk says which observations it saw, when it was asked, and what its memory was."""

    gain: jax.Array
    horizon: int = eqx.field(static=True, default=6)

    def start(self, key):
        return jnp.int32(0)

    def act(self, observation, memory, key):
        seen = jnp.stack([observation["place"].sum(), observation["time"][0, 0], memory.astype(jnp.float32)])
        noise = jax.random.uniform(key, (self.horizon, 3))
        chunk = self.gain * seen[None] + jnp.arange(self.horizon, dtype=jnp.float32)[:, None] + noise
        return Act(chunk, memory + 1, {"passes": jnp.int32(4)})


def observations(steps, lanes, seed=0):
    draw = np.random.default_rng(seed)
    time = np.broadcast_to(np.arange(steps, dtype=np.float32)[:, None, None], (steps, lanes, 1))
    return {"place": np.asarray(draw.normal(size=(steps, lanes, 2)), np.float32), "time": time}


def roll(policy, seen, keys, memory=None):
    """-> actions [steps, lanes, 3], info [steps, lanes], memory."""
    memory = jax.vmap(policy.start)(keys[0]) if memory is None else memory

    def step(memory, now):
        action, memory, info = jax.vmap(policy.act)(now[0], memory, now[1])
        return memory, (action, info)

    memory, out = jax.jit(lambda memory: jax.lax.scan(step, memory, (seen, keys)))(memory)
    return *out, memory


def chunks_of(planner, seen, keys, history):
    """What the planner would say at each step of one lane, its memory at n plans given: a function (step, plans so far)."""
    act = jax.jit(lambda *x: planner.act(*x))

    def at(step, plans):
        stack = jax.tree.map(lambda x: np.stack([x[max(0, step - history + 1 + i)] for i in range(history)]), seen)
        return np.asarray(act(stack, jnp.int32(plans), keys[step]).action)[history - 1 :]

    return at


def lane_of(tree, lane):
    return jax.tree.map(lambda x: x[:, lane], tree)


@pytest.mark.parametrize("history, execute", [(1, 1), (1, 4), (3, 2)])
def test_receding_equals_the_slow_reference(history, execute):
    planner = Planner(SPEC, jnp.float32(2.0))
    seen, keys = observations(9, 2), jax.random.split(jax.random.key(0), (9, 2))
    actions, info, _ = roll(Receding(SPEC, planner, history, execute), seen, keys)
    for lane in range(2):
        chunk_at, queue, plans = chunks_of(planner, lane_of(seen, lane), lane_of(keys, lane), history), [], 0
        for step in range(9):
            planned = not queue
            if planned:
                queue, plans = list(chunk_at(step, plans)[:execute]), plans + 1
            np.testing.assert_allclose(actions[step, lane], queue.pop(0), rtol=1e-5)
            assert bool(info["planned"][step, lane]) == planned and int(info["passes"][step, lane]) == 4 * planned


@pytest.mark.parametrize("history, decay", [(1, 0.01), (2, 0.5), (1, 0.0)])
def test_ensembling_equals_the_slow_reference(history, decay):
    planner = Planner(SPEC, jnp.float32(2.0), 4)
    seen, keys = observations(8, 1), jax.random.split(jax.random.key(0), (8, 1))
    actions, info, _ = roll(Ensembled(SPEC, planner, history, decay), seen, keys)
    chunk_at, plans = chunks_of(planner, lane_of(seen, 0), lane_of(keys, 0), history), []
    for step in range(8):
        plans.append((step, chunk_at(step, step)))
        said = [chunk[step - made] for made, chunk in plans if step - made < len(chunk)]  # oldest first
        weights = np.exp(-decay * np.arange(len(said)))
        np.testing.assert_allclose(actions[step, 0], np.average(said, axis=0, weights=weights), rtol=1e-4)
    assert info["planned"].all() and (info["passes"] == 4).all()


@pytest.mark.parametrize("history, plans, alpha", [(1, 3, 4.0), (2, 2, 0.1), (1, 4, 0.0)])
def test_plans_that_agree_are_averaged_as_the_slow_reference_does(history, plans, alpha):
    planner = Planner(SPEC, jnp.float32(-1.0), 4)
    seen, keys = observations(8, 1), jax.random.split(jax.random.key(0), (8, 1))
    actions, info, memory = roll(Agreeing(SPEC, planner, history, plans, alpha), seen, keys)
    chunk_at, made = chunks_of(planner, lane_of(seen, 0), lane_of(keys, 0), history), []
    for step in range(8):
        made = [*made, chunk_at(step, step)][-plans:]
        said = [chunk[age] for age, chunk in zip(range(len(made) - 1, -1, -1), made)]  # oldest first
        newest = said[-1]
        cosine = [one @ newest / (np.linalg.norm(one) * np.linalg.norm(newest) + 1e-7) for one in said]
        np.testing.assert_allclose(actions[step, 0], np.average(said, axis=0, weights=np.exp(alpha * np.array(cosine))), rtol=1e-4)
    assert info["planned"].all() and (info["passes"] == 4).all() and int(memory.count[0]) == plans


def test_of_two_ways_the_newest_plans_is_kept_where_disagreement_weighs_much():
    class Turning(Policy):
        def start(self, key):
            return jnp.float32(-1)

        def act(self, observation, memory, key):
            return Act(memory * jnp.ones((4, 3)), -memory)

    seen, keys = observations(6, 1), jax.random.split(jax.random.key(0), (6, 1))
    actions = {alpha: roll(Agreeing(SPEC, Turning(SPEC), 1, 4, alpha), seen, keys)[0][3:, 0, 0] for alpha in (0.0, 20.0)}
    np.testing.assert_allclose(actions[0.0], 0.0, atol=1e-6)
    np.testing.assert_allclose(actions[20.0], [1, -1, 1], atol=1e-6)


class Counter(Streamer):
    """Its actions say what its plan saw, which of its actions this is, and from where it went on."""

    gain: jax.Array

    def begin(self, observations, last, key):
        seen = jnp.stack([observations["place"].sum(), observations["time"][0, 0], last.sum()])
        return self.gain * seen + jax.random.uniform(key, (3,)), jnp.int32(0)

    begin_passes = 5

    def follow(self, plan, observation):
        seen, number = plan
        return seen + number.astype(jnp.float32) + observation["place"].sum(), (seen, number + 1), 2


@pytest.mark.parametrize("history, execute", [(1, 1), (2, 3)])
def test_streaming_equals_the_slow_reference(history, execute):
    streamer = Counter(SPEC, jnp.float32(0.5))
    seen, keys = observations(8, 2), jax.random.split(jax.random.key(0), (8, 2))
    actions, info, _ = roll(Streaming(SPEC, streamer, history, execute), seen, keys)
    for lane in range(2):
        last, own = jnp.zeros(3), lane_of(seen, lane)
        for step in range(8):
            if step % execute == 0:
                stack = jax.tree.map(lambda x: jnp.stack([x[max(0, step - history + 1 + i)] for i in range(history)]), own)
                plan = streamer.begin(stack, last, keys[step, lane])
            last, plan, _ = streamer.follow(plan, jax.tree.map(lambda x: x[step], own))
            np.testing.assert_allclose(actions[step, lane], last, rtol=1e-5)
            assert bool(info["planned"][step, lane]) == (step % execute == 0)
            paid = 2 + 5 * (step % execute == 0)  # every action pays for itself, the first for its plan too
            assert int(info["passes"][step, lane]) == paid


def test_lanes_out_of_step_and_begun_again():
    """A lane that begins again at any moment acts as a fresh one, whatever its neighbours do."""
    policy = Receding(SPEC, Planner(SPEC, jnp.float32(2.0)), 2, 3)
    seen, keys = observations(10, 3), jax.random.split(jax.random.key(0), (10, 3))
    before, after = (jax.tree.map(lambda x: x[rows], (seen, keys)) for rows in (slice(0, 4), slice(4, 10)))
    _, _, memory = roll(policy, *before)
    fresh = jax.vmap(policy.start)(after[1][0])
    mixed = jax.tree.map(
        lambda new, old: jnp.where(jnp.array([False, True, False]).reshape(3, *(1,) * (old.ndim - 1)), new, old), fresh, memory
    )
    actions, info, _ = roll(policy, *after, mixed)
    alone, _, _ = roll(policy, *jax.tree.map(lambda x: x[:, 1:2], after))
    np.testing.assert_allclose(actions[:, 1:2], alone, rtol=1e-5)
    through, told, _ = roll(policy, seen, keys)
    np.testing.assert_allclose(actions[:, 0], through[4:, 0], rtol=1e-5)
    assert info["planned"][:, 1].tolist() == [True, False, False, True, False, False]
    assert told["planned"][4:, 0].tolist() == info["planned"][:, 0].tolist() == [False, False, True, False, False, True]


def test_only_the_lanes_that_plan_are_paid():
    """64 lanes that begin one after the other: an eighth of them plans at each step, and an eighth is paid for."""
    calls = []

    def count(x):
        calls.append(1)
        return np.asarray(x)

    class Counted(Planner):
        def act(self, observation, memory, key):
            act = super().act(observation, memory, key)
            return act._replace(action=jax.pure_callback(count, act.action, act.action, vmap_method="sequential"))

    policy = Receding(SPEC, Counted(SPEC, jnp.float32(1.0), 8), 1, 8)
    keys = jax.random.split(jax.random.key(0), (16, 64))
    memory = jax.vmap(policy.start)(keys[0])
    memory = memory._replace(taken=1 + jnp.arange(64, dtype=jnp.int32) % 8)
    _, info, _ = roll(policy, observations(16, 64), keys, memory)
    jax.block_until_ready(info)
    planned = np.asarray(info["planned"]).sum()
    assert planned == 16 * 64 / 8
    assert len(calls) == 16 * 16  # one block of a quarter of the lanes a step, where running both branches pays 16 * 64


def test_memory_keeps_its_structure():
    planner = Planner(SPEC, jnp.float32(1.0))
    streaming = Streaming(SPEC, Counter(SPEC, jnp.float32(1.0)), 2, 3)
    for policy in (Receding(SPEC, planner, 2, 3), Ensembled(SPEC, planner, 2), Agreeing(SPEC, planner, 2, 3), streaming):
        begin = jax.eval_shape(policy.start, jax.random.key(0))
        seen = jax.tree.map(lambda x: x[0, 0], observations(1, 1))
        assert jax.eval_shape(policy.act, seen, begin, jax.random.key(0)).memory == begin


def test_choices_in_a_plan():
    spec = Spec(Box((1,)), Discrete(5))

    class Choices(Policy):
        def act(self, observation, memory, key):
            return Act(jnp.arange(4, dtype=jnp.int32), memory)

    actions, _, _ = roll(Receding(spec, Choices(spec), 1, 3), np.zeros((5, 1, 1), np.float32), jax.random.split(jax.random.key(0), (5, 1)))
    assert actions[:, 0].tolist() == [0, 1, 2, 0, 1]
    for kind in (Ensembled, Agreeing):
        with pytest.raises(BadSetting, match="numbers"):
            kind(spec, Choices(spec))


def test_settings_that_do_not_fit():
    planner = Planner(SPEC, jnp.float32(1.0), 4)
    with pytest.raises(BadSetting, match="at most 3"):
        roll(Receding(SPEC, planner, 2, 4), observations(1, 1), jax.random.split(jax.random.key(0), (1, 1)))
    with pytest.raises(BadSetting, match="Set plans to at most 3"):
        Agreeing(SPEC, planner, 2, 4).start(jax.random.key(0))
    with pytest.raises(BadSetting, match="plans >= 1"):
        Agreeing(SPEC, planner, 2, 0)
    with pytest.raises(BadSetting, match="history >= 1"):
        Receding(SPEC, planner, 0, 1)
    with pytest.raises(BadSetting, match="At least one action"):
        Receding(SPEC, planner, 1, 0)

    class OnHost(Planner):
        compiled = False

    with pytest.raises(BadSetting, match="lives on the host"):
        Receding(SPEC, OnHost(SPEC, jnp.float32(1.0)))


class Script(Policy):
    """Says chunks [plans, horizon, 1] with lengths [plans], one after the other."""

    chunks: jax.Array
    lengths: jax.Array

    def start(self, key):
        return jnp.int32(0)

    def act(self, observation, memory, key):
        length = self.lengths[memory]
        return Act(self.chunks[memory], memory + 1, {"passes": length, "length": length})


def by_hand(chunks, lengths, decay, nearer):
    """The way of the paper's code: rows of plans laid to the right, a place in the newest that moves on until it is nearer the end."""
    history, way, done = [], None, []
    for chunk, length in zip(chunks, lengths):
        plan = chunk[1 : 1 + length]
        if cut := length == len(chunk) - 1:
            history, way = [], None
        history.append(plan)
        at = -length
        while True:
            said = np.stack([old[at] for old in history if len(old) >= -at])
            weight = np.exp(-decay * np.arange(len(said)))
            action = (weight[:, None] * said).sum(0) / weight.sum()
            left = plan[-1] - action
            if way is None or at == -1 or (np.linalg.norm(way) > nearer + np.linalg.norm(left) and way @ left > 0):
                break
            at += 1
        done.append(action)
        history, way = ([], None) if at == -1 or cut else (history, left)
    return np.stack(done)


@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_plans_are_laid_together_at_their_ends(decay, seed):
    draw, spec = np.random.default_rng(seed), Spec(Box((1,)), Box((2,)))
    lengths = draw.integers(1, 8, 40)
    chunks = np.cumsum(draw.normal(size=(40, 8, 2)) + [0.3, 0.5], axis=1).astype(np.float32)
    policy = EndEnsembled(spec, Script(spec, jnp.asarray(chunks), jnp.asarray(lengths)), 2, jnp.float32(decay), jnp.float32(0.1))
    seen, keys = np.zeros((40, 1, 1), np.float32), jax.random.split(jax.random.key(0), (40, 1))
    actions, info, _ = roll(policy, seen, keys)
    np.testing.assert_allclose(actions[:, 0], by_hand(chunks, lengths, decay, 0.1), rtol=1e-4, atol=1e-4)
    assert info["passes"][:, 0].tolist() == lengths.tolist()


class Walker(Policy):
    """Plans steps of 0.04 to a goal that it misjudges by a share of the way to it."""

    share: float = eqx.field(static=True)

    def act(self, observation, memory, key):
        goal = observation[-1, 0] + (1 - self.share) * (0.8 - observation[-1, 0])
        length = jnp.clip(jnp.ceil((goal - observation[-1, 0]) / 0.04 - 1e-4), 1, 32).astype(jnp.int32)
        chunk = goal - 0.04 * jnp.clip(length - 1 - jnp.arange(32), 0, None).astype(jnp.float32)
        return Act(chunk[:, None], memory, {"passes": length, "length": length})


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25])
def test_a_goal_that_is_misjudged_from_afar_is_reached(share):
    """Averages of plans that lag behind would call the hand back: what is done goes on along the plan."""
    spec = Spec(Box((1,)), Box((1,)))
    policy, key = EndEnsembled(spec, Walker(spec, share), 1), jax.random.key(0)

    def step(carry, _):
        place, memory = carry
        action, memory, _ = policy.act(place, memory, key)
        return (place + jnp.clip(action - place, -0.05, 0.05), memory), place[0]

    _, places = jax.lax.scan(step, (jnp.zeros(1), policy.start(key)), None, 60)
    assert abs(places[-1] - 0.8) < 0.04, places
