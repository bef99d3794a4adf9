"""The one-dimensional conditional U-Net over a chunk of actions (Janner et al. 2022; Diffusion Policy, Chi et al. 2023, CNN variant).

Down and up a pyramid of `depth` levels (width, 2 width, 4 width, ...), two residual blocks a level; each block is two
convolutions of kernel 5 (with group norm and Mish), between which the embedded time and the context scale and shift every channel
(FiLM, Perez et al. 2018). The paper: width 256, depth 3, time embedding 256. The context is global (Diffusion Policy's
`obs_as_global_cond`): all the history's features in one vector.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.networks.layers import Conv1d, ConvTranspose1d, Draw, GroupNorm, Linear, grown, mish
from agir.networks.mlp import TimeEmbedding

KERNEL = 5  # of convolutions (Diffusion Policy)


class ConvBlock(eqx.Module):
    """Convolution, group norm, Mish."""

    conv: Conv1d
    norm: GroupNorm

    def __init__(self, size: int, outputs: int, kernel: int, draw: Draw):
        self.conv, self.norm = Conv1d(size, outputs, kernel, draw), GroupNorm(outputs)

    def __call__(self, x: Float[Array, "time size"]) -> Float[Array, "time outputs"]:
        return mish(self.norm(self.conv(x)))


class FilmBlock(eqx.Module):
    """Two convolution blocks; the condition scales and shifts what is between them; a residual around both."""

    first: ConvBlock
    second: ConvBlock
    film: Linear | None  # where there is a condition
    skip: Linear | None

    def __init__(self, size: int, outputs: int, condition: int, kernel: int, draw: Draw):
        self.first, self.second = ConvBlock(size, outputs, kernel, draw), ConvBlock(outputs, outputs, kernel, draw)
        self.film = Linear(condition, 2 * outputs, draw) if condition else None
        self.skip = None if size == outputs else Linear(size, outputs, draw)

    def __call__(self, x: Float[Array, "time size"], condition: Float[Array, " condition"]) -> Float[Array, "time outputs"]:
        """`condition` has been through Mish already: it is the same for all blocks."""
        inside = self.first(x)
        if self.film is not None:
            scale, shift = jnp.split(self.film(condition), 2)
            inside = scale[None] * inside + shift[None]
        return self.second(inside) + (x if self.skip is None else self.skip(x))


class Level(eqx.Module):
    """Two blocks, then a change of resolution (none at a pyramid's end)."""

    first: FilmBlock
    second: FilmBlock
    resample: Conv1d | ConvTranspose1d | None


class Unet(eqx.Module):
    """`network(chunk [horizon, size], times [times], context [history, features]) -> [horizon, outputs]`."""

    role = "denoiser"
    time: TimeEmbedding | None  # where it is told times
    down: list[Level]
    middle: list[FilmBlock]
    up: list[Level]
    last: ConvBlock
    out: Linear

    @classmethod
    def create(
        cls,
        chunk: tuple[int, int],
        context: tuple[int, int],
        key: Key,
        width: int = 32,
        depth: int = 3,
        *,
        times: int = 1,
        outputs: int = 0,
    ) -> "Unet":
        """`chunk` is (horizon, size), `context` (history, features); `outputs` for each action, as many as inputs where it is 0.

        Raises BadSetting where the horizon cannot be halved so often.
        """
        horizon, size = chunk
        if horizon % 2 ** (depth - 1):
            raise BadSetting(
                f"A U-Net of depth {depth} halves the horizon {depth - 1} times, and {horizon} is not a multiple of {2 ** (depth - 1)}. "
                f"Set the horizon to {-(-horizon // 2 ** (depth - 1)) * 2 ** (depth - 1)}, or use a smaller depth."
            )
        widths = [width * 2**level for level in range(depth)]
        embedding = max(4, width) if times else 0
        condition = embedding + context[0] * context[1]
        ins = [size, *widths[:-1]]

        def build(draw: Draw) -> Unet:
            block = lambda size, outputs: FilmBlock(size, outputs, condition, KERNEL, draw)
            halve = lambda channels: None if channels == widths[-1] else Conv1d(channels, channels, 3, draw, stride=2)
            return cls(
                time=TimeEmbedding(embedding, draw, times) if times else None,
                down=[Level(block(i, o), block(o, o), halve(o)) for i, o in zip(ins, widths)],
                middle=[block(widths[-1], widths[-1]) for _ in range(2)],
                up=[Level(block(2 * i, o), block(o, o), ConvTranspose1d(o, o, draw)) for i, o in zip(widths[:0:-1], widths[-2::-1])],
                last=ConvBlock(width, width, KERNEL, draw),
                out=Linear(width, outputs or size, draw),
            )

        return grown(build, key)

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon outputs"]:
        return self.with_middle(chunk, times, context)[0]

    @property
    def middle_size(self) -> int:
        """The channels of the pyramid's top."""
        return self.middle[-1].second.conv.weight.shape[2]

    def with_middle(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> tuple[Float[Array, "horizon outputs"], Float[Array, "steps channels"]]:
        """-> the output, and what stands at the pyramid's top."""
        told = () if self.time is None else (self.time(times),)
        condition = mish(jnp.concatenate([*told, context.ravel()]))
        x, kept = chunk, []
        for level in self.down:
            x = level.second(level.first(x, condition), condition)
            kept.append(x)
            x = x if level.resample is None else level.resample(x)
        for block in self.middle:
            x = block(x, condition)
        top = x
        for level in self.up:
            x = level.second(level.first(jnp.concatenate([x, kept.pop()], -1), condition), condition)
            x = level.resample(x)
        return self.out(self.last(x)), top


class PlainUnet(eqx.Module):
    """The U-Net without FiLM: the embedded time and the context stand beside every action at its input, and nothing else tells them.

    The ablation of Diffusion Policy's components (arXiv 2412.00084) calls it "without FiLM".
    """

    role = "denoiser"
    time: TimeEmbedding
    unet: Unet

    @classmethod
    def create(
        cls, chunk: tuple[int, int], context: tuple[int, int], key: Key, width: int = 32, depth: int = 3, *, times: int = 1
    ) -> "PlainUnet":
        """`chunk` is (horizon, size), `context` (history, features). Raises BadSetting as the U-Net does."""
        outer, inner = jax.random.split(key)
        embedding = max(4, width)
        wide = (chunk[0], chunk[1] + embedding + context[0] * context[1])
        time = grown(lambda draw: TimeEmbedding(embedding, draw, times), outer)
        return cls(time, Unet.create(wide, (0, 0), inner, width, depth, times=0, outputs=chunk[1]))

    def __call__(
        self, chunk: Float[Array, "horizon size"], times: Float[Array, " times"], context: Float[Array, "history features"]
    ) -> Float[Array, "horizon size"]:
        beside = jnp.concatenate([self.time(times), context.ravel()])
        x = jnp.concatenate([chunk, jnp.broadcast_to(beside, (len(chunk), len(beside)))], -1)
        return self.unet(x, jnp.zeros(0, jnp.float32), jnp.zeros((0, 0), jnp.float32))
