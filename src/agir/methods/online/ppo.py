"""PPO: proximal policy optimisation with a clipped surrogate (Schulman, Wolski, Dhariwal, Radford & Klimov 2017).

    ratio_t(theta)   = pi_theta(a_t | s_t) / pi_old(a_t | s_t)
    L_clip(theta)    = E[min(ratio_t A_t, clip(ratio_t, 1 - epsilon, 1 + epsilon) A_t)]                            (equation 7)
    maximise           L_clip - c_1 E[(V_theta(s_t) - G_t)^2 / 2] + c_2 E[entropy of pi_theta]                     (equation 9)
    A_t              = delta_t + discount lambda A_{t+1},   delta_t = r_t + discount V(s'_t) - V(s_t),   G_t = A_t + V(s_t)

One update is one iteration: a rollout of T steps in N lanes, then `epochs` passes over it in shuffled minibatches. With the details
of the reference implementations (Huang et al. 2022, "The 37 implementation details"): advantages normalised in each minibatch, two
separate networks that start orthogonal, Adam with epsilon 1e-5, the gradient's norm clipped over both networks, a Gaussian whose
deviations do not depend on the state and whose actions are recorded unclipped and clipped at the environment.

Deviations: a truncated episode bootstraps from the value of its true last observation (the references take it for a failure or drop
it); `clip_values` is off by default (Andrychowicz et al. 2021 found no gain).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.nouns import Act, Experience, Method, Policy, Source
from agir.core.scans import lean_scan
from agir.core.spaces import Key, Space, flat_size, flatten
from agir.core.when import when
from agir.data.running import ReturnScale, Running
from agir.generators.heads import DiagonalGaussian, Head, head_of
from agir.networks.actor_critic import Actor, ActorCritic
from agir.objectives.advantages import generalized_advantages
from agir.objectives.policy_gradient import (
    approximate_kl,
    clipped_share,
    clipped_surrogate,
    clipped_value_loss,
    normalized_advantages,
    value_loss,
)
from agir.training.optimise import adam, shuffles
from agir.training.sources import Rollout
from agir.training.state import Trained


class State(eqx.Module):
    """The networks in training, and running statistics of what they are shown and given."""

    trained: Trained  # of an ActorCritic
    features: Running | None  # of the observations' features, where they are normalised
    rewards: ReturnScale | None


class Samples(eqx.Module):
    """A rollout's steps, one a row."""

    features: Float[Array, "batch size"]
    action: Any
    log_prob: Float[Array, "batch"]
    value: Float[Array, "batch"]
    advantage: Float[Array, "batch"]
    target: Float[Array, "batch"]


