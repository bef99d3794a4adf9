"""One latent of actions and what will be seen, and a diffusion head for each (UVA, Li et al. 2025, arXiv 2503.00200).

    latent   z = trunk(o, a or a mask, f or a mask)          [frames, width]: a transformer over the frames ahead
    loss     |e_a - head_a(a_k, k, z)|^2 + weight |e_f - head_f(f_j, j, z)|^2
    acting   z = trunk(o, mask, mask);  a by head_a's diffusion from z: what will be seen is never decoded

For each window a role is drawn: nothing is shown but o (policy, video and both at once: three in five), or the actions too (forward
model: one in five), or what will be seen (inverse model: one in five). What is shown is not asked for.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from agir.core.nouns import Foresight
from agir.core.spaces import Key
from agir.generators.chunk_model import ChunkModel
from agir.generators.diffusion import Diffusion
from agir.generators.generator import Generator
from agir.networks.encoder import numbers_in
from agir.networks.in_context import Layer
from agir.networks.layers import LayerNorm, Linear, grown
from agir.networks.transformer import DEVIATION
from agir.objectives.masked import held, masked_mean

ROLES = (3 / 5, 1 / 5, 1 / 5)  # nothing more is shown, the actions, what will be seen


class Trunk(eqx.Module):
    """A token a frame ahead, one linear map of what is shown of that frame, of what is seen now and of the actions, side by side (as in
    the paper's code, ShuangLI59/unified_video_action), and its place; then layers in which all tokens see all.
    """

    actions: Linear  # a whole chunk -> all tokens
    now: Linear
    seen: Linear
    together: Linear
    nothing: Float[Array, "2 width"]  # stands for actions and for a frame that are not shown
    places: Float[Array, "frames width"]
    layers: list[Layer]
    norms: list[LayerNorm]  # before the layers, and after

    @classmethod
    def create(cls, entries: int, ahead: tuple[int, int], context: int, key: Key, width: int = 64, depth: int = 3) -> "Trunk":
        build = lambda draw: cls(
            actions=Linear(entries, ahead[0] * width, draw),
            now=Linear(context, width, draw),
            seen=Linear(ahead[1], width, draw),
            together=Linear(3 * width, width, draw),
            nothing=draw.normal((2, width), DEVIATION),
            places=draw.normal((ahead[0], width), DEVIATION),
            layers=[Layer(width, draw) for _ in range(depth)],
            norms=[LayerNorm(width) for _ in range(2)],
        )
        return grown(build, key)

    def __call__(
        self,
        context: Float[Array, "history features"],
        actions: Float[Array, "horizon *shape"],
        ahead: Float[Array, "frames numbers"],
        shown: Bool[Array, "2"],
    ) -> Float[Array, "frames width"]:
        """`shown` says which of the two are; the others may hold anything finite."""
        acts = jnp.where(shown[0], self.actions(actions.ravel()).reshape(self.places.shape), self.nothing[:1])
        seen = jnp.where(shown[1], self.seen(ahead), self.nothing[1:])
        now = jnp.broadcast_to(self.now(context.ravel()), seen.shape)
        x = self.norms[0](self.together(jnp.concatenate([seen, now, acts], 1)) + self.places)
        for layer in self.layers:
            x = layer(x)
        return self.norms[1](x)


class VideoAction(Generator):
    """Chunks [horizon, *shape], and what will be seen [frames, numbers], from contexts [history, features].

    As any other generator it gives actions (`loss`, `sample`); `losses` and `generate` are of both.
    """

    trunk: Trunk
    acting: Diffusion  # given z as its context
    seeing: Diffusion
    weight: Any = 1.0  # of what will be seen

    @property
    def passes(self) -> int:
        """The trunk's one, and those of the actions' head."""
        return 1 + self.acting.passes

    def loss(self, chunk: Any, mask: Float[Array, " horizon"], context: Float[Array, "history features"], key: Key) -> Any:
        """Of the actions alone, with nothing shown."""
        z = self.trunk(context, *self.empty, jnp.zeros(2, bool))
        return self.acting.loss(chunk, mask, z, key)

    @property
    def empty(self) -> tuple[Array, Array]:
        """Actions and frames that say nothing."""
        return jnp.zeros((self.acting.horizon, *self.acting.shape)), jnp.zeros((self.seeing.horizon, *self.seeing.shape))

    def losses(
        self,
        given: tuple[Float[Array, "horizon *shape"], Float[Array, "frames numbers"]],
        masks: tuple[Float[Array, " horizon"], Float[Array, " frames"]],
        context: Float[Array, "history features"],
        key: Key,
    ) -> tuple[tuple[Float[Array, " horizon"], Float[Array, " frames"]], tuple[Float[Array, " horizon"], Float[Array, " frames"]]]:
        """-> the losses of both, and the masks of what was asked for (nothing of what was shown)."""
        (actions, ahead), (mask, ahead_mask) = (tuple(map(held, given, masks)), masks)  # what is shown may be behind an end
        draw, act, see = jax.random.split(key, 3)
        role = jax.random.choice(draw, 3, p=jnp.array(ROLES))
        shown = jnp.stack([(role == 1) & (mask != 0).any(), (role == 2) & (ahead_mask != 0).any()])
        z = self.trunk(context, actions, ahead, shown)
        asked = jnp.where(shown[0], 0.0, mask), jnp.where(shown[1], 0.0, ahead_mask)
        return (self.acting.loss(actions, mask, z, act), self.seeing.loss(ahead, ahead_mask, z, see)), asked

    def sample(self, context: Float[Array, "history features"], key: Key) -> Float[Array, "horizon *shape"]:
        return self.acting.sample(self.trunk(context, *self.empty, jnp.zeros(2, bool)), key)

    def generate(
        self, context: Float[Array, "history features"], key: Key, actions: Any = None, ahead: Any = None
    ) -> tuple[Float[Array, "horizon *shape"], Float[Array, "frames numbers"]]:
        """-> actions and what will be seen: what is given is given back, the other is generated from it (both, if nothing is given).

        Generated together they are two draws from one latent, as in the paper: each by itself, not as they go together.
        """
        shown = jnp.array([actions is not None, ahead is not None])
        z = self.trunk(context, *(e if x is None else x for x, e in zip((actions, ahead), self.empty)), shown)
        act, see = jax.random.split(key)
        return self.acting.sample(z, act) if actions is None else actions, self.seeing.sample(z, see) if ahead is None else ahead


class VideoActionModel(ChunkModel):
    """From observations [history, ...] to a chunk; learnt from `Foresight`s, of whose images nothing is predicted."""

    generator: VideoAction

    def loss(self, batch: Foresight, key: Key, augment: bool = True, draws: int = 1) -> Float[Array, ""]:
        place, generate = jax.random.split(key)
        contexts = self.contexts(batch.observation, place if augment else None)
        generator, keys = self.generator, jax.random.split(generate, (len(batch.mask), draws))
        ahead = jax.vmap(jax.vmap(lambda one: numbers_in(self.encoder.space, one)))(batch.ahead)
        masks = batch.mask, batch.ahead_mask
        once = lambda *window: jax.vmap(lambda key: generator.losses(*window[:-1], key))(window[-1])
        (acting, seeing), asked = jax.vmap(once)((batch.action, ahead), masks, contexts, keys)
        return masked_mean(acting, asked[0]) + jnp.asarray(generator.weight, jnp.float32) * masked_mean(seeing, asked[1])
