"""The scenes of planar in which a body is brought to a place: pushed, or gripped and dragged."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.errors import BadSetting
from agir.core.spaces import Key
from agir.tasks.contact import length, turned
from agir.tasks.planar.scenes import Column, Drive, Plan, Scene, scattered, spaced
from agir.tasks.planar.world import FINGER_M, HAND_M, STRIDE_M, TABLE_M, WIDEST_M, Outfit, Physics
from agir.tasks.raster import Figure

DISC_M, BOX_M, CLUTTER_M = 0.07, (0.08, 0.05), 0.04
BROUGHT_M = 0.05  # from the goal, of the body's middle
LONG_WAY = 2.0  # rad: from here on either way round the body is as good


class Push(Scene):
    """The hand pushes the first body to the goal; `distractors` more discs lie about and can be pushed too."""

    def __init__(self, settings: SimpleNamespace):
        super().__init__(settings)
        halves, radii = ((BOX_M,), (0.005,)) if settings.shape == "box" else (((0.0, 0.0),), (DISC_M,))
        more = settings.distractors
        self.outfit = Outfit(halves + ((0.0, 0.0),) * more, radii + (CLUTTER_M,) * more, settings.friction, fingers=self.fingers)

    fingers = False

    @property
    def turns(self) -> bool:
        """Whether the body's angle can be seen at all."""
        return self.settings.shape == "box"

    @property
    def columns(self) -> tuple[Column, ...]:
        places = (Column("object", 2, -TABLE_M, TABLE_M), Column("goal", 2, -TABLE_M, TABLE_M))
        places += (Column("angle", 2, -1.0, 1.0),) * self.turns
        return self.place + places + (Column("distractor", 2, -TABLE_M, TABLE_M),) * self.settings.distractors

    def begin(self, key: Key) -> Physics:
        first, end, turn, start, others = jax.random.split(key, 5)
        low, far = self.region()
        goal = spaced(end, (max(low, -0.3), -0.3), (min(far, 0.3), 0.3), [jnp.full(2, 9.0)], 0.0)
        body = spaced(first, (-0.25, -0.25), (0.25, 0.25), [goal], 0.18)
        angle = jax.random.uniform(turn, (1,), jnp.float32, -jnp.pi, jnp.pi) if self.turns else jnp.zeros(1)
        hand = spaced(start, (-0.42, -0.42), (0.42, 0.42), [body], 0.18)
        places = scattered(others, self.settings.distractors, 0.4, [body, goal, hand], 0.16)
        bodies = jnp.stack([jnp.append(body, angle), *(jnp.append(place, jnp.zeros(1)) for place in places)])
        return self.still(jnp.append(hand, jnp.zeros(1)), goal=jnp.append(goal, jnp.zeros(1)), bodies=bodies)

    def judge(self, before: Physics, physics: Physics) -> Physics:
        touched = (length(before.bodies[0, :2] - before.hand[:2]) < self.clear + 0.03).astype(jnp.int32)
        return physics._replace(done=length(physics.bodies[0, :2] - physics.goal[:2]) < BROUGHT_M, phase=touched)

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        first = physics.bodies[0]
        angle = [jnp.stack([jnp.cos(first[2]), jnp.sin(first[2])])] * self.turns
        return [*self.of_hand(physics), first[:2], physics.goal[:2], *angle, *physics.bodies[1:, :2]]

    def figures(self, physics: Physics) -> list[Figure]:
        made = [Figure("goal", physics.goal[:2], radius=BROUGHT_M)]
        outlines = list(zip(physics.bodies, self.outfit.half, self.outfit.radius))
        made += [Figure("distractor", pose[:2], half, radius, pose[2]) for pose, half, radius in outlines[1:]]
        return made + [Figure("object", pose[:2], half, radius, pose[2]) for pose, half, radius in outlines[:1]]

    @property
    def clear(self) -> float:
        """How far the hand's middle is from the body's when it is sure not to touch."""
        return float(self.outfit.around[0]) + HAND_M

    def drive(self, physics: Physics, plan: Plan) -> Drive:
        """Round the body at a distance until behind it, then ahead on the line to the goal, back onto which each stride leads."""
        body, hand = physics.bodies[0, :2], physics.hand[:2]
        to, off = physics.goal[:2] - body, hand - body
        ahead = to / length(to)
        left = jnp.stack([-ahead[1], ahead[0]])
        aside, back = off @ left, -(off @ ahead)
        behind = jnp.arctan2(-aside, back)  # the hand's angle about the body, from right behind it
        near = length(off) < self.clear + 0.01
        ready = (back > 0) & (jnp.abs(aside) < jnp.where(near, 0.03, 0.01))
        push = ahead * jnp.minimum(STRIDE_M, length(to)) - left * aside

        way = jnp.where((jnp.abs(behind) > LONG_WAY) & (plan.side != 0), jnp.sign(plan.side), -jnp.sign(behind))
        angle = behind + way * jnp.minimum(0.7, jnp.abs(behind))
        around = body + (self.clear + 0.03) * turned(-ahead, angle) - hand
        stage = body - ahead * (self.clear + 0.015) - hand
        stride = jnp.where(ready, push, jnp.where(jnp.abs(behind) > 0.25, around, stage))
        return Drive(jnp.append(stride, jnp.zeros(1)), plan, precise=ready | near)


class Grasp(Push):
    """Two fingers close on the disc (they lie left and right of the hand, along x) and drag it to the goal."""

    fingers = True

    @property
    def columns(self) -> tuple[Column, ...]:
        hand, others = self.place, super().columns[len(self.place) :]
        return (*hand, Column("opening", 1, 0.0, WIDEST_M, True), *others)

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        hand, own = super().values(physics), self.of_hand(physics)
        return [*own, physics.opening[None], *hand[len(own) :]]

    def check(self) -> None:
        if self.settings.shape != "disc" or self.settings.embodiment == "point":
            raise BadSetting("planar/grasp: a gripper or a hand holds a disc. Leave out shape, and take embodiment=gripper or hand.")

    def drive(self, physics: Physics, plan: Plan) -> Drive:
        """Beside the body in y, open; over it in x; onto it in y; close; drag."""
        body, hand = physics.bodies[0, :2], physics.hand[:2]
        off = body - hand
        centred = (jnp.abs(off[0]) < 0.012) & (jnp.abs(off[1]) < 0.005)
        closed = physics.opening < 2 * DISC_M + 1e-3
        gripped = closed & (jnp.abs(off[0]) < 0.004) & (jnp.abs(off[1]) < 0.015)
        beside = DISC_M + FINGER_M + 0.03
        below = jnp.where(plan.side == 0, jnp.where(off[1] >= 0, -1.0, 1.0), jnp.where(plan.side >= 0, 1.0, -1.0))
        within = jnp.abs(off[0]) < 0.012
        lane = body[1] + below * beside  # the height at which it passes beside the body
        clear = jnp.abs(off[1]) > beside - 0.01
        pass_by = jnp.stack([jnp.where(clear, off[0], 0.0), lane - hand[1]])
        stride = jnp.where(within, off, pass_by)
        stride = jnp.where(centred, 0.0, stride)
        stride = jnp.where(gripped, physics.goal[:2] - body, stride)
        closing = jnp.where(centred | gripped, -0.03, 0.05)
        return Drive(jnp.append(stride, jnp.zeros(1)), plan, closing, within)
