"""The scenes of planar in which the hand works against a fixture and feels it: a peg into a slot, a surface to be wiped."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from agir.core.spaces import Key
from agir.tasks.planar.scenes import Column, Drive, Plan, Scene, uniform
from agir.tasks.planar.world import STIFFNESS, STRIDE_M, TABLE_M, Outfit, Physics
from agir.tasks.raster import Figure

LONGEST_N = STIFFNESS * 2 * STRIDE_M  # what the force reading cannot exceed by far
PEG_M, SLOT_M, IN_M = (0.02, 0.05), 0.08, 0.07  # half the peg's sides; how deep the slot is, and the peg when it is in
OUTER_M = 1.5  # the blocks reach beyond the table
BAND_N, BREAK_N = (2.0, 6.0), 12.0  # wiping needs a force in this band; above this the surface breaks
STRIP_M, CELLS, SHARE = 0.3, 20, 0.8  # wiped from -STRIP_M to STRIP_M in x, in so many cells, of which so many at least


def walls(figures: tuple, fixture: Float[Array, "2"]) -> list[Figure]:
    """Upright boxes (lower left and upper right corners) that stand aside by `fixture`, as they are seen: no larger than the table."""
    made = []
    for low, high in figures:
        inside = [jnp.clip(jnp.array(corner, jnp.float32) + fixture, -TABLE_M, TABLE_M) for corner in (low, high)]
        made.append(Figure("wall", (inside[0] + inside[1]) / 2, (inside[1] - inside[0]) / 2))
    return made


class Insert(Scene):
    """A peg in the hand goes into the slot of a block, whose place is told with an error of up to `blind`, felt otherwise."""

    def __init__(self, settings: SimpleNamespace):
        super().__init__(settings)
        half = PEG_M[0] + settings.clearance / 2
        left, right = ((-OUTER_M, -OUTER_M), (-half, 0.0)), ((half, -OUTER_M), (OUTER_M, 0.0))
        self.outfit = Outfit(hand=PEG_M, walls=(left, right, ((-half, -OUTER_M), (half, -SLOT_M))))

    jumps = 1

    @property
    def columns(self) -> tuple[Column, ...]:
        force = Column("force", 2, -LONGEST_N, LONGEST_N, True)
        return *self.place, force, Column("slot", 2, -TABLE_M, TABLE_M)

    def begin(self, key: Key) -> Physics:
        start, slot, error, when, far = jax.random.split(key, 5)
        of = self.settings
        hand = uniform(start, (-0.4, 0.1), (0.4, 0.4))
        fixture = uniform(slot, (-0.3, -0.25), (0.3, -0.15))
        told = fixture + of.blind * jnp.append(uniform(error, (-1.0,), (1.0,)), jnp.zeros(1))
        jump = jnp.append(jax.random.randint(when, (1,), 5, 40).astype(jnp.float32), of.disturb * uniform(far, (-1.0,), (1.0,)))
        jumps = jnp.append(jump, jnp.zeros(1))[None]
        return self.still(jnp.append(hand, jnp.zeros(1)), fixture=fixture, told=told, jumps=jumps)

    def depth(self, physics: Physics) -> Float[Array, ""]:
        """How far the peg's tip is below the block's top."""
        return physics.fixture[1] - (physics.hand[1] - PEG_M[1])

    def judge(self, before: Physics, physics: Physics) -> Physics:
        work = (jnp.abs(before.hand[0] - before.told[0]) < 0.03) & (self.depth(before) > -0.06)
        return physics._replace(done=self.depth(physics) > IN_M, phase=work.astype(jnp.int32))

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        return [*self.of_hand(physics), physics.force, physics.told]

    def figures(self, physics: Physics) -> list[Figure]:
        return walls(self.outfit.walls, physics.fixture)

    def info(self, physics: Physics) -> dict:
        """`force` (N) on the hand, and `depth` (m) of the peg's tip below the block's top."""
        return {"force": physics.force, "depth": self.depth(physics)}

    def drive(self, physics: Physics, plan: Plan) -> Drive:
        """Above where the slot is told to be; down; where that is resisted, along the block to and fro, pressing, until it falls in."""
        of, hand = self.settings, physics.hand[:2]
        off = physics.told + jnp.array([0.0, PEG_M[1] + 0.03]) - hand
        top = physics.told[1] + PEG_M[1]
        above = (plan.phase == 0) & ((off**2).sum() < 0.0015**2)
        resisted = (plan.phase == 1) & (physics.force[1] > 0.5) & (hand[1] > top - 0.003)
        fell = (plan.phase == 2) & (hand[1] < top - 0.003)
        phase = jnp.where(above, 1, jnp.where(resisted, 2, jnp.where(fell, 3, plan.phase))).astype(jnp.int32)
        beyond = hand[0] - physics.told[0]
        most = of.blind + of.disturb + 0.004
        turn = jnp.where(jnp.abs(beyond) > most, -jnp.sign(beyond), plan.turn)
        search = jnp.stack([0.004 * turn, jnp.float32(-0.006)])
        down = jnp.stack([jnp.where(phase == 1, off[0], 0.0), jnp.float32(-0.015)])
        stride = jnp.where(phase == 0, off, jnp.where(phase == 2, search, down))
        near = (off**2).sum() < 0.02**2
        return Drive(jnp.append(stride, jnp.zeros(1)), plan._replace(phase=phase, turn=turn), precise=(phase > 0) | near)


class Wipe(Scene):
    """The hand wipes a surface from left to right with a force in BAND_N; how high the surface stands is felt only, and changes."""

    outfit = Outfit(walls=(((-OUTER_M, -OUTER_M), (OUTER_M, 0.0)),))
    jumps = 3

    @property
    def columns(self) -> tuple[Column, ...]:
        return *self.place, Column("force", 2, -LONGEST_N, LONGEST_N, True)

    def begin(self, key: Key) -> Physics:
        start, high, when, far, sign = jax.random.split(key, 5)
        hand = uniform(start, (-0.42, 0.0), (-0.36, 0.1))
        level = uniform(high, (-0.2,), (-0.1,))
        steps = jax.random.randint(when, (self.jumps, 1), 12, 45).astype(jnp.float32)
        size = self.settings.disturb * jax.random.uniform(far, (self.jumps, 1), jnp.float32, 0.5, 1.0)
        size = jnp.where(jax.random.bernoulli(sign, shape=(self.jumps, 1)), size, -size)
        jumps = jnp.concatenate([steps, jnp.zeros((self.jumps, 1)), size], 1)
        fixture = jnp.append(jnp.zeros(1), level)
        return self.still(jnp.append(hand, jnp.zeros(1)), fixture=fixture, jumps=jumps, letters=jnp.zeros(CELLS, jnp.int32))

    def judge(self, before: Physics, physics: Physics) -> Physics:
        x, force = physics.hand[0], physics.force[1]
        cell = jnp.floor((x + STRIP_M) / (2 * STRIP_M) * CELLS).astype(jnp.int32)
        pressed = (force >= BAND_N[0]) & (force <= BAND_N[1])
        wiped = jnp.maximum(physics.letters, ((jnp.arange(CELLS) == cell) & pressed).astype(jnp.int32))
        kept, over = wiped.sum().astype(jnp.int32), x > STRIP_M
        enough = kept >= round(SHARE * CELLS)
        failed = (jnp.sqrt((physics.force**2).sum()) > BREAK_N) | (over & ~enough)
        touched = (before.force[1] > 0).astype(jnp.int32)
        return physics._replace(letters=wiped, kept=kept, done=over & enough, failed=failed, phase=touched)

    def values(self, physics: Physics) -> list[Float[Array, "..."]]:
        return [*self.of_hand(physics), physics.force]

    def figures(self, physics: Physics) -> list[Figure]:
        return walls(self.outfit.walls, physics.fixture)

    def info(self, physics: Physics) -> dict:
        """`force` (N) on the hand, and the share of the strip that is `wiped`."""
        return {"force": physics.force, "wiped": physics.kept.astype(jnp.float32) / CELLS}

    def drive(self, physics: Physics, plan: Plan) -> Drive:
        """Down until it feels the surface; then along it, pressing as deep as gives the middle of the band; down again where it is lost."""
        press = sum(BAND_N) / 2 / STIFFNESS
        touching = physics.force[1] > 0.2
        along = jnp.where(touching, 0.02, 0.0)
        return Drive(jnp.stack([along, jnp.where(touching, -press, -1.25 * press), jnp.zeros(())]), plan, precise=touching)
