"""The verifier `rocq`: what Coq's fresh processes make of whole proofs."""

import json
import os
import pickle

import pytest

from gym_reason.errors import RunError, UsageError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.pool import VerifierPool
from gym_reason.verifiers.proofs.interactive.system import (
    Theorem,
    read_reference,
    write_reference,
)
from gym_reason.verifiers.proofs.interactive.verifier import MAX_CHARACTERS
from gym_reason.verifiers.proofs.rocq import programs, system
from gym_reason.verifiers.proofs.rocq.sentences import split_sentences
from gym_reason.verifiers.proofs.rocq.system import RocqSystem, RocqVerifier, list_axioms
from gym_reason.verifiers.sandbox import MIB
from tests.verifiers.proofs.rocq_cheats import AGAIN, BEHIND_THE_LIST, FALSE, STATEMENT, Cheat
from tests.verifiers.sandbox.scripts import find_cgroups, find_processes

pytestmark = pytest.mark.usefixtures("needs_coq")

SWAP = Theorem("forall P Q : Prop, P /\\ Q -> Q /\\ P")
PROOF = "intros P Q [p q].\nsplit.\n- exact q.\n- exact p."
MIDDLE = "forall P : Prop, P \\/ ~ P"
TREE = "Inductive tree := leaf | node (l r : tree).\nFixpoint flip t := match t with leaf => leaf\n"
TREE += "  | node l r => node (flip r) (flip l) end."


def verify(theorem: Theorem, submission: str) -> Verdict:
    return RocqVerifier().verify(Task("t", (), write_reference(theorem)), submission)


@pytest.mark.parametrize(
    "submission",
    [
        PROOF,
        f"Proof.\n{PROOF}\nQed.",
        f"<think>How about Admitted?</think>\n{PROOF}",
        f"```coq\n{PROOF}\n```",
        f"(* swap \u21c4 *) {PROOF.replace('- ', '(* a bullet *) - ')} (* done *)",
        "tauto.",
        "intros P Q H; destruct H; split; assumption.",
        "refine (fun P Q H => conj (proj2 H) (proj1 H)).",
    ],
)
def test_proofs_pass(submission: str) -> None:
    verdict = verify(SWAP, submission)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (1.0, True, Outcome.PASS)
    assert verdict.seconds > 0


@pytest.mark.parametrize(
    ("submission", "outcome", "feedback"),
    [
        ("", Outcome.NO_ANSWER, "no proof"),
        ("<think>intros.", Outcome.NO_ANSWER, "no proof"),
        ("The proof is easy.", Outcome.INVALID, "'The' is no tactic"),
        (f"{PROOF} Admitted.", Outcome.INVALID, "sentence 7: 'Admitted'"),
        ("x" * (MAX_CHARACTERS + 1), Outcome.INVALID, "longer than"),
        ("intros P Q [p q].\nexact I.", Outcome.FAIL, "sentence 2: In environment P"),
        ("intros P Q [p q]. split. exact q.", Outcome.FAIL, "the end: "),
        (f"{PROOF}\nexact I.", Outcome.FAIL, "sentence 7: No such goal"),
        ("intros (.", Outcome.FAIL, "sentence 1: Syntax error"),
    ],
)
def test_other_texts_score_nothing(submission: str, outcome: Outcome, feedback: str) -> None:
    verdict = verify(SWAP, submission)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (0.0, False, outcome)
    assert feedback in verdict.feedback
    assert len(verdict.feedback) < 2_000


@pytest.mark.parametrize("cheat", FALSE, ids=lambda cheat: cheat.aim)
def test_false_is_not_proved(cheat: Cheat) -> None:
    verdict = verify(Theorem("False"), cheat.proof)
    assert (verdict.reward, verdict.outcome) == (0.0, Outcome.FAIL)


@pytest.mark.parametrize("cheat", BEHIND_THE_LIST, ids=lambda cheat: cheat.aim)
def test_a_cheat_is_found_even_without_the_list_of_tactics(cheat: Cheat) -> None:
    sentences = split_sentences(cheat.proof.format(again=AGAIN, statement=STATEMENT))
    theorem, prover = Theorem(STATEMENT), RocqSystem()
    compiled = prover._compile(theorem, sentences, {})
    # Coq has no objection: what refuses it is the second process.
    assert isinstance(compiled, bytes), compiled
    verdict = prover._check_again(theorem, {"Submission.vo": compiled})
    assert (verdict.reward, verdict.outcome) == (0.0, Outcome.FAIL)
    assert "assumes Submission." in verdict.feedback or "not the statement" in verdict.feedback


def test_what_the_preamble_assumes_may_be_used_and_nothing_else() -> None:
    for preamble, proof in (
        ("Require Import Classical.", "exact classic."),
        ("Require Classical.", "exact Classical_Prop.classic."),
        (f"Axiom middle : {MIDDLE}.", "exact middle."),
    ):
        assert verify(Theorem(MIDDLE, preamble), proof).correct
    assert not verify(Theorem(MIDDLE), "exact Classical_Prop.classic.").correct
    theorem, prover = Theorem(MIDDLE), RocqSystem()
    own = f"Abort. Require Import Classical. Lemma pinned_goal : {MIDDLE}. exact classic."
    compiled = prover._compile(theorem, split_sentences(own), {})
    assert isinstance(compiled, bytes)
    verdict = prover._check_again(theorem, {"Submission.vo": compiled})
    assert verdict.feedback == "the proof assumes Classical_Prop.classic"


