"""A buffer of partly denoised actions, each later part of it noisier: Streaming Diffusion Policy's (Hoeg et al. 2024, arXiv 2406.04806).

    parts      the actions from now on, in h parts of `execute` each; what is left over belongs to the last, past actions to the first
    staircase  when a plan begins, part i (from 0) has n (i + 1) / h of the n passes left; n / h passes, each of which denoises all
               parts by one, leave the first part clean and every other where the one before it was
    buffer     the first part is done and leaves, the others move up, noise follows them
    loss       |e - network(sqrt(A_k) a + sqrt(1 - A_k) e, k, context)|^2,   k a vector: floor(steps (i + 1) / h) - 1 - j for the
               actions of part i, j uniform in 0 .. steps / h - 1; in a share of the windows one uniform k for all

So a plan costs 1 / h of Diffusion Policy's passes. Past actions (those before now, which the window holds) are noised anew when
they become past; the released code draws that noise and does not use it.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.core.when import when
from agir.generators.diffusion import Apart, Pass, noised


class Staircase(Apart):
    """`network(x [horizon, size], times [horizon], context) -> [horizon, size]`: every action has a step of its own."""

    history: int = eqx.field(static=True, default=1)
    execute: int = eqx.field(static=True, default=8)
    constant: Any = 0.2  # share of the windows that are trained at one step for all

    def __check_init__(self):
        if self.parts < 1 or self.sampling_passes % self.parts:
            raise BadSetting(
                f"A horizon of {self.horizon} after a history of {self.history} holds {self.parts} parts of {self.execute} actions, and "
                f"{self.sampling_passes} passes are not a multiple of that. Change execute, the horizon or the passes."
            )

    @property
    def parts(self) -> int:
        """h."""
        return (self.horizon - self.history + 1) // self.execute

    @property
    def plan_passes(self) -> int:
        return self.sampling_passes // self.parts

    @property
    def part(self) -> np.ndarray:
        """int [horizon]: the part of each action."""
        return np.clip((np.arange(self.horizon) - self.history + 1) // self.execute, 0, self.parts - 1)

    @property
    def left(self) -> np.ndarray:
        """int [horizon]: the passes that each action has left when a plan begins."""
        return self.sampling_passes * (self.part + 1) // self.parts

    def draw_step(self, key: Key, mask: Float[Array, " horizon"]) -> Int[Array, " horizon"]:
        """A step of the training's for each action."""
        choose, one, down = jax.random.split(key, 3)
        top = jnp.asarray(self.steps * (self.part + 1) // self.parts - 1, jnp.int32)
        stairs = top - jax.random.randint(down, (), 0, self.steps // self.parts)
        constant = jax.random.bernoulli(choose, jnp.asarray(self.constant, jnp.float32))
        return jnp.where(constant, jax.random.randint(one, (), 0, self.steps), stairs)

    def at(self, done: Any) -> Pass:
        """What the pass number `done` of a plan needs, for each action."""
        index = self.sampling_passes - jnp.asarray(self.left, jnp.int32) + done
        return jax.tree.map(lambda values: values[index], Pass.table(self.steps, self.sampling_passes))

    def begin(self, chunk: Float[Array, "horizon size"], key: Key) -> Float[Array, "horizon size"]:
        """A buffer around a clean chunk (or zeros): each action as noisy as the staircase says."""
        return noised(chunk, self.at(0).now, self.noise(key))

    def plan(
        self, buffer: Float[Array, "horizon size"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, "horizon size"]:
        """-> the buffer after a plan's passes: past actions and the first part are clean."""
        keys = jax.random.split(key, self.plan_passes)
        return jax.lax.fori_loop(0, self.plan_passes, lambda i, x: self.step(x, self.at(i), context, keys[i]), buffer)

    def moved(self, buffer: Float[Array, "horizon size"], key: Key) -> Float[Array, "horizon size"]:
        """The next plan's buffer, once the first part is done."""
        past, first = self.history - 1, self.history - 1 + self.execute
        noise = self.noise(key)
        before = noised(buffer[self.execute : first], self.at(0).now[:past], noise[:past])
        return jnp.concatenate([before, buffer[first : past + self.parts * self.execute], noise[past + (self.parts - 1) * self.execute :]])

    def first(
        self, begun: Bool[Array, ""], buffer: Float[Array, "horizon size"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, "horizon size"]:
        """The buffer, or where none is `begun`, one around a chunk that is denoised from noise in all passes (which are paid only then)."""

        def anew(self: "Staircase", context: Any, key: Key) -> Float[Array, "horizon size"]:
            draw, walk, disturb = jax.random.split(key, 3)
            return self.begin(self.denoise(self.noise(draw), context, walk), disturb)

        return when(~begun, anew, self, (context, key), buffer)
