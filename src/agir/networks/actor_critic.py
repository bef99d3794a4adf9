"""A policy's and a value's network, two stacks of one shape that share nothing but a launch."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.networks.columns import Trunks, in_columns, readout
from agir.networks.layers import Draw, Linear, grown


class Actor(eqx.Module):
    """Features of one item -> the numbers of an action's distribution."""

    trunk: Trunks  # one member
    out: Linear
    extra: Float[Array, " extra"]

    def __call__(self, x: Float[Array, "size"]) -> Float[Array, "numbers"]:
        return jnp.concatenate([self.out(self.trunk(x)[0]), self.extra])


class ActorCritic(eqx.Module):
    """Of the distribution's numbers the first `outputs` are computed from the features; `extra` more (the logarithms of a Gaussian's
    deviations) are parameters, the same everywhere."""

    trunks: Trunks  # the actor's and the critic's
    actor: Linear
    critic: Linear
    extra: Float[Array, " extra"]

    @classmethod
    def create(cls, size: int, outputs: int, key: Key, *, extra: int = 0, width: int = 64, depth: int = 2, activation: str = "tanh"):
        """Starts orthogonal, gains sqrt(2) within, 0.01 for the actor, 1 for the critic (OpenAI Baselines, PPO2); `extra` at 0."""
        shape = {"width": width, "depth": depth, "activation": activation}

        def build(draw: Draw) -> "ActorCritic":
            trunks = Trunks.create(size, draw, members=2, **shape)
            return cls(trunks, readout(width, outputs, draw, 0.01), readout(width, 1, draw), jnp.zeros(extra))

        return grown(build, key)

    def policy(self) -> Actor:
        return Actor(self.trunks.pick(0, 1), self.actor, self.extra)

    def columns(self, x: Float[Array, "size batch"]) -> tuple[Float[Array, "numbers batch"], Float[Array, "batch"]]:
        """-> the distributions' numbers, and the values."""
        for_actor, for_critic = self.trunks.columns(x)
        extra = jnp.broadcast_to(self.extra[:, None], (self.extra.shape[0], x.shape[1]))
        return jnp.concatenate([in_columns(self.actor, for_actor), extra]), in_columns(self.critic, for_critic)[0]

    def value(self, x: Float[Array, "size"]) -> Float[Array, ""]:
        return self.critic(self.trunks.pick(1, 2)(x)[0])[0]
