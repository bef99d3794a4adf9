"""`lean_scan`: a scan that keeps in the loop only what must happen in sequence.

A rollout's body draws random numbers, begins fresh episodes, acts, steps, and computes values and log-probabilities. Only acting
and stepping need the step before. On small networks each operation in a compiled loop costs its launch, not its arithmetic, so the
body is cut by what its operations depend on: `early` ones on nothing that is carried (random numbers, fresh starts), `late` ones
are not needed by the next step (log-probabilities, values). Both are done for many steps at once, in a few wide kernels.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal

BRACKETS = ("jit", "pjit", "closed_call", "core_call")  # calls that only group operations: opened
BLOCK_BYTES = 2**25  # what the early or late operations of one block of steps may make: the rest is done block by block
STORED_BYTES = 2**26  # what may be handed from one part to the next; above it the plain scan is used
SHORT = 16  # scans of fewer steps are not cut: what they would gain is less than the longer compilation

CONSTANT, EARLY, LOOP = 0, 1, 2


def lean_scan(body: Callable, carry: Any, xs: Any, unroll: int = 1) -> tuple[Any, Any]:
    """`jax.lax.scan(body, carry, xs)`, faster: the same values up to the rounding of operations fused in another way.

    For rollouts, not for differentiating through them. Whether and where the body is cut depends on shapes alone.
    """
    leaves, carry_tree = jax.tree.flatten(carry)
    inputs, inputs_tree = jax.tree.flatten(xs)
    steps = inputs[0].shape[0]
    if steps < SHORT:
        return jax.lax.scan(body, carry, xs)

    def flat(*values: Any) -> tuple[list, Any]:
        new, out = body(jax.tree.unflatten(carry_tree, values[: len(leaves)]), jax.tree.unflatten(inputs_tree, values[len(leaves) :]))
        return jax.tree.leaves(new), out

    shapes = [jax.ShapeDtypeStruct(jnp.shape(x), x.dtype) for x in leaves] + [jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in inputs]
    closed, (_, out) = jax.make_jaxpr(flat, return_shape=True)(*shapes)
    parts = None if closed.effects else Parts(closed, len(leaves))
    if parts is None or parts.stored_bytes * steps > STORED_BYTES:
        return jax.lax.scan(body, carry, xs)
    new, stacked = parts.run(leaves, inputs, steps, unroll)
    return jax.tree.unflatten(carry_tree, new), jax.tree.unflatten(jax.tree.structure(out), stacked)


class Operation(NamedTuple):
    equation: Any
    reads: list[int]  # slots
    makes: list[int]


class Parts:
    """A body's operations on numbered slots, in four groups that run one after the other."""

    def __init__(self, closed: ClosedJaxpr, carried: int):
        self.level: list[int] = []  # of each slot: what it depends on
        self.bytes: list[int] = []
        self.fixed: dict[int, Any] = {}  # the values known before the scan
        arguments = [self._slot(var.aval, LOOP if i < carried else EARLY) for i, var in enumerate(closed.jaxpr.invars)]
        self.carry_in, self.x_in = arguments[:carried], arguments[carried:]
        operations: list[Operation] = []
        outputs = self._open(closed.jaxpr, closed.consts, arguments, operations)
        self.carry_out, self.y_out = outputs[:carried], outputs[carried:]
        self._sort(operations)

    def _slot(self, aval: Any, level: int, value: Any = None) -> int:
        self.level.append(level)
        self.bytes.append(math.prod(aval.shape) * getattr(aval.dtype, "itemsize", 8))
        if value is not None:
            self.fixed[len(self.level) - 1] = value
        return len(self.level) - 1

    def _open(self, jaxpr: Any, consts: list, arguments: list[int], operations: list[Operation]) -> list[int]:
        """Appends the operations of `jaxpr`, with every bracket in it opened -> the slots of its outputs."""
        place = dict(zip(jaxpr.invars, arguments))
        place |= {var: self._slot(var.aval, CONSTANT, value) for var, value in zip(jaxpr.constvars, consts)}
        find = lambda atom: self._slot(atom.aval, CONSTANT, atom.val) if isinstance(atom, Literal) else place[atom]
        for equation in jaxpr.eqns:
            reads = [find(atom) for atom in equation.invars]
            if equation.primitive.name in BRACKETS:
                inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
                makes = self._open(getattr(inner, "jaxpr", inner), getattr(inner, "consts", []), reads, operations)
            else:
                level = max((self.level[slot] for slot in reads), default=CONSTANT)
                makes = [self._slot(var.aval, level) for var in equation.outvars]
                operations.append(Operation(equation, reads, makes))
            place |= dict(zip(equation.outvars, makes))
        return [find(atom) for atom in jaxpr.outvars]

    def _sort(self, operations: list[Operation]) -> None:
        at = lambda level: [operation for operation in operations if self.level[operation.makes[0]] == level]
        self.constant, self.early, sequential = at(CONSTANT), at(EARLY), at(LOOP)
        needed, chosen = set(self.carry_out), []
        for operation in reversed(sequential):
            if needed.intersection(operation.makes):
                chosen.append(operation)
                needed.update(operation.reads)
        self.loop = chosen[::-1]
        in_loop = {slot for operation in self.loop for slot in operation.makes} | set(self.carry_in)
        self.late = [operation for operation in sequential if operation.makes[0] not in in_loop]
        reads = lambda group: [slot for operation in group for slot in operation.reads]
        loop_reads, late_reads = reads(self.loop) + self.carry_out, reads(self.late) + self.y_out
        pick = lambda slots, wanted: [slot for slot in dict.fromkeys(slots) if wanted(slot)]
        self.early_to_loop = pick(loop_reads, lambda slot: self.level[slot] == EARLY)
        self.early_kept = pick(loop_reads + late_reads, lambda slot: self.level[slot] == EARLY)
        self.loop_kept = pick(late_reads, in_loop.__contains__)
        self.late_kept = pick(self.y_out, lambda slot: self.level[slot] == LOOP and slot not in in_loop)
        self.late_reads = pick(late_reads, (set(self.early_kept) | set(self.loop_kept)).__contains__)
        self.stored_bytes = sum(self.bytes[slot] for slot in self.early_kept + self.loop_kept if slot not in self.x_in)

    def run(self, carry: list, xs: list, steps: int, unroll: int) -> tuple[list, list]:
        """-> the last carry, and the outputs of all steps."""
        fixed = self.fixed | evaluate(self.constant, self.fixed)
        stored = dict(zip(self.x_in, xs))
        stored |= self._each_step(self.early, fixed, stored, self.early_kept, steps)

        def step(carry: list, now: list) -> tuple[list, list]:
            given = fixed | dict(zip(self.carry_in, carry)) | dict(zip(self.early_to_loop, now))
            here = given | evaluate(self.loop, given)
            return [jnp.asarray(here[slot]) for slot in self.carry_out], [here[slot] for slot in self.loop_kept]

        carry, kept = jax.lax.scan(step, carry, [stored[slot] for slot in self.early_to_loop], length=steps, unroll=unroll)
        stored |= dict(zip(self.loop_kept, kept))
        read = {slot: stored[slot] for slot in self.late_reads}
        stored |= self._each_step(self.late, fixed, read, self.late_kept, steps)
        same = lambda slot: jnp.broadcast_to(fixed[slot], (steps, *jnp.shape(fixed[slot])))
        return carry, [stored[slot] if slot in stored else same(slot) for slot in self.y_out]

    def _each_step(self, group: list[Operation], fixed: dict, inputs: dict, wanted: list[int], steps: int) -> dict:
        """The operations of all steps at once, or block by block where that would take too much memory -> {wanted slot: [steps, ...]}."""
        wanted = [slot for slot in wanted if slot not in inputs]
        if not wanted:
            return {}
        made = sum(self.bytes[slot] for operation in group for slot in operation.makes)

        def one(values: list) -> list:
            given = fixed | dict(zip(inputs, values))
            made = given | evaluate(group, given)
            return [made[slot] for slot in wanted]

        block = max(1, BLOCK_BYTES // max(made, 1))
        values = list(inputs.values())
        done = jax.vmap(one)(values) if block >= steps else jax.lax.map(one, values, batch_size=block)
        return dict(zip(wanted, done))


def evaluate(group: list[Operation], values: dict[int, Any]) -> dict[int, Any]:
    """-> the values of the slots that the operations make."""
    values, new = dict(values), {}
    for equation, reads, makes in group:
        with equation.ctx.manager:
            out = equation.primitive.bind(*(values[slot] for slot in reads), **equation.primitive.get_bind_params(equation.params))
        out = dict(zip(makes, out if equation.primitive.multiple_results else [out]))
        values |= out
        new |= out
    return new
