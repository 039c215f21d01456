"""Problems made by chance: a small function to write, its tests, and a wrong program beside it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gym_reason.envs.code.inputs import CORNERS, draw_pool
from gym_reason.envs.code.near_misses import near_misses, without_a_step
from gym_reason.envs.code.operations import TOPICS, operations_of
from gym_reason.envs.code.tree import (
    ENTRY,
    Operation,
    Program,
    Step,
    TooLargeError,
    Value,
    describe_program,
    evaluate,
    write_call,
    write_header,
    write_program,
)
from gym_reason.errors import EnvError
from gym_reason.seeding import content_id

MAX_DEPTH = 6
"""Most operations of a program."""

_TRIES = 2_000
_MOST_COMMON = 0.6
_NEAR_MISSES = 40
_SHOWN_CHARS = 16

Outputs = list[Value | None]
"""What a program gives for each input of a pool; None where a value is too large."""


@dataclass(frozen=True, slots=True)
class Case:
    """Arguments and what the function returns for them."""

    arguments: tuple[Value, ...]
    """The arguments."""
    result: Value
    """The result."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A function to write."""

    program: Program
    """The reference."""
    examples: tuple[Case, ...]
    """The tests that may be shown."""
    tests: tuple[Case, ...]
    """The tests that may not; none of their inputs is shown."""
    wrong: Program
    """A near miss that fails a hidden test."""

    @property
    def id(self) -> str:
        """Its name, which depends on what is asked alone."""
        return program_id(self.program)

    @property
    def description(self) -> str:
        """What the function has to return, in English."""
        return describe_program(self.program)

    @property
    def header(self) -> str:
        """The line that begins the function."""
        return write_header(self.program)

    @property
    def solution(self) -> str:
        """The reference as Python."""
        return write_program(self.program)


def program_id(program: Program) -> str:
    """Return a stable name for what a program computes."""
    return content_id("code", write_header(program), describe_program(program))


def draw_problem(
    rng: np.random.Generator,
    topic: str,
    depth: int,
    examples: int,
    tests: int,
    accept: Callable[[str], bool],
) -> Problem:
    """Return a problem drawn with `rng` alone.

    Args:
        rng: Where it comes from.
        topic: One of TOPICS.
        depth: How many operations the reference has, from 1 to MAX_DEPTH.
        examples: How many public tests there are.
        tests: How many hidden tests there are; more where near misses need them.
        accept: Says whether a problem of that name may be drawn.

    Raises:
        EnvError: Where no problem is found.
    """
    operations = operations_of(topic)
    for _ in range(_TRIES):
        program = draw_program(rng, topic, operations, depth)
        if program is None or not accept(program_id(program)):
            continue
        problem = _make_problem(rng, program, operations, examples, tests)
        if problem is not None:
            return problem
    raise EnvError(f"no problem of topic {topic!r} and depth {depth}", "another depth or split")


def draw_program(
    rng: np.random.Generator, topic: str, operations: Sequence[Operation], depth: int
) -> Program | None:
    """Return a program of `depth` steps, each on the one before; None where there is no way on."""
    first = operations[int(rng.random() * len(operations))]
    arguments: list[str] = list(first.takes)
    steps = [_make_step(rng, first, tuple(range(len(arguments))))]
    # Arguments that a later step brings are numbered once all of them are known.
    pending: list[tuple[Operation, list[str | int]]] = []
    kind = first.gives
    for number in range(1, depth):
        fitting = [one for one in operations if kind in one.takes]
        if not fitting:
            return None
        operation = fitting[int(rng.random() * len(fitting))]
        pending.append(
            (operation, _choose_inputs(rng, operation, kind, number, arguments, steps, pending))
        )
        kind = operation.gives
    count = len(arguments)
    for operation, places in pending:
        inputs = tuple(count + place if isinstance(place, int) else int(place) for place in places)
        steps.append(_make_step(rng, operation, inputs))
    if topic == "recursion" and not any(step.operation.topic == topic for step in steps):
        return None
    if any(arguments.count(kind) > 2 for kind in arguments):
        return None
    return Program(tuple(arguments), tuple(steps))


def _choose_inputs(
    rng: np.random.Generator,
    operation: Operation,
    kind: str,
    number: int,
    arguments: list[str],
    steps: list[Step],
    pending: list[tuple[Operation, list[str | int]]],
) -> list[str | int]:
    """Return the inputs of step `number`: numbers of steps, or numbers of arguments as text."""
    slots = [slot for slot, taken in enumerate(operation.takes) if taken == kind]
    main = slots[int(rng.random() * len(slots))]
    gives = [steps[0].operation.gives, *(one.gives for one, _ in pending)]
    inputs: list[str | int] = []
    for slot, taken in enumerate(operation.takes):
        if slot == main:
            inputs.append(number - 1)
            continue
        known: list[str | int] = [str(i) for i, one in enumerate(arguments) if one == taken]
        known += [i for i, one in enumerate(gives[:-1]) if one == taken]
        if known and rng.random() < 0.5:
            inputs.append(known[int(rng.random() * len(known))])
        else:
            inputs.append(str(len(arguments)))
            arguments.append(taken)
    return inputs