class PPO(Method):
    discount: float = 0.99
    decay: float = 0.95  # lambda of the advantages (paper, table 3)
    clip: float = 0.2  # epsilon: how far a ratio may gain (paper, table 1)
    rate: float = 2e-3  # of Adam at the start (references: 2.5e-4; annealed, this one brings cartpole's eight seeds of eight to 500)
    anneal: bool = True  # the rate falls linearly to 0 (references)
    epochs: int = 4  # passes over a rollout
    minibatches: int = 4  # per pass
    value_weight: float = 0.5  # c_1
    entropy_weight: float = 0.0  # c_2
    largest_norm: float = 0.5  # of the gradient of both networks together
    clip_values: bool = False  # keep the value within epsilon of the old one too
    running: str = "auto"  # statistics that normalise observations and rewards: "always", "never", "auto" (where actions are numbers)
    width: int = 64
    depth: int = 2
    activation: str = "tanh"
    learns_from: Source = Rollout(envs=8, length=128)
    updates: int = 200

    @property
    def normalizes(self) -> bool:
        if self.running not in ("auto", "always", "never"):
            raise BadSetting(f"--running is 'auto', 'always' or 'never', not '{self.running}'.")
        return self.running == "always" or (self.running == "auto" and isinstance(head_of(self.spec.action), DiagonalGaussian))

    def init(self, key: Key) -> State:
        head, size = head_of(self.spec.action), flat_size(self.spec.observation)
        extra = head.size // 2 if isinstance(head, DiagonalGaussian) else 0
        shape = {"width": self.width, "depth": self.depth, "activation": self.activation}
        model = ActorCritic.create(size, head.size - extra, key, extra=extra, **shape)
        features = Running.create(size) if self.normalizes else None
        rewards = ReturnScale.create(self.learns_from.envs) if self.normalizes else None
        return State(Trained.begin(model, self.optimiser(self.rate)), features, rewards)

    def optimiser(self, rate: Any) -> Any:
        return adam(rate, largest_norm=self.largest_norm, tiny=1e-5)

    def update(self, state: State, batch: Experience, step: Any, key: Key) -> tuple[State, dict]:
        rewards, reward = state.rewards, batch.reward
        if rewards is not None:
            rewards, reward = rewards.scaled(reward, batch.terminated | batch.truncated, self.discount)
        samples = self.samples(state, batch, reward)
        count = samples.log_prob.shape[0]
        if count % self.minibatches:
            raise BadSetting(f"{count} steps a rollout are not {self.minibatches} equal minibatches: change --minibatches or --length.")
        orders = shuffles(key, self.epochs, count).reshape(self.epochs * self.minibatches, -1)
        left = 1.0 - step.astype(jnp.float32) / self.updates if self.anneal else 1.0
        optimiser, head = self.optimiser(self.rate * left), head_of(self.spec.action)
        arrays, static = eqx.partition(state.trained, eqx.is_array)

        def learn(arrays: Any, order: Any) -> tuple[Any, dict]:
            some = jax.tree.map(lambda column: column[order], samples)
            trained, _, metrics = eqx.combine(arrays, static).descend(lambda model: self.loss(model, head, some), optimiser)
            return eqx.filter(trained, eqx.is_array), metrics

        arrays, metrics = lean_scan(learn, arrays, orders)
        features = state.features
        if features is not None:
            features = features.seen(jax.vmap(jax.vmap(Look(self.spec.observation, None)))(batch.observation).reshape(count, -1).T)
        metrics = jax.tree.map(lambda values: values.mean(0), metrics) | {"reward": batch.reward.mean()}
        return State(eqx.combine(arrays, static), features, rewards), metrics

    def samples(self, state: State, batch: Experience, reward: Float[Array, "time lanes"]) -> Samples:
        time, lanes = reward.shape
        flat = lambda tree: jax.tree.map(lambda x: x.reshape(time * lanes, *x.shape[2:]), tree)
        model, look = state.trained.model, Look(self.spec.observation, state.features)
        observation, last = flat(batch.observation), jax.tree.map(lambda x: x[-1], batch.next_observation)
        features = jax.vmap(look)(observation)
        value = jax.vmap(model.value)(jnp.concatenate([features, jax.vmap(look)(last)])).reshape(time + 1, lanes)
        # The value after a step is the next row's, but for where an episode was truncated: there a new one begins in that row.
        true = lambda both, observation: both[0].value(both[1](observation))
        cut = flat(batch.truncated & ~batch.terminated)
        correct = lambda due, observation, old: when(due, true, (model, look), (observation,), old, block=max(8, lanes))
        next_value = jax.vmap(correct)(cut, flat(batch.next_observation), value[1:].reshape(-1)).reshape(time, lanes)
        ended = batch.terminated | batch.truncated
        advantage = generalized_advantages(reward, batch.discount, ended, value[:-1], next_value, self.decay)
        columns = (batch.act_info["log_prob"], value[:-1], advantage, advantage + value[:-1])
        return Samples(features, flat(batch.action), *(x.reshape(-1) for x in columns))

    def loss(self, model: ActorCritic, head: Head, some: Samples) -> tuple[Float[Array, ""], dict]:
        numbers, value = model.columns(some.features.T)
        log_prob = head.log_prob(numbers, head.columns(some.action))
        surrogate = clipped_surrogate(log_prob, some.log_prob, normalized_advantages(some.advantage), self.clip).mean()
        if self.clip_values:
            error = clipped_value_loss(value, some.value, some.target, self.clip).mean()
        else:
            error = value_loss(value, some.target).mean()
        entropy = head.entropy(numbers).mean()
        metrics = {
            "loss_policy": surrogate,
            "loss_value": error,
            "entropy": entropy,
            "kl": approximate_kl(log_prob, some.log_prob).mean(),
            "clipped": clipped_share(log_prob, some.log_prob, self.clip).mean(),
        }
        return surrogate + self.value_weight * error - self.entropy_weight * entropy, metrics

    def policy(self, state: State) -> Policy:
        return Chosen(self.spec, state.trained.model.policy(), Look(self.spec.observation, state.features), greedy=True)

    def behaviour(self, state: State) -> Policy:
        return Chosen(self.spec, state.trained.model.policy(), Look(self.spec.observation, state.features), greedy=False)


class Look(eqx.Module):
    """An observation -> its features, normalised where that is asked for."""

    space: Space = eqx.field(static=True)
    statistics: Running | None

    def __call__(self, observation: Any) -> Float[Array, "size"]:
        features = flatten(self.space, observation)
        return features if self.statistics is None else self.statistics(features)


class Chosen(Policy):
    """The likeliest action of an actor's distribution, or a drawn one with its log-probability."""

    actor: Actor
    look: Look
    greedy: bool = eqx.field(static=True)

    def act(self, observation: Any, memory: Any, key: Key) -> Act:
        head, numbers = head_of(self.spec.action), self.actor(self.look(observation))
        if self.greedy:
            return Act(head.mode(numbers), memory)
        action = head.sample(numbers, key)
        return Act(action, memory, {"log_prob": head.log_prob(numbers, head.columns(action))})
