"""Answers known in closed form, in the place of networks, and what the tests of generators share."""

import equinox as eqx
import jax
import jax.numpy as jnp

CONTEXT = jnp.zeros((1, 1))


class Constant(eqx.Module):
    value: jax.Array

    def __call__(self, x, times, context):
        return self.value


def posterior(x, time, means, weights, deviation):
    """E[a | x] and E[e | x] where x = (1 - t) e + t a, a is one of `means` [modes, size] plus noise, e ~ N(0, 1); x is [1, size]."""
    variance = time**2 * deviation**2 + (1 - time) ** 2
    off = x - time * means
    share = jax.nn.softmax(jnp.log(weights) - 0.5 * (off**2).sum(-1) / variance)
    action = share @ (means + time * deviation**2 * off / variance)
    return action[None], ((1 - time) * (share @ off) / variance)[None]


class ExactVelocity(eqx.Module):
    """The velocity of the straight flow from N(0, 1) to a mixture of Gaussians; times are as the networks are told them."""

    means: jax.Array
    weights: jax.Array
    deviation: float
    told: float

    def __call__(self, x, times, context):
        action, noise = posterior(x, times[0] / self.told, self.means, self.weights, self.deviation)
        return action - noise


def draw(generator, count=4000, seed=0):
    return eqx.filter_jit(lambda keys: jax.vmap(lambda key: generator.sample(CONTEXT, key))(keys))(
        jax.random.split(jax.random.key(seed), count)
    )
