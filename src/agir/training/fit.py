"""Stages that learn one part from windows of data."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from agir.actions.codes import ScalarCodec
from agir.actions.frequencies import FastTokens
from agir.actions.pairs import Pairs
from agir.actions.residual import ResidualCodec
from agir.core.nouns import Foresight, Learner, Source, Window, given
from agir.core.spaces import Key
from agir.data.windows import Segment
from agir.generators.reactive import ReactiveCodec
from agir.networks.skill_codes import SkillCodes, Skills
from agir.objectives.masked import held
from agir.training.sources import Foresights, Segments, Windows
from agir.training.state import Trained


class FitPart(Learner):
    """Learns a part by descending a loss of batches."""

    rate: float = 1e-3  # of Adam
    learns_from: Source = Windows(batch=128)
    updates: int = 2000

    def create(self, key: Key) -> Any:
        """-> the part, untrained."""
        raise NotImplementedError

    def loss(self, part: Any, batch: Any, key: Key) -> Float[Array, ""]:
        """Of a batch; unless said otherwise the mean of the part's own."""
        return jnp.mean(jax.vmap(part.loss)(batch, jax.random.split(key, batch.mask.shape[0])))

    def init(self, key: Key) -> Trained:
        return Trained.begin(self.create(key), optax.adam(self.rate))

    def update(self, state: Trained, batch: Any, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, _ = state.descend(lambda part: (self.loss(part, batch, key), {}), optax.adam(self.rate))
        return state, {"loss": loss}

    def validate(self, state: Trained, batch: Any, key: Key) -> dict:
        return {"loss": self.loss(state.model, batch, key)}

    def result(self, state: Trained) -> Any:
        return state.model


class FitChunkPart(FitPart):
    """Learns a part of chunks of actions."""

    history = 1  # a chunk begins at the last observation
    horizon: int = 8  # actions a chunk


class FitCodec(FitChunkPart):
    """Learns a codec of chunks of actions: the first stage of a prior over codes."""

    levels: tuple[int, ...] = (5, 5, 5)  # of each dimension of the code (FSQ's grid for about 100 codes)
    width: int = 128  # of the encoder's and the decoder's layers

    def create(self, key: Key) -> ScalarCodec:
        return ScalarCodec.create(self.spec, key, self.horizon, self.levels, self.width)

    def loss(self, part: ScalarCodec, batch: Window, key: Key) -> Float[Array, ""]:
        return super().loss(part, dataclasses.replace(batch, action=jax.vmap(held)(batch.action, batch.mask)), key)


class FitResidual(FitChunkPart):
    """Learns a codec of several codes a chunk, each of what is left; its defaults are CARP's, with an MLP and fewer codes."""

    horizon: int = 16  # actions a chunk (CARP)
    scales: tuple[int, ...] = (1, 2, 3, 4)  # tokens of each level (CARP)
    codes: int = 64  # that a token may be (CARP: 512)
    dim: int = 8  # of a code (CARP)
    width: int = 128  # of the encoder's and the decoder's layers
    shared: bool = True  # one book of codes for all levels (CARP), or one for each (VQ-BeT)
    commitment: float = 0.25  # weight of what draws chunks to their codes (CARP)

    def create(self, key: Key) -> ResidualCodec:
        how = {"dim": self.dim, "width": self.width, "shared": self.shared}
        return ResidualCodec.create(self.spec, key, self.horizon, self.scales, self.codes, **how)

    def loss(self, part: ResidualCodec, batch: Window, key: Key) -> Float[Array, ""]:
        return part.loss(chunks(batch), batch.mask, self.commitment)


class FitReactive(FitChunkPart):
    """Learns the slow and the fast half of reactive chunks (generators/reactive.py)."""

    horizon: int = 15  # actions a chunk, from the last observation on
    latent: int = 4  # numbers for each four actions (paper's code: encoded as 4 or 8 by task, diffused as 16)
    width: int = 64  # of the encoder's channels and of the decoder's state (paper: 32)
    beta: float = 1e-6  # weight of the divergence, of which this is the mean over z (paper's code: as much of the sum)
    felt: tuple[int, ...] = ()  # which of an observation's numbers the decoder reads at every step, from 0 on; nothing: all
    learns_from: Source = Foresights(batch=128)

    @property
    def frames(self) -> int:
        """What is seen at each action but the first, whose observation is the window's."""
        return self.horizon - 1

    def create(self, key: Key) -> ReactiveCodec:
        return ReactiveCodec.create(self.spec, key, self.horizon, self.latent, self.width, self.felt)

    def loss(self, part: ReactiveCodec, batch: Foresight, key: Key) -> Float[Array, ""]:
        keys = jax.random.split(key, batch.mask.shape[0])
        return jnp.mean(jax.vmap(lambda window, key: part.loss(window, key, self.beta))(batch, keys))


class FitFast(Learner):
    """Learns FAST's merges, one an update: in each batch the pair of tokens that is most frequent."""

    counted = True
    history = 1  # a chunk begins at the last observation
    horizon: int = 16  # actions a chunk (FAST: those of one second)
    scale: int = 10  # integers are frequencies times this, rounded (FAST)
    transform: str = "cosine"  # cosine (FAST), or none: the actions themselves are rounded
    merge: bool = True  # False, with transform none: plain bins, one token a number
    learns_from: Source = Windows(batch=1024)
    updates: int = 256  # merges (FAST: 1024 less the alphabet); fewer are learnt where no pair comes twice any more

    def init(self, key: Key) -> FastTokens:
        return FastTokens.create(self.spec, self.horizon, self.scale, self.updates if self.merge else 0, self.transform)

    def update(self, state: FastTokens, batch: Window, step: Any, key: Key) -> tuple[FastTokens, dict]:
        sequences, counts = jax.vmap(state.encode)(chunks(batch))
        return state.learn(sequences, counts, step), {"tokens": counts.astype(jnp.float32).mean()}

    def validate(self, state: FastTokens, batch: Window, key: Key) -> dict:
        return {"tokens": jax.vmap(state.encode)(chunks(batch))[1].astype(jnp.float32).mean()}

    def result(self, state: FastTokens) -> FastTokens:
        return state


class FitSkillCodes(FitPart):
    """Learns few codes of actions from which next states can be foretold: PRISE's first stage."""

    codes: int = 10  # (paper)
    dim: int = 32  # of a code (paper: 64 and more, with images)
    width: int = 64  # of the layers
    commitment: float = 1.0  # weight of what draws actions to their codes (paper's code)
    rate: float = 1e-3  # of Adam (paper: 1e-4)
    learns_from: Source = Segments(batch=128, length=4)  # paper: states up to 3 steps on are foretold
    updates: int = 3000

    def create(self, key: Key) -> SkillCodes:
        return SkillCodes.create(self.spec, key, self.codes, self.dim, self.width)

    def loss(self, part: SkillCodes, batch: Segment, key: Key) -> Float[Array, ""]:
        seen, action = batch.experience.observation, batch.experience.action.reshape(*batch.mask.shape, -1)
        return jnp.mean(jax.vmap(lambda *each: part.loss(*each, self.commitment))(seen, action, batch.mask))


class FitSkills(Learner):
    """Learns which strings of codes are skills, one pair an update: PRISE's second stage."""

    counted = True
    codes: SkillCodes | Learner = given(SkillCodes, default=FitSkillCodes(), about="what an action is, given what is seen")
    merge: bool = True  # False: every code is a skill of one step
    learns_from: Source = Segments(batch=512, length=16)  # strings, and so skills, of at most 16 steps
    updates: int = 190  # skills beyond the codes (paper: 200 in all)

    def init(self, key: Key) -> Pairs:
        return Pairs.create(self.codes.codes, self.learns_from.length, self.updates if self.merge else 0)

    def update(self, state: Pairs, batch: Segment, step: Any, key: Key) -> tuple[Pairs, dict]:
        merged, counts = jax.vmap(state.merge)(*strings(self.codes, state, batch))
        return state.learn(merged, counts, step), {"steps": per_skill(batch, counts)}

    def validate(self, state: Pairs, batch: Segment, key: Key) -> dict:
        return {"steps": per_skill(batch, jax.vmap(state.merge)(*strings(self.codes, state, batch))[1])}

    def result(self, state: Pairs) -> Skills:
        return Skills(self.codes, state)


def strings(codes: SkillCodes, pairs: Pairs, batch: Segment) -> tuple[Int[Array, "batch longest"], Int[Array, " batch"]]:
    """Segments as codes, as long as the pairs' strings are (what is longer is cut), and how many count."""
    action = batch.experience.action.reshape(*batch.mask.shape, -1)
    found = jax.vmap(lambda seen, action: codes.encode(codes.seen(seen), action))(batch.experience.observation, action)
    length = min(found.shape[1], pairs.longest)
    counts = (batch.mask[:, :length] > 0).sum(1).astype(jnp.int32)
    return jnp.pad(found[:, :length], ((0, 0), (0, pairs.longest - length))), counts


def per_skill(batch: Segment, counts: Int[Array, " batch"]) -> Float[Array, ""]:
    """Steps a skill, in segments that are so many skills."""
    return batch.mask.sum() / counts.astype(jnp.float32).sum()


def chunks(batch: Window) -> Float[Array, "batch horizon size"]:
    """The windows' actions, flat, with the nearest one that counts in the place of padding."""
    return jax.vmap(held)(batch.action, batch.mask).reshape(*batch.mask.shape, -1)
