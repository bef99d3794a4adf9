"""Behavior Retrieval (Du et al. 2023, arXiv 2304.08742; code MaxDu17/BehaviorRetrieval): what to learn from in a pile of other data.

    stages     a variational autoencoder of the prior data's pairs (o, a), error + beta KL; the prior rows that are nearest to a
               demonstrated one, by |[z, a] - [z', a']| with z the encoder's mean                    (training/retrieval.py)
    training   max_p  E log p(a | o),    half of a batch from the demonstrations, half from the retrieved rows
    acting     as behaviour cloning does

A few demonstrations say what is meant, and pick from a large unlabelled dataset (`--prior-data`), much of it of other tasks or
harmful, what is like them. `--retrieved.keep` as large as the prior data is cloning both in balance.

Deviations: a number of rows is kept, not those above a threshold that is tuned (the same by another name); observations are
reconstructed all in one vector by an MLP, images by their pixels; one MLP over single steps or chunks where the paper's policy is
recurrent too (its head is a mixture, as here). Normalisation is that of both datasets together.
"""

from typing import Any

import jax
import jax.numpy as jnp

from agir.core.nouns import Learner, Source, Window, given
from agir.core.spaces import Key
from agir.training.clone_method import CloneMethod
from agir.training.retrieval import PRIOR, Chosen, FitRetrieval, Retrieved
from agir.training.sources import Mixture, Windows
from agir.training.state import Trained


class BehaviorRetrieval(CloneMethod):
    retrieved: Retrieved | Learner = given(Retrieved, default=FitRetrieval(), about="the prior rows that are like the demonstrations")
    head: str = "mixture"  # what numbers are cloned by: mse, gaussian or mixture (paper)
    learns_from: Source = Mixture({"demonstrations": Windows(batch=128), PRIOR: Chosen(batch=128)})

    def update(self, state: Trained, batch: dict[str, Window], step: Any, key: Key) -> tuple[Trained, dict]:
        together = jax.tree.map(lambda *parts: jnp.concatenate(parts), batch["demonstrations"], batch[PRIOR])
        return super().update(state, together, step, key)

    def validate(self, state: Trained, batch: dict[str, Window], key: Key) -> dict:
        """On held-out demonstrations alone."""
        return super().validate(state, batch["demonstrations"], key)
