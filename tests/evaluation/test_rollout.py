"""An episode is a function of its purpose, index and policy alone; what came of it is told right; nonsense is refused by name."""

import json

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from evaluation.worlds import SPEC, HomeOnHost, WalkTask, home, receding

from agir.core.errors import BadEnvironment, BadPolicy, BadSetting, BadSpec
from agir.core.keys import episode_key, episode_seed, stream
from agir.core.nouns import Act, Policy
from agir.core.spaces import Box, Discrete, Spec
from agir.evaluation import rollout
from agir.evaluation.floors import Random, Still
from agir.evaluation.outcomes import write_rows
from agir.evaluation.rollout import evaluate
from agir.tasks.cartpole import CartPole
from agir.tasks.gym import from_gymnasium

pytestmark = pytest.mark.optimised
TASK = WalkTask()
EPISODES = 20


def alike(a, b, **tolerance):
    assert a.columns.keys() == b.columns.keys()
    for name in a.columns:
        np.testing.assert_allclose(a.columns[name], b.columns[name], rtol=1e-4, err_msg=name, **tolerance)


@pytest.fixture(scope="module")
def found():
    """Three seeds on 20 episodes, together."""
    return evaluate(home(0.5, 1.0, 4.0), TASK, EPISODES, seeds=[4, 5, 6])


def slowly(policy, index, purpose="evaluation"):
    """One episode in plain Python: the reference -> its row."""
    env, key = TASK.environment(), episode_key(purpose, index)
    (state, seen), memory, row = env.reset(key), policy.start(stream(key, "memory")), {"return": 0.0, "length": 0, "success": False}
    row |= {"best_reward": -np.inf, "max_far": -np.inf}
    while True:
        act, move = jax.random.split(jax.random.fold_in(stream(key, "steps"), row["length"]))
        action, memory, _ = policy.act(seen, memory, act)
        state, (seen, reward, terminated, truncated, info) = env.step(state, action, move)
        row["length"] += 1
        row["return"] += float(reward)
        row["success"] |= bool(info["success"])
        row["best_reward"] = max(row["best_reward"], float(reward))
        row["final_far"], row["max_far"] = float(info["far"]), max(row["max_far"], float(info["far"]))
        if terminated or truncated or row["length"] == TASK.horizon:
            return row | {"terminated": bool(terminated)}


def test_columns_equal_a_slow_reference(found):
    """Return, length, ends, success at any step, final and largest infos, with a policy that has memory and noise."""
    for seed, gain in enumerate((0.5, 1.0, 4.0)):
        for index in range(0, EPISODES, 7):
            for name, value in slowly(home(gain), index).items():
                assert found.columns[name][seed, index] == pytest.approx(value, rel=1e-4), name
    assert found.success.any() and not found.success.all()
    assert (found.success & (found.columns["final_far"] > 0.3)).any()  # it was near in the middle, not at the end
    assert found.columns["terminated"].any() and not found.columns["terminated"].all()
    assert (found.columns["passes"] == 2 * found.columns["length"]).all()
    assert not any("vector" in name for name in found.columns)


def test_lanes_chunks_and_seeds_do_not_matter(found, monkeypatch):
    monkeypatch.setattr(rollout, "LANES", 8)  # 3 chunks of 7 lanes, the last filled up
    monkeypatch.setattr(rollout, "SMALL", 0)  # seeds in turn
    heard = []
    alike(found, evaluate(home(0.5, 1.0, 4.0), TASK, EPISODES, seeds=[4, 5, 6], report=lambda *at: heard.append(at)))
    assert heard[-1] == (60, 60) and len(heard) == 9
    later = evaluate(home(1.0), TASK, 5, first=7)
    for name, column in later.columns.items():
        np.testing.assert_allclose(column[0], found.columns[name][1, 7:12], rtol=1e-4)


def test_starts_are_the_same_for_all_policies_and_never_another_purposes(found):
    starts = found.columns["final_start"]
    assert (starts == starts[0]).all() and len(np.unique(starts)) == EPISODES
    random = evaluate(Random(SPEC), TASK, EPISODES)
    assert (random.columns["final_start"] == starts[:1]).all()
    assert not np.isin(evaluate(Random(SPEC), TASK, EPISODES, purpose="selection").columns["final_start"], starts).any()


