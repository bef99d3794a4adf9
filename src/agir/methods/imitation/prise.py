"""PRISE, Primitive Sequence Encoding (Zheng et al. 2024, arXiv 2402.10450; code FrankZheng2022/PRISE): skills by byte-pair encoding.

    stage 1    actions to codes, such that next states can be foretold from them              (networks/skill_codes.py)
    stage 2    every demonstration as a string of codes; pairs that are frequent are merged: tokens are skills of several steps
    training   max  E log p(s | o_t)       of the skill s with which the demonstration's string goes on from here
               min  alpha E sum_s w_s sum_k |decode(z_t+k + q_s,k) - a_t+k|_1,   k < 3,   w = softmax(log p(. | o_t) + Gumbel noise)
    acting     the likeliest skill; its codes are decoded one at a step, each with what is seen then; then the next skill

A skill lasts as long as what is usually done together, so that fewer decisions are made, and none in the middle of a motion. The
first two stages may have learnt from other tasks (`--skills RUN`): the strings are then read with their codes q, and of what was
brought only the decoder learns on. So the paper does it with few demonstrations; with many tasks it leaves the decoder as it is.

Deviations: one observation and MLPs (the paper: a transformer over a history of images and language); the decoder says one action
(the paper's code can, but its default is a mixture); a merge counts pairs in a fresh random share of the demonstrations' segments;
codes are kept in use by a term of their own; the policy that acts is a moving average. All skills that were learnt may be chosen, and
weigh in the decoder's loss (the code: those alone that the new demonstrations have); one has 16 steps at most (20).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from agir.core.nouns import Act, Learner, Method, Policy, Source, given
from agir.core.spaces import Key
from agir.core.when import when
from agir.data.windows import Segment
from agir.generators.heads import tempered
from agir.networks.mlp import MLP
from agir.networks.skill_codes import Skills
from agir.training.fit import FitSkills, strings
from agir.training.sources import Segments
from agir.training.state import Trained, ema_decay, warm_cosine

AHEAD = 3  # steps of a skill on which the decoder learns (the paper's code)


class Adapted(eqx.Module):
    """What the last stage learns."""

    choose: MLP
    decoder: MLP | None  # None: as the first stage left it


class PRISE(Method):
    skills: Skills | Learner = given(Skills, default=FitSkills(), about="codes of actions, and strings of them that are skills")
    width: int = 256  # of the policy's layers
    depth: int = 2  # of the policy
    finetune: bool = True  # the decoder learns on with the policy (paper, with few demonstrations); False: it stays (with many tasks)
    alpha: float = 1.0  # weight of the decoder's loss (paper's code)
    temperature: float = 0.0  # of the skills drawn; 0: the likeliest one (paper's code)
    rate: float = 1e-3  # of Adam, with a short warm-up and a cosine to 0 (paper: 1e-4)
    learns_from: Source = Segments(batch=64, length=16)
    updates: int = 5000

    def init(self, key: Key) -> Trained:
        codes = self.skills.codes
        choose = MLP(codes.book.shape[1], self.skills.count, key, width=self.width, depth=self.depth)
        return Trained.begin(Adapted(choose, codes.decoder if self.finetune else None), self.optimiser(), average=True)

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(warm_cosine(self.rate, 100, self.updates))

    def update(self, state: Trained, batch: Segment, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, parts = state.descend(lambda model: self.loss(model, batch, key), self.optimiser(), ema_decay(step))
        return state, {"loss": loss} | parts

    def validate(self, state: Trained, batch: Segment, key: Key) -> dict:
        loss, parts = self.loss(state.best, batch, key)
        return {"loss": loss} | parts

    def loss(self, model: Adapted, batch: Segment, key: Key) -> tuple[Float[Array, ""], dict]:
        """The negative log-likelihood of the skills with which segments begin, and the decoder's loss -> their sum, each."""
        codes, counts = strings(self.skills.codes, self.skills.pairs, batch)
        skill = jax.vmap(self.skills.first)(codes, counts)
        ahead = min(AHEAD, codes.shape[1], batch.mask.shape[1])
        seen, action, mask = jax.tree.map(lambda x: x[:, :ahead], (batch.experience.observation, batch.experience.action, batch.mask))
        z = jax.vmap(self.skills.codes.seen)(seen)
        logits = jax.vmap(lambda z: choices(model.choose, self.skills, z))(z[:, 0])
        choice = -jnp.take_along_axis(jax.nn.log_softmax(logits), skill[:, None], 1).mean()
        if model.decoder is None:
            return choice, {}
        weights = jax.nn.softmax(logits + jax.random.gumbel(key, logits.shape))
        decoder = decoder_loss(model.decoder, self.skills, z, action.reshape(*mask.shape, -1), mask, weights)
        return choice + self.alpha * decoder, {"choice": choice, "decoder": decoder}

    def policy(self, state: Trained) -> Policy:
        skills, best = self.skills, state.best
        if best.decoder is not None:
            skills = eqx.tree_at(lambda skills: skills.codes.decoder, skills, best.decoder)
        return SkillPolicy(self.spec, best.choose, skills, jnp.asarray(self.temperature, jnp.float32))


def choices(choose: MLP, skills: Skills, z: Float[Array, " dim"]) -> Float[Array, " skills"]:
    """Logits of all skills; merges that were not learnt are none."""
    return jnp.where(skills.pairs.lengths <= skills.pairs.longest, choose(z), -jnp.inf)


def decoder_loss(
    decoder: MLP,
    skills: Skills,
    z: Float[Array, "batch ahead dim"],
    action: Float[Array, "batch ahead size"],
    mask: Float[Array, "batch ahead"],
    weights: Float[Array, "batch skills"],
) -> Float[Array, ""]:
    """How far what each skill's codes say at the demonstrated steps is from what was done there, summed over its steps, by weights.

    Skills share codes, so each step is decoded once a code and not once a skill.
    """
    apart = jnp.abs(decoder(z[:, :, None] + skills.codes.book[None, None]) - action[:, :, None]).sum(-1)
    ahead = mask.shape[1]
    there = jnp.arange(ahead)[None] < skills.pairs.lengths[:, None]
    says = jnp.where(there[..., None], jax.nn.one_hot(skills.pairs.spelling[:, :ahead], skills.codes.codes), 0.0)
    return (apart * jnp.einsum("bs,skc->bkc", weights, says) * mask[..., None]).sum((1, 2)).mean()


class SkillPolicy(Policy):
    """Its memory is the skill that is being done, and how many of its codes are done."""

    choose: MLP
    skills: Skills
    temperature: Float[Array, ""]

    def start(self, key: Key) -> tuple[Array, Array]:
        return jnp.int32(0), self.skills.pairs.lengths[0]

    def act(self, observation: Any, memory: tuple[Array, Array], key: Key) -> Act:
        (skill, done), pairs = memory, self.skills.pairs
        z = self.skills.codes.seen(jax.tree.map(lambda x: x[None], observation))
        due = done >= pairs.lengths[skill]
        skill = when(due, SkillPolicy.next, self, (z[0], key), skill)
        done = jnp.where(due, 0, done)
        action = self.skills.codes.decode(z, pairs.spelling[skill][done][None])[0].reshape(self.spec.action.shape)
        return Act(action, (skill, done + 1), {"planned": due, "passes": due.astype(jnp.int32)})

    def next(self, z: Float[Array, " dim"], key: Key) -> Int[Array, ""]:
        """The skill that is done from here on."""
        logits = choices(self.choose, self.skills, z)
        return jax.random.categorical(key, tempered(logits, self.temperature)).astype(jnp.int32)
