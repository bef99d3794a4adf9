"""Chunks as residual codes in one pass, and a continuous offset to each code (VQ-BeT, Lee et al. 2024, arXiv 2403.03181).

    loss     primary F(p_1) + secondary sum_i>1 F(p_i) + offset |a - decode(c) - sum_i o_i[c_i]|_1,   F(p) = -(1 - p)^gamma log p
    acting   c_i ~ p_i(. | context), all at once;   a = decode(c) + sum_i o_i[c_i]

p_i is the probability of the chunk's own code at level i, o_i[c] the network's offset for code c there: codes keep ways apart, the
offset mends what they leave. F is the focal loss (Lin et al. 2017): what is sure already counts little. The L1 norm is a mean.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.actions.residual import ResidualCodec
from agir.core.spaces import Key
from agir.generators.generator import FromNow
from agir.generators.heads import tempered
from agir.networks.layers import Draw, Linear, grown
from agir.networks.sequence import Sequence
from agir.networks.transformer import DEVIATION


def focal(chance: Float[Array, "*lead"], gamma: Float[Array, ""]) -> Float[Array, "*lead"]:
    """Of a right answer's log-probability; gamma 0 is the cross-entropy."""
    return -((1 - jnp.exp(chance)) ** gamma) * chance


class CodeHeads(eqx.Module):
    """Logits and offsets of every code, from one vector that attends to the context. Offsets begin at 0."""

    asks: Float[Array, "1 width"]
    body: Sequence
    logits: tuple[Linear, Linear]
    offsets: tuple[Linear, Linear]

    @classmethod
    def create(cls, codec: ResidualCodec, size: int, context: tuple[int, int], key: Key, width: int = 64, depth: int = 3) -> "CodeHeads":
        """`size` are the numbers of a chunk."""
        codes = len(codec.levels) * codec.codes

        def build(draw: Draw) -> CodeHeads:
            return cls(
                asks=draw.normal((1, width), DEVIATION),
                body=Sequence(1, context, draw, width, depth),
                logits=(Linear(width, 2 * width, draw), Linear(2 * width, codes, draw, deviation=DEVIATION)),
                offsets=(Linear(width, 2 * width, draw), Linear(2 * width, codes * size, draw, deviation=0.0)),
            )

        return grown(build, key)

    def __call__(
        self, codec: ResidualCodec, context: Float[Array, "history features"]
    ) -> tuple[Float[Array, "tokens codes"], Float[Array, "tokens codes size"]]:
        seen = self.body(self.asks, context, jnp.ones((1, 1), bool))[0]
        through = lambda layers: layers[1](jax.nn.gelu(layers[0](seen)))
        tokens = len(codec.levels)
        return through(self.logits).reshape(tokens, codec.codes), through(self.offsets).reshape(tokens, codec.codes, -1)


class OffsetCodes(FromNow):
    """One pass for a chunk."""

    network: CodeHeads
    codec: Any = None  # a given part, in its place when used
    temperature: Any = 1.0  # of the codes drawn; towards 0: the likeliest one
    gamma: Any = 2.0
    primary: Any = 5.0
    secondary: Any = 0.5
    offset: Any = 10.0

    def whole_loss(self, chunk: Float[Array, "coming size"], context: Float[Array, "history features"], key: Key) -> Float[Array, ""]:
        codes = self.codec.encode(chunk)
        logits, offsets = self.network(self.codec, context)
        chance = jnp.take_along_axis(jax.nn.log_softmax(logits), codes[:, None], 1)[:, 0]
        first = jnp.arange(len(codes)) == 0
        weight = jnp.where(first, jnp.asarray(self.primary, jnp.float32), jnp.asarray(self.secondary, jnp.float32))
        rebuilt = self.codec.decode(codes) + self.moved(offsets, codes, chunk.shape)
        missed = jnp.abs(chunk - rebuilt).mean()
        return (weight * focal(chance, jnp.asarray(self.gamma, jnp.float32))).sum() + self.offset * missed

    def whole(self, context: Float[Array, "history features"], key: Key) -> tuple[Float[Array, "coming size"], int]:
        logits, offsets = self.network(self.codec, context)
        codes = jax.random.categorical(key, tempered(logits, self.temperature), axis=-1)
        chunk = self.codec.decode(codes)
        return chunk + self.moved(offsets, codes, chunk.shape), self.passes

    def moved(self, offsets: Float[Array, "tokens codes numbers"], codes: Any, shape: tuple[int, ...]) -> Float[Array, "coming size"]:
        """The sum of the offsets of the codes taken."""
        return jnp.take_along_axis(offsets, codes[:, None, None], 1)[:, 0].sum(0).reshape(shape)
