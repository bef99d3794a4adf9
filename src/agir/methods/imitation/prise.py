"""PRISE, Primitive Sequence Encoding (Zheng et al. 2024, arXiv 2402.10450; code FrankZheng2022/PRISE): skills by byte-pair encoding.

    stage 1    actions to codes, such that next states can be foretold from them              (networks/skill_codes.py)
    stage 2    every demonstration as a string of codes; pairs that are frequent are merged: tokens are skills of several steps
    training   max  E log p(skill | o)       of the skill with which the demonstration's string goes on from here
    acting     the likeliest skill; its codes are decoded one at a step, each with what is seen then; then the next skill

A skill lasts as long as what is usually done together, so that fewer decisions are made, and none in the middle of a motion. The
first two stages may have learnt from other tasks (`--skills RUN`): the strings are then read with their codes.

Deviations: one observation and MLPs (the paper: a transformer over a history of images and language); a merge counts pairs in a fresh
random share of the demonstrations' segments; the decoder is not trained again with the skills (the paper: it may be); codes are kept
in use by a term of their own; the policy that acts is a moving average.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.core.nouns import Act, Learner, Method, Policy, Source, given
from agir.core.spaces import Key
from agir.data.windows import Segment
from agir.networks.mlp import MLP
from agir.networks.skill_codes import Skills
from agir.training.fit import FitSkills, strings
from agir.training.sources import Segments
from agir.training.state import Trained, ema_decay, warm_cosine


class PRISE(Method):
    skills: Skills | Learner = given(Skills, default=FitSkills(), about="codes of actions, and strings of them that are skills")
    width: int = 256  # of the policy's layers
    depth: int = 2  # of the policy
    temperature: float = 0.0  # of the skills drawn; 0: the likeliest one (paper's code)
    rate: float = 1e-3  # of Adam, with a short warm-up and a cosine to 0 (paper: 1e-4)
    learns_from: Source = Segments(batch=64, length=16)
    updates: int = 5000

    def init(self, key: Key) -> Trained:
        dim, skills = self.skills.codes.book.shape[1], self.skills.count
        return Trained.begin(MLP(dim, skills, key, width=self.width, depth=self.depth), self.optimiser(), average=True)

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(warm_cosine(self.rate, 100, self.updates))

    def update(self, state: Trained, batch: Segment, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, _ = state.descend(lambda policy: (self.loss(policy, batch), {}), self.optimiser(), ema_decay(step))
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Segment, key: Key) -> dict:
        return {"loss": self.loss(state.best, batch)}

    def loss(self, policy: MLP, batch: Segment) -> Float[Array, ""]:
        """The negative log-likelihood of the skills with which segments begin."""
        codes, counts = strings(self.skills.codes, self.skills.pairs, batch)
        skill = jax.vmap(self.skills.first)(codes, counts)
        first = jax.tree.map(lambda x: x[:, :1], batch.experience.observation)
        logits = policy(jax.vmap(self.skills.codes.seen)(first)[:, 0])
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), skill[:, None], 1).mean()

    def policy(self, state: Trained) -> Policy:
        return SkillPolicy(self.spec, state.best, self.skills, jnp.asarray(self.temperature, jnp.float32))


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
        logits = jnp.where(pairs.lengths <= pairs.longest, self.choose(z[0]), -jnp.inf)  # merges that were not learnt are no skills
        drawn = jax.random.categorical(key, logits / jnp.maximum(self.temperature, 1e-6)).astype(jnp.int32)
        skill, done = jnp.where(due, drawn, skill), jnp.where(due, 0, done)
        action = self.skills.codes.decode(z, pairs.spelling[skill][done][None])[0].reshape(self.spec.action.shape)
        return Act(action, (skill, done + 1), {"planned": due, "passes": due.astype(jnp.int32)})
