"""PRISE's codes against its loss by hand, and skills on a motion that repeats."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from methods.fitting import NUMBERS, acts, began, fit, learner

from agir.actions.pairs import Pairs
from agir.core.errors import BadSetting
from agir.core.nouns import Experience
from agir.core.spaces import Box, Discrete, Spec
from agir.data.windows import Segment
from agir.methods.imitation.prise import PRISE, decoder_loss
from agir.networks.skill_codes import SkillCodes, Skills
from agir.training.fit import FitSkillCodes, FitSkills, strings

PATTERN = jnp.array([0.5, 0.5, 0.5, -0.5, -0.5, -0.5])


def phases(phase):
    """What is seen in each of the pattern's steps."""
    angle = phase.astype(jnp.float32) * (2 * np.pi / 6)
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)


def cycle(key, length, batch=64, strength=1.0):
    phase = (jax.random.randint(key, (batch, 1), 0, 6) + jnp.arange(length)[None]) % 6
    zero, never = jnp.zeros((batch, length)), jnp.zeros((batch, length), bool)
    seen = phases(phase)
    return Segment(Experience(seen, strength * PATTERN[phase][..., None], zero, zero + 1, seen, never, never), jnp.ones((batch, length)))


def learnt(kind, strength=1.0, **settings):
    method = learner(kind, **settings)
    length = method.learns_from.length
    return method, fit(method, lambda key: cycle(key, length, strength=strength), settings["updates"])[0]


def test_skills_of_a_motion_that_repeats_are_longer_than_a_step_and_are_done_right():
    stage, state = learnt(FitSkillCodes, codes=2, dim=4, width=16, rate=5e-3, updates=300)
    codes = stage.result(state)
    z = codes.seen(phases(jnp.arange(6)))
    np.testing.assert_allclose(codes.decode(z, codes.encode(z, PATTERN[:, None])), PATTERN[:, None], atol=0.1)
    stage, state = learnt(FitSkills, codes=codes, updates=4)
    skills = stage.result(state)
    assert skills.count == 6 and skills.pairs.lengths[2] == 2 and skills.pairs.lengths.max() > 2
    method, state = learnt(PRISE, skills=skills, width=32, depth=1, rate=5e-3, updates=300)
    policy = method.policy(state)
    done = acts(policy, phases(jnp.arange(12) % 6), 16)[..., 0]
    np.testing.assert_allclose(done, jnp.broadcast_to(jnp.tile(PATTERN, 2), done.shape), atol=0.1)
    memory, due = policy.start(jax.random.key(0)), []
    act = jax.jit(lambda *now: policy.act(*now))
    for step in range(12):
        _, memory, info = act(phases(jnp.int32(step % 6)), memory, jax.random.key(step))
        due.append(int(info["passes"]))
    assert due[0] == 1 and sum(due) <= 9


@pytest.mark.parametrize("finetune", [True, False])
def test_the_decoder_alone_learns_on_where_the_same_motion_is_weaker_and_not_where_it_should_stay(finetune):
    stage, state = learnt(FitSkillCodes, codes=2, dim=4, width=16, rate=5e-3, updates=300)
    stage, state = learnt(FitSkills, codes=stage.result(state), updates=4)
    skills = stage.result(state)
    method, state = learnt(PRISE, 0.6, skills=skills, width=32, depth=1, rate=5e-3, updates=300, finetune=finetune)
    policy = method.policy(state)
    done = acts(policy, phases(jnp.arange(12) % 6), 4)[..., 0]
    right = np.abs(done - 0.6 * jnp.tile(PATTERN, 2)[None]).max() < 0.1
    before = eqx.tree_at(lambda skills: skills.codes.decoder, policy.skills, skills.codes.decoder)
    assert bool(right) is finetune and eqx.tree_equal(before, skills) and bool(eqx.tree_equal(policy.skills, skills)) is not finetune


