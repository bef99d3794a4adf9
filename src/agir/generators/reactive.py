"""Chunks that react: a slow latent says where they go, a fast decoder reads what is felt at every step (Xue et al. 2025, arXiv 2503.02881).

    encoder   q(z | a) = N(mean, diag variance)         convolutions over the chunk; it feels nothing
    decoder   a_i = GRU(z, s_i)                         s_i what is felt when action i is due, as in acting
    loss      |a' - a|_1 (the mean over entries) + beta KL(q(z | a) || N(0, 1)) (the mean over z's entries)

Asymmetric: what of the chunk was a reaction need not go through z, and in acting comes from what is felt then. The mean is kept within
[-1, 1] by tanh, so that a diffusion can generate it as it does actions (the paper's code normalises z by its range in the data).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting, BadSpec
from agir.core.nouns import Foresight
from agir.core.spaces import Box, Key, Space, Spec, outline
from agir.generators.variational import divergence
from agir.networks.encoder import number_count, numbers_in
from agir.networks.layers import Conv1d, Linear, grown
from agir.networks.recurrent import Recurrent
from agir.objectives.masked import cleared


class ReactiveCodec(eqx.Module):
    """A chunk [horizon, *shape] to a latent [steps, dims] and, with what is felt on the way, back."""

    convolutions: list[Conv1d]
    moments: Linear
    recurrent: Recurrent
    out: Linear
    space: Space = eqx.field(static=True)  # of observations
    felt: tuple[int, ...] = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)  # of an action

    @classmethod
    def create(cls, spec: Spec, key: Key, horizon: int, latent: int = 4, width: int = 64, felt: tuple[int, ...] = ()) -> "ReactiveCodec":
        """Raises BadSpec where actions are not a box of numbers, BadSetting where `felt` names numbers that no observation has."""
        if not isinstance(spec.action, Box) or spec.action.image:
            raise BadSpec(
                f"A reactive codec needs actions that are numbers; these are {outline(spec.action)}. Use behavior-cloning for choices."
            )
        count, size = number_count(spec.observation), math.prod(spec.action.shape)
        if wrong := [index for index in felt if not 0 <= index < count]:
            raise BadSetting(f"--felt names the number {wrong[0]} of an observation, which has {count} of them: 0 to {count - 1}.")
        felt = felt or tuple(range(count))
        compress, say, carry = jax.random.split(key, 3)
        convolutions = grown(lambda draw: [Conv1d(i, width, 5, draw, stride=2) for i in (size + 1, width)], compress)
        moments, out = grown(lambda draw: (Linear(width, 2 * latent, draw), Linear(width, size, draw)), say)
        recurrent = Recurrent(cls.steps_of(horizon) * latent + len(felt), width, carry, depth=1, kind="gru")
        return cls(convolutions, moments, recurrent, out, spec.observation, felt, horizon, spec.action.shape)

    @staticmethod
    def steps_of(horizon: int) -> int:
        """How many steps a latent has: two convolutions of stride 2."""
        return -(-horizon // 4)

    @property
    def latent(self) -> tuple[int, int]:
        """(steps, dims)."""
        return self.steps_of(self.horizon), self.moments.weight.shape[1] // 2

    def encode(
        self, chunk: Float[Array, "horizon *shape"], mask: Float[Array, " horizon"]
    ) -> tuple[Float[Array, "steps dims"], Float[Array, "steps dims"]]:
        """-> mean and logarithm of the variance of z; what is padding is zeros to it, and it is told so."""
        x = jnp.concatenate([cleared(chunk, mask).reshape(self.horizon, -1), mask[:, None]], 1)
        for convolution in self.convolutions:
            x = jax.nn.relu(convolution(x))
        mean, log_variance = jnp.split(self.moments(x), 2, -1)
        return jnp.tanh(mean), log_variance

    def feel(self, observation: Any) -> Float[Array, " felt"]:
        """What the decoder reads of one observation."""
        return numbers_in(self.space, observation)[jnp.array(self.felt, jnp.int32)]

    def start(self) -> list:
        """The decoder's state before a chunk's first action."""
        return self.recurrent.start()

    def follow(self, z: Float[Array, "steps dims"], observation: Any, state: list) -> tuple[Float[Array, "*shape"], list]:
        """-> the next action of the chunk, given what is seen now, and the state after it."""
        x, state = self.recurrent.step(jnp.concatenate([z.ravel(), self.feel(observation)]), state)
        return self.out(x).reshape(self.shape), state

    def decode(self, z: Float[Array, "steps dims"], felt: Float[Array, "horizon felt"]) -> Float[Array, "horizon size"]:
        """All actions, from what is felt at each: as `follow` gives them one by one."""
        xs = jnp.concatenate([jnp.broadcast_to(z.ravel(), (self.horizon, z.size)), felt], 1)
        return self.out(self.recurrent(xs, self.start())[0])

    def loss(self, window: Foresight, key: Key, beta: Any) -> Float[Array, ""]:
        """Of one window of history 1, with what was seen at every action of its chunk."""
        mean, log_variance = self.encode(window.action, window.mask)
        z = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
        felt = jax.vmap(self.feel)(jax.tree.map(lambda now, ahead: jnp.concatenate([now, ahead]), window.observation, window.ahead))
        chunk = cleared(window.action, window.mask).reshape(self.horizon, -1)
        error = jnp.abs(self.decode(z, felt) - chunk).mean(-1)
        kl = divergence(mean.ravel(), log_variance.ravel()) / mean.size
        return (error * window.mask).sum() / jnp.maximum(window.mask.sum(), 1.0) + jnp.asarray(beta, jnp.float32) * kl