def test_a_preamble_may_declare_and_open_and_abbreviate() -> None:
    script = "induction t as [| l IHl r IHr]; simpl. reflexivity. rewrite IHl, IHr. reflexivity."
    twice = "forall t, flip (flip t) = t"
    assert verify(Theorem(twice, TREE), script).correct
    assert not verify(Theorem("forall t, flip t = t", TREE), script).correct
    notation = f'{TREE}\nNotation "t ^~" := (flip t) (at level 3).\nLocal Open Scope nat_scope.'
    assert verify(Theorem("forall t, (t ^~) ^~ = t", notation), script).correct
    integers = "From Coq Require Import ZArith.\nOpen Scope Z_scope."
    assert verify(Theorem("1 - 2 = -1", integers), "reflexivity.").correct
    section = "Section S. Variable n : nat. Definition more := n + 1. End S."
    assert verify(Theorem("more 1 = 2", section), "reflexivity.").correct


def test_the_machine_is_believed_by_nobody() -> None:
    # Cast by the virtual machine, checked again without it.
    assert verify(Theorem("Nat.pow 2 10 = 1024"), "vm_compute. reflexivity.").correct
    assert not verify(Theorem("Nat.pow 2 10 = 1023"), "vm_compute. reflexivity.").correct


@pytest.mark.parametrize(
    "reference",
    [
        "", "{}", "[", '{"statement": 1}', '{"statement": "True", "axioms": []}', "{" * 100_000,
        "forall x, x =",
        "True. Axiom c : False",
        json.dumps({"statement": "True", "preamble": "Foo bar."}),
        json.dumps({"statement": "True", "preamble": "Definition x := ."}),
        json.dumps({"statement": "True", "preamble": "(* open"}),
        json.dumps({"statement": "True", "preamble": "Section S."}),
    ],
)  # fmt: skip
def test_a_broken_task_is_not_the_submissions_fault(reference: str) -> None:
    verdict = RocqVerifier().verify(Task("t", (), reference), "exact I.")
    assert (verdict.reward, verdict.outcome) == (0.0, Outcome.UNSCORABLE)
    assert verdict.detail


def test_a_bare_statement_is_a_reference() -> None:
    assert read_reference(" True ") == Theorem(" True ")
    assert read_reference(write_reference(SWAP)) == SWAP
    assert RocqVerifier().verify(Task("t", (), "True /\\ True"), "split; exact I.").correct


def test_limits_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = RocqSystem(check_seconds=1.5).check(SWAP, "repeat (pose proof I).")
    assert slow.outcome is Outcome.TIMEOUT
    loud = RocqSystem().check(SWAP, f'do 300000 idtac "{"loud " * 20}".')
    assert loud.outcome is Outcome.OUTPUT_LIMIT
    monkeypatch.setattr(programs, "MEMORY_BYTES", 256 * MIB)
    hungry = RocqSystem().check(SWAP, "let x := eval vm_compute in (Nat.pow 2 28) in idtac.")
    assert hungry.outcome is Outcome.MEMORY


def test_a_check_leaves_nothing() -> None:
    before = find_processes(os.getpid()), find_cgroups(os.getpid())
    assert verify(SWAP, f"idtac. {PROOF}").correct
    RocqSystem(check_seconds=0.3).check(SWAP, "repeat (pose proof I).")
    assert (find_processes(os.getpid()), find_cgroups(os.getpid())) == before


def test_a_verdict_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = "intros P Q H. tauto.", "intros P Q H. exact I."
    verdicts = [RocqSystem().check(SWAP, proof) for proof in (good, bad)]
    monkeypatch.setenv("PATH", "/nowhere")
    again = [RocqSystem().check(SWAP, f"(* again *) {proof}") for proof in (good, bad)]
    assert again == verdicts
    other = RocqSystem().check(Theorem("True"), good)
    assert other.outcome is Outcome.UNSCORABLE
    monkeypatch.undo()
    monkeypatch.setattr(system, "MAX_JUDGED", 1)
    assert RocqSystem().check(Theorem("True"), "do 7 idtac. exact I.").correct
    assert len(system._judged) == 1


def test_it_is_made_by_name_and_travels() -> None:
    made = make_verifier("rocq:seconds=20")
    assert isinstance(made, RocqVerifier)
    assert (made.name, made.deterministic, made.needs_s) == ("rocq", True, 60)
    assert pickle.loads(pickle.dumps(made)).verify(Task("t", (), "True"), "exact I.").correct
    with pytest.raises(UsageError):
        make_verifier("rocq:seconds=0")
    task = Task("t", (), write_reference(SWAP))
    with VerifierPool(made, workers=1) as pool:
        verdicts = list(pool.verify_many([(task, PROOF), (task, "exact I.")]))
    assert [verdict.reward for verdict in verdicts] == [1.0, 0.0]


def test_without_coq_nothing_can_be_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_verifier("rocq")
    monkeypatch.setenv("PATH", "/nowhere")
    verdict = made.verify(Task("t", (), write_reference(SWAP)), f"do 9 idtac. {PROOF}")
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "scripts/install-system-deps --only coq" in verdict.detail
    assert isinstance(made, RocqVerifier)
    with pytest.raises(RunError, match="not installed"):
        made.prepare()


def test_assumptions_are_listed() -> None:
    assert list_axioms("Closed under the global context\n") == []
    listed = (
        "Axioms:\nSubmission.c : forall P : Prop,\n  P\nf is assumed to be guarded.\nx\n  : nat\n"
    )
    assert list_axioms(listed) == ["Submission.c", "f", "x"]
    assert list_axioms("Section Variables:\nx : nat\nAxioms:\ny : nat\n") != []
    assert list_axioms("") != []
