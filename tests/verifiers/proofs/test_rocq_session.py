"""A proof under way in coqtop: its goals, what takes it back, and what it survives."""

import os
import signal
from collections.abc import Iterator

import pytest

from gym_reason.errors import RunError, UsageError
from gym_reason.verifiers.proofs.interactive.system import StepResult, Theorem
from gym_reason.verifiers.proofs.rocq import programs, session
from gym_reason.verifiers.proofs.rocq.goals import is_silent, read_goal, read_goals
from gym_reason.verifiers.proofs.rocq.session import RocqSession
from gym_reason.verifiers.proofs.rocq.system import RocqSystem
from gym_reason.verifiers.sandbox import MIB, SandboxLostError
from tests.verifiers.sandbox.scripts import find_processes

SWAP = Theorem("forall P Q : Prop, P /\\ Q -> Q /\\ P")
TRUE = Theorem("True")
TREE = Theorem("height leaf = 1", "Inductive tree := leaf.\nDefinition height (t : tree) := 1.")
LIST = Theorem("length [1; 2] = 2", "From Coq Require Import List.\nImport ListNotations.")
RULE = "============================"


@pytest.fixture(scope="module")
def proof(needs_coq: None) -> Iterator[RocqSession]:
    """A session that the tests share: each begins with a theorem of its own."""
    opened = RocqSystem(step_seconds=5).open(SWAP)
    yield opened
    opened.close()


def take(proof: RocqSession, *steps: str) -> StepResult:
    """Take steps that hold, and return what the last one did."""
    result = StepResult(())
    for step in steps:
        result = proof.step(step)
        assert not result.error, f"{step}: {result.error}"
    return result


def test_a_proof_from_its_start_to_its_end(proof: RocqSession) -> None:
    assert proof.start(SWAP).goals == (f"{RULE}\n{SWAP.statement}",)
    assert take(proof, "intros P Q H.").goals == (f"P, Q : Prop\nH : P /\\ Q\n{RULE}\nQ /\\ P",)
    hypotheses = "P, Q : Prop\np : P\nq : Q"
    both = take(proof, "destruct H as [p q].", "split.")
    assert both.goals == (f"{hypotheses}\n{RULE}\nQ", f"{hypotheses}\n{RULE}\nP")
    assert take(proof, "- exact q.").goals == ("P",)
    assert take(proof, "- exact p.") == StepResult((), finished=True)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("exact I.", 'The term "I" has type "True"'),
        ("apply nothing_of_that_name.", "nothing_of_that_name was not found"),
        ("intros (.", "Syntax error"),
        ("Admitted.", "'Admitted' is no tactic"),
        ("intros. intros.", "not 2"),
        ("intros", "does not end"),
        ("", "no sentence"),
        ("- intros. fail.", "not 2"),
        ("- fail.", "Tactic failure"),
        ("fail 2.", "Tactic failure"),
        ("}", "not"),
    ],
)
def test_a_step_that_fails_changes_nothing(proof: RocqSession, step: str, reason: str) -> None:
    before = proof.start(SWAP)
    failed = proof.step(step)
    assert reason in failed.error
    assert failed.goals == before.goals
    assert not failed.finished
    assert "\n" not in failed.error
    take(proof, "intros P Q [p q].", "split.", "exact q.")
    assert take(proof, "exact p.").finished


def test_a_step_that_changes_nothing_shows_the_goals(proof: RocqSession) -> None:
    before = proof.start(SWAP)
    assert take(proof, "idtac.") == before
    assert proof.start(SWAP) == before
    assert take(proof, "idtac.", 'idtac "a message".') == before


def test_steps_are_taken_back(proof: RocqSession) -> None:
    opening = proof.start(SWAP)
    after = [take(proof, step) for step in ("intros P Q [p q].", "split.", "- exact q.")]
    assert proof.undo() == after[1]
    assert proof.undo(2) == opening
    assert [take(proof, step) for step in ("intros P Q [p q].", "split.", "- exact q.")] == after
    assert proof.undo(99) == opening
    assert proof.undo() == opening


