"""FAST (Pertsch et al. 2025, arXiv 2501.09747): an autoregressive policy over compressed frequencies of action chunks.

    tokens     a chunk's cosine transform along time, times `scale` and rounded, the lowest frequencies of all entries first,
               then byte-pair encoding (actions/frequencies.py)
    training   max  E sum_i log p(token_i | token_1 .. token_i-1, o)
    acting     the likeliest tokens, one by one until they say a whole chunk; its next `execute` actions are done, then the next chunk

o are the last `history` observations, a chunk is the `tokens.horizon` actions from now on. Smooth chunks have few frequencies that
matter, so they become few tokens that each say much; bins of single numbers would be as many as the chunk has numbers, each nearly
said by the one before it.

The merges are a stage, fitted to the data: each of its updates counts the pairs in `tokens.batch` windows and merges the most
frequent one.

Deviations: a small transformer in the place of a vision-language model; each merge counts pairs in a fresh random share of the
windows (the released code: once in all), without the byte-level alphabet and the splitting into words that its text library brings
along; the alphabet is all integers that a chunk within -1 and 1 can lead to (the code: those that the data led to); normalisation is
the dataset's (the paper: 1st and 99th percentile to -1 and 1); a token that says more than is left of a chunk has probability 0 and
there is no end token (the code: an end token, and a chunk of zeros where a sequence does not say a whole one).
"""

from typing import Any

from agir.actions.frequencies import FastTokens
from agir.core.nouns import Learner, given
from agir.core.spaces import Key
from agir.data.windows import window_horizon
from agir.generators.autoregressive import Autoregressive
from agir.networks.sequence import TokenTransformer
from agir.training.chunk_method import GeneratingMethod
from agir.training.fit import FitFast


class Fast(GeneratingMethod):
    tokens: FastTokens | Learner = given(FastTokens, default=FitFast(), about="how chunks are spelt")
    temperature: float = 0.0  # of the tokens drawn: 0 the likeliest (openpi), 1 as they were learnt

    @property
    def horizon(self) -> int:
        """The window's: a chunk begins at the last observation."""
        return window_horizon(self.history, self.tokens.horizon)

    def create(self, features: int, key: Key) -> Autoregressive:
        context = (self.history, features)
        network = TokenTransformer.create(self.tokens.vocabulary, self.tokens.longest, context, key, self.width, self.depth)
        return Autoregressive(self.history - 1, self.spec.action.shape, network)

    def tuning(self) -> dict[str, Any]:
        return {"tokens": self.tokens, "temperature": self.temperature}
