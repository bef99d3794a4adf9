"""Flow matching of chunks along straight paths: rectified flow (Liu et al. 2023; Lipman et al. 2023, optimal transport paths).

    path      x_t = (1 - t) e + t a,      e ~ N(0, 1),   t from 0 (noise) to 1 (the chunk)
    loss      |v(x_t, t, context) - (a - e)|^2           t uniform, or t = s (1 - b) with b ~ Beta(1.5, 1), s = 0.999
    sampling  Euler: x <- x + v(x, t, context) / n       t = 0, 1/n, ..., (n - 1)/n

The beta draw, with more of the early times, is that of pi0 (Black et al. 2024, arXiv 2410.24164, appendix B). The network is told
100 t, so that its embedding of times sees the range it has for diffusion's steps.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.generators.from_noise import FromNoise

TIMES = ("uniform", "beta")
TOLD = 100.0  # the network's time at t = 1
LATEST = 0.999  # of a beta draw


def draw_time(kind: str, key: Key) -> Float[Array, ""]:
    """A time in [0, 1) to train at: "uniform", or "beta" by the inverse of its distribution, P(b < x) = x^1.5."""
    uniform = jax.random.uniform(key)
    return uniform if kind == "uniform" else LATEST * (1 - uniform ** (2 / 3))


class Flow(FromNoise):
    """`network(x [horizon, size], times [1], context) -> [horizon, size]` says the velocity."""

    time: str = eqx.field(static=True, default="uniform")
    sampling_passes: int = eqx.field(static=True, default=10)

    def __check_init__(self):
        if self.time not in TIMES:
            raise BadSetting(f"Times are drawn {' or '.join(TIMES)}, not '{self.time}'.")
        if self.sampling_passes < 1:
            raise BadSetting(f"A flow takes at least one pass, not {self.sampling_passes}.")

    @property
    def passes(self) -> int:
        return self.sampling_passes

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        """The squared error of each step's velocity, the mean over its entries."""
        chunk = self.flat(chunk, mask)
        draw, disturb = jax.random.split(key)
        time, noise = draw_time(self.time, draw), self.noise(disturb)
        velocity = self.velocity((1 - time) * noise + time * chunk, time, context)
        return ((velocity - (chunk - noise)) ** 2).mean(-1)

    def velocity(
        self, x: Float[Array, "horizon size"], time: Float[Array, ""], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        return self.network(x, TOLD * time[None], context)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        return self.shaped(self.follow(self.noise(key), context))

    def follow(self, x: Float[Array, "horizon size"], context: Float[Array, "history features"]) -> Float[Array, "horizon size"]:
        """From noise along the flow to a chunk."""
        passes = self.sampling_passes

        def step(x: Array, time: Float[Array, ""]) -> tuple[Array, None]:
            return x + self.velocity(x, time, context) / passes, None

        return jax.lax.scan(step, x, jnp.arange(passes, dtype=jnp.float32) / passes)[0]
