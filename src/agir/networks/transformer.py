"""The transformer over a chunk of actions (Diffusion Policy, Chi et al. 2023, transformer variant; Vaswani et al. 2017).

Each noisy action is a token of the decoder; the time and each observation of the history are the memory's tokens (time first).
Layers normalise before they act (pre-norm). Masks: an action attends to itself and to earlier actions, and to the time and the
observations up to its own step (observation s at action t where s <= t, both counted from the history's first).

The paper: width 256, 8 layers, 4 heads (state); the memory goes through one hidden layer of 4 width with Mish, not through
attention. Weights start normal with deviation 0.02, biases 0. Deviation: no dropout (the paper's is 0.01 to 0.3 by task).
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from agir.core.spaces import Key
from agir.networks.layers import Draw, LayerNorm, Linear, grown, mish
from agir.networks.positional import sinusoidal
from agir.networks.residual import Block, Residual, through

DEVIATION = 0.02


class Attention(eqx.Module):
    """Scaled dot-product attention with several heads."""

    query: Linear
    key_value: Linear
    out: Linear
    heads: int = eqx.field(static=True)

    def __init__(self, width: int, heads: int, draw: Draw, deviation: float = DEVIATION):
        self.heads = heads
        self.query = Linear(width, width, draw, deviation=deviation)
        self.key_value = Linear(width, 2 * width, draw, deviation=deviation)
        self.out = Linear(width, width, draw, deviation=deviation)

    def __call__(
        self, x: Float[Array, "tokens width"], memory: Float[Array, "others width"], mask: Bool[Array, "tokens others"]
    ) -> Float[Array, "tokens width"]:
        """`mask` is true where a token may look."""
        return self.attend(self.query(x), self.key_value(memory), mask)

    def attend(
        self, query: Float[Array, "tokens width"], key_value: Float[Array, "others twice"], mask: Bool[Array, "tokens others"]
    ) -> Float[Array, "tokens width"]:
        """What is asked and what is there are projected already: others' keys and values may be kept from an earlier call."""
        split = lambda y: y.reshape(y.shape[0], self.heads, -1)
        asked = split(query)
        key, value = map(split, jnp.split(key_value, 2, -1))
        score = jnp.einsum("thd,shd->hts", asked, key) / math.sqrt(asked.shape[-1])
        weight = jax.nn.softmax(jnp.where(mask[None], score, -jnp.inf), -1)
        return self.out(jnp.einsum("hts,shd->thd", weight, value).reshape(query.shape))


class DecoderLayer(eqx.Module):
    """Self-attention, attention to the memory, two linear layers; each behind a layer norm and around a residual."""

    norms: list[LayerNorm]
    itself: Attention
    memory: Attention
    first: Linear
    second: Linear

    def __init__(self, width: int, heads: int, draw: Draw):
        self.norms = [LayerNorm(width) for _ in range(3)]
        self.itself, self.memory = Attention(width, heads, draw), Attention(width, heads, draw)
        self.first = Linear(width, 4 * width, draw, deviation=DEVIATION)
        self.second = Linear(4 * width, width, draw, deviation=DEVIATION)

    def blocks(
        self, memory: Float[Array, "others width"], mask: Bool[Array, "tokens tokens"], memory_mask: Bool[Array, "tokens others"]
    ) -> list[Block]:
        """What is added to the tokens: by themselves, by the memory, and by each token alone."""

        def itself(x: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
            y = self.norms[0](x)
            return self.itself(y, y, mask)

        return [itself, *self.others(self.memory.key_value(memory), memory_mask)]

    def others(self, memory: Float[Array, "others twice"], memory_mask: Bool[Array, "tokens others"]) -> list[Block]:
        """All but the self-attention; of the memory, the keys and values."""
        return [
            lambda x: self.memory.attend(self.memory.query(self.norms[1](x)), memory, memory_mask),
            lambda x: self.second(jax.nn.gelu(self.first(self.norms[2](x)), approximate=False)),
        ]

    def __call__(
        self,
        x: Float[Array, "tokens width"],
        memory: Float[Array, "others width"],
        mask: Bool[Array, "tokens tokens"],
        memory_mask: Bool[Array, "tokens others"],
    ) -> Float[Array, "tokens width"]:
        return through(self.blocks(memory, mask, memory_mask), x)

    def rest(
        self, x: Float[Array, "tokens width"], memory: Float[Array, "others twice"], memory_mask: Bool[Array, "tokens others"]
    ) -> Float[Array, "tokens width"]:
        """After the self-attention; of the memory, the keys and values."""
        return through(self.others(memory, memory_mask), x)


class Transformer(Residual):
    """`network(chunk [horizon, size], times [times], context [history, features]) -> [horizon, size]`."""

    role = "denoiser"
    action_in: Linear
    observation_in: Linear
    time_in: Linear | None  # where there are several times
    action_place: Float[Array, "horizon width"]
    memory_place: Float[Array, "others width"]
    memory_first: Linear
    memory_second: Linear
    layers: list[DecoderLayer]
    norm: LayerNorm
    out: Linear

    @classmethod
    def create(
        cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 64, depth: int = 3, *, times: int = 1
    ) -> "Transformer":
        """`chunk` is (horizon, size), `context` (history, features); `depth` layers; 4 heads where the width allows it."""

        def build(draw: Draw) -> Transformer:
            linear = lambda i, o: Linear(i, o, draw, deviation=DEVIATION)
            return cls(
                action_in=linear(chunk[1], width),
                observation_in=linear(context[1], width),
                time_in=linear(times * width, width) if times > 1 else None,
                action_place=draw.normal((chunk[0], width), DEVIATION),
                memory_place=draw.normal((1 + context[0], width), DEVIATION),
                memory_first=linear(width, 4 * width),
                memory_second=linear(4 * width, width),
                layers=[DecoderLayer(width, math.gcd(width, 4), draw) for _ in range(depth)],
                norm=LayerNorm(width),
                out=linear(width, chunk[1]),
            )

        return grown(build, key)

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("attention", "attention", "feed-forward") * len(self.layers)

    def enter(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> tuple[Float[Array, "horizon width"], list[Block]]:
        time = sinusoidal(times, self.action_place.shape[1]).ravel()
        time = time if self.time_in is None else self.time_in(time)
        memory = jnp.concatenate([time[None], self.observation_in(context)]) + self.memory_place
        memory = self.memory_second(mish(self.memory_first(memory)))
        step, other = jnp.arange(chunk.shape[0])[:, None], jnp.arange(memory.shape[0])[None]
        mask, memory_mask = step >= jnp.arange(chunk.shape[0])[None], step >= other - 1  # the memory's first token is the time
        x = self.action_in(chunk) + self.action_place
        return x, [block for layer in self.layers for block in layer.blocks(memory, mask, memory_mask)]

    def leave(
        self, x: Float[Array, "horizon width"], chunk: Float[Array, "horizon size"], times: Float[Array, " times"]
    ) -> Float[Array, "horizon size"]:
        return self.out(self.norm(x))
