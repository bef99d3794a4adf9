"""ZIP, cloning by search in embedded demonstrations (Malato et al. 2023, arXiv 2306.09082; code fmalato/basalt_2022_submission).

    search    the demonstrated row whose features are nearest to those of what is seen now, at the distance d_0
    follow    do the action of that row, and at the next steps those of the rows after it
    anew      when the followed row's features are farther from what is seen than max(`factor` d_0, `least`), when the demonstration
              ends, or after `follow` steps

Nothing is trained, and another task is another set of demonstrations (`--data`). Features are those of an encoder that is brought
(`--encoder RUN`; the paper: a video model trained before, VPT), or what is seen as it is.

Deviations: the paper's code waits until the followed row was too far for some steps, and at least for half of `follow`; here once is
enough. Distances are Euclidean, in the run's normalisation (the paper's code: mean absolute ones, and `least` 0.2 in their unit).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Learner, Method, Policy, Source, given
from agir.core.spaces import Key
from agir.runtime.executors import Past, no_past, remember
from agir.training.memory import FitIndex, Index
from agir.training.sources import Nothing


class ZIP(Method):
    index: Index | Learner = given(Index, default=FitIndex(horizon=2), about="the demonstrated rows")
    follow: int = 128  # steps after which is searched anew (paper)
    factor: float = 2.0  # how much farther than at the search the followed row may get (paper's code)
    least: float = 0.1  # a distance that is always near enough
    learns_from: Source = Nothing()
    updates: int = 0  # nothing is learnt

    def init(self, key: Key) -> tuple:
        memories = self.index.memories
        if memories.mask.shape[-1] <= memories.history:
            raise BadSetting(f"zip looks one row ahead: --index.horizon is {memories.history + 1} or more, not {memories.mask.shape[-1]}.")
        return ()

    def policy(self, state: Any) -> Policy:
        number = lambda x: jnp.asarray(x, jnp.float32)
        return Follow(self.spec, self.index, number(self.factor), number(self.least), self.follow)


class Track(NamedTuple):
    """The memory of `Follow`."""

    past: Past
    place: Any  # int32 []: the row whose action was done last
    steps: Any  # int32 []: how many of its demonstration's rows have been followed; 0: none yet
    found: Any  # float32 []: how near the row was that the search gave


class Follow(Policy):
    """Does what was demonstrated at the row it follows, for `longest` steps at most; sees one observation, and keeps the history itself."""

    index: Index
    factor: Float[Array, ""]
    least: Float[Array, ""]
    longest: int = eqx.field(static=True)

    def start(self, key: Key) -> Track:
        return Track(no_past(self.spec.observation, self.index.memories.history), jnp.int32(0), jnp.int32(0), jnp.float32(0))

    def act(self, observation: Any, memory: Track, key: Key) -> Act:
        memories, now = self.index.memories, self.index.memories.history - 1
        past = remember(memory.past, observation)
        seen = self.index.key(past.observations)
        following = jnp.minimum(memory.place + 1, len(memories.keys) - 1)
        apart = jnp.sqrt(((seen - memories.keys[following]) ** 2).sum())
        goes_on = memories.mask[memory.place, now + 1] > 0
        far = apart > jnp.maximum(self.factor * memory.found, self.least)
        anew = (memory.steps == 0) | (memory.steps >= self.longest) | ~goes_on | far
        distance, places = memories.nearest(seen)
        place = jnp.where(anew, places[0], following).astype(jnp.int32)
        kept = Track(past, place, jnp.where(anew, 1, memory.steps + 1), jnp.where(anew, distance[0], memory.found))
        return Act(jax.tree.map(lambda x: x[now], memories.chunk(place)), kept, {"planned": anew, "passes": jnp.int32(0)})
