"""Streaming Flow Policy (Jiang et al. 2025, arXiv 2505.21851): actions along a flow whose time is the time of execution.

    training   min_v  E |v(a, s, o) - (H xi'(s) - k (a - xi(s)))|^2       a ~ N(xi(s), sigma^2 exp(-2 k s / H))
    acting     from the action done last (and noise of sigma), a <- a + v(a, s, o) / H: each such action is done at once, without waiting
               for the rest; after `execute` of them the observations are looked at again

xi are the demonstrated actions, o the last `history` observations when the plan began; see generators/streaming_flow.py. The
network sees one action, not a chunk: "mlp" or "transformer".

Deviations: time is counted in actions. xi(0) is the demonstrator's last action, 0 before the first (the paper's experiments on
positions take the robot's place); as a robot's place is, an action is within its bounds before the next goes on from it, or it
could run away. One Euler step for an action (the released code: 6 by an adaptive solver; `passes`). Several times are drawn from a
window in one update, where the paper draws one: the network is that much smaller. The variant with a latent that lets a tube widen
is not here.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.nouns import Policy
from agir.core.spaces import Key, flat_size
from agir.data.normalization import clip
from agir.generators.chunk_model import ChunkModel
from agir.generators.streaming_flow import StreamingFlow
from agir.networks.denoiser import AtOnce
from agir.runtime.executors import Streamer, Streaming
from agir.training.chunk_method import ChunkMethod
from agir.training.state import Trained


class StreamingFlowPolicy(ChunkMethod):
    networks = ("mlp", "transformer")
    unfit = "sees chunks, and a streaming flow moves one action"

    network: str = "mlp"  # mlp or transformer: it sees one action
    spread: float = 0.1  # sigma, of the tube around a demonstration where it begins, in normalised actions (paper's code)
    gain: float = 2.5  # k, how fast the tube narrows (paper's code)
    noises: int = 4  # times and noises drawn from each window for an update (paper: 1)
    passes: int = 1  # of the network for an action

    def create(self, features: int, key: Key) -> StreamingFlow:
        """Raises BadSetting for a history of one, whose windows do not hold the last action."""
        if self.history < 2:
            raise BadSetting("A streaming flow begins at the action done last, which a window holds from --history 2 on.")
        if self.passes < 1:
            raise BadSetting(f"--passes is at least 1, not {self.passes}.")
        chunk, context = (1, flat_size(self.spec.action)), (self.history, features)
        network = AtOnce.create(self.network, chunk, context, key, self.width, self.depth)
        return StreamingFlow(network, self.horizon, self.history, self.spec.action.shape, self.passes)

    def tuning(self) -> dict[str, Any]:
        return {"spread": self.spread, "gain": self.gain}

    def policy(self, state: Trained) -> Policy:
        if self.execute > self.horizon - self.history + 1:
            raise BadSetting(f"--execute {self.execute} is more than the flow is learnt for: at most {self.horizon - self.history + 1}.")
        return Streaming(self.spec, FlowStreamer(self.spec, self.tuned(state.best)), self.history, self.execute)


class FlowStreamer(Streamer):
    """A plan is the context, the action where the flow is, and how many steps it has gone."""

    model: ChunkModel

    def begin(self, observations: Any, last: Float[Array, "..."], key: Key) -> Any:
        return self.model.encoder(observations), self.model.generator.begin(last, key), jnp.int32(0)

    def follow(self, plan: Any, observation: Any) -> tuple[Any, Any, int]:
        context, action, step = plan
        action = clip(self.spec.action, self.model.generator.move(action, step, context))  # what is done: the flow goes on from there
        return action, (context, action, step + 1), self.model.generator.step_passes
