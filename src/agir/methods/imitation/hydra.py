"""HYDRA, hybrid robot actions (Belkhale et al. 2023, arXiv 2306.17237): far places on the way, single actions at work.

    labels     each demonstrated row is dense (at work) or sparse (on the way); a sparse row's waypoint w is where its stretch ends, a
               dense row's its own action (the authors' code: w' hardly bends where the two meet)
    relabel    on the way, the action is what the controller would do to get there:  a <- w
    network    w' = MLP(o_t);    h_t = RNN(h_{t-1}, o_t),    a', m' = two heads on h_t
    training   min   c(m) |w' - w|^2  +  c(1 - m) l(a', a)  +  weight CE(m', m),     m = 1 where dense, c(0) = 1 - gamma, c(1) = gamma
    acting     sparse: w' is commanded, for up to `patience` steps or until m' says dense; dense: a' at each step

How people move where it does not matter (paths and speeds) is noise to a clone, and on the way nothing depends on it. The actions
must be places (`control=position`), so that a waypoint is an action, and the machine's own controller leads there. The labels are a
column of the data (`--label`); planar's demonstrations bring one, as `phase`. The network and the loss's weights are those of the
authors' code; as in BC-RNN, whose memory this is, the memory is emptied after as many steps as a segment has.

Deviations: the paper's controller runs until the waypoint is reached, which takes a measured pose; here until the mode changes, or
`patience` is over. Dense actions are places too (the paper: differences of places). A memory of 128 instead of 400 numbers.
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
from agir.generators.chunk_head import chunk_head
from agir.generators.chunks import ChunkHead
from agir.networks.encoder import Encoder
from agir.networks.mlp import MLP
from agir.networks.recurrent import Recurrent
from agir.objectives.masked import masked_mean
from agir.training.state import Trained, warm_cosine
from agir.training.waypoints import Marked, Waypoints


class HYDRA(Method):
    relabel: bool = True  # on the way, actions are replaced by the waypoint (paper)
    gamma: float = 0.5  # weight of the kind of action that a row is not (the authors' code; 1 - gamma of the one that it is)
    weight: float = 0.01  # of the mode's cross-entropy (the authors' code)
    patience: int = 10  # steps for which a waypoint is kept
    head: str = "mse"  # what the single actions are cloned by: mse (the authors' code), gaussian or mixture
    modes: int = 5  # of a mixture
    width: int = 128  # of the memory and of the heads' hidden layers (the authors' code: 400 and 200)
    depth: int = 2  # recurrent layers, and hidden ones of each head (the authors' code: 3 for the waypoint)
    crop: int = 90  # per cent of an image's side that is looked at, at random places in training
    rate: float = 1e-3  # of Adam at its highest
    warmup: int = 100  # updates until then, a quarter of all at most
    learns_from: Source = Waypoints(batch=64, length=10)
    updates: int = 10_000

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
        see, aim, remember, act, choose = jax.random.split(key, 5)
        encoder = Encoder.create(self.spec.observation, see, crop=self.crop)
        head, layers = chunk_head(space, self.head, 1, self.modes), {"width": self.width, "depth": self.depth}
        recurrent = Recurrent(encoder.features, self.width, remember, depth=self.depth)
        far = MLP(encoder.features, flat_size(space), aim, **layers)
        return Trained.begin(
            Hybrid(encoder, far, recurrent, MLP(self.width, head.size, act, **layers), MLP(self.width, 1, choose, **layers), head),
            self.optimiser(),
        )

    def update(self, state: Trained, batch: Marked, step: Any, key: Key) -> tuple[Trained, dict]:
        state, loss, parts = state.descend(lambda model: self.loss(model, batch, key), self.optimiser())
        return state, {"loss": loss} | parts

    def validate(self, state: Trained, batch: Marked, key: Key) -> dict:
        loss, parts = self.loss(state.model, batch, None)
        return {"loss": loss} | parts

    def loss(self, model: "Hybrid", batch: Marked, key: Key | None) -> tuple[Float[Array, ""], dict]:
        """The masked mean over segments [batch, length]; with a key, images are cut at random places (one for a segment)."""
        experience, dense, known = batch.segment.experience, batch.dense, batch.segment.mask
        keys = None if key is None else jax.random.split(key, len(dense))
        aimed, numbers, logits = jax.vmap(model, in_axes=(0, None if key is None else 0))(experience.observation, keys)
        aim = batch.waypoint.reshape(aimed.shape)
        meant = jnp.where(dense.reshape(dense.shape + (1,) * (batch.waypoint.ndim - 2)) > 0, experience.action, batch.waypoint)
        chunks = (meant if self.relabel else experience.action)[:, :, None]
        one = lambda numbers, chunk, mask: model.head.loss(numbers, chunk, mask)[0]
        far, near = ((aimed - aim) ** 2).mean(-1), jax.vmap(jax.vmap(one))(numbers, chunks, known[:, :, None])
        mode = optax.sigmoid_binary_cross_entropy(logits, dense)
        share = self.gamma + (1 - 2 * self.gamma) * dense  # of the single action: 1 - gamma where dense
        right = ((logits > 0) == (dense > 0)).astype(jnp.float32)
        return masked_mean((1 - share) * far + share * near + self.weight * mode, known), {"mode": masked_mean(right, known)}

    def policy(self, state: Trained) -> Policy:
        return Switching(self.spec, state.model, self.learns_from.length, self.patience)


class Hybrid(eqx.Module):
    """Observations [time, ...] to waypoints, single actions and the mode: all at once in training, one by one in acting."""

    encoder: Encoder
    far: MLP
    recurrent: Recurrent
    near: MLP
    mode: MLP
    head: ChunkHead

    def __call__(self, observation: Any, key: Key | None = None) -> tuple[Float[Array, "time size"], Array, Float[Array, " time"]]:
        """Observations, one after the other -> waypoints, the single actions' numbers, and the logits of being at work."""
        features = self.encoder(observation, key)
        remembered, _ = self.recurrent(features, self.recurrent.start())
        return jax.vmap(self.far)(features), jax.vmap(self.near)(remembered), jax.vmap(self.mode)(remembered)[:, 0]

    def step(self, observation: Any, state: list, key: Key) -> tuple[Float[Array, " size"], Any, Float[Array, ""], list]:
        """One observation -> the waypoint, the single action, the logit of being at work, and the memory."""
        features = self.encoder(jax.tree.map(lambda x: x[None], observation))[0]
        remembered, state = self.recurrent.step(features, state)
        chunk = self.head.sample(self.near(remembered), key, jnp.zeros(()))
        return self.far(features), jax.tree.map(lambda x: x[0], chunk), self.mode(remembered)[0], state


