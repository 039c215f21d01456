"""The tactics, each where it applies and where it does not."""

import re

import pytest

from gym_reason.verifiers.proofs.natural.goals import (
    MAX_HYPOTHESES,
    MAX_OPEN_GOALS,
    MAX_STEPS,
    MAX_WORK,
    Goal,
    Proof,
    Step,
)
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL, PEANO, assume
from gym_reason.verifiers.proofs.natural.parse import parse_formula
from gym_reason.verifiers.proofs.natural.script import Session, run_script, show_goals
from gym_reason.verifiers.proofs.natural.syntax import LogicError
from gym_reason.verifiers.proofs.natural.tactics import TACTICS

ALL = frozenset({PEANO, CLASSICAL})

# A statement, tactics, and what remains to be shown after them, each goal on one line.
STEPS = [
    ("P -> Q", "intro", ["H : P |- Q"]),
    ("P -> ~Q", "intro a b", ["a : P, b : Q |- False"]),
    ("forall x, A(x) -> B(x)", "intros", ["x : number, H : A(x) |- B(x)"]),
    ("forall x, A(x)", "intro n", ["n : number |- A(n)"]),
    ("forall x x, R(x, x)", "intros", ["x x1 : number |- R(x1, x1)"]),
    ("P -> Q", "intro H; revert H", ["|- P -> Q"]),
    ("forall x, A(x)", "intro x; revert x", ["|- forall x, A(x)"]),
    ("P -> P", "intro H; assumption", []),
    ("(forall x, A(x) -> B(x)) -> A(0) -> B(0)", "intro a b; exact a 0 b", []),
    ("(P -> Q -> R) -> R", "intro H; apply H", ["H : P -> Q -> R |- P", "H : P -> Q -> R |- Q"]),
    ("(P -> Q) -> P -> Q", "intro H; apply H", []),
    ("(forall x y, R(x, y)) -> R(0, 1)", "intro H; apply H", []),
    (
        "(forall x y, R(x, y) -> A(x)) -> A(0)",
        "intro H; apply H 0 1",
        ["H : forall x y, R(x, y) -> A(x) |- R(0, S(0))"],
    ),
    ("((P -> Q) -> R) -> P", "intro H; exfalso", ["H : (P -> Q) -> R |- False"]),
    (
        "(P -> Q) -> P -> R",
        "intro H p; specialize H p as q",
        ["H : P -> Q, p : P, q : Q |- R"],
    ),
    ("P -> Q", "have H : P | Q", ["|- P | Q", "H : P | Q |- P -> Q"]),
    ("P <-> Q", "split", ["|- P -> Q", "|- Q -> P"]),
    ("P | Q", "left", ["|- P"]),
    ("P | Q", "right", ["|- Q"]),
    ("exists x, A(x + 1)", "exists 2 * 1", ["|- A(S(S(0)) * S(0) + S(0))"]),
    ("P & Q -> R", "intro H; cases H with p q", ["p : P, q : Q |- R"]),
    ("P | Q -> R", "intro H; cases H with p q", ["p : P |- R", "q : Q |- R"]),
    ("P | Q -> R", "intro H; cases H", ["H : P |- R", "H : Q |- R"]),
    (
        "(exists x, A(x)) -> P",
        "intro H; cases H with a Ha",
        ["a : number, Ha : A(a) |- P"],
    ),
    ("False -> P", "intro H; cases H", []),
    ("(P -> Q & R) -> P -> Q", "intro H p; cases H p with q r; exact q", []),
    ("P -> ~P -> Q", "intro H K; contradiction", []),
    ("P -> ~P -> Q", "intro H K; contradiction H", []),
    ("0 != 0 -> P", "intro H; contradiction", []),
    ("P", "by_contradiction no", ["no : ~P |- False"]),
    ("P | Q", "classical P -> Q with yes no", ["yes : P -> Q |- P | Q", "no : ~(P -> Q) |- P | Q"]),
    ("0 = 0", "reflexivity", []),
    ("0 = 1", "symmetry", ["|- S(0) = 0"]),
    ("0 = 1 -> P", "intro H; symmetry in H", ["H : S(0) = 0 |- P"]),
    ("0 = 1", "transitivity 2", ["|- 0 = S(S(0))", "|- S(S(0)) = S(0)"]),
    ("g(0, 1) = g(2, 1)", "congruence", ["|- 0 = S(S(0))"]),
    ("forall x, x = 0 -> R(x, x)", "intro x H; rewrite H", ["x : number, H : x = 0 |- R(0, 0)"]),
    ("forall x, 0 = x -> A(x)", "intro x H; rewrite <- H", ["x : number, H : 0 = x |- A(0)"]),
    (
        "forall x, x = 0 -> A(x) -> P",
        "intro x H K; rewrite H in K",
        ["x : number, H : x = 0, K : A(0) |- P"],
    ),
    (
        "(forall x, f(x) = x) -> forall y, exists z, f(f(y)) = z",
        "intro H y; rewrite H",
        ["y : number, H : forall x, f(x) = x |- exists z, f(y) = z"],
    ),
    ("forall x, A(x + 2)", "intro x; simplify", ["x : number |- A(S(S(x)))"]),
    ("forall x, A(x * 1) -> P", "intro x H; simplify in H", ["x : number, H : A(0 + x) |- P"]),
    ("forall n, A(n)", "induction n", ["|- A(0)", "n : number, IH : A(n) |- A(S(n))"]),
    (
        "forall m n, R(m, n)",
        "intros; induction m K",
        ["n : number |- R(0, n)", "n m : number, K : R(m, n) |- R(S(m), n)"],
    ),
    ("forall x, S(x) != 0", "exact succ_not_zero", []),
    ("P -> P -- why", "intro H -- now; exact H", []),
]


