"""The last check of proofs in Lean, over recorded conversations and with a real process.

What needs a Lean is skipped where there is none, in CI too: none can be installed by a package.
"""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from gym_reason.errors import RunError, UsageError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.proofs.interactive.system import Theorem, write_reference
from gym_reason.verifiers.proofs.lean.protocol import CommandReply, Message
from gym_reason.verifiers.proofs.lean.session import LeanLimits
from gym_reason.verifiers.proofs.lean.statements import (
    StatementError,
    read_axioms,
    strip_proof,
    write_proof,
)
from gym_reason.verifiers.proofs.lean.toolchain import find_toolchain
from gym_reason.verifiers.proofs.lean.verifier import LeanSystem, LeanVerifier, judge
from tests.verifiers.proofs.lean_replay import PYTHON, Replay, write_program

OR_SWAP = Theorem("∀ p q : Prop, p \u2228 q → q \u2228 p", name="or_swap")
OF_NOT_NOT = Theorem("∀ p : Prop, ¬¬p → p", name="of_not_not")
PROOF = "intro p q h\nexact h.symm"
LIMITS = LeanLimits(start_s=20.0, step_s=0.5, check_s=0.5)


def judge_with(name: str, proof: str, theorem: Theorem = OR_SWAP) -> Verdict:
    return judge(Replay(name), theorem, proof, LIMITS)


@pytest.mark.parametrize(
    "proof", [PROOF, f"{PROOF}\n", "by\n  intro p q h\n  exact h.symm", f":= by\n{PROOF}",
              "by intro p q h\n   exact h.symm", PROOF.replace("\n", "\r\n")],
)  # fmt: skip
def test_a_proof_holds(proof: str) -> None:
    verdict = judge_with("check: holds", proof)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (1.0, True, Outcome.PASS)


def test_warnings_do_not_matter_and_the_usual_axioms_do_not_either() -> None:
    assert judge_with("check: a linter warns", "intro p q h\nhave k := h\nexact h.symm").correct
    classical = "intro p h\nexact Classical.byContradiction h"
    assert judge_with("check: the usual axioms", classical, OF_NOT_NOT).correct


@pytest.mark.parametrize(
    ("name", "proof", "outcome", "feedback"),
    [
        (
            "check: goals are left",
            "intro p q h\ncases h\nexact Or.inr (by assumption)",
            Outcome.FAIL,
            "unsolved goals\ncase inr",
        ),
        ("check: a wrong term", "intro p q h\nexact h", Outcome.FAIL, "line 2: type mismatch"),
        ("check: a hole", "intro p q h\napply?", Outcome.FAIL, "unproved (sorry)"),
        ("check: a hole that is listed", "intro p q h\nhint", Outcome.FAIL, "unproved (sorry)"),
        (
            "check: another theorem",
            "exact fun p q h => h.symm",
            Outcome.FAIL,
            "this proves something else: the theorem: type mismatch",
        ),
        ("check: no answer", "decide", Outcome.TIMEOUT, "longer than 0.5 s"),
        ("check: the end", "omega", Outcome.MEMORY, "Lean ended"),
    ],
)
def test_other_proofs_score_nothing(name: str, proof: str, outcome: Outcome, feedback: str) -> None:
    verdict = judge_with(name, proof)
    assert (verdict.reward, verdict.correct, verdict.outcome) == (0.0, False, outcome)
    assert feedback in verdict.feedback


def test_an_axiom_of_the_preamble_does_not_count_as_a_proof() -> None:
    theorem = replace(OF_NOT_NOT, preamble="axiom magic : ∀ p : Prop, p")
    verdict = judge_with("check: an axiom of the preamble", "exact magic _", theorem)
    assert (verdict.outcome, verdict.feedback) == (Outcome.FAIL, "the proof assumes magic")


@pytest.mark.parametrize(
    ("name", "theorem", "proof", "detail"),
    [
        ("check: no word about axioms", OR_SWAP, "simpa only [or_comm] using id", "#print axioms"),
        ("check: no environment", OR_SWAP, "rfl", "Unknown environment"),
        ("an open statement", Theorem("P → P"), PROOF, "the statement: Unknown identifier `P`"),
        ("a preamble that fails", Theorem("True", "import Nowhere"), PROOF, "the preamble"),
    ],
)
def test_what_is_not_the_proofs_fault_is_unscorable(
    name: str, theorem: Theorem, proof: str, detail: str
) -> None:
    verdict = judge_with(name, proof, theorem)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert detail in verdict.detail