class Held(NamedTuple):
    """The memory of `Switching`."""

    state: list
    age: Any  # int32 []: steps since the recurrent state was empty
    waypoint: Float[Array, " size"]
    steps: Any  # int32 []: for how many the waypoint has been held; 0: none is


class Switching(Policy):
    """Goes to a waypoint, of which a new one is said after `patience` steps at most, or does single actions, as the mode says.

    Its recurrent state is emptied after every `length` steps: the segments that it was learnt on are as long.
    """

    model: Hybrid
    length: int = eqx.field(static=True)
    patience: int = eqx.field(static=True)

    def start(self, key: Key) -> Held:
        return Held(self.model.recurrent.start(), jnp.int32(0), jnp.zeros(flat_size(self.spec.action)), jnp.int32(0))

    def act(self, observation: Any, memory: Held, key: Key) -> Act:
        state = self.model.recurrent.emptied(memory.state, memory.age == 0)
        waypoint, action, logit, state = self.model.step(observation, state, key)
        sparse = logit <= 0
        holds = sparse & (memory.steps > 0) & (memory.steps < self.patience)
        waypoint = jnp.where(holds, memory.waypoint, waypoint)
        steps = jnp.where(sparse, jnp.where(holds, memory.steps + 1, 1), 0).astype(jnp.int32)
        done = jnp.where(sparse, waypoint.reshape(self.spec.action.shape), action)
        held = Held(state, (memory.age + 1) % self.length, waypoint, steps)
        return Act(done, held, {"planned": ~holds, "passes": jnp.int32(1), "sparse": sparse})
