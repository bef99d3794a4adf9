"""Running statistics of what an online learner meets: part of its state."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

LIMIT = 10.0  # deviations beyond which a normalised feature is clipped (OpenAI Baselines' VecNormalize)


class Running(eqx.Module):
    """Mean and variance of `size` features over all that was seen, from batches (Chan, Golub & LeVeque 1979)."""

    count: Float[Array, ""]
    mean: Float[Array, "size"]
    variance: Float[Array, "size"]

    @classmethod
    def create(cls, size: int) -> "Running":
        """Nothing seen yet: mean 0 and variance 1, which the first batch replaces."""
        return cls(jnp.zeros(()), jnp.zeros(size), jnp.ones(size))

    def seen(self, batch: Float[Array, "size batch"]) -> "Running":
        """With one more batch, in columns."""
        number = jnp.float32(batch.shape[1])
        mean = batch.mean(1)
        variance = ((batch - mean[:, None]) ** 2).mean(1)
        total = self.count + number
        shift, share = mean - self.mean, number / total
        between = shift**2 * share * (1.0 - share)
        return Running(total, self.mean + shift * share, self.variance * (1.0 - share) + variance * share + between)

    def __call__(self, x: Float[Array, "size *batch"]) -> Float[Array, "size *batch"]:
        """Normalised, and clipped to `LIMIT` deviations; one item or columns."""
        lift = lambda statistic: statistic.reshape(-1, *(1,) * (x.ndim - 1))
        return jnp.clip((x - lift(self.mean)) / lift(self.deviation), -LIMIT, LIMIT)

    @property
    def deviation(self) -> Any:
        return jnp.sqrt(self.variance + 1e-8)


class ReturnScale(eqx.Module):
    """Rewards divided by the running deviation of discounted returns (Engstrom et al. 2020, "reward scaling")."""

    running: Running  # of one feature: the return so far
    sofar: Float[Array, "lanes"]  # each lane's return since its episode began, discounted towards its begin

    @classmethod
    def create(cls, lanes: int) -> "ReturnScale":
        return cls(Running.create(1), jnp.zeros(lanes))

    def scaled(
        self, reward: Float[Array, "time lanes"], ended: Bool[Array, "time lanes"], discount: Any
    ) -> tuple["ReturnScale", Float[Array, "time lanes"]]:
        """-> with one more rollout, and its rewards scaled."""

        def step(sofar: Any, row: tuple) -> tuple:
            now = discount * sofar + row[0]
            return jnp.where(row[1], 0.0, now), now

        sofar, returns = jax.lax.scan(step, self.sofar, (reward, ended))
        running = self.running.seen(returns.reshape(1, -1))
        return ReturnScale(running, sofar), jnp.clip(reward / running.deviation[0], -LIMIT, LIMIT)
