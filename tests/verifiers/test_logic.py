"""The verifiers of puzzles: every right answer passes, and nothing but an answer does."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.types import Message, Outcome, Task, Verdict
from gym_reason.verifiers import make_verifier
from gym_reason.verifiers.logic import KnightsAndKnavesVerifier, RewritingVerifier, SudokuVerifier
from gym_reason.verifiers.logic.answers import PuzzleError
from gym_reason.verifiers.logic.colouring import read_graph, write_graph
from gym_reason.verifiers.logic.rewriting import apply_step, read_system, write_system
from gym_reason.verifiers.logic.statements import (
    CONNECTIVES,
    Compound,
    Island,
    Negation,
    Person,
    Statement,
    describe,
    read_island,
    read_statement,
    truth,
    write_island,
    write_statement,
)
from gym_reason.verifiers.logic.sudoku import groups_of, read_grid, write_grid

PUZZLES = {
    "knights_and_knaves": "A:(~B&C) B:(A=C) C:(A|~B)",
    "sudoku": "1..4/.4.2/2.4./4.2.",
    "graph_colouring": "3: AB AC BC CD",
    "rewriting": "ab>ba bb>a: aab -> baa in 2",
}


def judge(name: str, submission: str, **settings: float) -> Verdict:
    """Return the verdict of a verifier on the puzzle above."""
    arguments = ",".join(f"{key}={value}" for key, value in settings.items())
    task = Task(name, (Message("user", "?"),), PUZZLES[name])
    return make_verifier(f"{name}:{arguments}").verify(task, submission)


def statements() -> st.SearchStrategy[Statement]:
    """Return a strategy of statements about A to D."""
    people: st.SearchStrategy[Statement] = st.sampled_from("ABCD").map(Person)
    return st.recursive(
        people,
        lambda inner: st.one_of(
            inner.map(Negation), st.builds(Compound, st.sampled_from(CONNECTIVES), inner, inner)
        ),
        max_leaves=8,
    )


def value_of(statement: Statement, kinds: dict[str, bool]) -> int:
    """Return the value of a statement as a number, without what is open."""
    if isinstance(statement, Person):
        return int(kinds[statement.name])
    if isinstance(statement, Negation):
        return 1 - value_of(statement.inner, kinds)
    left, right = value_of(statement.left, kinds), value_of(statement.right, kinds)
    return {
        "&": left * right,
        "|": max(left, right),
        ">": int(left <= right),
        "=": int(left == right),
    }[statement.sign]


@given(statements(), st.lists(st.booleans(), min_size=4, max_size=4), st.integers(0, 4))
def test_what_part_of_the_kinds_settles_is_what_all_of_them_say(
    statement: Statement, values: list[bool], known: int
) -> None:
    kinds = dict(zip("ABCD", values, strict=True))
    assert truth(statement, kinds) is bool(value_of(statement, kinds))
    partly = truth(statement, dict(list(kinds.items())[:known]))
    assert partly is None or partly is bool(value_of(statement, kinds))


@given(st.lists(statements(), min_size=4, max_size=4))
def test_islands_are_read_as_they_are_written(said: list[Statement]) -> None:
    island = Island(dict(zip("ABCD", said, strict=True)))
    assert read_island(write_island(island)) == island


@given(st.text(max_size=40) | st.text("ABCK~()&|>=: ", max_size=40))
def test_no_text_breaks_the_reader_of_statements(text: str) -> None:
    try:
        statement = read_statement(text)
    except PuzzleError:
        return
    assert write_statement(statement) == text


def test_statements_are_described_without_ambiguity() -> None:
    assert describe(read_statement("(~B&(A=~C))")) == (
        "B is a knave and (A is a knight if and only if C is a knave)"
    )
    assert describe(read_statement("(~(A|B)>C)")) == (
        "if it is not so that (A is a knight or B is a knight), then C is a knight"
    )


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("knights_and_knaves", ["NKN"]),
        ("sudoku", ["1234/3412/2143/4321", "1234341221434321", "1 2 3 4\n3412\n2143\n4321"]),
        ("graph_colouring", ["A=1 B=2 C=3 D=1", "D=2,C=3,B=1,A=2", "A=1, B=3\nC=2 D=1"]),
        ("rewriting", ["1@2 1@1", "1@2, 1@1", "1@2\n1@1"]),
    ],
)
def test_right_answers_pass_in_each_writing(name: str, right: list[str]) -> None:
    for answer in right:
        for submission in (answer, f" {answer}\n", f"<think>or {answer}?</think>\n{answer}"):
            verdict = judge(name, submission)
            assert (verdict.reward, verdict.correct, verdict.outcome) == (1.0, True, Outcome.PASS)


@pytest.mark.parametrize(
    ("name", "submission", "outcome", "feedback"),
    [
        ("knights_and_knaves", "", Outcome.NO_ANSWER, "no answer"),
        ("knights_and_knaves", "<think>NKN", Outcome.NO_ANSWER, "no answer"),
        ("knights_and_knaves", "NNN", Outcome.FAIL, "B would be a knave who tells the truth"),
        ("knights_and_knaves", "KNN", Outcome.FAIL, "A would be a knight whose statement is"),
        ("knights_and_knaves", "nkn", Outcome.INVALID, "3 letters"),
        ("knights_and_knaves", "NKNN", Outcome.INVALID, "3 letters"),
        ("knights_and_knaves", "NKN or NNN", Outcome.INVALID, "3 letters"),
        ("knights_and_knaves", "N" * 10**6, Outcome.INVALID, "longer than"),
        ("sudoku", "1234/3412/2143/432", Outcome.INVALID, "16 digits"),
        ("sudoku", "1234/3412/2143/4325", Outcome.INVALID, "from 1 to 4"),
        ("sudoku", "1234/3412/2143/432\u0661", Outcome.INVALID, "16 digits"),
        ("sudoku", "1234/3412/2143/4321 1234/3412/2143/4321", Outcome.INVALID, "16 digits"),
        ("sudoku", "2134/3412/2143/4321", Outcome.FAIL, "row 1, column 1 is changed"),
        ("sudoku", "1324/3412/2143/4321", Outcome.FAIL, "column 2 has a digit twice"),
        ("graph_colouring", "A=1 B=2 C=3 D=3", Outcome.FAIL, "C and D have the same"),
        ("graph_colouring", "A=1 B=2 C=3", Outcome.INVALID, "D is not coloured"),
        ("graph_colouring", "A=1 B=2 C=3 D=1 E=1", Outcome.INVALID, "E is no vertex"),
        ("graph_colouring", "A=1 B=2 C=3 D=1 D=2", Outcome.INVALID, "coloured twice"),
        ("graph_colouring", "A=1 B=2 C=3 D=4", Outcome.INVALID, "no colour 4"),
        ("graph_colouring", "A1 B2 C3 D1", Outcome.INVALID, "not a colour"),
        ("graph_colouring", "A=1 or B=2 C=3 D=1", Outcome.INVALID, "not a colour"),
        ("rewriting", "1@2", Outcome.FAIL, "the last string is aba, not baa"),
        ("rewriting", "1@1", Outcome.FAIL, "step 1: rule 1 does not apply at 1"),
        ("rewriting", "1@2 1@1 1@1", Outcome.FAIL, "step 3"),
        ("rewriting", "3@1", Outcome.FAIL, "there is no rule 3"),
        ("rewriting", "1@0", Outcome.FAIL, "a step is"),
        ("rewriting", "1@2;1@1", Outcome.INVALID, "list of steps"),
        ("rewriting", "baa", Outcome.INVALID, "list of steps"),
        ("rewriting", "1@2 " * 201, Outcome.INVALID, "more than 200"),
    ],
)
def test_other_submissions_earn_nothing(
    name: str, submission: str, outcome: Outcome, feedback: str
) -> None:
    verdict = judge(name, submission)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (0.0, False, outcome)
    assert feedback in verdict.feedback


@pytest.mark.parametrize("name", PUZZLES)
@given(text=st.text(max_size=40) | st.text("ABCDKN=123@/ ,<think>", max_size=40))
def test_no_text_breaks_a_verifier(name: str, text: str) -> None:
    verdict = judge(name, text)
    assert verdict.reward == float(verdict.correct)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("knights_and_knaves", "A:B"),
        ("knights_and_knaves", "A:B C:A"),
        ("knights_and_knaves", "A:C B:A"),
        ("knights_and_knaves", "A:(B&A B:A"),
        ("knights_and_knaves", "A:" + "~" * 99 + "B B:A"),
        ("sudoku", "12/21"),
        ("sudoku", "1..4/.4.2/2.4./4.2"),
        ("sudoku", "1..5/.4.2/2.4./4.2."),
        ("graph_colouring", "1: AB"),
        ("graph_colouring", "3: AA"),
        ("graph_colouring", "3:"),
        ("rewriting", "ab>: a -> b"),
        ("rewriting", "ab>ba: a"),
    ],
)
def test_a_broken_reference_is_our_fault(name: str, reference: str) -> None:
    verdict = make_verifier(name).verify(Task("t", (), reference), "1@1")
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "reference" in verdict.detail


def test_partial_credit_is_below_the_whole_and_rises_with_the_rules_kept() -> None:
    for name, better, worse in (
        ("knights_and_knaves", "KKK", "KNN"),
        ("sudoku", "1324/3412/2143/4321", "1324/3412/2143/4323"),
        ("graph_colouring", "A=1 B=2 C=3 D=3", "A=1 B=1 C=1 D=1"),
    ):
        rewards = [judge(name, text, partial_credit=0.5).reward for text in (better, worse)]
        assert 0.5 > rewards[0] > rewards[1] >= 0.0, name
    # A grid that does not keep what is given is another puzzle's, however right it is.
    assert judge("sudoku", "2143/4321/1234/3412", partial_credit=0.5).reward == 0.0


@pytest.mark.parametrize("credit", [-0.1, 0.6, float("nan"), True])
def test_credit_out_of_range_is_refused(credit: float) -> None:
    with pytest.raises(UsageError, match="partial_credit"):
        KnightsAndKnavesVerifier(credit)
    with pytest.raises(UsageError, match="partial_credit"):
        SudokuVerifier(credit)


@pytest.mark.parametrize("size", [4, 6, 9])
def test_each_cell_is_in_one_row_one_column_and_one_box(size: int) -> None:
    groups = groups_of(size)
    assert len(groups) == 3 * size
    for kind in ("row", "column", "box"):
        cells = [cell for name, group in groups if name.startswith(kind) for cell in group]
        assert sorted(cells) == list(range(size * size))


def test_every_grid_that_keeps_the_rules_passes_and_no_other() -> None:
    task = Task("t", (), "1.../..1./.1../...1")
    rows = ["".join(row) for row in itertools.permutations("1234")]
    passed = 0
    for grid in itertools.product(*([r for r in rows if r[c] == "1"] for c in (0, 2, 1, 3))):
        cells = "".join(grid)
        boxes = [
            {cells[r * 4 + c] for r in (a, a + 1) for c in (b, b + 1)}
            for a in (0, 2)
            for b in (0, 2)
        ]
        columns = [set(cells[c::4]) for c in range(4)]
        expected = all(len(group) == 4 for group in (*boxes, *columns))
        assert SudokuVerifier().verify(task, cells).correct == expected
        passed += expected
    assert passed == 18  # of 288 grids, with the ones in one of 16 patterns


def test_every_solution_of_an_island_with_two_passes() -> None:
    task = Task("t", (), "A:(~B&C) B:(A|C) C:(A=~B)")
    answers = map("".join, itertools.product("KN", repeat=3))
    verifier = KnightsAndKnavesVerifier()
    right = [answer for answer in answers if verifier.verify(task, answer).correct]
    assert right == ["NKK", "NNN"]


def test_puzzles_are_written_as_they_are_read() -> None:
    assert write_grid(read_grid(PUZZLES["sudoku"])) == PUZZLES["sudoku"]
    assert write_graph(read_graph(PUZZLES["graph_colouring"])) == PUZZLES["graph_colouring"]
    assert write_system(read_system(PUZZLES["rewriting"])) == PUZZLES["rewriting"]


def test_a_shortest_derivation_can_be_asked_for() -> None:
    reference = "ab>ba ba>ab: ab -> ba in 1"
    longer = Task("t", (), reference), "1@1 2@1 1@1"
    assert RewritingVerifier().verify(*longer).correct
    verdict = RewritingVerifier(shortest=True).verify(*longer)
    assert (verdict.reward, verdict.feedback) == (0.0, "3 steps are taken and 1 are enough")
    assert RewritingVerifier(shortest=True).verify(longer[0], "1@1").correct
    unknown = Task("t", (), reference.removesuffix(" in 1"))
    assert RewritingVerifier(shortest=True).verify(unknown, "1@1").outcome is Outcome.UNSCORABLE


def test_a_string_does_not_grow_without_end() -> None:
    system = read_system("a>aa: a -> aa")
    assert apply_step(system, "a" * 23, "1@1") == "a" * 24
    with pytest.raises(PuzzleError, match="longer than 24"):
        apply_step(system, "a" * 24, "1@1")