@pytest.mark.parametrize(("statement", "tactics", "goals"), STEPS)
def test_a_tactic_leaves_what_it_should(statement: str, tactics: str, goals: list[str]) -> None:
    formula = parse_formula(statement.partition("--")[0])
    session = Session(formula, ALL)
    for line in tactics.split(";"):
        session.use(line.partition("--")[0])
    shown = [goal.show().replace("\n|-", " |-").replace("\n", ", ") for goal in session.goals]
    assert shown == goals
    if not goals:
        assert session.finish().conclusion == formula


def test_every_tactic_is_tried() -> None:
    used = {line.split()[0] for _, tactics, _ in STEPS for line in tactics.split(";")}
    assert used == set(TACTICS)


@pytest.mark.parametrize(
    ("statement", "tactics", "message"),
    [
        ("P | Q", "intro", "begins with neither"),
        ("P -> Q -> R", "intro H H", "in use already"),
        ("P -> Q", "intro P Q", "begins with neither"),
        ("forall x, A(x)", "intro X", "small letter"),
        ("forall x, f(x) = 0", "intro f", "that of a function"),
        ("P -> Q", "intro add_zero", "in use already"),
        ("P -> Q", "intro S", "does not belong"),
        ("P -> Q", "intros; assumption", "no hypothesis says Q"),
        ("P -> Q", "intro H; exact H", "says P, not Q"),
        ("P -> Q", "intro H; exact K", "no hypothesis K"),
        ("P -> Q", "intro H; exact H H", "takes no further argument"),
        ("(P -> Q) -> R -> Q", "intro H K; exact H K", "R is not P"),
        ("(P -> Q) -> R", "intro H; apply H", "does not end in R"),
        ("(forall x y, R(x, y) -> A(x)) -> A(0)", "intro H; apply H", "y stands for is open"),
        ("(forall x, A(x)) -> A(0)", "intro H; exact H y", "y is no variable here"),
        ("P -> Q", "split", "neither & nor"),
        ("P & Q", "left", "is no |"),
        ("P & Q", "right", "is no |"),
        ("forall x, A(x)", "exists 0", "does not begin with exists"),
        ("exists x, A(x)", "exists y", "no variable here"),
        ("exists x, A(x)", "exists f(0)", "no function f"),
        ("P -> Q", "intro H; cases H", "neither &, |, exists nor False"),
        ("P & P -> Q", "intro H; cases H with a a", "in use already"),
        ("False -> Q", "intro H; cases H with a", "no parts to name"),
        ("P & Q -> R", "intro H; cases H with a b c", "does not belong"),
        ("P -> Q", "intro H; contradiction", "none denies another"),
        ("P -> ~P -> R -> Q", "intro H K L; contradiction L", "none denies another"),
        ("P", "have H : R", "no predicate R"),
        ("P", "have H : x = x", "no variable here"),
        ("forall x y, x = y", "intros; reflexivity", "are not the same"),
        ("P", "reflexivity", "is no equation"),
        ("P", "congruence", "is no equation"),
        ("forall x, f(x) = S(x)", "intros; congruence", "no function around both"),
        ("P -> P", "intro H; rewrite H", "is no equation"),
        ("0 = 1 -> P", "intro H; rewrite H", "is not in P"),
        ("(forall x, 0 = x) -> A(0)", "intro H; rewrite H", "stays open"),
        ("0 = 0 -> A(0)", "intro H; rewrite H", "changes nothing"),
        ("A(0)", "simplify", "nothing to simplify"),
        ("P", "induction n", "no variable"),
        ("forall x, A(x) -> B(x)", "intro x H; induction x", "revert H first"),
        ("forall x, A(x) -> B(x)", "intro x H; revert x", "revert H first"),
        ("P", "sorry", "no tactic 'sorry'"),
        ("P", "reflexivty", "did you mean 'reflexivity'"),
        ("P -> P", "intro H; assumption now", "does not belong"),
        ("P", " ", "there is no tactic"),
        ("P", "intro " + "x" * 600, "longer than"),
        ("P", "revert H", "no hypothesis or variable"),
    ],
)
def test_a_tactic_says_why_it_does_not_apply(statement: str, tactics: str, message: str) -> None:
    session = Session(parse_formula(statement), ALL)
    *before, last = tactics.split(";")
    for line in before:
        session.use(line)
    goals = session.goals
    with pytest.raises(LogicError, match=re.escape(message)):
        session.use(last)
    assert session.goals == goals