@pytest.mark.parametrize(
    ("proof", "outcome"),
    [
        ("sorry", Outcome.INVALID),
        ("rfl)\ntheorem x : True := (trivial", Outcome.INVALID),
        ("native_decide", Outcome.INVALID),
        ("", Outcome.NO_ANSWER),
        ("<think>rfl", Outcome.NO_ANSWER),
        ("by", Outcome.NO_ANSWER),
        ("x" * 60_000, Outcome.INVALID),
    ],
)
def test_what_the_guard_refuses_needs_no_lean(proof: str, outcome: Outcome) -> None:
    verifier = LeanVerifier(repl="/nowhere/repl")
    verdict = verifier.verify(Task("t", (), write_reference(OR_SWAP)), proof)
    assert verdict.outcome is outcome


def test_the_theorem_holds_the_proof_between_parentheses() -> None:
    text, before = write_proof(
        Theorem("True ∧\n  True", name="two"), "by\n  constructor\n  trivial"
    )
    assert text == (
        "theorem two : (\n    True ∧\n      True\n) := by\n  (\n    constructor\n    trivial\n  )"
    )
    assert text.split("\n")[before] == "    constructor"


@pytest.mark.parametrize(
    ("proof", "stripped"),
    [
        ("rfl", "rfl"),
        ("by rfl", "rfl"),
        ("  rfl\n  done", "rfl\ndone"),
        ("by constructor\n   rfl", "constructor\nrfl"),
        (":=\n  by constructor\n     rfl", "constructor\nrfl"),
        ("by_cases h : p\nrfl", "by_cases h : p\nrfl"),
        ("by\n", ""),
    ],
)
def test_a_proof_may_begin_with_by(proof: str, stripped: str) -> None:
    assert strip_proof(proof) == stripped


@pytest.mark.parametrize(
    ("said", "axioms"),
    [
        ("'gym_reason_check' does not depend on any axioms", set()),
        ("'Foo.gym_reason_check' depends on axioms: [propext]", {"propext"}),
        ("'gym_reason_check' depends on axioms: [sorryAx]", {"sorryAx"}),
        (
            "'gym_reason_check' depends on axioms: [propext,\n x._native.native_decide.ax_1]",
            {"propext", "x._native.native_decide.ax_1"},
        ),
    ],
)
def test_the_answer_about_axioms(said: str, axioms: set[str]) -> None:
    assert read_axioms(CommandReply(0, (Message("info", said, 1),))) == axioms


@pytest.mark.parametrize(
    "said",
    [
        [],
        ["'goal' does not depend on any axioms"],
        ["'gym_reason_check' does not depend on any axioms", "more"],
        ["'gym_reason_check' does not depend on any axioms, or so"],
        ["x\n'gym_reason_check' does not depend on any axioms"],
    ],
)
def test_another_answer_about_axioms_is_none(said: list[str]) -> None:
    with pytest.raises(StatementError):
        read_axioms(CommandReply(0, tuple(Message("info", text, 1) for text in said)))


# Finding Lean


