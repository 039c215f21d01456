"""The verifier of scripts: what it accepts, the cheats that it refuses, its limits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.types import Message, Outcome, Task
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.proofs.natural.script import MAX_LINES
from gym_reason.verifiers.proofs.natural.tactics import TACTICS
from gym_reason.verifiers.proofs.natural.verifier import (
    MAX_CHARACTERS,
    MAX_FEEDBACK,
    NaturalDeductionVerifier,
    read_statement,
    write_reference,
)

STATEMENT = "P & Q -> Q & P"
SCRIPT = "intro H\ncases H with p q\nsplit\nexact q\nexact p"


def task_of(statement: str, axioms: tuple[str, ...] = ("arithmetic",)) -> Task:
    reference = write_reference(statement, frozenset(axioms))
    return Task("task", (Message("user", "?"),), reference)


TASK = task_of(STATEMENT)
VERIFIER = NaturalDeductionVerifier()


@pytest.mark.parametrize(
    "submission",
    [
        SCRIPT,
        f"theorem {STATEMENT}\n{SCRIPT}",
        f"theorem: {STATEMENT}\n{SCRIPT}\n",
        f"theorem P \u2227 Q \u2192 Q \u2227 P\n{SCRIPT}",
        f"<think>P and Q, so Q and P.</think>\n{SCRIPT}",
        f"```\n{SCRIPT}\n```",
        f"\n```lean\n{SCRIPT}```\n",
        SCRIPT.replace("\n", "\n\n  -- and then\n  "),
        SCRIPT.replace("\n", "\r\n"),
    ],
)
def test_a_proof_scores_one(submission: str) -> None:
    verdict = VERIFIER.verify(TASK, submission)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (1.0, True, Outcome.PASS)


@pytest.mark.parametrize(
    ("submission", "outcome", "feedback"),
    [
        ("", Outcome.NO_ANSWER, "no script"),
        (" \n\t", Outcome.NO_ANSWER, "no script"),
        (f"<think>{SCRIPT}", Outcome.NO_ANSWER, "no script"),
        (f"<think>{SCRIPT}</think>", Outcome.NO_ANSWER, "no script"),
        ("-- nothing but this", Outcome.FAIL, "no tactic"),
        (f"theorem {STATEMENT}", Outcome.FAIL, "no tactic"),
        ("intro H", Outcome.FAIL, "not complete\nH : P & Q\n|- Q & P"),
        (SCRIPT + "\nexact p", Outcome.FAIL, "line 6: there is no goal left"),
        (SCRIPT.replace("exact q", "exact p"), Outcome.FAIL, "line 4: that says P, not Q"),
        (f"{SCRIPT}\n{SCRIPT}", Outcome.FAIL, "line 6"),
        (f"Here is the proof:\n{SCRIPT}", Outcome.FAIL, "line 1: there is no tactic 'Here'"),
        (f"```\n{SCRIPT}\n```\n```\n{SCRIPT}\n```", Outcome.FAIL, "line 1"),
        (SCRIPT.replace("\n", "; "), Outcome.FAIL, "line 1: ';' is no symbol"),
        # A statement that is easier than the one that was asked for.
        (f"theorem P -> P\n{SCRIPT}", Outcome.FAIL, "for another statement"),
        ("theorem P -> P\nintro H\nexact H", Outcome.FAIL, "for another statement"),
        (f"theorem Q & P -> P & Q\n{SCRIPT}", Outcome.FAIL, "for another statement"),
        (f"{SCRIPT}\ntheorem {STATEMENT}", Outcome.FAIL, "line 6"),
        (f"theorem {STATEMENT}\ntheorem P -> P\nintro H\nexact H", Outcome.FAIL, "line 2"),
        # Hypotheses that are given another meaning, or hidden.
        ("have H : Q & P\nassumption", Outcome.FAIL, "line 2: no hypothesis says"),
        ("intro H\nhave H : Q\nexact H", Outcome.FAIL, "line 2: the name H is in use"),
        ("intro H\ncases H with p p", Outcome.FAIL, "line 2: the name p is in use"),
        ("intro H\ncases H with H H", Outcome.FAIL, "line 2: the name H is in use"),
        ("intro add_zero", Outcome.FAIL, "in use"),
        ("exact H", Outcome.FAIL, "no hypothesis H"),
        # Symbols and variables that the statement does not have.
        ("have H : R\nassumption", Outcome.FAIL, "no predicate R"),
        ("have H : x = x\nreflexivity", Outcome.FAIL, "x is no variable here"),
        ("intro H\nhave K : Q(0)", Outcome.FAIL, "arguments elsewhere"),
        ("have \u0420 : P", Outcome.FAIL, "is no symbol"),
        # What other provers have.
        ("sorry", Outcome.FAIL, "no tactic 'sorry'"),
        ("admit", Outcome.FAIL, "no tactic 'admit'"),
        ("axiom H : Q & P\nexact H", Outcome.FAIL, "no tactic 'axiom'"),
        ("intro H\nby_contradiction K", Outcome.FAIL, "intuitionistic"),
        ("intro H\nclassical P", Outcome.FAIL, "intuitionistic"),
        ("theorem", Outcome.FAIL, "missing"),
        ("theorems P\nintro", Outcome.FAIL, "no tactic 'theorems'"),
    ],
)
def test_other_submissions_score_nothing(submission: str, outcome: Outcome, feedback: str) -> None:
    verdict = VERIFIER.verify(TASK, submission)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (0.0, False, outcome)
    assert feedback in verdict.feedback


def test_the_header_can_be_asked_for() -> None:
    verifier = make_verifier("natural_deduction:header=true")
    assert verifier.verify(TASK, f"theorem {STATEMENT}\n{SCRIPT}").correct
    verdict = verifier.verify(TASK, SCRIPT)
    assert (verdict.correct, "first line" in verdict.feedback) == (False, True)


def test_a_classical_proof_is_accepted_where_it_may_be_one() -> None:
    script = "by_contradiction H\napply H\nright\nintro p\napply H\nleft\nexact p"
    assert VERIFIER.verify(task_of("P | ~P", ("classical",)), script).correct
    assert not VERIFIER.verify(task_of("P | ~P"), script).correct


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "P ->",
        "x = x",
        "{}",
        "{",
        '{"statement": 3}',
        '{"statement": "P -> P", "axioms": "all"}',
        '{"statement": "P -> P", "axioms": ["choice"]}',
        '{"statement": "P -> P", "axioms": [[]]}',
        '{"statement": "P -> P", "extra": 1}',
        '{"a":' * 10_000,
    ],
)
def test_a_broken_reference_is_our_fault(reference: str) -> None:
    verdict = VERIFIER.verify(Task("t", (), reference), SCRIPT)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert verdict.detail


def test_a_reference_is_a_formula_or_json() -> None:
    plain = read_statement("P -> P")
    assert plain == read_statement('{"statement": "P -> P"}')
    assert plain.axioms == {"arithmetic"}
    assert json.loads(write_reference("P", frozenset()))["axioms"] == []


LINES = st.sampled_from(
    [*SCRIPT.split("\n"), *TACTICS, "have K : P", "apply H", "exact p q", "exists 0", "intro H K"]
)


@given(st.lists(LINES | st.text(max_size=20), max_size=12).map("\n".join) | st.text(max_size=80))
def test_no_text_breaks_the_verifier(text: str) -> None:
    verdict = VERIFIER.verify(TASK, text)
    assert verdict.reward == (1.0 if verdict.correct else 0.0)
    assert len(verdict.feedback) <= MAX_FEEDBACK


@pytest.mark.parametrize(
    "submission",
    [
        "x" * 1_000_000,
        "\n" * (MAX_LINES + 1) + "intro H",
        "intro H\n" * MAX_LINES,
        "have H : P\n" * MAX_LINES,
        "```" * 300_000,
        "have H : " + "(" * 480,
        "have H : " + "~" * 480 + "P",
        "classical P -> P\n" * 100,
    ],
)
def test_large_submissions_are_refused(submission: str) -> None:
    assert not VERIFIER.verify(TASK, submission).correct
    assert len(submission) <= 10 * MAX_CHARACTERS or len(submission) > MAX_CHARACTERS


def test_numbers_that_grow_are_refused() -> None:
    script = "\n".join(["intro x", *(f"have H{i} : x * 90 * 90 = x\nsimplify" for i in range(50))])
    verdict = VERIFIER.verify(task_of("forall x, x = 0"), script)
    assert not verdict.correct
    assert "more than" in verdict.feedback
