"""A variational autoencoder of vectors (Kingma & Welling 2014)."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.generators.variational import divergence
from agir.networks.mlp import MLP


class Autoencoder(eqx.Module):
    """x -> q(z | x) = N(mean, diag exp(log variance)) -> x."""

    encoder: MLP
    decoder: MLP

    @classmethod
    def create(cls, size: int, latent: int, key: Key, width: int = 128, depth: int = 2) -> "Autoencoder":
        into, out = jax.random.split(key)
        return cls(MLP(size, 2 * latent, into, width=width, depth=depth), MLP(latent, size, out, width=width, depth=depth))

    def encode(self, x: Float[Array, " size"]) -> tuple[Float[Array, " latent"], Float[Array, " latent"]]:
        """-> mean and log variance."""
        return tuple(jnp.split(self.encoder(x), 2))

    def losses(self, x: Float[Array, " size"], key: Key) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """-> the mean squared error of the reconstruction, and the divergence from N(0, 1) (the sum over z's entries)."""
        mean, log_variance = self.encode(x)
        z = mean + jnp.exp(0.5 * log_variance) * jax.random.normal(key, mean.shape)
        return jnp.mean((self.decoder(z) - x) ** 2), divergence(mean, log_variance)
