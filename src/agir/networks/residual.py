"""Networks that are a stream of tokens and blocks which add to it: x <- x + block(x), one block after the other.

Said so, and not inside one call, because what a block adds can be kept and used again (generators/cached.py).
"""

import abc
from collections.abc import Callable

import equinox as eqx
from jaxtyping import Array, Float

Block = Callable[[Float[Array, "tokens width"]], Float[Array, "tokens width"]]


def through(blocks: list[Block], x: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
    """The stream behind the blocks."""
    for block in blocks:
        x = x + block(x)
    return x


class Residual(eqx.Module):
    """`network(chunk [horizon, size], times [times], context [history, features]) -> [horizon, size]`."""

    @property
    @abc.abstractmethod
    def kinds(self) -> tuple[str, ...]:
        """What each block is: "attention" or "feed-forward"."""

    @abc.abstractmethod
    def enter(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> tuple[Float[Array, "tokens width"], list[Block]]:
        """-> the stream's tokens, and what is added to them, in this order."""

    @abc.abstractmethod
    def leave(
        self, x: Float[Array, "tokens width"], chunk: Float[Array, "horizon size"], times: Float[Array, " times"]
    ) -> Float[Array, "horizon size"]:
        """The answer, from the stream behind all blocks (and from what is shown, where some of it goes straight to the output)."""

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        x, blocks = self.enter(chunk, times, context)
        return self.leave(through(blocks, x), chunk, times)
