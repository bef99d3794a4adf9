"""HYDRA, hybrid robot actions (Belkhale et al. 2023, arXiv 2306.17237): far places on the way, single actions at work.

    labels     each demonstrated row is dense (at work) or sparse (on the way); a sparse row's waypoint w is where its stretch ends
    relabel    on the way, the action is what the controller would do to get there:  a <- w
    training   min   (1 - m) |w' - w|^2  +  (m + (1 - m) share) |a' - a|^2  +  weight CE(m', m),     m = 1 where dense
               w', a', m' from one network of what is seen
    acting     sparse: w' is commanded, for up to `patience` steps or until m' says dense; dense: a' at each step

How people move where it does not matter (paths and speeds) is noise to a clone, and on the way nothing depends on it. The actions
must be places (`control=position`), so that a waypoint is an action, and the machine's own controller leads there. The labels are a
column of the data (`--label`); planar's demonstrations bring one, as `phase`.

Deviations: the paper's controller runs until the waypoint is reached, which takes a measured pose; here until the mode changes, or
`patience` is over. One network with three outputs instead of three heads of two layers each, the last `history` observations in place
of a recurrent memory, squares in place of a mixture's likelihood; dense actions are places too (the paper: differences of places).
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.core.errors import BadSpec
from agir.core.nouns import Act, Method, Policy, Source
from agir.core.spaces import Box, Key, flat_size, outline
from agir.networks.encoder import Encoder
from agir.networks.mlp import MLP
from agir.objectives.masked import masked_mean
from agir.runtime.executors import Past, no_past, remember
from agir.training.state import Trained, warm_cosine
from agir.training.waypoints import Marked, Waypoints


class HYDRA(Method):
    history: int = 4  # observations seen (paper: a recurrent memory): what is done at work often depends on what was done just before
    relabel: bool = True  # on the way, actions are replaced by the waypoint (paper)
    share: float = 0.5  # weight of the dense action on the way
    weight: float = 0.1  # of the mode's cross-entropy
    patience: int = 10  # steps for which a waypoint is kept
    width: int = 256  # of a hidden layer
    depth: int = 2  # hidden layers
    crop: int = 90  # per cent of an image's side that is looked at, at random places in training
    rate: float = 1e-3  # of Adam at its highest
    warmup: int = 100  # updates until then
    learns_from: Source = Waypoints()
    updates: int = 5000

    @property
    def horizon(self) -> int:
        """The window's: up to the action for now."""
        return self.history

    def optimiser(self) -> optax.GradientTransformation:
        return optax.adam(warm_cosine(self.rate, self.warmup, self.updates))

    def init(self, key: Key) -> Trained:
        """Raises BadSpec where an action is not a place."""
        space, kind = self.spec.action, self.spec.meaning.kind
        if not isinstance(space, Box) or space.image or kind != "absolute":
            raise BadSpec(
                f"HYDRA's waypoints are places that an action can name; these actions are {outline(space)}, a {kind}. Use actions that are "
                "absolute numbers (planar/...,control=position), or behavior-cloning."
            )
        see, think = jax.random.split(key)
        encoder = Encoder.create(self.spec.observation, see, crop=self.crop)
        outputs = 2 * flat_size(space) + 1
        return Trained.begin(
            Hybrid(encoder, MLP(self.history * encoder.features, outputs, think, width=self.width, depth=self.depth)), self.optimiser()
        )

    def update(self, state: Trained, batch: Marked, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, parts = state.descend(lambda model: self.loss(model, batch, key), self.optimiser())
        return state, {"loss": loss} | parts

    def validate(self, state: Trained, batch: Marked, key: Key) -> dict:
        loss, parts = self.loss(state.model, batch, None)
        return {"loss": loss} | parts

    def loss(self, model: "Hybrid", batch: Marked, key: Key | None) -> tuple[Float[Array, ""], dict]:
        keys = None if key is None else jax.random.split(key, len(batch.dense))
        waypoint, action, logit = jax.vmap(model, in_axes=(0, None if key is None else 0))(batch.window.observation, keys)
        flat = lambda x: x.reshape(len(batch.dense), -1)
        dense, aim, done = batch.dense, flat(batch.waypoint), flat(batch.window.action[:, -1])
        done = jnp.where(dense[:, None] > 0, done, aim) if self.relabel else done
        far, off = ((waypoint - aim) ** 2).mean(1), ((action - done) ** 2).mean(1)
        mode = optax.sigmoid_binary_cross_entropy(logit, dense)
        each = (1 - dense) * far + (dense + (1 - dense) * self.share) * off + self.weight * mode
        right = ((logit > 0) == (dense > 0)).astype(jnp.float32)
        known = batch.window.mask[:, -1]
        return masked_mean(each, known), {"mode": masked_mean(right, known)}

    def policy(self, state: Trained) -> Policy:
        return Switching(self.spec, state.model, self.history, self.patience)


class Hybrid(eqx.Module):
    encoder: Encoder
    network: MLP

    def __call__(self, observation: Any, key: Key | None = None) -> tuple[Float[Array, " size"], Float[Array, " size"], Float[Array, ""]]:
        """A history of observations -> the waypoint, the action, and the logit of being at work."""
        numbers = self.network(self.encoder(observation, key).ravel())
        waypoint, action = jnp.split(numbers[:-1], 2)
        return waypoint, action, numbers[-1]


class Held(NamedTuple):
    """The memory of `Switching`."""

    past: Past
    waypoint: Float[Array, " size"]
    steps: Any  # int32 []: for how many the waypoint has been held; 0: none is


class Switching(Policy):
    model: Hybrid
    history: int = eqx.field(static=True)
    patience: int = eqx.field(static=True)

    def start(self, key: Key) -> Held:
        return Held(no_past(self.spec.observation, self.history), jnp.zeros(flat_size(self.spec.action)), jnp.int32(0))

    def act(self, observation: Any, memory: Held, key: Key) -> Act:
        past = remember(memory.past, observation)
        waypoint, action, logit = self.model(past.observations)
        sparse = logit <= 0
        holds = sparse & (memory.steps > 0) & (memory.steps < self.patience)
        waypoint = jnp.where(holds, memory.waypoint, waypoint)
        steps = jnp.where(sparse, jnp.where(holds, memory.steps + 1, 1), 0).astype(jnp.int32)
        done = jnp.where(sparse, waypoint, action).reshape(self.spec.action.shape)
        return Act(done, Held(past, waypoint, steps), {"planned": ~holds, "passes": jnp.int32(1), "sparse": sparse})
