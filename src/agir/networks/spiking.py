"""A denoising transformer whose tokens pass through spiking neurons: Wang et al. 2024 (STMDP, arXiv 2411.09953).

    neuron     u <- v + (x - v) / tau,   s = 1 where u >= 1 else 0,   v <- u (1 - s)          over `SPIKES` time steps; tau = 2
    gradient   ds/du = (alpha / 2) / (1 + (pi / 2 alpha (u - 1))^2),  alpha = 2 (arctan); none through the reset
    attention  q, k, v are spikes; what goes on are the spikes of (q k^T) v / sqrt(width of a head), normalised: no softmax
               (Spikformer, Zhou et al. 2023)
    decoder    "modulate": the time and what is seen scale, shift and gate the tokens in every layer (adaptive normalisation)
               "cross": tokens attend to them by such an attention

The stream between blocks is of numbers, and so are, in both decoders, the time and what is seen: the same currents at every time step.
Everything else that a weight multiplies is a spike. What comes out is the mean over the time steps. A product with spikes is a sum,
which spiking hardware makes use of and this code does not.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from agir.core.spaces import Key
from agir.networks.layers import Draw, LayerNorm, Linear, grown
from agir.networks.mlp import TimeEmbedding

SPIKES, TAU, THRESHOLD, ALPHA = 4, 2.0, 1.0, 2.0


@jax.custom_jvp
def spike(u: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 where the potential reaches the threshold, else 0; its derivative is that of a scaled arctan."""
    return (u >= THRESHOLD).astype(jnp.float32)


@spike.defjvp
def _(primals: tuple, tangents: tuple) -> tuple:
    (u,), (change,) = primals, tangents
    slope = (ALPHA / 2) / (1 + (math.pi / 2 * ALPHA * (u - THRESHOLD)) ** 2)
    return spike(u), slope * change


def fire(x: Float[Array, "time *shape"]) -> Float[Array, "time *shape"]:
    """Leaky integrate-and-fire neurons, one for each entry: their input currents -> their spikes."""
    potential, spikes = jnp.zeros_like(x[0]), []
    for now in x:
        charged = potential + (now - potential) / TAU
        spikes.append(spike(charged))
        potential = charged * (1 - jax.lax.stop_gradient(spikes[-1]))
    return jnp.stack(spikes)


class Neurons(eqx.Module):
    """The spikes of a linear layer's outputs. Normalised first: of few spikes, sums of small weights reach no threshold."""

    linear: Linear
    norm: LayerNorm

    def __init__(self, size: int, outputs: int, draw: Draw):
        self.linear, self.norm = Linear(size, outputs, draw), LayerNorm(outputs)

    def __call__(self, spikes: Float[Array, "time tokens size"]) -> Float[Array, "time tokens outputs"]:
        return fire(self.norm(self.linear(spikes)))


class SpikingAttention(eqx.Module):
    """Queries, keys and values are spikes, so scores are counts, and there is no softmax over them (Zhou et al. 2023, Spikformer)."""

    query: Neurons
    key: Neurons
    value: Neurons
    norm: LayerNorm
    out: Linear
    heads: int = eqx.field(static=True)

    def __init__(self, width: int, draw: Draw):
        self.heads = math.gcd(width, 4)
        self.query, self.key, self.value = (Neurons(width, width, draw) for _ in range(3))
        self.norm, self.out = LayerNorm(width), Linear(width, width, draw)

    def __call__(
        self, x: Float[Array, "time tokens width"], memory: Float[Array, "time others width"], mask: Bool[Array, "tokens others"]
    ) -> Float[Array, "time tokens width"]:
        """`x` are spikes, `memory` spikes or currents; `mask` is true where a token may look."""
        split = lambda y: y.reshape(*y.shape[:2], self.heads, -1)
        query, key, value = split(self.query(x)), split(self.key(memory)), split(self.value(memory))
        score = jnp.where(mask[None, None], jnp.einsum("tqhd,tkhd->thqk", query, key), 0.0)
        looked_at = jnp.einsum("thqk,tkhd->tqhd", score, value) / math.sqrt(query.shape[-1])
        return self.out(fire(self.norm(looked_at.reshape(x.shape))))


