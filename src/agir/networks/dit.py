"""Transformer blocks whose layer norms a condition scales and shifts (adaptive layer norm, zero at first: DiT, Peebles & Xie 2023).

`Blocks` acts on tokens; `JointTransformer` denoises a column of two parts, each with a time of its own, with registers beside them
(Unified World Models, Zhu et al. 2025: width 768, 12 blocks, 12 heads, 8 registers).
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


class Blocks(eqx.Module):
    """`depth` blocks and a last norm, all under one condition."""

    blocks: list[AdaptiveBlock]
    norm: LayerNorm

    def __init__(self, width: int, condition: int, depth: int, draw: Draw):
        self.blocks, self.norm = [AdaptiveBlock(width, condition, draw) for _ in range(depth)], LayerNorm(width)

    def __call__(self, x: Float[Array, "tokens width"], condition: Float[Array, " condition"]) -> Float[Array, "tokens width"]:
        condition = mish(condition)
        for block in self.blocks:
            x = block(x, condition)
        return self.norm(x)


class JointTransformer(eqx.Module):
    """`network(column [entries, 1], times [2], context [history, features]) -> [entries, 1]`: a token an action, a frame, a register.

    What is shown goes to the output also straight, times a number that the times say, as in `DenoisingMLP`: a norm takes a token's size
    away, and much noise is predicted by what is shown itself. (The paper's has no such path.)
    """

    into: list[Linear]  # of each part
    out: list[Linear]
    straight: list[Linear]  # of each: how much of what is shown goes straight to the output, by the times
    time: TimeEmbedding
    registers: Float[Array, "registers width"]
    places: Float[Array, "tokens width"]
    blocks: Blocks
    parts: tuple[tuple[int, int], ...] = eqx.field(static=True)  # (tokens, numbers of a token) of each

    @classmethod
    def create(
        cls, parts: tuple[tuple[int, int], ...], context: tuple[int, int], key: Key, width: int = 64, depth: int = 3, *, registers: int = 4
    ) -> "JointTransformer":
        """`parts` are (tokens, numbers of a token) of the actions and of what is seen, `context` (history, features)."""
        tokens = sum(part[0] for part in parts) + registers
        build = lambda draw: cls(
            into=[Linear(size, width, draw) for _, size in parts],
            out=[Linear(width, size, draw, deviation=DEVIATION) for _, size in parts],
            straight=[Linear(32, size, draw) for _, size in parts],
            time=TimeEmbedding(32, draw, 2),
            registers=draw.normal((registers, width), DEVIATION),
            places=draw.normal((tokens, width), DEVIATION),
            blocks=Blocks(width, 32 + context[0] * context[1], depth, draw),
            parts=parts,
        )
        return grown(build, key)

    def __call__(
        self, column: Float[Array, "entries 1"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "entries 1"]:
        (tokens, size), (frames, numbers) = self.parts
        actions, seen = column[: tokens * size].reshape(tokens, size), column[tokens * size :].reshape(frames, numbers)
        x = jnp.concatenate([self.into[0](actions), self.into[1](seen), self.registers]) + self.places
        time = self.time(times)
        x = self.blocks(x, jnp.concatenate([time, context.ravel()]))
        straight = [layer(mish(time))[None] for layer in self.straight]
        actions = self.out[0](x[:tokens]) + straight[0] * actions
        seen = self.out[1](x[tokens : tokens + frames]) + straight[1] * seen
        return jnp.concatenate([actions.ravel(), seen.ravel()])[:, None]
