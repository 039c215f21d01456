"""The kernel of Metamath on whole databases, its limits, and the forms of a proof."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.verifiers.proofs.metamath import (
    Database,
    Limits,
    ProofError,
    check_proofs,
    read_database,
    verify_database,
    verify_proof,
)
from gym_reason.verifiers.proofs.metamath.derivations import assemble, derive, expand
from gym_reason.verifiers.proofs.metamath.grammar import Chart, TooHardError, grammar_of
from gym_reason.verifiers.proofs.metamath.library import load_database
from gym_reason.verifiers.proofs.metamath.proofs import (
    SAVE,
    Step,
    read_proof,
    write_compressed,
    write_normal,
)
from gym_reason.verifiers.proofs.metamath.statements import Assertion


@pytest.fixture(scope="module")
def ours() -> Database:
    return load_database("propositional")


@pytest.mark.parametrize(("name", "count"), [("ql", 1140), ("hol", 151), ("demo0", 1)])
def test_public_databases_verify(shared_data: Path, name: str, count: int) -> None:
    path = shared_data / f"{name}.mm"
    assert verify_database(read_database(path)) == count
    assert without_comments(path.read_text("ascii")).count("$=") == count


def without_comments(text: str) -> str:
    """Return a database without its comments, some of which hold whole theorems."""
    while "$(" in text:
        before, _, rest = text.partition("$(")
        text = before + rest.partition("$)")[2]
    return text


def test_our_database_is_verified_and_has_no_axiom_but_those_it_names(ours: Database) -> None:
    assert verify_database(ours) == 110
    axioms = [one.label for one in ours.assertions if one.proof is None and one.typecode == "|-"]
    assert axioms == [
        "ax-keep", "ax-share", "ax-flip", "mp", "df-and-e", "df-and-i", "df-or-e", "df-or-i",
        "df-iff-e", "df-iff-i",
    ]  # fmt: skip


def test_every_theorem_of_ours_is_a_tautology(ours: Database) -> None:
    for one in ours.assertions:
        if one.typecode != "|-":
            continue
        variables = one.frame.variables
        for row in range(2 ** len(variables)):
            values = {name: bool(row >> place & 1) for place, name in enumerate(variables)}
            if all(is_true(hypothesis.expression, values) for hypothesis in one.essentials):
                assert is_true(one.expression, values), (one.label, values)


def is_true(expression: str, values: dict[str, bool]) -> bool:
    """Return the value of a formula of ours."""
    symbols = expression.split()[:0:-1]

    def read() -> bool:
        symbol = symbols.pop()
        if symbol == "-.":
            return not read()
        if symbol != "(":
            return values[symbol]
        left = read()
        sign = symbols.pop()
        right = read()
        assert symbols.pop() == ")"
        return {
            "->": not left or right,
            "/\\": left and right,
            "\\/": left or right,
            "<->": left == right,
        }[sign]

    result = read()
    assert not symbols
    return result


@pytest.mark.parametrize("name", ["propositional", "hol.mm"])
def test_every_form_of_a_proof_proves_the_same(name: str, request: pytest.FixtureRequest) -> None:
    if name != "propositional":
        name = str(request.getfixturevalue("shared_data") / name)
    database = load_database(name)
    for theorem in database.theorems:
        assert theorem.proof is not None
        steps = read_proof(database, theorem, theorem.proof)
        again = write_compressed(theorem, steps)
        assert read_proof(database, theorem, again) == steps
        shared = assemble(derive(database, theorem, steps), theorem.expression)
        verify_proof(database, theorem, write_compressed(theorem, shared))
        assert sum(step is not SAVE for step in shared) <= sum(step is not SAVE for step in steps)
        whole = expand(shared, 500)
        if whole is not None:
            verify_proof(database, theorem, write_normal(whole))


def test_repetitions_have_no_label(ours: Database) -> None:
    with pytest.raises(ValueError, match="without repetitions"):
        write_normal([next(ours.assertions), SAVE])


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30), st.booleans())
def test_numbers_survive_the_letters(numbers: list[int], save: bool) -> None:
    database = wide_database()
    theorem = database.theorem("goal")
    pool = [one for one in database.assertions if one.index < theorem.index]
    steps: list[Step] = []
    for number in numbers:
        steps.append(pool[number])
        if save:
            steps.append(SAVE)
    if save:
        steps += list(range(len(numbers)))
    assert read_proof(database, theorem, write_compressed(theorem, steps)) == steps


def wide_database(cache: list[Database] = []) -> Database:  # noqa: B006
    """Return a database with thousands of axioms."""
    if not cache:
        axioms = "".join(f"a{number} $a |- x $.\n" for number in range(3001))
        text = f"$c |- x $.\n{axioms}goal $p |- x $= a0 $.\n"
        cache.append(read_database("wide.mm", text))
    return cache[0]


GROWING = """$c wff |- + ( ) $. $v p q $. wp $f wff p $. wq $f wff q $.
add $a wff ( p + q ) $.
any $a |- p $.
goal $p |- p $= wp any $.
"""


def test_a_proof_that_grows_without_end_is_refused_at_once() -> None:
    database = read_database("x.mm", GROWING)
    theorem = database.theorem("goal")
    # Each step doubles the formula: the last would have two to the power of a thousand symbols.
    letters = "AABZ" + "".join(2 * number(place) + "BZ" for place in range(1000)) + "C"
    with pytest.raises(ProofError, match="the step would write more than") as caught:
        verify_proof(database, theorem, ["(", "add", "any", ")", letters])
    assert 40 < caught.value.step < 60


def number(place: int) -> str:
    """Return the letters of the saved step at `place`, where two labels and one hypothesis are."""
    place += 3
    high, last = divmod(place, 20)
    text = chr(ord("A") + last)
    while high:
        high, digit = divmod(high - 1, 5)
        text = chr(ord("U") + digit) + text
    return text


def test_limits_are_kept() -> None:
    database = read_database("x.mm", GROWING)
    theorem = database.theorem("goal")
    with pytest.raises(ProofError, match="more than 10 steps"):
        verify_proof(database, theorem, ["wp"] * 11, Limits(steps=10))
    with pytest.raises(ProofError, match="the proof would write more than 100 characters"):
        verify_proof(database, theorem, ["wp", "wp", "add"] * 10, Limits(work=100))
    with pytest.raises(ProofError, match="the step would write more than 5 characters"):
        verify_proof(database, theorem, ["wp", "wp", "add"], Limits(writing=5))


def test_an_unknown_theorem_is_named_with_the_nearest(ours: Database) -> None:
    with pytest.raises(UsageError, match="'peirce'"):
        ours.theorem("pierce")
    with pytest.raises(UsageError, match="'ax-keep'"):
        ours.theorem("ax-keep")


def test_a_database_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "x.mm"
    path.write_text(GROWING)
    first = load_database(path)
    assert load_database(path) is first
    path.write_text(GROWING + "more $a |- q $.\n")
    assert "more" in load_database(path).statements


AMBIGUOUS = """$c str |- + ab M $. $v x y z $. sx $f str x $. sy $f str y $. sz $f str z $.
one $a str M $. two $a str x y $.
plus $a str x + y $. twice $a str ab x x $.
goal $p |- x $= ? $.
"""


def test_an_ambiguous_grammar_gives_every_reading_of_a_pattern() -> None:
    database = read_database("x.mm", AMBIGUOUS)
    theorem = database.theorem("goal")
    chart = make_chart(database, theorem, "M M M")
    assert chart.has_type("str")
    found = chart.matches(["x", "y"], {"x": "str", "y": "str"}, {})
    assert [(one["x"], one["y"]) for one in found] == [("M ", "M M "), ("M M ", "M ")]
    assert list(chart.matches(["x", "x"], {"x": "str"}, {})) == []
    assert not make_chart(database, theorem, "ab M + M").has_type("str", 4)
    # A rule with a variable twice takes only what is twice the same.
    assert make_chart(database, theorem, "ab M M").has_type("str")
    assert not make_chart(database, theorem, "ab").has_type("str")


def test_an_expression_that_is_too_ambiguous_is_given_up() -> None:
    database = read_database("x.mm", AMBIGUOUS)
    with pytest.raises(TooHardError):
        make_chart(database, database.theorem("goal"), "M " * 400)


def test_types_are_derived_as_the_kernel_wants_them(ours: Database) -> None:
    theorem = ours.theorem("iff-cases")
    text = "( -. ( p /\\ q ) -> ( q <-> -. -. p ) )"
    chart = make_chart(ours, theorem, text)
    steps = assemble(chart.derivations("wff"), f"wff {text} ")
    goal = "x $p wff " + text + " $= ( wn wa wb wi ) ? $.\n"
    content = ours.path.read_text("ascii") + goal
    database = read_database("x.mm", content)
    whole = expand(steps, 1000)
    assert whole is not None
    verify_proof(database, database.theorem("x"), [one.label for one in whole])


def make_chart(database: Database, theorem: Assertion, text: str) -> Chart:
    """Return the chart of an expression without a type code."""
    variables = {one.variable: one for one in database.active_hypotheses(theorem) if one.floating}
    return Chart(grammar_of(database), theorem, variables, text.split())


def test_an_error_does_not_hide_the_next() -> None:
    text = GROWING + "bad $p |- q $= wp any $.\ngood $p |- q $= wq any $.\nworse $p |- q $= wq $.\n"
    errors = list(map(str, check_proofs(read_database("x.mm", text))))
    assert [error.partition(": ")[0] for error in errors] == ["x.mm, line 5", "x.mm, line 7"]
