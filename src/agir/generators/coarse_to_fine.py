"""Chunks as codes of several scales, the coarse before the fine: next-scale autoregression (CARP; after Tian et al. 2024, VAR).

    log p(a | context) = sum_k sum_i log p(c_k,i | all codes of scales < k, context)

The codes of a scale come in one pass, each by itself: given the coarser ones they are taken to be independent. What a pass sees of
the scales before is the sum of what their codes say, as long as the scale has tokens.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from agir.actions.residual import ResidualCodec
from agir.core.spaces import Key
from agir.generators.generator import FromNow
from agir.generators.heads import tempered
from agir.networks.layers import Draw, Linear, grown
from agir.networks.sequence import Kept, Sequence, causal
from agir.networks.transformer import DEVIATION


class ScaleTransformer(eqx.Module):
    """Logits of the codes of all scales, each given the sums of the scales before and a context."""

    sum_in: Linear
    first: Float[Array, "parts width"]  # what the first scale sees in the place of a sum
    body: Sequence
    head: Linear

    @classmethod
    def create(cls, codec: ResidualCodec, context: tuple[int, int], key: Key, width: int = 64, depth: int = 3) -> "ScaleTransformer":
        def build(draw: Draw) -> ScaleTransformer:
            return cls(
                sum_in=Linear(codec.dim, width, draw),
                first=draw.normal((codec.scales[0], width), DEVIATION),
                body=Sequence(sum(codec.scales), context, draw, width, depth),
                head=Linear(width, codec.codes, draw, deviation=DEVIATION),
            )

        return grown(build, key)

    def __call__(
        self, codec: ResidualCodec, sums: Float[Array, "levels places dim"], context: Float[Array, "history features"]
    ) -> Float[Array, "tokens codes"]:
        """`sums` are those after each level."""
        later = [self.sum_in(codec.seen(level, sums[level - 1])) for level in range(1, len(codec.scales))]
        return self.head(self.body(jnp.concatenate([self.first, *later]), context, causal(jnp.asarray(codec.levels))))

    def level(
        self, codec: ResidualCodec, level: int, total: Float[Array, "places dim"], kept: Kept
    ) -> tuple[Float[Array, "parts codes"], Kept]:
        """The logits of one level's codes, given the sum of those before -> and what is kept."""
        x = self.sum_in(codec.seen(level, total)) if level else self.first
        y, kept = self.body.advance(x, jnp.int32(sum(codec.scales[:level])), kept)
        return self.head(y), kept


class CoarseToFine(FromNow):
    """A pass for each scale."""

    network: ScaleTransformer
    codec: Any = None  # a given part, in its place when used
    temperature: Any = 1.0  # of the codes drawn; towards 0: the likeliest one

    @property
    def passes(self) -> int:
        return len(self.codec.scales)

    def whole_loss(self, chunk: Float[Array, "coming size"], context: Float[Array, "history features"], key: Key) -> Float[Array, ""]:
        """The negative log-likelihood of the chunk's codes."""
        return -self.log_prob(self.codec.encode(chunk), context)

    def log_prob(self, codes: Int[Array, " tokens"], context: Float[Array, "history features"]) -> Float[Array, ""]:
        logits = self.network(self.codec, self.codec.sums(codes), context)
        return jnp.take_along_axis(jax.nn.log_softmax(logits), codes[:, None], 1).sum()

    def whole(self, context: Float[Array, "history features"], key: Key) -> tuple[Float[Array, "coming size"], int]:
        total, kept = jnp.zeros((self.codec.places, self.codec.dim)), self.network.body.begin(context)
        for level in range(len(self.codec.scales)):
            logits, kept = self.network.level(self.codec, level, total, kept)
            drawn = jax.random.fold_in(key, np.uint32(level))
            codes = jax.random.categorical(drawn, tempered(logits, self.temperature), axis=-1)
            total = total + self.codec.said(level, codes)
        return self.codec.rebuild(total), self.passes
