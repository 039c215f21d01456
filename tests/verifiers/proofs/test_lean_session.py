"""The protocol of the Lean REPL, and sessions over recorded conversations."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.verifiers.proofs.interactive.system import Theorem
from gym_reason.verifiers.proofs.lean.protocol import (
    Command,
    CommandReply,
    Failure,
    Hole,
    Message,
    ProtocolError,
    Tactic,
    TacticReply,
    decode,
    encode,
)
from gym_reason.verifiers.proofs.lean.session import LeanLimits, LeanSession
from gym_reason.verifiers.sandbox.base import SandboxLostError
from tests.verifiers.proofs.lean_replay import Replay, read_conversations

OR_SWAP = Theorem("∀ p q : Prop, p \u2228 q → q \u2228 p", name="or_swap")
FIRST = "⊢ ∀ (p q : Prop), p \u2228 q → q \u2228 p"
SECOND = "p q : Prop\nh : p \u2228 q\n⊢ q \u2228 p"


def open_session(*names: str, theorem: Theorem = OR_SWAP) -> tuple[LeanSession, list[Replay]]:
    """Return a session whose processes hold these conversations, one after the other."""
    made: list[Replay] = []
    coming: Iterator[str] = iter(names)

    def connect() -> Replay:
        made.append(Replay(next(coming)))
        return made[-1]

    return LeanSession(connect, theorem, LeanLimits(step_s=1.5)), made


def test_requests_are_one_line_and_an_empty_one() -> None:
    assert encode(Command("def f := 2")) == b'{"cmd": "def f := 2"}\n\n'
    assert encode(Command("a\n\nb", 3)) == b'{"cmd": "a\\n\\nb", "env": 3}\n\n'
    assert encode(Tactic("exact h", 0)) == b'{"tactic": "exact h", "proofState": 0}\n\n'
    # Lean reads no surrogate pairs, which is what an escape of this letter would be.
    assert "\U0001d538".encode() in encode(Tactic("exact \U0001d538", 0))


def test_replies_are_read() -> None:
    # The form of README.md, "Tactic mode", in the spelling of Lean's own printer.
    text = """{"sorries":
 [{"proofState": 0,
   "pos": {"line": 1, "column": 29},
   "goal": "n : Nat\\n⊢ Nat",
   "endPos": {"line": 1, "column": 34}}],
 "messages":
 [{"severity": "warning",
   "pos": {"line": 1, "column": 4},
   "endPos": {"line": 1, "column": 5},
   "data": "declaration uses 'sorry'"}],
 "env": 0}

