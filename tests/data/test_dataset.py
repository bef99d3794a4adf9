"""Datasets: what is refused and where it is said to be, episodes taken and split, the fingerprint."""

import dataclasses

import jax
import numpy as np
import pytest

from agir.core.errors import BadData, BadSpec
from agir.core.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Spec
from agir.data.dataset import Dataset

SPEC = Spec(Dict((("place", Box((2,))), ("camera", Box((2, 2, 1), dtype="uint8")))), Discrete(3))


def episode(steps: int, last: bool = True, **changes) -> dict:
    rows = np.arange(steps + last)
    seen = {"place": np.stack([rows, 10 * rows], 1).astype(np.float64), "camera": np.full((steps + last, 2, 2, 1), 7, np.uint8)}
    return {"observation": seen, "action": (np.arange(steps) % 3).tolist(), "reward": [0.5] * steps} | changes


def with_terminated(steps: int, terminated: bool) -> dict:
    return episode(steps, terminated=[False] * (steps - 1) + [terminated])


def test_episodes_become_columns():
    data = Dataset.from_episodes(SPEC, [episode(3), episode(2, last=False)], {"source": "here"})
    assert (data.rows, data.episodes, data.about["source"]) == (5, 2, "here")
    assert "assumed" in data.about  # nobody said how the episodes ended
    said = [episode(3) | {"terminated": np.zeros(3, bool)}]
    assert Dataset.from_episodes(SPEC, said, {"source": "here"}).about == {"source": "here"}
    assert (data.starts.tolist(), data.ends.tolist(), data.lengths.tolist()) == ([0, 3], [3, 5], [3, 2])
    assert data.columns["observation"]["place"][:, 0].tolist() == [0, 1, 2, 0, 1]
    assert data.final_observation["place"].tolist() == [[3, 30], [1, 10]]  # the successor where there is one, else the last seen
    assert data.columns["action"].tolist() == [0, 1, 2, 0, 1]
    assert data.columns["terminated"].tolist() == [False, False, True, False, True]
    kinds = jax.tree.map(lambda x: str(x.dtype), data.columns)
    camera = {"place": "float32", "camera": "uint8"}
    assert kinds == {"observation": camera, "action": "int32", "reward": "float32", "terminated": "bool"}


def test_other_columns_are_kept_in_32_bits():
    extra = {"success": [True, False], "cost": np.array([0.1, 0.2]), "token": [1, 2], "inner": {"map": np.zeros((2, 3), np.uint8)}}
    data = Dataset.from_episodes(SPEC, [episode(2, **extra)] * 2)
    kinds = {name: str(jax.tree.leaves(data.columns[name])[0].dtype) for name in extra}
    assert kinds == {"success": "bool", "cost": "float32", "token": "int32", "inner": "uint8"}
    assert data.columns["inner"]["map"].shape == (4, 3)


def test_terminated_and_truncated_are_two_things():
    data = Dataset.from_episodes(SPEC, [with_terminated(3, True), with_terminated(2, False), with_terminated(1, False)])
    assert data.columns["terminated"].tolist() == [False, False, True, False, False, False]
    assert data.truncated.tolist() == [False, False, False, False, True, True]