def test_the_decoders_loss_by_hand():
    """Skills: codes 0, 1, 2, then 0 1, 0 1 2 and 0 1 2 0, of whose last code nothing is asked; the last merge was not learnt."""
    key = jax.random.key
    codes = SkillCodes.create(NUMBERS, key(0), 3, 4, 8)
    codes = eqx.tree_at(lambda made: made.book, codes, jax.random.normal(key(1), (3, 4)))
    spelt = [[0], [1], [2], [0, 1], [0, 1, 2], [0, 1, 2, 0]]
    spelling = jnp.array([(string + [0] * 8)[:8] for string in (*spelt, [])], jnp.int32)
    pairs = Pairs(jnp.array([[0, 1], [3, 2], [4, 0], [-1, -1]], jnp.int32), spelling, jnp.array([1, 1, 1, 2, 3, 4, 9], jnp.int32), 3)
    skills = Skills(codes, pairs)
    z, action = jax.random.normal(key(2), (2, 3, 4)), jax.random.normal(key(3), (2, 3, 2))
    decoder = SkillCodes.create(Spec(Box((2,)), Box((2,), -1.0, 1.0)), key(4), 3, 4, 8).decoder
    weights = jax.nn.softmax(jnp.append(jax.random.normal(key(5), (2, 6)), jnp.full((2, 1), -jnp.inf), axis=1))
    mask = jnp.array([[1.0, 1, 1], [1, 1, 0]])
    total, says = 0.0, jax.jit(lambda x: decoder(x))
    for row in range(2):
        for skill, string in enumerate(spelt):
            for step, code in enumerate(string[:3]):
                apart = np.abs(says(z[row, step] + codes.book[code]) - action[row, step]).sum()
                total += float(weights[row, skill] * mask[row, step] * apart)
    np.testing.assert_allclose(eqx.filter_jit(decoder_loss)(decoder, skills, z, action, mask, weights), total / 2, rtol=1e-5)


def test_the_loss_by_hand():
    made = SkillCodes.create(NUMBERS, jax.random.key(0), 3, 4, 8)
    made = eqx.tree_at(lambda m: m.book, made, jax.random.normal(jax.random.key(1), (3, 4)))
    seen, action = jax.random.normal(jax.random.key(2), (4, 2)), jax.random.normal(jax.random.key(3), (4, 1))
    z = made.state(seen)
    u = made.join(z + made.act(action))
    codes = [int(np.argmin([np.sum((np.asarray(x) - np.asarray(c)) ** 2) for c in made.book])) for x in u]
    assert made.encode(z, action).tolist() == codes
    q, y, total = made.book[jnp.array(codes)], z[0], 0.0
    cosine = lambda a, b: float(a @ b / (jnp.linalg.norm(a) * jnp.linalg.norm(b)))
    for t in range(3):  # the last step does not count
        total += float(jnp.abs(made.decoder(z[t] + q[t]) - action[t]).mean()) + 0.75 * float(((q[t] - u[t]) ** 2).mean())
        if t:
            total += 2 - 2 * cosine(made.predict(made.project(y)), made.project(z[t]))
        y = made.step(y + q[t])
    behind = np.mean([min(np.mean((np.asarray(u[t]) - np.asarray(c)) ** 2) for t in range(3)) for c in made.book])
    mask = jnp.array([1.0, 1, 1, 0])
    np.testing.assert_allclose(made.loss(seen, action, mask, jnp.float32(0.5)), total / 3 + 0.25 * behind, rtol=1e-3)


def test_strings_end_with_the_episode_and_unlearnt_skills_are_never_drawn():
    skills = began(FitSkills(updates=3))
    batch = cycle(jax.random.key(0), 20, batch=2)
    batch = Segment(batch.experience, batch.mask.at[1, 5:].set(0.0))
    codes, counts = strings(skills.codes, skills.pairs, batch)
    assert codes.shape == (2, 16) and counts.tolist() == [16, 5]
    method = learner(PRISE, skills=skills, width=8, depth=1, temperature=1.0)
    policy = method.policy(method.init(jax.random.key(0)))
    drawn = jax.jit(jax.vmap(lambda key: policy.act(jnp.ones(2), policy.start(key), key).memory[0]))
    assert drawn(jax.random.split(jax.random.key(1), 200)).max() < skills.pairs.alphabet <= skills.count - 3


def test_what_has_no_codes_is_refused():
    with pytest.raises(BadSetting, match="numbers"):
        SkillCodes.create(Spec(Box((2,)), Discrete(3)), jax.random.key(0))
    with pytest.raises(BadSetting, match="at least 2 codes"):
        SkillCodes.create(NUMBERS, jax.random.key(0), codes=1)
