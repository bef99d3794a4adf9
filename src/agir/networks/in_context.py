"""Diffusion transformers: one sequence of tokens, what is known first and the noisy actions after it, and self-attention.

    "dit"         [time + condition] [action] ... [action]          every token sees all (CogACT, Li et al. 2024, arXiv 2411.19650)
    "in-context"  [known] ... [known] [time] [action] ... [action]  an action sees all that is known, the time, and no later action
                                                                    (Dita, Hou et al. 2025, arXiv 2503.19757)
    "token-head"  [known] ... [known] [place] ... [place]  ->  an MLP that denoises each action alone, given what its place's token
                  became, and the time                              (what Dita is compared with, in its code)
    "small-head"  [known] ... [known]  ->  mean  ->  an MLP that denoises all actions at once, told the time
                                                                    (Octo's head; in Dita's code it is there but not trained)

The condition of "dit" is ONE vector, what an MLP says of the whole history (CogACT: of what a vision-language model says at one
learned token); of "in-context" every row of the context is a token that actions attend to. Known tokens see each other and never
time or actions. So they are the same in every pass of a sampler, and for all noisy chunks of one context: they are a stream of
their own here, which the compiler takes out of loops and vmaps over noise (Mini-Diffuser's masks, Hu et al. 2025, arXiv 2505.09430).

Layers normalise before they act; a hidden layer of 4 width with GELU; the last layer starts at 0 (DiT, Peebles & Xie 2023).
In "in-context" as in the heads some of the noisy chunk goes straight to the output, as the time says (`DenoisingMLP`; not Dita's), so that
the two differ in what actions look at alone.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from agir.core.spaces import Key
from agir.networks.layers import Draw, LayerNorm, Linear, grown, mish
from agir.networks.mlp import DenoisingMLP, TimeEmbedding
from agir.networks.residual import Block, Residual, through
from agir.networks.transformer import Attention


class Layer(eqx.Module):
    """Self-attention and two linear layers; each behind a layer norm and around a residual."""

    norms: list[LayerNorm]
    attention: Attention
    first: Linear
    second: Linear

    def __init__(self, width: int, draw: Draw):
        self.norms = [LayerNorm(width) for _ in range(2)]
        self.attention = Attention(width, math.gcd(width, 4), draw, deviation=width**-0.5)  # about Xavier's
        self.first, self.second = Linear(width, 4 * width, draw), Linear(4 * width, width, draw)

    def blocks(self, known: Float[Array, "others width"], mask: Bool[Array, "tokens all"]) -> list[Block]:
        """What is added to tokens that also see what is `known`, given as it enters this layer."""

        def attend(x: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
            y, look = self.norms[0](x), self.attention
            return look.attend(look.query(y), jnp.concatenate([look.key_value(self.norms[0](known)), look.key_value(y)]), mask)

        return [attend, lambda x: self.second(jax.nn.gelu(self.first(self.norms[1](x))))]

    def __call__(self, x: Float[Array, "tokens width"]) -> Float[Array, "tokens width"]:
        """Tokens that see each other alone."""
        return through(self.blocks(x[:0], jnp.ones((len(x), len(x)), bool)), x)


class InContext(Residual):
    """`network(chunk [horizon, size], times [times], context [history, features]) -> [horizon, size]`."""

    role = "denoiser"
    pooled = False  # the context is one vector, which is added to the time's token

    context_in: list[Linear]  # of a row of the context, or of all of it
    action_in: Linear
    time: TimeEmbedding
    place: Float[Array, "tokens width"]  # of the time's token and of the actions
    layers: list[Layer]
    norm: LayerNorm
    out: Linear
    straight: Linear | None  # how much of what is shown goes straight to the output, by the time

    @classmethod
    def create(
        cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 64, depth: int = 3, *, times: int = 1
    ) -> "InContext":
        """`chunk` is (horizon, size), `context` (history, features); `depth` layers; 4 heads where the width allows it."""
        seen = context[0] * context[1] if cls.pooled else context[1]
        build = lambda draw: cls(
            context_in=[Linear(seen, width, draw), Linear(width, width, draw)],
            action_in=Linear(chunk[1], width, draw),
            time=TimeEmbedding(width, draw, times),
            place=draw.normal((1 + chunk[0], width), width**-0.5),
            layers=[Layer(width, draw) for _ in range(depth)],
            norm=LayerNorm(width),
            out=Linear(width, chunk[1], draw, bound=0.0),
            straight=None if cls.pooled else Linear(width, chunk[1], draw),
        )
        return grown(build, key)

    @property
    def kinds(self) -> tuple[str, ...]:
        return ("attention", "feed-forward") * len(self.layers)

    def enter(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> tuple[Float[Array, "tokens width"], list[Block]]:
        known = self.context_in[1](mish(self.context_in[0](context.reshape(1, -1) if self.pooled else context)))
        time = self.time(times)[None]
        time, known = (time + known, known[:0]) if self.pooled else (time, known)
        x = jnp.concatenate([time, self.action_in(chunk)]) + self.place
        here = jnp.arange(len(x))
        among = jnp.ones((len(x), len(x)), bool) if self.pooled else here[:, None] >= here[None]
        mask = jnp.concatenate([jnp.ones((len(x), len(known)), bool), among], 1)
        blocks = []
        for before, layer in zip([None, *self.layers], self.layers):
            known = known if before is None or self.pooled else before(known)
            blocks += layer.blocks(known, mask)
        return x, blocks

    def leave(
        self, x: Float[Array, "tokens width"], chunk: Float[Array, "horizon size"], times: Float[Array, " times"]
    ) -> Float[Array, "horizon size"]:
        said = self.out(self.norm(x[1:]))
        return said if self.straight is None else said + self.straight(mish(self.time(times)))[None] * chunk


class DiffusionTransformer(InContext):
    """CogACT's (Li et al. 2024): all observations and the time are one token before the actions', and every token sees all."""

    pooled = True


class SmallHead(eqx.Module):
    """The same known tokens and layers, but actions do not look at them: a small MLP denoises, given the mean of the last layer."""

    role = "denoiser"
    apart = False  # each action is denoised alone, by the token of its place

    context_in: list[Linear]
    place: Float[Array, "horizon width"] | None
    layers: list[Layer]
    norm: LayerNorm
    head: DenoisingMLP

    @classmethod
    def create(
        cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 64, depth: int = 3, *, times: int = 1
    ) -> "SmallHead":
        """`chunk` is (horizon, size), `context` (history, features); `depth` layers, and three of 2 width in the head (Dita: 3)."""
        see, think = jax.random.split(key)
        build = lambda draw: (
            [Linear(context[1], width, draw), Linear(width, width, draw)],
            draw.normal((chunk[0], width), width**-0.5) if cls.apart else None,
            [Layer(width, draw) for _ in range(depth)],
            LayerNorm(width),
        )
        shown = (1, chunk[1]) if cls.apart else chunk
        return cls(*grown(build, see), DenoisingMLP.create(shown, (1, width), think, 2 * width, 3, times=times))

    def known(self, context: Float[Array, "history features"]) -> Float[Array, "history width"]:
        return self.context_in[1](mish(self.context_in[0](context)))

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        known = self.known(context)
        for layer in self.layers:
            known = layer(known)
        return self.head(chunk, times, self.norm(known).mean(0, keepdims=True))


class TokenHead(SmallHead):
    """A token for each action's place looks at all that is known and at earlier places; a small MLP denoises each action by its own.

    The layers run once for a chunk; which action goes with which other one is nowhere decided.
    """

    apart = True

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        known, x = self.known(context), self.place
        here = jnp.arange(len(x))
        mask = jnp.concatenate([jnp.ones((len(x), len(known)), bool), here[:, None] >= here[None]], 1)
        for layer in self.layers:
            x, known = through(layer.blocks(known, mask), x), layer(known)
        return jax.vmap(lambda action, token: self.head(action[None], times, token[None])[0])(chunk, self.norm(x))