def test_the_loop_ends_with_the_longest_episode():
    """No lane ever reaches this horizon, so that steps up to it would never end."""
    assert evaluate(home(1.0), WalkTask(horizon=10**9), 3).columns["length"].max() < 12


def test_the_horizon_cuts_and_that_is_no_termination():
    short = evaluate(home(1.0), WalkTask(horizon=3), EPISODES)
    assert short.columns["length"].max() == 3
    assert not short.columns["terminated"][short.columns["length"] == 3].any()


def test_a_policy_on_the_host_acts_alike(found):
    one = evaluate(HomeOnHost(SPEC, 1.0), TASK, 4, record=2)
    for name, column in one.columns.items():
        np.testing.assert_allclose(column[0], found.columns[name][1, :4], rtol=1e-3, err_msg=name)
    assert [len(r.frames) for r in one.recordings] == (one.columns["length"][0, :2] + 1).tolist()


def test_recordings_are_the_episodes_that_were_evaluated(found):
    kept = evaluate(home(0.5, 1.0), TASK, 3, seeds=[4, 5], record=2)
    assert [(r.seed, r.index) for r in kept.recordings] == [(4, 0), (4, 1)]
    for j, recording in enumerate(kept.recordings):
        assert sum(recording.rewards) == pytest.approx(float(kept.columns["return"][0, j]), rel=1e-4)
        assert recording.success == kept.success[0, j]
        places = np.array([frame[0]["points"][0] for frame in recording.frames])
        assert len(places) == kept.columns["length"][0, j] + 1
        assert places[0, 0] == pytest.approx(float(kept.columns["final_start"][0, j]))
        np.testing.assert_allclose(-np.abs(places[1:]).sum(1), recording.rewards, rtol=1e-5)


def test_an_expert_repeats_its_demonstrations():
    """The same loop makes demonstrations and evaluates: on the same starts the same episodes."""
    task = CartPole(horizon=30)
    data = task.demonstrations(3)
    again = evaluate(task.expert(), task, 3, purpose="demonstrations")
    assert again.columns["length"][0].tolist() == data.lengths.tolist()
    assert again.success.all()


