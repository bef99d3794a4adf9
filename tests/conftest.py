"""Strict: shapes are checked at run time, our warnings are errors, no implicit promotion of ranks or dtypes."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("MUJOCO_GL", "egl")

from jaxtyping import install_import_hook

install_import_hook("agir", "beartype.beartype")

import jax  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
