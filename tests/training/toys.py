"""The smallest world and learners that exercise every path of the loop."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from agir.core.nouns import Act, Learner, Method, Policy, Source, Step, Task, given
from agir.core.spaces import Box, Meaning, Spec
from agir.data.dataset import Dataset
from agir.training.sources import Rollout, Transitions
from agir.training.state import Trained

SPEC = Spec(Box((3,)), Box((2,), -1.0, 1.0), Meaning("velocity"))


class Drift:
    """A point is pushed to the origin; episodes of 5 to 20 steps, so that lanes fall out of step."""

    def reset(self, key):
        place, length = jax.random.normal(key, (3,)), jax.random.randint(key, (), 5, 20)
        return (place, jnp.int32(0), length), place

    def step(self, state, action, key):
        place, time, length = state
        place = place.at[:2].add(0.1 * action)
        over = time + 1 >= length
        return (place, time + 1, length), Step(place, -jnp.sum(place**2), jnp.bool_(False), over, {"success": over & (place[0] > 0)})


class Toy(Task):
    name, spec, horizon, about = "toy", SPEC, 20, "a toy"

    def environment(self):
        return Drift()

    def demonstrations(self, episodes, first=0):
        draw = np.random.default_rng(first)
        made = []
        for _ in range(episodes):
            seen = draw.normal(size=(11, 3))
            made.append({"observation": seen, "action": np.tanh(seen[:-1, :2] @ np.array([[1.0, 0.5], [-0.5, 1.0]]))})
        return Dataset.from_episodes(SPEC, made)


class Net(eqx.Module):
    layers: Any

    def __init__(self, size_in, size_out, key):
        self.layers = eqx.nn.MLP(size_in, size_out, 8, 1, key=key)

    def __call__(self, x):
        return self.layers(x)


class Direct(Policy):
    net: Net

    def act(self, observation, memory, key):
        return Act(jnp.tanh(self.net(observation)), memory)


class Noisy(Policy):
    net: Net

    def act(self, observation, memory, key):
        action = jnp.tanh(self.net(observation)) + 0.1 * jax.random.normal(key, (2,))
        return Act(action, memory)


class Clone(Method):
    rate: float = 1e-2  # of Adam
    learns_from: Source = Transitions(batch=16)
    updates: int = 60

    def init(self, key):
        return Trained.begin(Net(3, 2, key), optax.adam(self.rate), average=True)

    def loss(self, net, batch):
        return jnp.mean((jax.vmap(net)(batch.observation) - batch.action) ** 2)

    def update(self, state, batch, step, key):
        state, loss, _ = state.descend(lambda net: (self.loss(net, batch), {}), optax.adam(self.rate), jnp.float32(0.9))
        return state, {"loss": loss}

    def validate(self, state, batch, key):
        return {"loss": self.loss(state.best, batch)}

    def policy(self, state):
        return Direct(self.spec, state.best)


class Online(Method):
    discount: float = 0.9
    rate: float = 1e-2
    learns_from: Source = Rollout(envs=4, length=8)
    updates: int = 60

    def init(self, key):
        return Trained.begin(Net(3, 2, key), optax.adam(self.rate))

    def update(self, state, batch, step, key):
        def loss(net):
            return jnp.mean(batch.reward * jnp.sum(jax.vmap(jax.vmap(net))(batch.observation) * batch.action, -1)), {}

        state, value, _ = state.descend(loss, optax.adam(self.rate))
        return state, {"loss": value, "reward": batch.reward.mean()}

    def behaviour(self, state):
        return Noisy(self.spec, state.model)

    def policy(self, state):
        return Direct(self.spec, state.model)


class Squash(eqx.Module):
    net: Net


class LearnSquash(Learner):
    learns_from: Source = Transitions(batch=16)
    updates: int = 40

    def init(self, key):
        return Trained.begin(Squash(Net(2, 2, key)), optax.adam(1e-2))

    def update(self, state, batch, step, key):
        loss = lambda part: (jnp.mean((jax.vmap(part.net)(batch.action) - batch.action) ** 2), {})
        state, value, _ = state.descend(loss, optax.adam(1e-2))
        return state, {"loss": value}

    def result(self, state):
        return state.model


class Staged(Clone):
    squash: Squash = given(Squash, default=LearnSquash())

    def loss(self, net, batch):
        return jnp.mean((jax.vmap(lambda o: self.squash.net(net(o)))(batch.observation) - batch.action) ** 2)

    def policy(self, state):
        return Squashed(self.spec, state.best, self.squash)


class Squashed(Policy):
    net: Net
    squash: Squash

    def act(self, observation, memory, key):
        return Act(self.squash.net(self.net(observation)), memory)


class Reuse(Method):
    """Holds a brought policy and learns nothing."""

    base: Policy = given(Policy)
    learns_from: Source = Transitions(batch=1)
    updates: int = 0

    def init(self, key):
        return ()

    def policy(self, state):
        return Halved(self.spec, self.base)


class Halved(Policy):
    base: Policy

    def start(self, key):
        return self.base.start(key)

    def act(self, observation, memory, key):
        act = self.base.act(observation, memory, key)
        return act._replace(action=act.action / 2)


ALL = {"toy-clone": Clone, "toy-online": Online, "toy-staged": Staged, "toy-reuse": Reuse}


def register():
    from agir.core import registry

    if "toy" not in registry.names("task"):
        registry.add("task", "toy", Toy)
        for name, kind in ALL.items():
            registry.add("method", name, kind, "a toy")
        for kind in (LearnSquash,):
            registry.add("part", kind.__name__, kind, "a toy")
