"""Generated problems: right, determined by the seed, and told apart from near misses."""

import json
import subprocess
import sys

import numpy as np
import pytest

from gym_reason.envs.code.generator import (
    Problem,
    choose_tests,
    draw_problem,
    is_dull,
    run_pool,
    write_asserts,
)
from gym_reason.envs.code.near_misses import near_misses, without_a_step
from gym_reason.envs.code.operations import OPERATIONS, TOPICS
from gym_reason.envs.code.tree import (
    Program,
    Step,
    describe_program,
    evaluate,
    write_header,
    write_program,
)
from gym_reason.errors import EnvError
from gym_reason.verifiers.code.tests import AssertTests, read_tests

BY_NAME = {operation.name: operation for operation in OPERATIONS}


def draw(seed: int, topic: str = "mixed", depth: int = 2) -> Problem:
    """Return the problem of a seed."""
    return draw_problem(np.random.default_rng(seed), topic, depth, 2, 8, lambda name: True)


def run_written(source: str, arguments: tuple[object, ...]) -> object:
    """Return what a generated program returns; its text is our own."""
    names: dict[str, object] = {}
    exec(source, names)
    solve = names["solve"]
    assert callable(solve)
    return solve(*arguments)


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("depth", [1, 2, 4, 6])
def test_the_reference_passes_its_tests_and_the_near_miss_does_not(topic: str, depth: int) -> None:
    for seed in range(8):
        problem = draw(seed, topic, depth)
        assert len(problem.program.steps) == depth
        assert len(problem.examples) == 2
        assert len(problem.tests) >= 8
        for case in (*problem.examples, *problem.tests):
            found = run_written(problem.solution, case.arguments)
            assert (found, type(found)) == (case.result, type(case.result))
        wrong = write_program(problem.wrong)
        assert any(run_written(wrong, one.arguments) != one.result for one in problem.tests)


def test_no_hidden_input_is_shown() -> None:
    for seed in range(30):
        problem = draw(seed)
        shown = {repr(case.arguments) for case in problem.examples}
        assert not shown & {repr(case.arguments) for case in problem.tests}


@pytest.mark.parametrize("depth", [1, 3])
def test_hidden_tests_tell_nearly_all_near_misses_apart(depth: int) -> None:
    caught = total = 0
    for seed in range(40):
        problem = draw(seed, "lists", depth)
        inputs = [case.arguments for case in problem.tests]
        expected = [case.result for case in problem.tests]
        for other in near_misses(problem.program, OPERATIONS):
            total += 1
            caught += run_pool(other, inputs) != expected
    assert total > 40 * 5
    assert caught / total > 0.95


def test_every_step_counts_and_no_constant_is_the_answer() -> None:
    for seed in range(40):
        problem = draw(seed, "mixed", 3)
        cases = (*problem.examples, *problem.tests)
        inputs = [case.arguments for case in cases]
        expected = [case.result for case in cases]
        assert not is_dull(list(expected)) or len({repr(one) for one in expected}) > 1
        for shorter in without_a_step(problem.program):
            assert run_pool(shorter, inputs) != expected, problem.description


def test_a_topic_brings_its_operations_and_recursion_always_one() -> None:
    for seed in range(20):
        steps = draw(seed, "strings", 3).program.steps
        assert {step.operation.topic for step in steps} == {"strings"}
        steps = draw(seed, "recursion", 3).program.steps
        assert "recursion" in {step.operation.topic for step in steps}


def test_problems_differ_and_a_seed_always_gives_the_same() -> None:
    texts = [f"{problem.id} {problem.solution}" for problem in map(draw, range(20))]
    assert len(set(texts)) > 18
    script = (
        "import numpy as np\n"
        "from gym_reason.envs.code.generator import draw_problem\n"
        "for seed in range(20):\n"
        "    p = draw_problem(np.random.default_rng(seed), 'mixed', 2, 2, 8, lambda name: True)\n"
        "    print(p.id, p.tests)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [f"{p.id} {p.tests}" for p in map(draw, range(20))]


def test_a_program_is_written_and_described_step_by_step() -> None:
    program = Program(
        ("ints", "ints"),
        (
            Step(BY_NAME["keep_multiples"], (0,), 3),
            Step(BY_NAME["join_lists"], (2, 1)),
            Step(BY_NAME["running_sums"], (3,)),
        ),
    )
    assert write_header(program) == "def solve(xs: list[int], ys: list[int]) -> list[int]:"
    assert write_program(program) == (
        "def solve(xs: list[int], ys: list[int]) -> list[int]:\n"
        "    a = [x for x in xs if x % 3 == 0]\n"
        "    b = a + ys\n"
        "    c = []\n"
        "    total = 0\n"
        "    for x in b:\n"
        "        total += x\n"
        "        c.append(total)\n"
        "    return c\n"
    )
    assert describe_program(program) == (
        "Let a be the numbers in xs that are divisible by 3. "
        "Let b be the list of the elements of a followed by those of ys. "
        "Return the list of the running sums of b."
    )
    assert evaluate(program, ([3, 4, 6], [1])) == [3, 9, 10]


def test_near_misses_change_one_place() -> None:
    program = Program(("ints",), (Step(BY_NAME["take"], (0,), 2), Step(BY_NAME["reverse"], (1,))))
    written = {write_program(other) for other in near_misses(program, OPERATIONS)}
    assert write_program(program) not in written
    assert "def solve(xs: list[int]) -> list[int]:\n    return xs[:2]\n" in written
    assert "def solve(xs: list[int]) -> list[int]:\n    return xs[::-1]\n" in written
    assert "def solve(xs: list[int]) -> list[int]:\n    a = xs[:3]\n    return a[::-1]\n" in written
    assert (
        "def solve(xs: list[int]) -> list[int]:\n    a = xs[:2]\n    return sorted(a)\n" in written
    )


def test_tests_are_chosen_for_what_they_tell_apart() -> None:
    differing = [{3, 5}, {5}, {1}, set()]
    assert choose_tests(differing, [0, 1, 2, 3, 4, 5], 2) == [5, 1]
    assert choose_tests(differing, [0, 1, 2, 3, 4, 5], 4) == [5, 1, 0, 2]
    assert choose_tests(differing, [0, 2, 4], 2) == [0, 2]


def test_tests_are_written_for_the_verifier() -> None:
    problem = draw(1)
    reference = write_asserts(problem.tests)
    tests = read_tests(reference, {})
    assert isinstance(tests, AssertTests)
    assert tests.entries == ("solve",)
    assert tests.code.count("assert solve(") == len(problem.tests)
    assert json.loads(reference)["code"] == tests.code


def test_no_problem_is_an_error() -> None:
    with pytest.raises(EnvError, match="no problem of topic 'lists' and depth 2"):
        draw_problem(np.random.default_rng(0), "lists", 2, 2, 8, lambda name: False)
