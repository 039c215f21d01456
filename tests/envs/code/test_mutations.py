"""Bugs made on purpose: every one is a program, differs, and leaves texts and types alone."""

import ast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.envs.code.edit import list_edits
from gym_reason.envs.code.generator import draw_problem
from gym_reason.envs.code.mutations import draw_mutation, list_mutations, write_normally

PROGRAM = '''
import math

def count(numbers: list[int], limit: int = 3) -> int:
    """Count 7 things."""
    total = 0
    for number in range(limit):
        if number < limit and not number == 2:
            total += number * 5
            numbers.append(min(total, limit))
        else:
            continue
    return total - limit
'''


def test_every_mutation_is_another_program_of_the_same_frame() -> None:
    mutations = list_mutations(PROGRAM)
    assert len({mutation.program for mutation in mutations}) == len(mutations)
    for mutation in mutations:
        assert mutation.program != write_normally(PROGRAM)
        assert write_normally(mutation.program) == mutation.program
        tree = ast.parse(mutation.program)
        assert isinstance(tree.body[0], ast.Import)
        function = tree.body[1]
        assert isinstance(function, ast.FunctionDef)
        assert ast.get_docstring(function) == "Count 7 things."
        assert ast.unparse(function.args) == "numbers: list[int], limit: int=3"


def test_every_kind_is_made() -> None:
    found = {(one.kind, one.line) for one in list_mutations(PROGRAM)}
    assert {
        ("constant", 5),
        ("range", 6),
        ("comparison", 7),
        ("logic", 7),
        ("condition", 7),
        ("operator", 8),
        ("call", 9),
        ("order", 9),
        ("variable", 9),
        ("missing statement", 7),
        ("jump", 7),
        ("order", 12),
        ("operator", 12),
    } <= found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1 < y", {"x = 1 <= y", "x = 1 > y", "x = 2 < y", "x = 0 < y"}),
        ("x = a and b", {"x = a or b"}),
        ("x = min(a, b)", {"x = max(a, b)", "x = min(b, a)"}),
        ("x = not a if a else b", {"x = not a if not a else b"}),
        ("x = True", {"x = False"}),
        ("x: int = 'a'", set()),
    ],
)
def test_mutations_of_a_line(source: str, expected: set[str]) -> None:
    assert {mutation.program.strip() for mutation in list_mutations(source)} == expected


def test_a_variable_is_only_taken_from_before() -> None:
    source = "def f(n):\n    a = n\n    b = a\n    return b\n"
    changed = {one.program for one in list_mutations(source) if one.kind == "variable"}
    assert changed == {
        "def f(n):\n    a = n\n    b = n\n    return b\n",
        "def f(n):\n    a = n\n    b = a\n    return a\n",
        "def f(n):\n    a = n\n    b = a\n    return n\n",
    }


def test_mutations_are_drawn_by_seed_each_once() -> None:
    drawn = [list(draw_mutation(PROGRAM, np.random.default_rng(seed))) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == len(list_mutations(PROGRAM))
    assert {one.program for one in drawn[0]} == {one.program for one in drawn[2]}


def test_what_is_no_program_is_refused() -> None:
    with pytest.raises(SyntaxError):
        list_mutations("def f(:")


@given(st.lists(st.sampled_from("abcd"), max_size=8), st.lists(st.sampled_from("abcd"), max_size=8))
def test_edits_lead_from_any_program_to_any_other(lines: list[str], wanted: list[str]) -> None:
    now = list(lines)
    for edit in list_edits(lines, wanted):
        head, bar, text = edit.partition("|")
        if head.endswith("+"):
            now.insert(int(head[:-1]), text)
        elif bar:
            now[int(head) - 1] = text
        else:
            del now[int(edit[:-1]) - 1]
    assert now == wanted


def test_generated_programs_have_bugs_to_draw() -> None:
    for seed in range(20):
        problem = draw_problem(np.random.default_rng(seed), "mixed", 2, 2, 8, lambda name: True)
        assert len(list_mutations(problem.solution)) >= 1