def _make_step(rng: np.random.Generator, operation: Operation, inputs: tuple[int, ...]) -> Step:
    constants = operation.constants
    constant = constants[int(rng.random() * len(constants))] if constants else None
    return Step(operation, inputs, constant)


def _make_problem(
    rng: np.random.Generator,
    program: Program,
    operations: tuple[Operation, ...],
    examples: int,
    tests: int,
) -> Problem | None:
    """Return the problem of a program, or None where it is degenerate."""
    pool = draw_pool(program.arguments, rng)
    outputs = run_pool(program, pool)
    kept = [number for number, output in enumerate(outputs) if output is not None]
    pool, outputs = [pool[number] for number in kept], [outputs[number] for number in kept]
    if len(pool) < examples + tests or is_dull(outputs):
        return None
    if any(not _differing(outputs, run_pool(other, pool)) for other in without_a_step(program)):
        return None  # a step does nothing
    variants = near_misses(program, operations)
    if len(variants) > _NEAR_MISSES:
        order = rng.permutation(len(variants))[:_NEAR_MISSES]
        variants = [variants[number] for number in sorted(order)]
    differing = [_differing(outputs, run_pool(variant, pool)) for variant in variants]
    shown = _choose_shown(pool, outputs, examples)
    hidden = choose_tests(differing, [i for i in range(len(pool)) if i not in shown], tests)
    wrong = [v for v, places in zip(variants, differing, strict=True) if places & set(hidden)]
    if not wrong:
        return None

    def case(number: int) -> Case:
        result = outputs[number]
        assert result is not None
        return Case(pool[number], result)

    return Problem(
        program,
        tuple(map(case, shown)),
        tuple(map(case, hidden)),
        wrong[int(rng.random() * len(wrong))],
    )


def run_pool(program: Program, pool: Sequence[tuple[Value, ...]]) -> Outputs:
    """Return what a program gives for each input."""
    outputs: Outputs = []
    for arguments in pool:
        try:
            outputs.append(evaluate(program, arguments))
        except TooLargeError:
            outputs.append(None)
    return outputs


def is_dull(outputs: Outputs) -> bool:
    """Return whether a program that always returns the same is right too often."""
    counts: dict[str, int] = {}
    for output in outputs:
        counts[repr(output)] = counts.get(repr(output), 0) + 1
    return max(counts.values()) > _MOST_COMMON * len(outputs)


def choose_tests(differing: Sequence[set[int]], candidates: Sequence[int], count: int) -> list[int]:
    """Return the places of the inputs that tell the most near misses apart, at least `count`.

    Args:
        differing: For each near miss, where it differs from the reference.
        candidates: The places that may be taken.
        count: How many are taken even when all near misses are told apart.
    """
    chosen: list[int] = []
    left = [places for places in differing if places & set(candidates)]
    while left:
        best = max(candidates, key=lambda place: (sum(place in one for one in left), -place))
        chosen.append(best)
        left = [places for places in left if best not in places]
    rest = [place for place in candidates if place not in chosen]
    return chosen + rest[: max(0, count - len(chosen))]


def _differing(outputs: Outputs, others: Outputs) -> set[int]:
    pairs = enumerate(zip(outputs, others, strict=True))
    return {
        number for number, (one, other) in pairs if type(one) is not type(other) or one != other
    }


def _choose_shown(pool: Sequence[tuple[Value, ...]], outputs: Outputs, count: int) -> list[int]:
    """Return the places of examples: neither trivial nor long, with results that differ."""

    def rank(place: int) -> tuple[bool, bool, int]:
        trivial = outputs[place] in (0, -1, "", [])
        length = len(repr(pool[place]))
        return trivial, place < CORNERS, abs(length - _SHOWN_CHARS * len(pool[place]))

    order = sorted(range(len(outputs)), key=rank)
    chosen: list[int] = []
    for place in order:
        if len(chosen) < count and all(outputs[place] != outputs[other] for other in chosen):
            chosen.append(place)
    chosen += [place for place in order if place not in chosen][: count - len(chosen)]
    return chosen


def write_asserts(cases: Sequence[Case]) -> str:
    """Return tests as a reference of the verifier `code`."""
    lines = [f"assert {write_call(case.arguments)} == {case.result!r}" for case in cases]
    return json.dumps({"type": "assert", "entry": ENTRY, "code": "\n".join(lines)})


__all__ = ["MAX_DEPTH", "TOPICS", "Case", "Problem", "draw_problem", "program_id", "write_asserts"]