class SpikingLayer(eqx.Module):
    """Self-attention, attention to the memory where there is no modulation, two linear layers; each around a residual."""

    norms: list[LayerNorm]
    itself: SpikingAttention
    memory: SpikingAttention | None
    first: Neurons
    second: Linear
    modulation: Linear | None

    def __init__(self, width: int, draw: Draw, modulates: bool):
        self.norms = [LayerNorm(width) for _ in range(2 if modulates else 3)]
        self.itself = SpikingAttention(width, draw)
        self.memory = None if modulates else SpikingAttention(width, draw)
        self.first, self.second = Neurons(width, 4 * width, draw), Linear(4 * width, width, draw)
        self.modulation = Linear(width, 6 * width, draw, bound=0.0) if modulates else None  # at first nothing is added (DiT's adaLN-Zero)

    def __call__(
        self, x: Float[Array, "time tokens width"], seen: Float[Array, "time others width"], mask: Bool[Array, "tokens tokens"]
    ) -> Float[Array, "time tokens width"]:
        """`seen`: of what is known, the condition (one row) or the memory."""
        if self.modulation is not None:
            shift, scale, gate, late_shift, late_scale, late_gate = jnp.split(self.modulation(seen), 6, -1)
            spikes = fire(self.norms[0](x) * (1 + scale) + shift)
            x = x + gate * self.itself(spikes, spikes, mask)
            spikes = fire(self.norms[1](x) * (1 + late_scale) + late_shift)
            return x + late_gate * self.second(self.first(spikes))
        spikes = fire(self.norms[0](x))
        x = x + self.itself(spikes, spikes, mask)
        x = x + self.memory(fire(self.norms[1](x)), seen, jnp.ones((x.shape[1], seen.shape[1]), bool))
        return x + self.second(self.first(fire(self.norms[2](x))))


class Spiking(eqx.Module):
    """`network(chunk [horizon, size], times [times], context [history, features]) -> [horizon, size]`."""

    role = "denoiser"
    modulates = True

    time: TimeEmbedding
    context_in: Linear
    memory_place: Float[Array, "rows width"] | None  # of the time and each observation, where they are attended to
    action_in: Linear
    place: Float[Array, "horizon width"]
    layers: list[SpikingLayer]
    norms: list[LayerNorm]  # of the memory, and of what comes out
    out: Linear

    @classmethod
    def create(
        cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 64, depth: int = 3, *, times: int = 1
    ) -> "Spiking":
        """`chunk` is (horizon, size), `context` (history, features); `depth` layers; 4 heads where the width allows it."""
        build = lambda draw: cls(
            time=TimeEmbedding(width, draw, times),
            context_in=Linear(context[0] * context[1] if cls.modulates else context[1], width, draw),
            memory_place=None if cls.modulates else draw.normal((1 + context[0], width), width**-0.5),
            action_in=Linear(chunk[1], width, draw),
            place=draw.normal((chunk[0], width), width**-0.5),
            layers=[SpikingLayer(width, draw, cls.modulates) for _ in range(depth)],
            norms=[LayerNorm(width) for _ in range(2)],
            out=Linear(width, chunk[1], draw),
        )
        return grown(build, key)

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        again = lambda x: jnp.broadcast_to(x, (SPIKES, *x.shape))  # the same current at every time step
        time = self.time(times)[None]
        if self.modulates:
            seen = again(jax.nn.silu(time + self.context_in(context.reshape(1, -1))))
        else:
            seen = again(self.norms[0](jnp.concatenate([time, self.context_in(context)]) + self.memory_place))
        step = jnp.arange(len(chunk))
        x = again(self.action_in(chunk) + self.place)
        for layer in self.layers:
            x = layer(x, seen, step[:, None] >= step[None])
        return self.out(self.norms[1](x).mean(0))


class SpikingCross(Spiking):
    """The time and each observation are tokens that every layer attends to, instead of modulating it."""

    modulates = False
