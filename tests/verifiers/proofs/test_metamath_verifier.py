"""The verifier `metamath`: verdicts on submissions."""

import itertools
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.types import Outcome, Task
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.pool import VerifierPool
from gym_reason.verifiers.proofs.metamath.verifier import (
    MAX_CHARACTERS,
    MetamathVerifier,
    read_reference,
    write_reference,
)

ID = "wp wp wp wi wp wp wp ax-keep wp wp wp wi ax-keep mp-under"
COMPRESSED = "( wi ax-keep mp-under ) AAABAAACAAABCD"


def task_of(theorem: str = "id", database: str = "propositional") -> Task:
    return Task("t", (), write_reference(database, theorem))


@pytest.mark.parametrize(
    "submission",
    [
        ID,
        COMPRESSED,
        f"$= {ID} $.",
        f"<think>first wp, then ...</think>\n{ID}\n",
        ID.replace(" ", "\n"),
        "( wi ax-keep mp-under ) AAABZAAACAECD",
    ],
)
def test_proofs_pass(submission: str) -> None:
    verdict = MetamathVerifier().verify(task_of(), submission)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (1.0, True, Outcome.PASS)


@pytest.mark.parametrize(
    ("submission", "outcome", "feedback"),
    [
        ("", Outcome.NO_ANSWER, "no proof"),
        ("$= $.", Outcome.NO_ANSWER, "no proof"),
        (f"<think>{ID}", Outcome.NO_ANSWER, "no proof"),
        ("?", Outcome.FAIL, "not complete"),
        ("wp id", Outcome.FAIL, "step 2 (id): a theorem cannot prove itself"),
        ("wp id-under", Outcome.FAIL, "step 2 (id-under): the statement comes after"),
        ("mp-under.1", Outcome.FAIL, "belongs to another statement"),
        ("the cat sat", Outcome.FAIL, "step 1: there is no statement the"),
        (ID + " " + ID, Outcome.FAIL, "2 entries"),
        (ID.replace("mp-under", "mp"), Outcome.FAIL, "step 14 (mp): "),
        ("Since p, it follows.", Outcome.INVALID, "'p,' is no part"),
        (f"`{ID}`", Outcome.INVALID, "is no part"),
        ("\u03c6 wp", Outcome.INVALID, "is no part"),
        ("( wi", Outcome.INVALID, "'(' without ')'"),
        ("( wi ) 12", Outcome.INVALID, "'1' among the letters"),
        ("( $x ) A", Outcome.INVALID, "'$x' is no part"),
        ("x" * (MAX_CHARACTERS + 1), Outcome.INVALID, "more than"),
    ],
)
def test_other_texts_score_nothing(submission: str, outcome: Outcome, feedback: str) -> None:
    verdict = MetamathVerifier().verify(task_of(), submission)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (0.0, False, outcome)
    assert feedback in verdict.feedback
    assert len(verdict.feedback) < 500


@pytest.mark.parametrize(
    "reference",
    [
        "", "id", "[]", "{}", '{"database": "propositional"}', "[" * 100_000,
        json.dumps({"database": "/nowhere/x.mm", "theorem": "id"}),
        json.dumps({"database": "propositional", "theorem": "nosuch"}),
        json.dumps({"database": "propositional", "theorem": "mp"}),
        json.dumps({"database": 3, "theorem": "id"}),
    ],
)  # fmt: skip
def test_a_broken_reference_is_our_fault(reference: str) -> None:
    verdict = MetamathVerifier().verify(Task("t", (), reference), ID)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert verdict.detail


def test_every_theorem_of_ours_passes_with_its_own_proof_and_no_other() -> None:
    verifier = MetamathVerifier()
    database = read_reference(task_of().reference).database
    theorems = list(database.theorems)
    for theorem, other in itertools.pairwise(theorems):
        assert theorem.proof is not None
        assert other.proof is not None
        task = task_of(theorem.label)
        assert verifier.verify(task, " ".join(theorem.proof)).correct, theorem.label
        assert not verifier.verify(task, " ".join(other.proof)).correct, theorem.label


LABELS = ["wp", "wq", "wi", "wn", "mp", "ax-keep", "ax-share", "mp-under", "id", "?", "(", ")", "Z"]


@given(st.text(max_size=80) | st.lists(st.sampled_from(LABELS), max_size=20).map(" ".join))
def test_no_text_breaks_the_verifier(text: str) -> None:
    verdict = MetamathVerifier().verify(task_of(), text)
    assert verdict.reward == (1.0 if verdict.correct else 0.0)


def test_it_is_found_by_name_and_runs_in_a_pool() -> None:
    assert isinstance(make_verifier("metamath"), MetamathVerifier)
    pickle.loads(pickle.dumps(MetamathVerifier()))
    with VerifierPool("metamath", workers=1, timeout_s=20.0) as pool:
        verdicts = pool.verify_many([(task_of(), ID), (task_of(), "wp")])
        assert [verdict.correct for verdict in verdicts] == [True, False]
