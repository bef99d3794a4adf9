"""The two measures of a dataset's quality against what they should be: noise whose variance is known."""

import numpy as np
import pytest

from agir.core.spaces import Box, Dict, Discrete, Spec
from agir.data.dataset import Dataset
from agir.data.quality import at_zero, neighbours, quality, unexplained
from agir.tasks.find import task

SPEC = Spec(Box((2,)), Box((2,)))


def walks(noise=0.0, slip=0.0, ways=0.0, share=0.5, spec=SPEC, episodes=150, steps=20):
    """s' = s + 0.1 a + slip,   a = -s + 0.3 sin 3 s + noise + a way that is the episode's, in the first entry."""
    random, made = np.random.default_rng(0), []
    for _ in range(episodes):
        state, seen, done = random.uniform(-1, 1, 2), [], []
        way = ways * (1 if random.random() < share else -1) * np.array([1.0, 0.0])
        for _ in range(steps):
            action = -state + 0.3 * np.sin(3 * state) + noise * random.normal(size=2) + way
            seen.append(state)
            done.append(action)
            state = state + 0.1 * action + slip * random.normal(size=2)
        made.append({"observation": np.float32([*seen, state]), "action": np.float32(done)})
    return Dataset.from_episodes(spec, made)


@pytest.mark.parametrize("noise, slip", [(0.0, 0.0), (0.2, 0.0), (0.0, 0.05), (0.3, 0.02)])
def test_noise_of_the_demonstrator_and_of_the_system_are_told_apart(noise, slip):
    found = quality(walks(noise, slip))
    np.testing.assert_allclose(found.action_divergence.deviation, noise, rtol=0.08, atol=0.01)
    np.testing.assert_allclose(found.transition_diversity.deviation, slip, rtol=0.08, atol=0.001)


def test_two_ways_are_divergence_although_each_episode_is_sure_of_its_own():
    found = quality(walks(ways=0.5, share=0.3, episodes=1500, steps=1)).action_divergence  # later, places tell the ways apart
    np.testing.assert_allclose(found.variance, [4 * 0.5**2 * 0.3 * 0.7, 0.0], atol=0.02)
    assert 0.2 < found.share < 0.6


def test_choices_are_measured_by_their_chances():
    random = np.random.default_rng(0)
    spec = Spec(Dict((("place", Box((2,))), ("image", Box((8, 8, 3), 0.0, 255.0, "uint8")))), Discrete(2))
    seen = lambda: {"place": random.uniform(size=(21, 2)).astype(np.float32), "image": np.zeros((21, 8, 8, 3), np.uint8)}
    episodes = [{"observation": seen(), "action": (random.random(20) < 0.2).astype(np.int32)} for _ in range(150)]
    found = quality(Dataset.from_episodes(spec, episodes)).action_divergence
    np.testing.assert_allclose(found.variance, [0.16, 0.16], atol=0.02)  # p (1 - p) of each choice: place says nothing of them
    assert found.share > 0.9


def test_the_measures_find_the_noise_of_a_simulator():
    """A stride of 0.01 m is a velocity of 0.1 m/s at 10 Hz; slip is in m."""
    found = quality(task("planar/reach,noise=0.01,speed=0.5").demonstrations(100))
    np.testing.assert_allclose(found.action_divergence.deviation, 0.1, rtol=0.1)
    np.testing.assert_allclose(found.transition_diversity.deviation, 0.0, atol=1e-4)
    found = quality(task("planar/reach,noise=0,slip=0.01,speed=0.5").demonstrations(100))
    np.testing.assert_allclose(found.transition_diversity.deviation, 0.01, rtol=0.1)


def test_where_it_diverges_is_seen_along_the_episode():
    """In multipath the routes part at one step, the third of twelve; before it and behind it actions agree but for the noise."""
    along = quality(task("multipath").demonstrations(100)).action_divergence.along
    assert np.argmax(along) == 2 and along[2] > 5 * np.max(np.delete(along, 2))


def test_actions_that_were_not_recorded_do_not_count():
    data = walks(noise=0.2)
    half = data.without_actions(np.arange(data.episodes) % 2 == 0)
    np.testing.assert_allclose(quality(half).action_divergence.deviation, 0.2, rtol=0.12)
    assert "are too few" in quality(data.without_actions()).why and "1 episodes" in quality(data.take([0])).why


def test_neighbours_are_those_of_a_slow_search_and_of_other_episodes():
    random = np.random.default_rng(1)
    x, episode, asked = random.normal(size=(80, 3)), np.repeat(np.arange(8), 10), np.arange(0, 80, 3)
    near, nearest = neighbours(x, asked, episode)
    for row, distances, found in zip(asked, near, nearest):
        others = np.flatnonzero(episode != episode[row])
        wanted = np.sort(((x[others] - x[row]) ** 2).sum(1))[: len(distances)]
        np.testing.assert_allclose(distances, wanted, atol=1e-9)
        assert not (episode[found] == episode[row]).any()


def test_the_line_at_distance_0():
    near = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(at_zero(near, np.array([[[2.5], [3.0], [3.5]]])), [2.0])
    np.testing.assert_allclose(at_zero(near, np.array([[[3.5], [3.0], [2.5]]])), [3.0])  # falling: the mean
    np.testing.assert_allclose(at_zero(near, np.array([[[0.0], [2.0], [4.0]]])), [0.0])  # never below 0


def test_what_does_not_move_is_left_out():
    random = np.random.default_rng(0)
    x, still = random.normal(size=(200, 2)), np.zeros((200, 1))
    one = (np.repeat(np.arange(20), 10), np.tile(np.arange(10) / 10, 20))
    assert unexplained(x, still, ("a",), *one).share == 0.0
    assert unexplained(np.hstack([x, still]), np.hstack([still, x]), ("a", "b", "c"), *one).names == ("b", "c")
