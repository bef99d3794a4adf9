"""Transformer blocks whose layer norms a condition scales and shifts (adaptive layer norm, zero at first: DiT, Peebles & Xie 2023).

`JointTransformer` denoises a column of two parts, each with a time of its own: with registers beside them and
what is seen now in the condition (Unified World Models, Zhu et al. 2025, code WEIRDLabUW/unified-world-model: width 768, 12 blocks, 12
heads, 8 registers), or with what is seen now beside the numbers of each token (PAD, Guo et al. 2024, code
Robert-gyj/Prediction_with_Action).
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.networks.layers import Draw, LayerNorm, Linear, grown, mish
from agir.networks.mlp import TimeEmbedding
from agir.networks.transformer import DEVIATION, Attention


class AdaptiveBlock(eqx.Module):
    """Self-attention and two linear layers, each behind a norm that the condition scales and shifts, and ahead of a gate that it opens."""

    attention: Attention
    first: Linear
    second: Linear
    norms: list[LayerNorm]
    modulation: Linear  # starts as nothing: the block is the identity

    def __init__(self, width: int, condition: int, draw: Draw):
        self.attention = Attention(width, math.gcd(width, 4), draw)
        self.first = Linear(width, 4 * width, draw, deviation=DEVIATION)
        self.second = Linear(4 * width, width, draw, deviation=DEVIATION)
        self.norms = [LayerNorm(width), LayerNorm(width)]
        self.modulation = Linear(condition, 6 * width, draw, deviation=0.0)

    def __call__(self, x: Float[Array, "tokens width"], condition: Float[Array, " condition"]) -> Float[Array, "tokens width"]:
        shift, scale, gate, later_shift, later_scale, later_gate = (y[None] for y in jnp.split(self.modulation(condition), 6))
        everything = jnp.ones((x.shape[0], x.shape[0]), bool)
        y = self.norms[0](x) * (1 + scale) + shift
        x = x + gate * self.attention(y, y, everything)
        y = self.norms[1](x) * (1 + later_scale) + later_shift
        return x + later_gate * self.second(jax.nn.gelu(self.first(y)))


class AdaptiveEnd(eqx.Module):
    """A norm that the condition scales and shifts (zero at first), and a linear layer."""

    norm: LayerNorm
    modulation: Linear
    linear: Linear

    def __init__(self, width: int, condition: int, draw: Draw):
        self.norm = LayerNorm(width)
        self.modulation, self.linear = Linear(condition, 2 * width, draw, deviation=0.0), Linear(width, width, draw, deviation=DEVIATION)

    def __call__(self, x: Float[Array, "tokens width"], condition: Float[Array, " condition"]) -> Float[Array, "tokens width"]:
        shift, scale = (y[None] for y in jnp.split(self.modulation(condition), 2))
        return self.linear(self.norm(x) * (1 + scale) + shift)


class TwoLayers(eqx.Module):
    """Into four times the width of a token, and out of it: how an action becomes a token, and a token an action."""

    first: Linear
    second: Linear

    def __init__(self, size: int, outputs: int, width: int, draw: Draw):
        self.first, self.second = Linear(size, 4 * width, draw), Linear(4 * width, outputs, draw)

    def __call__(self, x: Float[Array, "tokens size"]) -> Float[Array, "tokens outputs"]:
        return self.second(mish(self.first(x)))


class JointTransformer(eqx.Module):
    """`network(column [entries, 1], times [2], context [history, features]) -> [entries, 1]`: a token an action, a frame, a register.

    The context is part of the condition, or, with `beside`, stands beside the numbers of each token (PAD's channels), and the condition
    is the times alone. What is shown goes to the output also straight, times a number that the times say, as in `DenoisingMLP`: a norm
    takes a token's size away, and much noise is predicted by what is shown itself. (The papers' have no such path.)
    """

    into: tuple[TwoLayers, Linear]  # of actions, and of what is seen
    out: tuple[TwoLayers, Linear]
    straight: list[Linear]  # of each: how much of what is shown goes straight to the output, by the times
    time: TimeEmbedding
    registers: Float[Array, "registers width"]
    places: Float[Array, "tokens width"]
    blocks: list[AdaptiveBlock]
    end: AdaptiveEnd
    parts: tuple[tuple[int, int], ...] = eqx.field(static=True)  # (tokens, numbers of a token) of each
    beside: bool = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        parts: tuple[tuple[int, int], ...],
        context: tuple[int, int],
        key: Key,
        width: int = 64,
        depth: int = 3,
        *,
        registers: int = 4,
        beside: bool = False,
    ) -> "JointTransformer":
        """`parts` are (tokens, numbers of a token) of the actions and of what is seen, `context` (history, features)."""
        (tokens, size), (frames, numbers) = parts
        features, embedding = context[0] * context[1], 32
        more, condition = (features, embedding) if beside else (0, embedding + features)
        build = lambda draw: cls(
            into=(TwoLayers(size + more, width, width, draw), Linear(numbers + more, width, draw)),
            out=(TwoLayers(width, size, width, draw), Linear(width, numbers, draw)),
            straight=[Linear(embedding, size, draw), Linear(embedding, numbers, draw)],
            time=TimeEmbedding(embedding, draw, 2),
            registers=draw.normal((registers, width), DEVIATION),
            places=draw.normal((tokens + frames + registers, width), DEVIATION),
            blocks=[AdaptiveBlock(width, condition, draw) for _ in range(depth)],
            end=AdaptiveEnd(width, condition, draw),
            parts=parts,
            beside=beside,
        )
        return grown(build, key)

    def __call__(
        self, column: Float[Array, "entries 1"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "entries 1"]:
        (tokens, size), (frames, numbers) = self.parts
        noisy = column[: tokens * size].reshape(tokens, size), column[tokens * size :].reshape(frames, numbers)
        time, context = self.time(times), context.ravel()
        with_more = lambda part: jnp.concatenate([part, jnp.broadcast_to(context, (len(part), len(context)))], 1) if self.beside else part
        begun = [into(with_more(part)) for into, part in zip(self.into, noisy)]
        condition = mish(time if self.beside else jnp.concatenate([time, context]))
        x = jnp.concatenate([*begun, self.registers]) + self.places
        for block in self.blocks:
            x = block(x, condition)
        ended = jnp.split(self.end(x, condition), [tokens, tokens + frames])
        said = (out(part) + straight(mish(time))[None] * shown for out, part, straight, shown in zip(self.out, ended, self.straight, noisy))
        return jnp.concatenate([part.ravel() for part in said])[:, None]
