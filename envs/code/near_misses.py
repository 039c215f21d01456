"""Programs that are almost the right one: what a careless reader of the task would write."""

from collections.abc import Iterator
from dataclasses import replace

from gym_reason.envs.code.tree import Operation, Program, Step


def near_misses(program: Program, known: tuple[Operation, ...]) -> list[Program]:
    """Return the programs that differ from `program` in one place, in a stable order.

    A constant is one of its neighbours; an operation is another one on the same types; a value is
    taken from elsewhere; two inputs are swapped; a step is left out.
    """
    found: dict[tuple[object, ...], Program] = {}
    for number, step in enumerate(program.steps):
        for changed in _changed_steps(program, number, step, known):
            steps = (*program.steps[:number], changed, *program.steps[number + 1 :])
            found.setdefault(_key(steps), replace(program, steps=steps))
    for shorter in without_a_step(program):
        found.setdefault(_key(shorter.steps), shorter)
    found.pop(_key(program.steps), None)
    return list(found.values())


def without_a_step(program: Program) -> list[Program]:
    """Return the programs that leave out one step where the types allow it."""
    found = []
    count = len(program.arguments)
    for number, step in enumerate(program.steps):
        same = [i for i in step.inputs if program.type_of(i) == step.operation.gives]
        if not same or len(program.steps) == 1:
            continue
        place = count + number
        if number == len(program.steps) - 1:
            if same[0] >= count:
                found.append(replace(program, steps=program.steps[: same[0] - count + 1]))
            continue
        moved = tuple(
            replace(later, inputs=tuple(_without(i, place, same[0]) for i in later.inputs))
            for later in program.steps[number + 1 :]
        )
        found.append(replace(program, steps=(*program.steps[:number], *moved)))
    return found


def _without(index: int, place: int, instead: int) -> int:
    if index == place:
        return instead
    return index - 1 if index > place else index


def _changed_steps(
    program: Program, number: int, step: Step, known: tuple[Operation, ...]
) -> Iterator[Step]:
    operation = step.operation
    if step.constant is not None:
        place = operation.constants.index(step.constant)
        for near in (place - 1, place + 1):
            if 0 <= near < len(operation.constants):
                yield replace(step, constant=operation.constants[near])
    if len(step.inputs) == 2 and operation.takes[0] == operation.takes[1]:
        yield replace(step, inputs=step.inputs[::-1])
    for slot, index in enumerate(step.inputs):
        for other in range(len(program.arguments) + number):
            if other != index and program.type_of(other) == operation.takes[slot]:
                yield replace(step, inputs=(*step.inputs[:slot], other, *step.inputs[slot + 1 :]))
    for other_operation in known:
        same_types = (other_operation.takes, other_operation.gives) == (
            operation.takes,
            operation.gives,
        )
        if other_operation.name != operation.name and same_types:
            constants = other_operation.constants
            kept = step.constant if step.constant in constants else None
            constant = kept if kept is not None else (constants[0] if constants else None)
            yield Step(other_operation, step.inputs, constant)


def _key(steps: tuple[Step, ...]) -> tuple[object, ...]:
    return tuple((step.operation.name, step.inputs, step.constant) for step in steps)