SEEN = episode(4)["observation"]
NAN = np.where(np.arange(10).reshape(5, 2) == 7, np.nan, SEEN["place"])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"action": [0, 1, 5, 0]}, "episode 1, column 'action', row 2 is 5, outside 0 to 2"),
        ({"action": [0, -1, 0, 0]}, "episode 1, column 'action', row 1 is -1, outside 0 to 2"),
        ({"action": [0, 1.5, 0, 0]}, "episode 1, column 'action', row 1 is 1.5, not a whole number"),
        ({"action": [0, np.nan, 0, 0]}, "episode 1, column 'action', row 1 is nan, not a whole number"),
        ({"action": [[0], [1], [2], [0]]}, r"episode 1, column 'action' has shape \[4, 1\]; the spec wants \[rows\]"),
        ({"action": [0, 1, 2]}, r"episode 1, column 'observation.\w+' has 5 rows, but the actions have 3 \(observations may have 4\)"),
        ({"action": []}, "episode 1 has no steps"),
        ({"action": ["left"] * 4}, "episode 1, column 'action' holds <U4, not numbers"),
        ({"observation": SEEN | {"place": NAN}}, "episode 1, column 'observation.place', row 3 is not a finite number"),
        ({"observation": SEEN | {"place": SEEN["place"] * 1e300}}, "column 'observation.place', row 1 is not a finite number"),
        ({"observation": SEEN | {"place": SEEN["place"][:3]}}, "column 'observation.place' has 3 rows, but the actions have 4"),
        ({"observation": SEEN | {"place": SEEN["place"][:4]}}, "column 'observation.camera' has 5 rows, but the actions have 4"),
        ({"observation": SEEN | {"camera": SEEN["camera"] / 255}}, "column 'observation.camera', row 0 is 0.02.*, not a whole number"),
        ({"observation": SEEN | {"camera": SEEN["camera"] * 100.0}}, "column 'observation.camera', row 0 is 700.0, outside 0 to 255"),
        ({"observation": {"place": SEEN["place"]}}, r"'observation' should have the parts \['place', 'camera'\], but has \['place'\]"),
        ({"observation": SEEN["place"]}, "but has ndarray"),
        ({"observation": SEEN | {"place": [[1.0], [1.0, 2.0]]}}, "episode 1, column 'observation.place' is not an array"),
        ({"reward": [0, 0, np.inf, 0]}, "episode 1, column 'reward', row 2 is not a finite number. Repair"),
        ({"reward": [0, np.nan, np.inf, 0]}, r"column 'reward', row 1 is not a finite number \(2 such rows\)\. Repair"),
        ({"reward": [0, 0]}, "episode 1, column 'reward' has 2 rows, but the actions have 4"),
        ({"reward": [[0], [0], [0], [0]]}, r"episode 1, column 'reward' has shape \[4, 1\]; it should have \[4\]"),
        ({"reward": 1.0}, "episode 1, column 'reward' is a single value"),
        ({"terminated": [False, True, False, True]}, "episode 1, column 'terminated', row 1 is true, but the episode goes on"),
        ({"success": [0, 1, 1, 1]}, "episode 1 has the column 'success', unlike episode 0"),
        ({"token": [0, 2**31, 0, 0]}, "episode 1, column 'token', row 1 is 2147483648, too large for 32 bits"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_by_episode_column_and_row(changes, message):
    with pytest.raises(BadData, match=message):
        Dataset.from_episodes(SPEC, [episode(4), episode(4, **changes)])


def test_a_bad_last_successor_is_refused():
    seen = SEEN | {"place": np.where(np.arange(5)[:, None] == 4, np.nan, SEEN["place"])}
    with pytest.raises(BadData, match="episode 0, column 'observation.place', row 4"):
        Dataset.from_episodes(SPEC, [episode(4, observation=seen)])


def test_a_flat_column_of_one_number_is_told_its_shape():
    with pytest.raises(BadData, match=r"has shape \[2\]; the spec wants \[rows, 1\]. Reshape it: column.reshape\(-1, 1\)"):
        Dataset.from_episodes(Spec(Box((1,)), Box((1,))), [{"observation": [[0.0]] * 2, "action": [0.0, 1.0]}])


def test_a_missing_column_is_refused():
    for name in ("action", "observation"):
        lacking = {key: column for key, column in episode(2).items() if key != name}
        with pytest.raises(BadData, match=f"episode 1 has no column '{name}'; it has "):
            Dataset.from_episodes(SPEC, [episode(2), lacking])
    with pytest.raises(BadData, match="episode 1 lacks the column 'success', unlike episode 0"):
        Dataset.from_episodes(SPEC, [episode(2, success=[0, 1]), episode(2)])
    with pytest.raises(BadData, match="no episodes"):
        Dataset.from_episodes(SPEC, [])


@pytest.mark.parametrize(
    "action, good, bad, message",
    [
        (MultiDiscrete((2, 5)), [[1, 4]], [[2, 1]], "row 0 is 2, outside 0 to 4"),
        (MultiBinary(2), [[0, 1]], [[0, 2]], "row 0 is 2, outside 0 to 1"),
        (Box((2,), -1.0, 1.0), [[0.5, 9.0]], [[np.inf, 0.0]], "row 0 is not a finite number"),  # bounds clip acts, not data
    ],
)
def test_actions_of_every_kind(action, good, bad, message):
    spec = Spec(Box((1,)), action)
    assert Dataset.from_episodes(spec, [{"observation": [[0.0]], "action": good}]).columns["action"].tolist() == good
    with pytest.raises(BadData, match=message):
        Dataset.from_episodes(spec, [{"observation": [[0.0]], "action": bad}])


def many(lengths) -> Dataset:
    episodes = [
        {"observation": np.full((n + 1, 1), 100.0 * e) + np.arange(n + 1)[:, None], "action": np.full((n, 1), float(e))}
        for e, n in enumerate(lengths)
    ]
    return Dataset.from_episodes(Spec(Box((1,)), Box((1,))), episodes, {"start_index": [40 + e for e in range(len(lengths))]})


def test_take_keeps_episodes_whole():
    data = many([3, 1, 2])
    taken = data.take([2, 0])
    assert taken.columns["observation"][:, 0].tolist() == [200, 201, 0, 1, 2] and taken.ends.tolist() == [2, 5]
    assert taken.final_observation[:, 0].tolist() == [202, 3] and taken.about["start_index"] == [42, 40]
    assert data.take(np.array([False, True, False])).columns["action"].tolist() == [[1.0]]
    assert (data.take([]).rows, data.take([]).episodes) == (0, 0)
    assert [data.episode(e)["action"].shape for e in range(3)] == [(3, 1), (1, 1), (2, 1)]
    assert data.episode(2)["observation"][:, 0].tolist() == [200, 201]
    with pytest.raises(IndexError):
        data.take([3])


def test_split_is_by_episode():
    data = many([2, 3, 1, 4, 2, 2, 3, 1, 2, 5])
    training, held = data.split(0.3, seed=1)
    assert (training.episodes, held.episodes) == (7, 3)
    ids = [set(part.columns["action"][:, 0].tolist()) for part in (training, held)]
    assert not ids[0] & ids[1] and ids[0] | ids[1] == set(range(10))
    assert held.fingerprint() == data.split(0.3, seed=1)[1].fingerprint() != data.split(0.3, seed=2)[1].fingerprint()
    assert [part.episodes for part in many([1, 1]).split(0.0)] == [part.episodes for part in many([1, 1]).split(1.0)] == [1, 1]
    one = many([3])
    assert one.split() == (one, one)


def flipped(array: np.ndarray, bit: int) -> np.ndarray:
    data = bytearray(np.ascontiguousarray(array).tobytes())
    data[bit // 8] ^= 1 << bit % 8
    return np.frombuffer(bytes(data), array.dtype).reshape(array.shape)


def test_the_fingerprint_is_of_every_bit():
    data = Dataset.from_episodes(SPEC, [episode(3), episode(2)])
    same = Dataset.from_episodes(SPEC, [dict(reversed(episode(3).items())), episode(2)])
    assert data.fingerprint() == same.fingerprint()  # not of the order in which columns were given
    seen, rng = {data.fingerprint()}, np.random.default_rng(0)
    parts = data.columns, data.ends, data.final_observation
    leaves, structure = jax.tree.flatten(parts)
    for index, leaf in enumerate(leaves):
        bits = rng.choice(np.arange(0, leaf.nbytes * 8, 8 if leaf.dtype == bool else 1), min(8, leaf.size), replace=False)
        for bit in bits:
            changed = [flipped(other, bit) if i == index else other for i, other in enumerate(leaves)]
            columns, ends, final = jax.tree.unflatten(structure, changed)
            seen.add(dataclasses.replace(data, columns=columns, ends=ends, final_observation=final).fingerprint())
    assert len(seen) == 1 + sum(min(8, leaf.size) for leaf in leaves)
    renamed = dataclasses.replace(data, columns={("gain" if name == "reward" else name): x for name, x in data.columns.items()})
    assert renamed.fingerprint() != data.fingerprint()


def test_action_free_episodes_keep_all_but_their_actions():
    data = many([3, 2, 4])
    hidden = data.without_actions([1])
    assert hidden.columns["recorded"].tolist() == [True] * 3 + [False] * 2 + [True] * 4
    for name in ("observation", "reward", "terminated"):
        jax.tree.map(np.testing.assert_array_equal, hidden.columns[name], data.columns[name])
    kept = hidden.columns["recorded"]
    for column, raw in zip(jax.tree.leaves(hidden.columns["action"]), jax.tree.leaves(data.columns["action"])):
        assert (column[~kept] == 0).all() and (column[kept] == raw[kept]).all() and (raw[~kept] != 0).any()
    assert not hidden.without_actions().columns["recorded"].any()  # and what was hidden stays hidden
    assert hidden.without_actions([0]).columns["recorded"].tolist() == [False] * 5 + [True] * 4


def test_datasets_are_joined_episode_by_episode():
    first, second = many([3, 2]), many([4])
    joined = Dataset.join([first, second.without_actions()])
    assert joined.ends.tolist() == [3, 5, 9] and joined.columns["source"].tolist() == [0] * 5 + [1] * 4
    assert joined.columns["recorded"].tolist() == [True] * 5 + [False] * 4
    jax.tree.map(np.testing.assert_array_equal, joined.take([2]).columns["observation"], second.columns["observation"])
    jax.tree.map(np.testing.assert_array_equal, joined.take([0, 1]).columns["action"], first.columns["action"])
    jax.tree.map(lambda whole, part: np.testing.assert_array_equal(whole[2:], part), joined.final_observation, second.final_observation)
    assert "recorded" not in Dataset.join([first, second]).columns
    other = Dataset.from_episodes(Spec(Box((2,)), Box((1,))), [{"observation": np.zeros((2, 2)), "action": np.zeros((2, 1))}])
    with pytest.raises(BadSpec, match="the dataset 1"):
        Dataset.join([first, other])
