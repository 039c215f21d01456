"""The operations: what is written, what is computed and what is said agree."""

import ast

import numpy as np
import pytest

from gym_reason.envs.code.inputs import draw_pool
from gym_reason.envs.code.operations import OPERATIONS, TOPICS, operations_of
from gym_reason.envs.code.tree import (
    TYPES,
    Operation,
    Program,
    Step,
    TooLargeError,
    describe_program,
    evaluate,
    write_program,
)

KINDS = {"int": int, "bool": bool, "str": str, "ints": list, "words": list}


def programs_of(operation: Operation) -> list[Program]:
    """Return one program for each constant of an operation."""
    inputs = tuple(range(len(operation.takes)))
    constants = operation.constants or (None,)
    return [Program(operation.takes, (Step(operation, inputs, one),)) for one in constants]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_written_program_computes_what_the_operation_does(operation: Operation) -> None:
    pool = draw_pool(operation.takes, np.random.default_rng(0))
    for program in programs_of(operation):
        names: dict[str, object] = {}
        exec(write_program(program), names)  # our own text, made from the table under test
        solve = names["solve"]
        assert callable(solve)
        compared = 0
        for arguments in pool:
            before = repr(arguments)
            try:
                expected = evaluate(program, arguments)
            except TooLargeError:
                continue
            found = solve(*arguments)
            assert (found, type(found)) == (expected, KINDS[operation.gives]), arguments
            assert repr(arguments) == before
            compared += 1
        assert compared > 20


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_words_name_every_input_and_constant(operation: Operation) -> None:
    for program in programs_of(operation):
        sentence = describe_program(program)
        assert sentence.startswith("Return ")
        assert "{" not in sentence
        for name in program.names[: len(operation.takes)]:
            assert f"{name} " in sentence.replace(",", " ").replace(".", " ") + " "
        constant = program.steps[0].constant
        assert constant is None or repr(constant) in sentence


def test_names_are_unique_and_topics_known() -> None:
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert len({(one.words, one.takes) for one in OPERATIONS}) == len(OPERATIONS)
    assert {operation.topic for operation in OPERATIONS} == set(TOPICS) - {"mixed"}
    assert operations_of("mixed") == OPERATIONS
    for operation in OPERATIONS:
        assert {*operation.takes, operation.gives} <= TYPES.keys()


def test_helpers_of_one_name_are_one_function() -> None:
    helpers: dict[str, str] = {}
    for operation in OPERATIONS:
        if operation.helper:
            (function,) = ast.parse(operation.helper).body
            assert isinstance(function, ast.FunctionDef)
            assert helpers.setdefault(function.name, operation.helper) == operation.helper
            assert operation.topic == "recursion"
            called = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            assert function.name in called


def test_values_have_a_limit() -> None:
    square = next(one for one in OPERATIONS if one.name == "square")
    program = Program(("int",), (Step(square, (0,)), Step(square, (1,)), Step(square, (2,))))
    assert evaluate(program, [10]) == 10**8
    with pytest.raises(TooLargeError):
        evaluate(program, [20])