def test_classical_tactics_need_leave() -> None:
    for line in ("by_contradiction H", "classical P", " by_contradiction"):
        with pytest.raises(LogicError, match="intuitionistic"):
            Session(parse_formula("P | ~P"), frozenset({PEANO})).use(line)


def test_arithmetic_needs_leave() -> None:
    formula = parse_formula("forall n, n + 0 = n")
    assert run_script("exact add_zero", formula, frozenset({PEANO})).theorem is not None
    result = run_script("exact add_zero", formula, frozenset())
    assert (result.theorem, "arithmetic" in result.message) == (None, True)


def test_what_a_wrong_tactic_promises_is_no_theorem() -> None:
    """The kernel makes a theorem, but not the one that was promised."""
    proof = Proof.of(parse_formula("P"))
    proof.use(lambda goal: Step((), lambda _: assume(parse_formula("P"))))
    assert proof.theorem().hypotheses == {parse_formula("P")}
    session = Session(parse_formula("P"), ALL)
    session.proof.use(lambda goal: Step((), lambda _: assume(parse_formula("P"))))
    with pytest.raises(LogicError, match="something else"):
        session.finish()
    other = Proof.of(parse_formula("P"))
    other.use(lambda goal: Step((), lambda _: assume(parse_formula("Q"))))
    with pytest.raises(LogicError, match="something else"):
        other.theorem()


def test_an_open_proof_has_no_theorem_and_a_finished_one_no_goal() -> None:
    session = Session(parse_formula("P -> P"), ALL)
    with pytest.raises(LogicError, match="1 goals are open"):
        session.finish()
    session.use("intro H")
    session.use("exact H")
    with pytest.raises(LogicError, match="no goal left"):
        session.use("intro H")


def test_the_limits_hold() -> None:
    session = Session(parse_formula("P"), ALL)
    for number in range(MAX_OPEN_GOALS - 1):
        session.use(f"have H{number} : P")
    with pytest.raises(LogicError, match=f"more than {MAX_OPEN_GOALS} goals"):
        session.use("have H : P")
    goal = Goal(parse_formula("P"))
    for number in range(MAX_HYPOTHESES):
        goal = goal.add(f"H{number}", parse_formula("P"))
    with pytest.raises(LogicError, match=f"more than {MAX_HYPOTHESES}"):
        goal.add("H", parse_formula("P"))


def test_the_work_of_a_proof_has_a_limit() -> None:
    wide = "P"
    while len(wide) < 1500:
        wide = f"({wide}) & ({wide})"
    proof = Proof.of(parse_formula(wide))
    steps = MAX_WORK // (2 * proof.goals[0].size)
    assert steps < MAX_STEPS
    for _ in range(steps):
        proof.use(lambda goal: Step((goal,), lambda theorems: theorems[0]))
    with pytest.raises(LogicError, match="too much work"):
        proof.use(lambda goal: Step((goal,), lambda theorems: theorems[0]))


def test_the_steps_of_a_proof_have_a_limit() -> None:
    proof = Proof.of(parse_formula("P"))
    for _ in range(MAX_STEPS):
        proof.use(lambda goal: Step((goal,), lambda theorems: theorems[0]))
    with pytest.raises(LogicError, match=f"more than {MAX_STEPS} steps"):
        proof.use(lambda goal: Step((goal,), lambda theorems: theorems[0]))


def test_goals_are_shown() -> None:
    session = Session(parse_formula("P -> P & Q"), ALL)
    session.use("intro H")
    session.use("split")
    assert show_goals(session.goals) == "goal 1 of 2\nH : P\n|- P\ngoal 2 of 2\n|- Q"
    assert show_goals(()) == "no goals"
