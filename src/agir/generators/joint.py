"""Actions and what will be seen, denoised together, each with a step of its own (Unified World Models, Zhu et al. 2025, arXiv 2504.02792).

    forward   a_k = sqrt(A_k) a + sqrt(1 - A_k) e_a,    f_j = sqrt(A_j) f + sqrt(1 - A_j) e_f       k and j drawn independently
    loss      |e_a - e_a'|^2 + weight |e_f - e_f'|^2,   (e_a', e_f') = network(a_k, f_j, k, j, context)
    policy    a from noise to 0, f pure noise at its last step all the while:        a ~ p(a | context)
    forward   f from noise, a given and at step 0:                                    f ~ p(f | context, a)
    inverse   a from noise, f given and at step 0:                                    a ~ p(a | context, f)
    video     f from noise, a pure noise:                                             f ~ p(f | context)
    joint     both from noise at one step:                                            (a, f) ~ p(a, f | context)

A step at which a part is pure noise tells nothing of it, so that the network's answer is the marginal's; at step 0 it is a condition.
Windows without recorded actions learn what will be seen alone, with the actions at their last step. With `together` both have one
step, and only "joint" and "video" are learnt (PAD); then actions that are not recorded are shown as `absent`, learnt values.

Inside, a chunk is one column [entries, 1]: all numbers of the actions, then all of what is seen in the frames ahead.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.errors import BadSetting
from agir.core.nouns import Foresight
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.diffusion import Diffusion, Pass, kept
from agir.networks.encoder import numbers_in
from agir.objectives.masked import masked_mean

MODES = {  # what becomes of (actions, what is seen): generated, given, or not looked at
    "policy": ("generated", "unknown"),
    "forward": ("given", "generated"),
    "inverse": ("generated", "given"),
    "video": ("unknown", "generated"),
    "joint": ("generated", "generated"),
}


class Joint(Diffusion):
    """`network(column [entries, 1], times [2], context) -> [entries, 1]`; the times are those of the actions and of what is seen.

    `horizon` is the number of entries and `shape` (1,).
    """

    chunk: tuple[int, ...] = eqx.field(static=True, default=())  # [horizon, *shape] of the actions
    ahead: tuple[int, int] = eqx.field(static=True, default=(0, 0))  # (frames, numbers)
    together: bool = eqx.field(static=True, default=False)
    mode: str = eqx.field(static=True, default="policy")  # of `sample`
    weight: Any = 1.0  # of what will be seen
    absent: Any = None  # float32 [actions' entries]

    @classmethod
    def of(cls, network: Any, chunk: tuple[int, ...], ahead: tuple[int, int], steps: int, **more: Any) -> "Joint":
        return cls(network, math.prod(chunk) + math.prod(ahead), (1,), steps, chunk=chunk, ahead=ahead, **more)

    def __check_init__(self):
        if self.mode not in MODES:
            raise BadSetting(f"What is generated is one of {', '.join(MODES)}, not '{self.mode}'.")

    @property
    def acts(self) -> np.ndarray:
        """bool [entries]: which are actions."""
        return np.arange(self.horizon) < math.prod(self.chunk)

    def pack(self, actions: Float[Array, "horizon *shape"], ahead: Float[Array, "frames numbers"]) -> Float[Array, "entries 1"]:
        return jnp.concatenate([actions.ravel(), ahead.ravel()])[:, None]

    def unpack(self, column: Float[Array, "entries 1"]) -> tuple[Float[Array, "horizon *shape"], Float[Array, "frames numbers"]]:
        count = math.prod(self.chunk)
        return column[:count].reshape(self.chunk), column[count:].reshape(self.ahead)

    def spread(self, actions: Any, ahead: Any) -> Any:
        """One value for each part -> one for each entry."""
        return jnp.where(jnp.asarray(self.acts), actions, ahead)

    def hidden(self, mask: Float[Array, " entries"]) -> Bool[Array, " entries"]:
        """The actions, in windows of which none is recorded."""
        return jnp.asarray(self.acts) & ~(mask[: math.prod(self.chunk)] != 0).any()

    def draw_step(self, key: Key, mask: Float[Array, " entries"]) -> Int[Array, " entries"]:
        one, other = jax.random.randint(key, (2,), 0, self.steps)
        step = self.spread(one, one if self.together else other)
        return step if self.absent is not None else jnp.where(self.hidden(mask), self.steps - 1, step)

    def disturbed(
        self, chunk: Float[Array, "entries 1"], mask: Float[Array, " entries"], key: Key
    ) -> tuple[Float[Array, " times"], Float[Array, "entries 1"], Float[Array, "entries 1"]]:
        *others, noisy = super().disturbed(chunk, mask, key)
        return *others, self.shown(noisy, self.hidden(mask))

    def told(self, step: Float[Array, " entries"]) -> Float[Array, " times"]:
        return step[jnp.array([0, -1])]

    def clipped(self, clean: Float[Array, "entries 1"]) -> Float[Array, "entries 1"]:
        """Only actions have a bound."""
        return jnp.where(jnp.asarray(self.acts)[:, None], super().clipped(clean), clean)

    def shown(self, noisy: Float[Array, "entries 1"], hidden: Any) -> Float[Array, "entries 1"]:
        """The column, with `absent` in the places of actions that are not there."""
        if self.absent is None:
            return noisy
        absent = jnp.concatenate([self.absent, jnp.zeros(math.prod(self.ahead))])
        return jnp.where(hidden[:, None], absent[:, None], noisy)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        return self.generate(context, key, self.mode)[0]

    def generate(
        self, context: Float[Array, "history features"], key: Key, mode: str, actions: Any = None, ahead: Any = None
    ) -> tuple[Float[Array, "horizon *shape"], Float[Array, "frames numbers"]]:
        """-> actions and what will be seen: as `mode` says generated, given back as they were given, or noise that means nothing."""
        if self.together and mode not in ("joint", "video"):
            raise BadSetting(f"Denoised at one step, actions and what will be seen are generated jointly, or as a video: not as '{mode}'.")
        roles = MODES[mode]
        role = lambda which: self.spread(*(jnp.bool_(part == which) for part in roles))
        begin, walk = jax.random.split(key)
        given = self.pack(*(jnp.zeros(shape) if x is None else x for x, shape in ((actions, self.chunk), (ahead, self.ahead))))
        x = jnp.where(role("given")[:, None], given, self.noise(begin))
        x = self.shown(x, role("unknown"))
        table, keys = Pass.table(self.steps, self.sampling_passes), jax.random.split(walk, self.sampling_passes)
        resting = jnp.where(role("given"), 0, self.steps - 1)
        signal = jnp.asarray(kept(self.steps), jnp.float32)[resting]

        def once(i: Any, x: Float[Array, "entries 1"]) -> Float[Array, "entries 1"]:
            drawn = role("generated")
            at = Pass(
                jnp.where(drawn, table.step[i], resting.astype(jnp.float32)),
                jnp.where(drawn, table.now[i], signal),
                jnp.where(drawn, table.later[i], signal),
            )
            return jnp.where(drawn[:, None], self.step(x, self.one_time(at, roles), context, keys[i]), x)

        return self.unpack(jax.lax.fori_loop(0, self.sampling_passes, once, x))

    def one_time(self, at: Pass, roles: tuple[str, str]) -> Pass:
        """Where both parts are trained at one step, it is that of what is generated."""
        if not self.together or roles[0] == roles[1]:
            return at
        drawn = 0 if roles[0] == "generated" else -1
        return eqx.tree_at(lambda at: at.step, at, jnp.broadcast_to(at.step[drawn], at.step.shape))


class JointModel(ChunkModel):
    """Observations [history, ...] to chunks of actions and the numbers of later observations (images are seen, and not predicted)."""

    generator: Joint

    def loss(self, batch: Foresight, key: Key, augment: bool = True, draws: int = 1) -> Float[Array, ""]:
        place, generate = jax.random.split(key)
        contexts = self.contexts(batch.observation, place if augment else None)
        generator, keys = self.generator, jax.random.split(generate, (len(batch.mask), draws))
        each = lambda mask, size: jnp.repeat(mask, size, 1, total_repeat_length=mask.shape[1] * size)
        masks = jnp.concatenate([each(batch.mask, math.prod(generator.chunk[1:])), each(batch.ahead_mask, generator.ahead[1])], 1)
        columns = jax.vmap(generator.pack)(batch.action, jax.vmap(self.numbers)(batch.ahead))
        once = lambda *window: jax.vmap(lambda key: generator.loss(*window[:-1], key))(window[-1]).mean(0)
        losses = jax.vmap(once)(columns, masks, contexts, keys)
        count = math.prod(generator.chunk)
        acting, seeing = masked_mean(losses[:, :count], masks[:, :count]), masked_mean(losses[:, count:], masks[:, count:])
        return acting + jnp.asarray(generator.weight, jnp.float32) * seeing

    def numbers(self, observations: Any) -> Float[Array, "frames numbers"]:
        """What is predicted of observations [frames, ...]."""
        return jax.vmap(lambda one: numbers_in(self.encoder.space, one))(observations)

    def generate(
        self, observation: Any, key: Key, mode: str, actions: Any = None, ahead: Any = None
    ) -> tuple[Float[Array, "horizon *shape"], Float[Array, "frames numbers"]]:
        """See `Joint.generate`; `ahead` are numbers."""
        return self.generator.generate(self.encoder(observation), key, mode, actions, ahead)