def test_an_open_brace_is_not_the_end(proof: RocqSession) -> None:
    proof.start(TRUE)
    open_brace = take(proof, "{ exact I.")
    assert open_brace == StepResult(())
    assert take(proof, "}").finished


def test_many_goals_are_all_there(proof: RocqSession) -> None:
    count = session.MAX_GOALS + 3
    proof.start(Theorem("forall P : Prop, " + " /\\ ".join(["P"] * count)))
    goals = take(proof, "intro P.", "repeat split.").goals
    assert len(goals) == count
    assert goals[0] == goals[session.MAX_GOALS - 1] == f"P : Prop\n{RULE}\nP"
    assert goals[-1] == "P"


def test_one_process_serves_many_theorems(proof: RocqSession) -> None:
    proof.start(SWAP)
    process = proof.pid
    for theorem in (TRUE, LIST, SWAP, LIST, TRUE):
        proof.start(theorem)
        assert proof.pid == process
        if theorem is not SWAP:
            assert take(proof, "reflexivity." if theorem is LIST else "exact I.").finished


def test_a_preamble_declares_what_the_theorem_speaks_of(proof: RocqSession) -> None:
    assert proof.start(TREE).goals == (f"{RULE}\nheight leaf = 1",)
    assert take(proof, "reflexivity.").finished
    proof.start(SWAP)
    assert "not found" in proof.step("pose (x := leaf).").error


def test_a_preamble_is_not_there_for_another_theorem(proof: RocqSession) -> None:
    proof.start(LIST)
    take(proof, "pose (x := [1]).")
    proof.start(TRUE)
    assert proof.step("pose (x := [1]).").error


@pytest.mark.parametrize(
    "theorem",
    [
        Theorem("forall x, x ="),
        Theorem("unknown_thing"),
        Theorem("True. Axiom x : False"),
        Theorem("True", "Foo bar."),
        Theorem("True", "Definition x := ."),
        Theorem("True", "Require Import Nothing.Of.That.Name."),
        Theorem("True", "Definition x := 1"),
        Theorem("True", "(* open"),
    ],
)
def test_a_theorem_that_cannot_be_read_is_refused(proof: RocqSession, theorem: Theorem) -> None:
    with pytest.raises(UsageError):
        proof.start(theorem)
    proof.start(TRUE)
    assert take(proof, "exact I.").finished
    with pytest.raises(UsageError):
        RocqSystem().open(theorem)


@pytest.mark.parametrize("slow", ["repeat (pose proof I).", "do 1000000000 idtac."])
def test_a_step_that_takes_too_long_changes_nothing(proof: RocqSession, slow: str) -> None:
    proof.start(SWAP)
    before = take(proof, "intros P Q [p q].")
    process, proof.step_seconds = proof.pid, 0.5
    try:
        stopped = proof.step(slow)
    finally:
        proof.step_seconds = 5
    assert stopped == StepResult(before.goals, error="longer than 0.5 seconds")
    assert proof.pid == process
    assert take(proof, "split; assumption.").finished


