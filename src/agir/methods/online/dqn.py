"""DQN: deep Q-learning with replay and a target network (Mnih et al. 2015).

    minimise   E (y - Q(s, a))^2 / 2,   y = r + discount (1 - terminated) max_a' Q'(s', a')                    (algorithm 1)
    double     y = r + discount (1 - terminated) Q'(s', argmax_a' Q(s', a'))              (van Hasselt, Guez & Silver 2016)

Q' is Q as it was at the last multiple of `target_period` updates. It explores with a random action of probability epsilon, which
falls linearly from 1 to `epsilon` over the first `exploration` of the updates; it is deployed greedy.

Deviations: a small network on vectors, Adam instead of RMSProp; `double` is on by default; a truncated episode bootstraps from the
value of its true last observation; errors are not clipped at 1 unless `clipped` says so (the paper clips them and the rewards): where
values are near 100, as on cartpole, the rare falls then hardly count, and returns stayed at 100 where they now reach 500.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from agir.core.errors import BadSpec
from agir.core.nouns import Act, Experience, Method, Policy, Source
from agir.core.spaces import Discrete, Key, flat_size, flatten, outline
from agir.networks.mlp import MLP
from agir.objectives.temporal_difference import double_q_target, huber, q_learning_target, taken
from agir.training.optimise import adam
from agir.training.replay import Replay
from agir.training.state import Trained


class State(eqx.Module):
    """The network in training, the copy that its targets come from, and the present share of random actions."""

    trained: Trained
    target: MLP
    epsilon: Float[Array, ""]


class DQN(Method):
    discount: float = 0.99
    rate: float = 1e-3  # of Adam
    double: bool = True  # the online network chooses, the target network judges
    clipped: bool = False  # errors at 1 (paper)
    target_period: int = 50  # updates between copies (paper: 10 000); a value of 100 takes more than 100 copies to grow
    epsilon: float = 0.05  # of exploration at its end (paper: 0.1)
    exploration: float = 0.3  # share of the updates until then
    largest_norm: float = 10.0  # of the gradient
    width: int = 128
    depth: int = 2
    learns_from: Source = Replay(batch=128, envs=4, collect=4)
    updates: int = 20_000

    def optimiser(self) -> optax.GradientTransformation:
        return adam(self.rate, largest_norm=self.largest_norm)

    def init(self, key: Key) -> State:
        """Raises BadSpec where actions are not one choice."""
        if not isinstance(self.spec.action, Discrete):
            raise BadSpec(f"DQN chooses one of several actions; these are {outline(self.spec.action)}. Use ppo for them.")
        size = flat_size(self.spec.observation)
        network = MLP(size, self.spec.action.count, key, width=self.width, depth=self.depth)
        target = jax.tree.map(lambda x: x.copy() if eqx.is_array(x) else x, network)
        return State(Trained.begin(network, self.optimiser()), target, jnp.float32(1.0))

    def update(self, state: State, batch: Experience, step: Any, key: Key) -> tuple[State, dict]:
        trained, loss, metrics = state.trained.descend(lambda network: self.loss(network, state.target, batch), self.optimiser())
        now = step + 1
        target = jax.lax.cond(
            now % self.target_period == 0,
            lambda: eqx.filter(trained.model, eqx.is_array),
            lambda: eqx.filter(state.target, eqx.is_array),
        )
        progress = now.astype(jnp.float32) / (self.exploration * self.updates + 1)
        epsilon = jnp.maximum(1.0 - progress * (1.0 - self.epsilon), self.epsilon)
        return State(trained, eqx.combine(target, state.target), epsilon), {"loss": loss} | metrics

    def loss(self, network: MLP, target: MLP, batch: Experience) -> tuple[Float[Array, ""], dict]:
        see = jax.vmap(lambda seen: flatten(self.spec.observation, seen))
        here, later = see(batch.observation), see(batch.next_observation)
        next_values = target(later)
        if self.double:
            aim = jax.vmap(double_q_target)(batch.reward, batch.discount, next_values, network(later))
        else:
            aim = jax.vmap(q_learning_target)(batch.reward, batch.discount, next_values)
        value = jax.vmap(taken)(network(here), batch.action)
        error = jax.lax.stop_gradient(aim) - value
        loss = jnp.mean(huber(error) if self.clipped else 0.5 * jnp.square(error))
        return loss, {"value": jnp.mean(value)}

    def behaviour(self, state: State) -> Policy:
        return Greedy(self.spec, state.trained.model, state.epsilon)

    def policy(self, state: State) -> Policy:
        return Greedy(self.spec, state.trained.model, jnp.float32(0.0))


class Greedy(Policy):
    """The action of the highest value, or with probability epsilon a random one."""

    network: MLP
    epsilon: Float[Array, ""]

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        draw, pick = jax.random.split(key)
        values = self.network(flatten(self.spec.observation, observation))
        best, other = jnp.argmax(values).astype(jnp.int32), jax.random.randint(pick, (), 0, values.shape[0])
        action = jnp.where(jax.random.uniform(draw) < self.epsilon, other, best)
        return Act(action, memory, {"value": jnp.max(values)})
