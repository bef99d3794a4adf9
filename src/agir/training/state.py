"""The state that most learners keep: a model, its optimiser's moments, and where asked an average of its weights."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax


def weights(model: Any) -> Any:
    """The part of a model that gradients reach."""
    return eqx.filter(model, eqx.is_inexact_array)


class Trained(eqx.Module):
    """A model in training. `average` is an exponential moving average of its weights (None: not kept)."""

    model: Any
    moments: Any
    average: Any = None

    @classmethod
    def begin(cls, model: Any, optimiser: optax.GradientTransformation, average: bool = False) -> "Trained":
        return cls(model, optimiser.init(weights(model)), weights(model) if average else None)

    @property
    def best(self) -> Any:
        """The model to evaluate: with the averaged weights, where they are kept."""
        return self.model if self.average is None else eqx.combine(self.average, self.model)

    def descend(self, loss: Callable, optimiser: optax.GradientTransformation, decay: Any = None) -> tuple["Trained", Any, Any]:
        """One step down `loss(model) -> (value, extras)` -> state, value, extras. `decay` is the average's (see `ema_decay`)."""
        (value, extras), gradient = eqx.filter_value_and_grad(loss, has_aux=True)(self.model)
        model, moments = apply(optimiser, gradient, self.moments, self.model)
        average = self.average
        if average is not None:
            average = jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, average, weights(model))
        return Trained(model, moments, average), value, extras


def apply(optimiser: optax.GradientTransformation, gradient: Any, moments: Any, model: Any) -> tuple[Any, Any]:
    """-> model, moments. Optax's schedules promote dtypes, so strictness is lifted for this call alone."""
    with jax.numpy_dtype_promotion("standard"):
        change, moments = optimiser.update(gradient, moments, weights(model))
        return eqx.apply_updates(model, change), moments


def ema_decay(step: Any, power: float = 0.75, highest: float = 0.9999) -> Any:
    """The decay at update `step` (from 0): 1 - step ** -power, and 0 at first; Diffusion Policy's EMAModel (inv_gamma 1) to the step."""
    return jnp.minimum(1 - jnp.maximum(step.astype(jnp.float32), 1.0) ** -power, highest)


def warm_cosine(rate: Any, warmup: int, updates: int) -> Callable:
    """A learning rate that rises linearly for `warmup` updates and falls by half a cosine to 0 at `updates`.

    It rises for a quarter of all updates at most: a short training with a long training's warm-up would hardly learn.
    """
    warmup = min(warmup, updates // 4)

    def schedule(step: Any) -> Any:
        now = jnp.asarray(step, jnp.float32)
        rising = now / max(1, warmup)
        progress = jnp.clip((now - warmup) / max(1, updates - warmup), 0.0, 1.0)
        return rate * jnp.where(now < warmup, rising, 0.5 * (1 + jnp.cos(jnp.pi * progress)))

    return schedule