def test_executors_in_lanes_and_seeds(monkeypatch):
    """Planning where it is due, inside a loop, under lanes and seeds: the same as one seed alone, and paid as it should be."""
    both = evaluate(receding(0.5, 2.0), TASK, EPISODES, seeds=[0, 1])
    plans = -(-both.columns["length"] // 2)
    assert (both.columns["plans"] == plans).all() and (both.columns["passes"] == 3 * plans).all()
    monkeypatch.setattr(rollout, "SMALL", 0)
    alike(both, evaluate(receding(0.5, 2.0), TASK, EPISODES, seeds=[0, 1]))
    assert (both.columns["return"][0] != both.columns["return"][1]).all()


# ------------------------------------------------------------------------------------------------------------- the host
class Lean(Policy):
    """Pushes where the pole leans: good for some dozen steps. Its memory counts, and its count is the episode's own."""

    def start(self, key):
        return jnp.int32(0)

    def act(self, observation, memory, key):
        push = jnp.where(memory == 0, 0, (observation[2] > 0).astype(jnp.int32))
        return Act(push, memory + 1, {"passes": memory})


class SameStart(gymnasium.Wrapper):
    """Gymnasium's CartPole from the start that the task in JAX gives to the same episode."""

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed >= episode_seed("evaluation", 0):
            state, observation = CartPole().environment().reset(episode_key("evaluation", seed - episode_seed("evaluation", 0)))
            self.unwrapped.state = np.asarray(state.physics, np.float64)
            return np.asarray(observation), {}
        return np.asarray(self.unwrapped.state, np.float32), {}


def test_host_and_compiled_agree_on_cartpole(monkeypatch):
    native = CartPole()
    host = from_gymnasium(lambda: SameStart(gymnasium.make("CartPole-v1")), name="cartpole", meaning=native.spec.meaning)
    policy = Lean(native.spec)
    compiled = evaluate(policy, native, 10)
    monkeypatch.setattr(rollout, "HOST_LANES", 4)  # lanes end at other times and take the episodes that wait
    on_host = evaluate(policy, host, 10, record=1)
    assert compiled.columns["length"].std() > 0
    for name in ("return", "length", "terminated", "best_reward", "passes"):
        np.testing.assert_array_equal(on_host.columns[name], compiled.columns[name], err_msg=name)
    length = compiled.columns["length"]
    assert (compiled.columns["passes"] == length * (length - 1) // 2).all()  # every episode began with a fresh memory
    assert on_host.recordings[0].frames == [] and len(on_host.recordings[0].rewards) == length[0, 0]
    assert {"agir", "gymnasium"} <= set(on_host.versions) and "jax" not in on_host.versions


# --------------------------------------------------------------------------------------------------------------- refusals
def test_nan_is_refused_by_episode_and_step():
    with pytest.raises(BadPolicy, match=r"walk: the policy of seed 8 .* episode evaluation/\d+, step 5 .*of 40 episodes"):
        evaluate(home(0.5, 1.0, bad=4), TASK, EPISODES, seeds=[8, 9])
    with pytest.raises(BadEnvironment, match="observation or a reward is not finite in episode evaluation/.*, step 3"):
        evaluate(home(0.0), WalkTask(poison=0.5), EPISODES)
    with pytest.raises(BadPolicy, match="episode evaluation/0, step 1, has nan"):
        evaluate(HomeOnHost(SPEC, np.nan), TASK, 2)


def test_what_is_no_action_is_refused():
    class Chunk(Policy):
        def act(self, observation, memory, key):
            return Act(jnp.zeros((4, 2)), memory)

    with pytest.raises(BadPolicy, match=r"float32\[4, 2\].*executor"):
        evaluate(Chunk(SPEC), TASK, 1)
    with pytest.raises(BadSpec, match="the policy"):
        evaluate(Still(Spec(Box((3,)), Box((2,)))), TASK, 1)
    spec = CartPole().spec

    class Fifth(Policy):
        def act(self, observation, memory, key):
            return Act(jnp.int32(5), memory)

    with pytest.raises(BadPolicy, match="none of the choices"):
        evaluate(Fifth(spec), CartPole(), 1)
    with pytest.raises(BadSetting, match="episodes should be above 0"):
        evaluate(home(1.0), TASK, 0)
    with pytest.raises(BadSetting, match="purpose of demonstrations, training"):
        evaluate(home(1.0), TASK, 1, purpose="test")


# ------------------------------------------------------------------------------------------------------ rows and figures
def test_rows(found, tmp_path):
    write_rows(tmp_path / "rows.jsonl", found)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len(rows) == 60 and rows == found.rows()
    row = rows[EPISODES + 3]
    assert (row["seed"], row["index"], row["start"]) == (5, 3, "evaluation/3")
    assert row["success"] == bool(found.success[1, 3]) and row["truncated"] != row["terminated"]
    assert set(row["versions"]) == {"agir", "jax"}


def test_figures(found):
    summary = found.summary()
    assert summary.success.value == found.success.mean() and summary.success.note == "3 seeds x 20"
    assert summary.mean_return.value == pytest.approx(found.columns["return"].mean(), rel=1e-5)
    assert summary.passes_per_action == 2.0 and 0 < summary.detectable_difference <= 1
    assert "success" in str(found) and "n=60 (3 seeds x 20)" in str(found)


def test_against_another(found):
    floor = evaluate(Still(SPEC), TASK, EPISODES)
    assert (floor.columns["return"] < found.columns["return"].max(0)).mean() > 0.5
    gap = found.against(floor, "return")
    assert gap.value == pytest.approx(found.columns["return"].mean() - floor.columns["return"].mean(), rel=1e-4)
    assert found.against(found).value == 0
    with pytest.raises(BadSetting, match="not the same starts: evaluation/0 to 19 of walk and evaluation/5 to 24 of walk"):
        found.against(evaluate(Still(SPEC), TASK, EPISODES, first=5))


def test_floors():
    key = jax.random.key(0)
    assert Still(Spec(Box((1,)), Box((2,), 1.0, 2.0))).act(None, (), key).action.tolist() == [1.0, 1.0]
    assert Still(Spec(Box((1,)), Discrete(3))).act(None, (), key).action == 0
    drawn = [Random(Spec(Box((1,)), Box((1,), 1.0, 2.0))).act(None, (), jax.random.key(i)).action.item() for i in range(50)]
    assert min(drawn) >= 1.0 and max(drawn) <= 2.0 and max(drawn) - min(drawn) > 0.5
