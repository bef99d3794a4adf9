"""Contrastive losses: features of what belongs together are drawn together, all others apart."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def soft_contrast(
    features: Float[Array, "batch size"], weights: Float[Array, "batch batch"], temperature: Float[Array, ""]
) -> Float[Array, ""]:
    """-mean_i sum_j w_ij log softmax_j(cos(z_i, z_j) / temperature) / sum_j w_ij, over j other than i (CLASS; Lee et al. 2025).

    `weights` [i, j] say how much j belongs to i (its diagonal is not looked at); rows without any are left out, and a batch without
    any such pair has loss 0.
    """
    others = 1 - jnp.eye(len(features))
    unit = features * jax.lax.rsqrt(jnp.maximum((features**2).sum(1, keepdims=True), 1e-12))
    alike = unit @ unit.T / temperature
    log_share = alike - jax.nn.logsumexp(jnp.where(others > 0, alike, -jnp.inf), axis=1, keepdims=True)
    total = (weights * others).sum(1)
    each = -(weights * others * log_share).sum(1) / jnp.maximum(total, 1e-8)
    return jnp.where(total > 1e-6, each, 0.0).sum() / jnp.maximum((total > 1e-6).sum().astype(jnp.float32), 1.0)
