"""A trajectory of actions from its end back to now, each a vector and not a token (Chain-of-Action, Zhang et al. 2025, arXiv 2506.09990).

    p(a_1 .. a_T | context) = p(a_T | context) prod_t p(a_t | a_t+1 .. a_T, context)
    y_j     what the transformer makes of the begin and the embeddings of the actions before place j;  h_j = own(y_j)
    loss    mean_j |out(h_j) - a|_1 + |h_j - in(a)|_1,  the same for the `ahead` actions after it from further heads of y_j,
            and the cross-entropy of a sign, read from y_j too, that this is the last place
    acting  place by place, what is fed back is h_j itself, until the sign is given or the chunk is full

h_j comes to lie on the plane of the embeddings in(a), where nothing but the action can be read: hence a head of its own.

a_T is the last action of the window inside its episode: with a horizon as long as episodes, their last. Order "forward" is what
backward is measured against: the same from a_1 to a_T.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.generators.generator import Generator
from agir.networks.layers import Draw, Linear, grown
from agir.networks.sequence import Sequence, causal
from agir.networks.transformer import DEVIATION
from agir.objectives.masked import cleared

ORDERS = ("backward", "forward")


class ChainTransformer(eqx.Module):
    """Actions as vectors, each made from those before it."""

    first: Float[Array, " width"]
    action_in: Linear
    body: Sequence
    action_out: Linear
    last: Linear
    heads: list[Linear]  # of the action itself, and of those `ahead` of it

    @classmethod
    def create(
        cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 64, depth: int = 3, *, ahead: int = 1
    ) -> "ChainTransformer":
        """`chunk` is (horizon, size); `ahead` is of how many later actions there are heads."""

        def build(draw: Draw) -> ChainTransformer:
            return cls(
                first=draw.normal((width,), 1.0),
                action_in=Linear(chunk[1], width, draw),
                body=Sequence(chunk[0], context, draw, width, depth),
                action_out=Linear(width, chunk[1], draw),
                last=Linear(width, 1, draw, deviation=DEVIATION),
                heads=[Linear(width, width, draw) for _ in range(1 + ahead)],
            )

        return grown(build, key)

    def __call__(self, actions: Float[Array, "horizon size"], context: Float[Array, "history features"]) -> Float[Array, "horizon width"]:
        """y of every place, given the actions before it."""
        x = jnp.concatenate([self.first[None], self.action_in(actions[:-1])])
        return self.body(x, context, causal(jnp.arange(len(actions))))


class Chain(Generator):
    """From now on: the first `past` actions of a window are neither learnt nor generated."""

    network: ChainTransformer
    past: int = eqx.field(static=True)
    horizon: int = eqx.field(static=True)  # actions from now on, at most
    shape: tuple[int, ...] = eqx.field(static=True)
    order: str = eqx.field(static=True, default="backward")
    latent: Any = 1.0  # weight of the error of h

    def __check_init__(self):
        if self.order not in ORDERS:
            raise BadSetting(f"The order is one of {', '.join(ORDERS)}, not '{self.order}'.")

    @property
    def passes(self) -> int:
        """At most: one an action."""
        return self.horizon

    def turned(self, x: Array, count: Int[Array, ""]) -> Array:
        """The first `count` rows the other way round, where the order is backward (its own inverse); the others are of no account."""
        if self.order == "forward":
            return x
        return x[jnp.clip(count - 1 - jnp.arange(self.horizon), 0, self.horizon - 1)]

    def loss(
        self, chunk: Float[Array, "horizon_ *shape"], mask: Float[Array, " horizon_"], context: Float[Array, "history features"], key: Key
    ) -> Float[Array, " horizon_"]:
        coming = mask[self.past :]
        count = jnp.sum(coming > 0).astype(jnp.int32)  # a window from now on is cut at its end alone
        actions = self.turned(cleared(chunk[self.past :], coming).reshape(self.horizon, -1), count)
        network, made = self.network, self.network(actions, context)
        place = jnp.arange(self.horizon)
        total = jnp.zeros(self.horizon)
        for number, head in enumerate(network.heads):
            each = self.missed(head(made), jnp.roll(actions, -number, axis=0))
            total = total + jnp.where(place + number < count, each, 0.0)
        sign = network.last(made)[:, 0]
        told = jnp.where(place == count - 1, jax.nn.softplus(-sign), jax.nn.softplus(sign))
        each = jnp.where(place < count, total + told, 0.0)
        return jnp.concatenate([jnp.zeros(self.past), self.turned(each, count) * (coming > 0).astype(jnp.float32)])

    def missed(self, latent: Float[Array, "horizon width"], actions: Float[Array, "horizon size"]) -> Float[Array, " horizon"]:
        """The errors of each place's action, and of its h."""
        action = jnp.abs(self.network.action_out(latent) - actions).mean(-1)
        return action + self.latent * jnp.abs(latent - self.network.action_in(actions)).mean(-1)

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon_ *shape"]:
        return self.draw(context, key)[0]

    def draw(self, context: Float[Array, "history features"], key: Key) -> tuple[Float[Array, "horizon_ *shape"], Int[Array, ""]]:
        """-> a chunk, from now on in the order of time, its last action again behind it; how many actions it has (and passes it took)."""
        network, size = self.network, math.prod(self.shape)

        def one(carry: tuple) -> tuple:
            count, x, kept, actions, _ = carry
            made, kept = network.body.advance(x[None], count, kept)
            latent = network.heads[0](made)
            return count + 1, latent[0], kept, actions.at[count].set(network.action_out(latent)[0]), network.last(made)[0, 0] > 0

        begin = (jnp.int32(0), network.first, network.body.begin(context), jnp.zeros((self.horizon, size)), jnp.bool_(False))
        count, _, _, actions, _ = jax.lax.while_loop(lambda carry: (carry[0] < self.horizon) & ~carry[4], one, begin)
        actions = self.turned(actions, count)[jnp.minimum(jnp.arange(self.horizon), count - 1)]
        past = jnp.zeros((self.past, *self.shape))
        return jnp.concatenate([past, actions.reshape(self.horizon, *self.shape)]), count