"""
    assert decode(text.encode()) == CommandReply(
        0,
        (Message("warning", "declaration uses 'sorry'", 1),),
        (Hole("n : Nat\n⊢ Nat", 0),),
    )
    assert decode(b'{"proofState": 2, "goals": []}') == TacticReply(2, ())
    assert decode(
        b'{"proofStatus": "Completed", "proofState": 2, "goals": [], "traces": ["x"]}'
    ) == TacticReply(2, (), status="Completed")
    assert decode(b'{"message": "Unknown environment."}') == Failure("Unknown environment.")
    assert decode(b'{"env": 1, "sorries": [{"goal": "x", "proofState": null}], "later": 1}') == (
        CommandReply(1, (), (Hole("x"),))
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no JSON"),
        (b'{"env": 1', "is no JSON"),
        (b'{"env": 1}\n{"env": 2}', "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no env, no goals and no message"),
        (b'{"env": "1"}', "env is '1'"),
        (b'{"env": true}', "env is True"),
        (b'{"env": -1}', "env is -1"),
        (b'{"goals": []}', "proofState is None"),
        (b'{"goals": [1], "proofState": 0}', "a goal is 1"),
        (b'{"goals": "x", "proofState": 0}', "goals is 'x'"),
        (b'{"message": 1}', "message is 1"),
        (b'{"env": 0, "messages": [1]}', "a part of messages is 1"),
        (b'{"env": 0, "messages": {}}', "messages is {}"),
        (b'{"env": 0, "messages": [{"severity": "loud", "data": ""}]}', "severity 'loud'"),
        (b'{"env": 0, "messages": [{"severity": "info"}]}', "data is None"),
        (b'{"env": 0, "messages": [{"severity": "info", "data": "", "pos": 1}]}', "pos is 1"),
        (b'{"env": 0, "sorries": [{"goal": 1}]}', "goal is 1"),
        (b'{"env": 0, "sorries": [{"goal": "", "proofState": "0"}]}', "proofState is '0'"),
        (b'{"goals": [], "proofState": 0, "proofStatus": 1}', "proofStatus is 1"),
    ],
)
def test_what_is_no_reply_is_one_clear_error(content: bytes, message: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(content)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 150


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["env", "goals", "message", "messages", "sorries", "proofState", "pos", "line"]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


@given(st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_content_breaks_the_reader(content: bytes) -> None:
    try:
        decode(content)
    except ProtocolError:
        return
    assert json.loads(content)


def test_every_recorded_reply_can_be_read() -> None:
    for row in read_conversations():
        assert row["follows"]
        for _, reply in row["exchanges"]:
            if isinstance(reply, dict):
                decode(json.dumps(reply).encode())


def test_a_proof_step_by_step() -> None:
    session, made = open_session("session")
    begun = session.start()
    assert (begun.goals, begun.finished, begun.error) == ((FIRST,), False, "")
    assert session.step("intro p q h").goals == (SECOND,)
    failed = session.step("exact h")
    assert failed.goals == (SECOND,)
    assert failed.error.startswith("type mismatch\n  h\nhas type")
    split = session.step("  cases h\n")
    assert [goal.splitlines()[0] for goal in split.goals] == ["case inl", "case inr"]
    unknown = session.step("exact Or.inr nothing")
    assert (unknown.goals, unknown.error) == (split.goals, "Unknown identifier `nothing`")
    partial = session.step("apply?")
    assert (partial.goals, "sorry" in partial.error) == (split.goals, True)
    one = session.step("exact Or.inr (by assumption)")
    assert one.goals == split.goals[1:]
    done = session.step("exact Or.inl (by assumption)")
    assert (done.goals, done.finished, done.error) == ((), True, "")
    # Going back is only another proof state.
    assert session.undo().goals == one.goals
    odd = session.step("exact Or.inl (by trivial)")
    assert (odd.goals, odd.finished) == (one.goals, False)
    assert odd.error == "Incomplete: contains metavariable(s)"
    assert session.undo(99).goals == (FIRST,)
    assert session.undo(-1).goals == (FIRST,)
    assert made[0].left == []
    session.close()
    assert made[0].closed


def test_the_guard_stands_before_the_repl() -> None:
    session, made = open_session("session")
    session.start()
    left = len(made[0].left)
    for cheat in ("sorry", "exact (by sorry)", "rfl)", "set_option x true in rfl", ""):
        result = session.step(cheat)
        assert result.goals == (FIRST,)
        assert result.error.startswith("refused: ")
    assert len(made[0].left) == left


def test_an_older_repl_does_not_tell_the_status() -> None:
    session, _ = open_session("old session")
    session.start()
    session.step("intro p q")
    assert session.step("exact Or.symm").finished


@pytest.mark.parametrize(
    ("name", "step", "message"),
    [
        ("slow step", "decide", "longer than 1.5 s"),
        ("deadly step", "omega", "Lean ended while it took the step"),
    ],
)
def test_a_step_that_costs_the_process_changes_nothing(name: str, step: str, message: str) -> None:
    session, made = open_session(name, "brought back")
    session.start()
    session.step("intro p q h")
    result = session.step(step)
    assert (result.goals, result.finished) == ((SECOND,), False)
    assert message in result.error
    assert [one.closed for one in made] == [True, False]
    assert session.step("exact h.symm").finished


def test_a_prover_that_cannot_be_brought_back_is_lost() -> None:
    session, made = open_session("deadly step", "an open statement")
    session.start()
    session.step("intro p q h")
    made[0].left[0] = [made[0].left[0][0], "end"]
    with pytest.raises((SandboxLostError, StopIteration)):
        session.step("omega")
    session, _ = open_session("deadly step", "deadly step", "deadly step")
    session.start()
    session.step("intro p q h")
    assert session.step("omega").error
    assert session.step("omega").error


def test_a_theorem_that_lean_does_not_accept_is_the_callers_fault() -> None:
    session, _ = open_session("an open statement", theorem=Theorem("P → P"))
    with pytest.raises(UsageError, match="does not accept the statement: Unknown identifier `P`"):
        session.start()
    session, _ = open_session("a name that is taken", theorem=Theorem(OR_SWAP.statement, "", "rfl"))
    with pytest.raises(UsageError, match="the theorem: 'rfl' has already been declared"):
        session.start()
    session, _ = open_session("a preamble that fails", theorem=Theorem("True", "import Nowhere"))
    with pytest.raises(UsageError, match="the preamble: unknown module prefix 'Nowhere'"):
        session.start()
    for name in ("", "a b", "gym_reason_check", "x := 1"):
        session, _ = open_session("session", theorem=Theorem("True", "", name))
        with pytest.raises(UsageError, match="none for a theorem"):
            session.start()


def test_another_preamble_gets_another_process() -> None:
    session, made = open_session("session", "check: an axiom of the preamble", "session")
    session.start()
    session.start(Theorem("∀ p : Prop, ¬¬p → p", "axiom magic : ∀ p : Prop, p", "of_not_not"))
    session.start(OR_SWAP)
    assert [one.closed for one in made] == [True, True, False]
