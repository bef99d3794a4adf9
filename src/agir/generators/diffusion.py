"""Denoising diffusion of chunks: DDPM (Ho et al. 2020) and DDIM (Song et al. 2021), in Diffusion Policy's conventions.

    forward       x_k = sqrt(A_k) x_0 + sqrt(1 - A_k) e,        e ~ N(0, 1),   A_k = prod_{i <= k} (1 - beta_i),   k = 0 .. steps - 1
    loss          |e - network(x_k, k, context)|^2              with k uniform     ("sample": x_0 for e;
                                                                "v": sqrt(A_k) e - sqrt(1 - A_k) x_0, Salimans & Ho 2022)
    DDPM          x_j = sqrt(A_j) b / (1 - A_k) x_0' + sqrt(1 - b) (1 - A_j) / (1 - A_k) x_k + s z,   z ~ N(0, 1)
                  b = 1 - A_k / A_j,   s^2 = b (1 - A_j) / (1 - A_k)   ("fixed_small": the posterior's variance)
    DDIM          x_j = sqrt(A_j) x_0' + sqrt(1 - A_j) e'

j is the step after k (the next lower one visited; A = 1 after the last), x_0' the network's idea of x_0, clipped to the actions'
bounds, e' its idea of the noise. With n passes the steps are 0, steps // n, 2 (steps // n), ..., from the highest down, as in the
library that the paper's code uses (diffusers: leading spacing, set_alpha_to_one, use_clipped_model_output off).
"""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.generators.from_noise import FromNoise

PREDICTIONS = ("epsilon", "sample", "v")
SAMPLERS = ("ddpm", "ddim")


def cosine_betas(steps: int) -> np.ndarray:
    """float64 [steps]: betas of a squared-cosine signal (Nichol & Dhariwal 2021), at most 0.999 ("squaredcos_cap_v2")."""
    signal = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * math.pi / 2) ** 2
    return np.minimum(1 - signal[1:] / signal[:-1], 0.999)


def kept(steps: int) -> np.ndarray:
    """float64 [steps]: A_k, the share of the signal's variance that is kept at step k."""
    return np.cumprod(1 - cosine_betas(steps))


