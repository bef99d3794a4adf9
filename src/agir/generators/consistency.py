"""Consistency trajectories of a diffusion, learnt from a teacher: Consistency Policy (Prasad et al. 2024, arXiv 2405.07503).

    levels     i = 0 .. n: the steps that a sampler of n passes visits, the noisiest first, and i = n, the clean chunk. z_i = x / sqrt(A),
               the chunk plus noise of the deviation  sd_i = sqrt((1 - A) / A);  sd_n = 0
    student    G(z, i, j) = (sd_j / sd_i) z + (1 - sd_j / sd_i) g(z, i, j)         from level i to level j >= i
               g = network(sqrt(A) z, [k_i, k_j], context),    k_i: the teacher's step of level i;  k_n is as far below the last
    ctm        |G_(G_theta(z_i, i, j), j, n) - G_(G_(z_k, k, j), j, n)|^2          z_k: the teacher's DDIM step from z_i, k = i + 1 <= j
               i uniform, j uniform from i to n;  G_ has the same weights, and no gradient reaches them
    dsm        w |g_theta(z_i, i, i) - a|^2,      i in the noisiest 0.7,    w = (sd_i^2 + d^2) / (sd_i d)^2      ("instant")
               w |G_theta(z_i, i, n) - a|^2                                                                      ("leap")
    sampling   a = G(z_0, 0, n); with several passes, a is noised again to levels in between, and brought back

This is CTM (Kim et al. 2023, arXiv 2310.02279) without its adversarial term, d = 0.5 as in EDM (Karras et al. 2022). A teacher that says
the chunk is asked as the student is, and lends it its weights to begin with (`told_twice`). (Pilots on `multipath`, one
pass, 4000 updates from a teacher's weights, two seeds: where both say the chunk 0.55 and 0.55; in forms not kept, where both say v 0.12
and 0.19, the noise 0.12 and 0.11. The chunk from weights of its own, one seed: 0.55.)
CTM fits g where it stands, which is the slope of the path and agrees with it. Consistency Policy's released code fits the leap to the
end: where there is much noise, that is best at the mean of all data, wherever the path leads. (Measured in the tests: on a Gaussian all
leaps end at its mean, and of two ways neither is taken.)
The released code's distance is sqrt(e^4 + c^2) - c of each entry's error e, c = 0.00054 sqrt(entries): e^2, where e is not small.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from agir.core.spaces import Key
from agir.generators.diffusion import Diffusion, Pass, kept, visited
from agir.generators.from_noise import FromNoise
from agir.generators.mean_flow import fixed

DATA = 0.5  # d
NOISY = 0.7  # share of the levels, the noisiest, at which data are fitted


def told_twice(once: Any, twice: Any) -> Any:
    """`once`, a denoiser that is told one time, as one that is told two, as `twice` is: the second changes nothing until that is learnt."""
    if hasattr(twice, "time_in"):  # the transformer, which takes one time as it is
        first = (jnp.eye(*twice.time_in.weight.shape), jnp.zeros_like(twice.time_in.bias))
        enter = eqx.tree_at(lambda linear: (linear.weight, linear.bias), twice.time_in, first)
        return eqx.tree_at(lambda network: network.time_in, once, enter, is_leaf=lambda x: x is None)
    more = lambda weight: jnp.concatenate([weight, jnp.zeros_like(weight)])
    return eqx.tree_at(lambda network: network.time.first.weight, once, replace_fn=more)


def distance(error: Float[Array, "horizon size"]) -> Float[Array, " horizon"]:
    """Of each step, the mean over its entries."""
    least = 0.00054 * error.size**0.5
    return (jnp.sqrt(error**4 + least**2) - least).mean(-1)


class Consistency(FromNoise):
    """`network(x [horizon, size], times [2], context) -> [horizon, size]`, told of the steps it is at and goes to."""

    steps: int = eqx.field(static=True, default=100)  # of the teacher's training
    levels: int = eqx.field(static=True, default=50)  # n
    bound: float | None = eqx.field(static=True, default=1.0)  # what is sampled is clipped to within it; None: not at all
    sampling_passes: int = eqx.field(static=True, default=1)
    teacher: Diffusion | None = None  # put in for each use in training
    data_weight: Any = 1.0  # of dsm against ctm
    fits: str = eqx.field(static=True, default="instant")  # by dsm: instant or leap

    @property
    def passes(self) -> int:
        return self.sampling_passes

    @property
    def table(self) -> Pass:
        """What a pass from each level to the next needs."""
        return Pass.table(self.steps, self.levels)

    @property
    def kept(self) -> np.ndarray:
        """float64: A of the levels 0 .. n."""
        return np.append(kept(self.steps)[visited(self.steps, self.levels)], 1.0)

    @property
    def signal(self) -> Float[Array, " levels"]:
        """sqrt(A) of the levels 0 .. n."""
        return jnp.asarray(np.sqrt(self.kept), jnp.float32)

    @property
    def deviations(self) -> Float[Array, " levels"]:
        """sd of the levels 0 .. n."""
        return jnp.asarray(np.sqrt((1 - self.kept) / self.kept), jnp.float32)

    @property
    def told(self) -> Float[Array, " levels"]:
        """What the network is told of the levels 0 .. n: the teacher's steps."""
        return jnp.asarray((np.arange(self.levels, -1, -1) - 1) * (self.steps // self.levels), jnp.float32)

    def leap(
        self, z: Float[Array, "horizon size"], at: Int[Array, ""], to: Int[Array, ""], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        """G: along the teacher's path from level `at` to level `to`."""
        now, later = self.deviations[at], self.deviations[to]
        ratio = jnp.where(now > 0, later / jnp.where(now > 0, now, 1.0), 1.0)
        return ratio * z + (1 - ratio) * self.aim(z, at, to, context)

    def aim(
        self, z: Float[Array, "horizon size"], at: Int[Array, ""], to: Int[Array, ""], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        """g: the clean chunk in whose direction the leap goes; for a leap to where one is, the denoised chunk."""
        return self.network(self.signal[at] * z, self.told[jnp.stack([at, to])], context)

    def loss(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon"]:
        chunk = self.flat(chunk, mask)
        draw, disturb, data = jax.random.split(key, 3)
        begin, end = jax.random.split(draw)
        at = jax.random.randint(begin, (), 0, self.levels)
        to = jax.random.randint(end, (), at, self.levels + 1)
        z = chunk + self.deviations[at] * self.noise(disturb)
        return self.consistency(z, at, to, context) + jnp.asarray(self.data_weight, jnp.float32) * self.fit(chunk, context, data)

    def consistency(
        self, z: Float[Array, "horizon size"], at: Int[Array, ""], to: Int[Array, ""], context: Float[Array, "history features"]
    ) -> Float[Array, " horizon"]:
        """ctm: what is reached from here and from the teacher's next point is the same."""
        still, last = fixed(dataclasses.replace(self, teacher=None)), jnp.int32(self.levels)
        onward = jnp.minimum(at + 1, to)
        further = jnp.where(to > at, self.taught(z, at, jax.lax.stop_gradient(context)), z)
        target = still.leap(still.leap(further, onward, to, context), to, last, context)
        reached = still.leap(self.leap(z, at, to, context), to, last, context)
        return distance(reached - jax.lax.stop_gradient(target))

    def taught(
        self, z: Float[Array, "horizon size"], at: Int[Array, ""], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        """One DDIM step of the teacher, from level `at` to the next; no gradient."""
        row = jax.tree.map(lambda column: column[at], self.table)
        x = fixed(self.teacher).step(self.signal[at] * z, row, context, None)
        return jax.lax.stop_gradient(x / self.signal[at + 1])

    def fit(self, chunk: Float[Array, "horizon size"], context: Float[Array, "history features"], key: Key) -> Float[Array, " horizon"]:
        """dsm: what is said at the noisy levels against the data."""
        draw, disturb = jax.random.split(key)
        at = jax.random.randint(draw, (), 0, max(1, int(NOISY * self.levels)))
        now = self.deviations[at]
        z = chunk + now * self.noise(disturb)
        weight = (now**2 + DATA**2) / (now * DATA) ** 2
        said = self.aim(z, at, at, context) if self.fits == "instant" else self.leap(z, at, jnp.int32(self.levels), context)
        return weight * distance(said - chunk)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        last = jnp.int32(self.levels)

        def once(x: Array, now: tuple) -> tuple[Array, None]:
            at, key = now
            x = self.leap(x + self.deviations[at] * self.noise(key), at, last, context)
            return (x if self.bound is None else jnp.clip(x, -self.bound, self.bound)), None

        at = jnp.arange(self.sampling_passes, dtype=jnp.int32) * self.levels // self.sampling_passes
        keys = jax.random.split(key, self.sampling_passes)
        nothing = jnp.zeros((self.horizon, int(np.prod(self.shape))))
        return self.shaped(jax.lax.scan(once, nothing, (at, keys))[0])