def test_a_step_that_does_not_stop_ends_its_process(
    proof: RocqSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof.start(SWAP)
    before = take(proof, "intros P Q [p q].")
    process, proof.step_seconds = proof.pid, 0.3
    monkeypatch.setattr(
        "gym_reason.verifiers.proofs.interactive.process.ProverProcess.interrupt", lambda self: None
    )
    monkeypatch.setattr(session, "_QUICK_S", 0.5)
    stopped = proof.step("do 1000000000 idtac.")
    monkeypatch.undo()
    proof.step_seconds = 5
    assert stopped.goals == before.goals
    assert proof.pid != process
    assert take(proof, "split; assumption.").finished


def test_a_step_that_says_too_much_changes_nothing(proof: RocqSession) -> None:
    proof.start(SWAP)
    before = take(proof, "intros P Q [p q].")
    proof.step_seconds = 60
    loud = proof.step(f'do 500000 idtac "{"loud " * 20}".')
    proof.step_seconds = 5
    assert loud == StepResult(before.goals, error="the step says too much")
    assert take(proof, "split; assumption.").finished


def test_a_step_that_takes_too_much_memory_changes_nothing(
    needs_coq: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "MEMORY_BYTES", 256 * MIB)
    proof = RocqSystem(step_seconds=60).open(SWAP)
    try:
        before = proof.start()
        hungry = proof.step("let x := eval vm_compute in (Nat.pow 2 28) in idtac.")
        assert hungry.goals == before.goals
        assert "memory" in hungry.error or "tack overflow" in hungry.error
        take(proof, "intros P Q [p q].")
        assert take(proof, "split; assumption.").finished
    finally:
        proof.close()


def test_a_prover_that_is_killed_is_replaced_and_takes_the_steps_again(proof: RocqSession) -> None:
    proof.start(SWAP)
    take(proof, "intros P Q H.", "destruct H as [p q].", "split.", "- exact q.")
    for _ in range(2):
        process = proof.pid
        os.kill(process, signal.SIGKILL)
        assert "True" in proof.step("- exact I.").error
        assert proof.pid != process
    assert take(proof, "- exact p.").finished
    os.kill(proof.pid, signal.SIGKILL)
    assert proof.undo().goals == ("P",)
    os.kill(proof.pid, signal.SIGKILL)
    assert proof.start(TRUE).goals == (f"{RULE}\nTrue",)


def test_a_prover_that_does_not_come_back_is_lost(
    needs_coq: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof = RocqSystem().open(SWAP)
    take(proof, "intros P Q H.")
    monkeypatch.setenv("PATH", "/nowhere")
    os.kill(proof.pid, signal.SIGKILL)
    with pytest.raises(SandboxLostError, match="coqtop is not installed"):
        proof.step("destruct H as [p q].")
    with pytest.raises(SandboxLostError):
        proof.step("destruct H as [p q].")
    monkeypatch.undo()
    assert len(take(proof, "destruct H as [p q].", "split.").goals) == 2
    proof.close()


def test_a_process_that_has_heard_much_is_replaced(
    proof: RocqSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof.start(TRUE)
    process = proof.pid
    monkeypatch.setattr(session, "MAX_SENTENCES", 1)
    assert take(proof, "exact I.").finished
    proof.start(TRUE)
    assert proof.pid != process


def test_close_leaves_nothing(needs_coq: None) -> None:
    before = find_processes(os.getpid())
    proof = RocqSystem().open(SWAP)
    assert find_processes(os.getpid()) > before
    proof.close()
    proof.close()
    assert find_processes(os.getpid()) == before
    assert proof.pid == 0


def test_without_coq_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, needs_bubblewrap: None
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RunError, match=r"coqtop is not installed.*install-system-deps --only coq"):
        RocqSystem().open(SWAP)


SHOWN = """<infomsg>a message</infomsg>
2 goals (ID 10)
{blank}
  a, b : nat
  H : a = b /\\ b = a
  ============================
  b = a

goal 2 (ID 11) is:
 a = b

""".format(blank="  ")


def test_goals_are_read() -> None:
    found = read_goals(SHOWN)
    assert found.goals == (f"a, b : nat\nH : a = b /\\ b = a\n{RULE}\nb = a", "a = b")
    assert found.focused
    assert not found.finished
    assert read_goals("No more goals.\n\n").finished
    assert not read_goals("<infomsg>No more goals.</infomsg>\n").finished
    assert is_silent("<infomsg>No more goals.</infomsg>\n\n")
    assert not is_silent("No more goals.")
    assert read_goal(f"goal 2 (ID 11) is:\n  \n  x : nat\n  {RULE}\n  x = x\n") == (
        f"x : nat\n{RULE}\nx = x"
    )
    assert read_goal("Error: no such goal.") == ""