@pytest.fixture
def no_lean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without Lean."""
    for name in ("GYM_REASON_LEAN_REPL", "GYM_REASON_LEAN_PROJECT", "LEAN_SYSROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_without_lean_nothing_is_judged(no_lean: Path) -> None:
    del no_lean
    task = Task("t", (), write_reference(OR_SWAP))
    verdict = LeanVerifier().verify(task, PROOF)
    assert verdict.outcome is Outcome.UNSCORABLE
    assert "the Lean REPL is not installed" in verdict.detail
    with pytest.raises(RunError, match=r"not installed.*GYM_REASON_LEAN_REPL.*docs/lean.md"):
        LeanSystem().open(OR_SWAP)


def test_the_repl_is_found_where_it_was_built(
    no_lean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = no_lean / "checkout" / ".lake" / "build" / "bin"
    built.mkdir(parents=True)
    program = write_program(built, "session")
    with pytest.raises(RunError, match="Lean 4 is not installed"):
        find_toolchain(str(no_lean / "checkout"))
    sysroot = no_lean / "toolchain"
    sysroot.mkdir()
    lean = no_lean / ".elan" / "bin" / "lean"
    lean.parent.mkdir(parents=True)
    lean.write_text(f"#!/bin/sh\necho {sysroot}\n")
    lean.chmod(0o755)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for repl in (no_lean / "checkout", program):
        found = find_toolchain(str(repl))
        assert (found.program, found.sysroot, found.libraries) == (program, sysroot, ())
    monkeypatch.setenv("GYM_REASON_LEAN_REPL", str(program))
    project = no_lean / "project"
    library = project / ".lake" / "packages" / "mathlib" / ".lake" / "build" / "lib" / "lean"
    library.mkdir(parents=True)
    assert find_toolchain(project=str(project)).libraries == (library,)
    with pytest.raises(RunError, match="no folder"):
        find_toolchain(project=str(no_lean / "nothing"))
    with pytest.raises(RunError, match="no Lean REPL at /nowhere"):
        find_toolchain("/nowhere")


def test_a_lean_that_does_not_run_is_told(no_lean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = write_program(no_lean, "session")
    lean = no_lean / "lean"
    lean.write_text("#!/bin/sh\necho no default toolchain >&2\nexit 1\n")
    lean.chmod(0o755)
    monkeypatch.setenv("PATH", f"{no_lean}:/usr/bin:/bin")
    with pytest.raises(RunError, match="--print-prefix says 'no default toolchain'"):
        find_toolchain(str(program))


def test_it_is_found_by_name(no_lean: Path) -> None:
    del no_lean
    verifier = make_verifier("lean:timeout=5")
    assert isinstance(verifier, LeanVerifier)
    assert verifier.name == "lean"
    assert pickle.loads(pickle.dumps(verifier)).system == verifier.system
    with pytest.raises(UsageError, match="timeout"):
        LeanVerifier(timeout=0.0)


# A real process, which holds recorded conversations


@pytest.fixture
def replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_bubblewrap: None) -> LeanSystem:
    """Lean, as a program in the sandbox that knows the recorded conversations."""
    del needs_bubblewrap
    if not PYTHON.is_file():
        pytest.skip(f"the replayer needs {PYTHON}")
    monkeypatch.setenv("LEAN_SYSROOT", str(tmp_path))
    return LeanSystem(str(write_program(tmp_path)), limits=LIMITS)


def test_a_session_in_a_process(replayed: LeanSystem) -> None:
    session = replayed.open(OR_SWAP)
    session.step("intro p q h")
    assert "type mismatch" in session.step("exact h").error
    assert len(session.step("cases h").goals) == 2
    session.step("exact Or.inr (by assumption)")
    assert session.step("exact Or.inl (by assumption)").finished
    session.close()


def test_a_process_that_is_busy_or_ends_is_replaced(replayed: LeanSystem) -> None:
    session = replayed.open(OR_SWAP)
    session.step("intro p q h")
    slow = session.step("decide")
    assert "longer than 0.5 s" in slow.error
    dead = session.step("omega")
    assert "Lean ended" in dead.error
    assert slow.goals == dead.goals
    assert session.step("exact h.symm").finished
    session.close()


def test_checks_in_processes(replayed: LeanSystem) -> None:
    assert replayed.check(OR_SWAP, PROOF).correct
    assert replayed.check(OR_SWAP, "intro p q h\nexact h").outcome is Outcome.FAIL
    assert replayed.check(OR_SWAP, "decide").outcome is Outcome.TIMEOUT
    assert replayed.check(OR_SWAP, "omega").outcome is Outcome.MEMORY
    # It has no conversation about this, says so on its standard error and ends.
    assert replayed.check(OR_SWAP, "simp").outcome is Outcome.MEMORY


def test_what_the_repl_says_on_its_standard_error_is_no_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_bubblewrap: None
) -> None:
    del needs_bubblewrap
    program = tmp_path / "repl"
    program.write_text(
        "#!/bin/sh\nwhile read line; do read empty; echo '{\"env\": 7}\n' >&2; "
        'echo \'{"message": "no"}\n\'; done\n'
    )
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("LEAN_SYSROOT", str(tmp_path))
    verdict = LeanSystem(str(program), limits=LIMITS).check(OR_SWAP, PROOF)
    assert (verdict.outcome, verdict.detail) == (
        Outcome.UNSCORABLE,
        "before the proof: the statement: no",
    )


def test_a_program_that_is_no_repl_is_unscorable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_bubblewrap: None
) -> None:
    del needs_bubblewrap
    program = tmp_path / "repl"
    program.write_text("#!/bin/sh\necho hello\necho\n")
    program.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("LEAN_SYSROOT", str(tmp_path))
    verdict = LeanSystem(str(program), limits=LIMITS).check(OR_SWAP, PROOF)
    assert verdict.outcome is Outcome.UNSCORABLE
    with pytest.raises(RunError):
        LeanSystem(str(program), limits=LIMITS).open(OR_SWAP)


# A real Lean


@pytest.mark.usefixtures("needs_lean")
def test_a_real_lean_checks_a_proof() -> None:
    real_lean = LeanSystem()
    assert real_lean.check(OR_SWAP, PROOF).correct
    assert real_lean.check(OR_SWAP, "intro p q h\nexact h").outcome is Outcome.FAIL
    session = real_lean.open(OR_SWAP)
    assert len(session.step("intro p q h").goals) == 1
    assert session.step("exact h.symm").finished
    session.close()


@pytest.mark.usefixtures("needs_lean")
def test_a_real_lean_accepts_the_scripts_that_come_with_the_environment(root: Path) -> None:
    rows = map(json.loads, (root / "envs/proofs/lean.jsonl").read_text("utf-8").splitlines())
    for row in rows:
        theorem = Theorem(row["statement"], row.get("preamble", ""), row["name"])
        verdict = LeanSystem().check(theorem, "\n".join(row["script"]))
        assert verdict.correct, f"{row['name']}: {verdict.feedback}{verdict.detail}"