def visited(steps: int, passes: int) -> np.ndarray:
    """int [passes]: the steps that a sampler visits, the highest first."""
    return np.arange(passes)[::-1] * (steps // passes)


class Pass(eqx.Module):
    """What one pass of a sampler needs: for a chunk (no axis), for each of its actions, or of all passes with a leading axis."""

    step: Array  # float32: k
    now: Array  # A_k
    later: Array  # A_j

    @classmethod
    def table(cls, steps: int, passes: int) -> "Pass":
        """-> of all passes, the first first."""
        seen, signal = visited(steps, passes), kept(steps)
        later = np.append(signal[seen[1:]], 1.0)
        return cls(*(jnp.float32(x) for x in (seen, signal[seen], later)))


class Diffusion(FromNoise):
    """`network(x [horizon, size], times [1], context) -> [horizon, size]` predicts the noise, the chunk, or of both v."""

    steps: int = eqx.field(static=True, default=100)
    prediction: str = eqx.field(static=True, default="epsilon")
    sampler: str = eqx.field(static=True, default="ddpm")
    sampling_passes: int = eqx.field(static=True, default=100)
    bound: float | None = eqx.field(static=True, default=1.0)  # x_0' is clipped to within it; None: not at all

    def __check_init__(self):
        if self.prediction not in PREDICTIONS:
            raise BadSetting(f"The prediction is one of {', '.join(PREDICTIONS)}, not '{self.prediction}'.")
        if self.sampler not in SAMPLERS:
            raise BadSetting(f"The sampler is one of {', '.join(SAMPLERS)}, not '{self.sampler}'.")
        if not 1 <= self.sampling_passes <= self.steps:
            raise BadSetting(f"A sampler makes 1 to {self.steps} passes (the steps trained), not {self.sampling_passes}.")

    @property
    def passes(self) -> int:
        return self.sampling_passes

    def turned(self, kind: type["Diffusion"], **more: Any) -> "Diffusion":
        """The same diffusion as one of another kind, with `more` of that kind's fields; those of this kind alone are left behind."""
        return kind(**{field.name: getattr(self, field.name) for field in dataclasses.fields(Diffusion)}, **more)

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The squared error of each step, the mean over its entries."""
        step, target, noisy = self.disturbed(chunk, mask, key)
        return ((self.network(noisy, step, context) - target) ** 2).mean(-1)

    def disturbed(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], key: Key
    ) -> tuple[Float[Array, " times"], Float[Array, "horizon size"], Float[Array, "horizon size"]]:
        """-> what the network is told of the step that is drawn, what it is to say, and the chunk with noise in it."""
        chunk = self.flat(chunk, mask)
        draw, disturb = jax.random.split(key)
        step, noise = self.draw_step(draw, mask), self.noise(disturb)
        now = jnp.asarray(kept(self.steps), jnp.float32)[step]
        targets = {"epsilon": noise, "sample": chunk, "v": jnp.sqrt(column(now)) * noise - jnp.sqrt(1 - column(now)) * chunk}
        return self.told(step.astype(jnp.float32)), targets[self.prediction], noised(chunk, now, noise)

    def draw_step(self, key: Key, mask: Float[Array, " horizon"]) -> Int[Array, "*actions"]:
        """A step to train at: one for the chunk (or, in a subclass, one for each of its actions)."""
        return jax.random.randint(key, (), 0, self.steps)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        begin, walk = jax.random.split(key)
        return self.shaped(self.denoise(self.noise(begin), context, walk))

    def denoise(
        self, x: Float[Array, "horizon size"], context: Float[Array, "history features"], key: Key, skip: Any = 0
    ) -> Float[Array, "horizon size"]:
        """From a chunk as noisy as the pass number `skip` (int or int32 []) expects to a clean one, in the passes that are left."""
        table, keys = Pass.table(self.steps, self.sampling_passes), jax.random.split(key, self.sampling_passes)
        one = lambda i, x: self.step(x, jax.tree.map(lambda column: column[i], table), context, keys[i])
        return jax.lax.fori_loop(skip, self.sampling_passes, one, x)

    def told(self, step: Array) -> Float[Array, " times"]:
        """What the network is told of step k."""
        return step[None]

    def ask(
        self, x: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        """What the network says, in sampling."""
        return self.network(x, times, context)

    def guess(
        self, x: Float[Array, "horizon size"], at: Pass, context: Float[Array, "history features"]
    ) -> tuple[Float[Array, "horizon size"], Float[Array, "horizon size"]]:
        """-> the network's idea of the clean chunk (clipped) and of the noise."""
        out = self.ask(x, self.told(at.step), context)
        now = column(at.now)
        signal, spread = jnp.sqrt(now), jnp.sqrt(1 - now)
        clean = {"epsilon": (x - spread * out) / signal, "sample": out, "v": signal * x - spread * out}[self.prediction]
        noise = {"epsilon": out, "sample": (x - signal * out) / spread, "v": spread * x + signal * out}[self.prediction]
        return self.clipped(clean), noise

    def clipped(self, clean: Float[Array, "horizon size"]) -> Float[Array, "horizon size"]:
        return clean if self.bound is None else jnp.clip(clean, -self.bound, self.bound)

    def step(
        self, x: Float[Array, "horizon size"], at: Pass, context: Float[Array, "history features"], key: Key | None
    ) -> Float[Array, "horizon size"]:
        """One pass of the sampler: from step k to step j. DDIM needs no key."""
        clean, noise = self.guess(x, at, context)
        now, later = column(at.now), column(at.later)
        if self.sampler == "ddim":
            return jnp.sqrt(later) * clean + jnp.sqrt(1 - later) * noise
        beta, left = 1 - now / later, (1 - later) / (1 - now)
        mean = jnp.sqrt(later) * beta / (1 - now) * clean + jnp.sqrt(1 - beta) * left * x
        return mean + jnp.sqrt(beta * left) * jax.random.normal(key, x.shape)


class Apart(Diffusion):
    """Every action has a step of noise of its own: `network(x [horizon, size], times [horizon], context) -> [horizon, size]`."""

    def told(self, step: Array) -> Float[Array, " horizon"]:
        return jnp.broadcast_to(step, (self.horizon,))

    def draw_step(self, key: Key, mask: Float[Array, " horizon"]) -> Int[Array, " horizon"]:
        return jax.random.randint(key, (self.horizon,), 0, self.steps)


def noised(
    chunk: Float[Array, "actions size"], kept: Float[Array, "*actions"], noise: Float[Array, "actions size"]
) -> Float[Array, "actions size"]:
    """The chunk, of whose variance `kept` is left."""
    return jnp.sqrt(column(kept)) * chunk + jnp.sqrt(1 - column(kept)) * noise


def column(x: Array) -> Float[Array, "actions 1"]:
    """One number for a chunk, or one for each of its actions, to stand beside [horizon, size]."""
    return x.reshape(-1, 1)
