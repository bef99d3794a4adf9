"""Actions as few codes whose meaning depends on what is seen, and strings of them as skills (PRISE, Zheng et al. 2024, arXiv 2402.10450).

    z_t = state(o_t),   u_t = join(sg z_t + act(a_t)),   q_t = book[nearest to u_t]
    loss   mean_t |decode(z_t + q_t) - a_t|_1  +  |sg u_t - q_t|^2 / 4 + commitment |u_t - sg q_t|^2
           + 2 - 2 cos(predict(project(y_t)), sg project(z_t))   for t > 0,  y_t = step(y_t-1 + q_t-1),  y_0 = z_0
    skill  a token of the byte-pair encoding (actions/pairs.py) of demonstrated strings of codes

So a code is what the next states can be foretold from, and not the action alone. sg stops gradients; q passes them straight to u. The
weights are those of the paper's code: unit vectors' squared distance (2 - 2 cos), and its "beta" on the books.
Codes of one segment are also drawn to the u that is nearest, so that none is left behind unused (not in the paper).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from agir.actions.pairs import Pairs
from agir.core.errors import BadSetting
from agir.core.spaces import Box, Key, Spec, flat_size
from agir.networks.encoder import Encoder
from agir.networks.mlp import MLP

NEAR = 0.25  # weight of what draws codes to actions
BOOKS = 0.25  # weight of the codes' distance from the actions that they stand for (the paper's code)


class SkillCodes(eqx.Module):
    """An action, given what is seen, to one of a few codes and back."""

    encoder: Encoder
    state: MLP
    act: MLP
    join: MLP
    book: Float[Array, "codes dim"]
    decoder: MLP
    step: MLP
    project: MLP
    predict: MLP

    @classmethod
    def create(cls, spec: Spec, key: Key, codes: int = 10, dim: int = 32, width: int = 64) -> "SkillCodes":
        """Raises BadSetting where actions are not numbers or there are no two codes."""
        if not isinstance(spec.action, Box):
            raise BadSetting("Codes of actions need actions that are numbers (a Box).")
        if codes < 2 or dim < 1:
            raise BadSetting(f"There are at least 2 codes of at least 1 number, not {codes} of {dim}.")
        keys = jax.random.split(key, 9)
        encoder = Encoder.create(spec.observation, keys[0])
        made = [
            MLP(size, outputs, k, width=width, depth=depth)
            for size, outputs, depth, k in (
                (encoder.features, dim, 1, keys[1]),
                (flat_size(spec.action), dim, 1, keys[2]),
                (dim, dim, 2, keys[3]),
                (dim, flat_size(spec.action), 2, keys[4]),
                (dim, dim, 2, keys[5]),
                (dim, dim, 1, keys[6]),
                (dim, dim, 1, keys[7]),
            )
        ]
        book = 0.1 * jax.random.normal(keys[8], (codes, dim))
        return cls(encoder, *made[:3], book, *made[3:])

    @property
    def codes(self) -> int:
        return self.book.shape[0]

    def seen(self, observation: Any) -> Float[Array, "steps dim"]:
        """z of each of several observations [steps, ...]."""
        return self.state(self.encoder(observation))

    def asked(self, z: Float[Array, "steps dim"], action: Float[Array, "steps size"]) -> Float[Array, "steps dim"]:
        return self.join(jax.lax.stop_gradient(z) + self.act(action))

    def nearest(self, u: Float[Array, "steps dim"]) -> Int[Array, " steps"]:
        return jnp.argmin(((u[:, None] - self.book[None]) ** 2).sum(-1), axis=1).astype(jnp.int32)

    def encode(self, z: Float[Array, "steps dim"], action: Float[Array, "steps size"]) -> Int[Array, " steps"]:
        return self.nearest(self.asked(z, action))

    def decode(self, z: Float[Array, "steps dim"], codes: Int[Array, " steps"]) -> Float[Array, "steps size"]:
        return self.decoder(z + self.book[codes])

    def loss(
        self, observation: Any, action: Float[Array, "steps size"], mask: Float[Array, " steps"], commitment: Float[Array, ""]
    ) -> Float[Array, ""]:
        """Of a segment of consecutive steps; steps whose mask is 0 count for nothing."""
        z = self.seen(observation)
        u = self.asked(z, action)
        q = self.book[self.nearest(u)]
        passed = u + jax.lax.stop_gradient(q - u)
        told = jnp.abs(self.decoder(z + passed) - action).mean(-1)
        books = BOOKS * ((q - jax.lax.stop_gradient(u)) ** 2).mean(-1) + commitment * ((jax.lax.stop_gradient(q) - u) ** 2).mean(-1)
        foretold = jnp.concatenate([jnp.zeros(1), self.foretold(z, passed)])
        count = jnp.maximum(mask.sum(), 1.0)
        far = jnp.where(mask[:, None] > 0, ((jax.lax.stop_gradient(u)[:, None] - self.book[None]) ** 2).mean(-1), jnp.inf).min(axis=0)
        return ((told + books + foretold) * mask).sum() / count + NEAR * jnp.where(mask.sum() > 0, far, 0.0).mean()

    def foretold(self, z: Float[Array, "steps dim"], q: Float[Array, "steps dim"]) -> Float[Array, " later"]:
        """How far each later state's projection is from what is foretold of it from the first state and the codes since."""
        wanted = jax.lax.stop_gradient(self.project(z[1:]))
        step = lambda y, q: (self.step(y + q),) * 2
        said = self.predict(self.project(jax.lax.scan(step, z[0], q[:-1])[1]))
        norm = lambda x: x * jax.lax.rsqrt((x * x).sum(-1, keepdims=True) + 1e-6)
        return 2 - 2 * (norm(said) * norm(wanted)).sum(-1)


class Skills(eqx.Module):
    """Codes, and the pairs of them that are skills."""

    codes: SkillCodes
    pairs: Pairs

    @property
    def count(self) -> int:
        return self.pairs.vocabulary

    def first(self, string: Int[Array, " longest"], count: Int[Array, ""]) -> Int[Array, ""]:
        """The skill with which a string of codes begins."""
        return self.pairs.merge(string, count)[0][0]
