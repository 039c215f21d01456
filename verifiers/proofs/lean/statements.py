"""The texts that are given to Lean around a proof, and what it takes to pose a theorem.

A statement is pinned as a definition before anything of a proof is read. It has to be closed: Lean
would take an unknown name in a theorem's own statement for a variable.
"""

import re
from dataclasses import dataclass
from textwrap import dedent, indent

from gym_reason.errors import UsageError
from gym_reason.verifiers.proofs.interactive.system import Theorem
from gym_reason.verifiers.proofs.lean.protocol import (
    Command,
    CommandReply,
    Failure,
    Message,
    TacticReply,
)
from gym_reason.verifiers.proofs.lean.toolchain import Transport

PINNED = "gym_reason_statement"
"""The name of the statement's definition."""
CHECKED = "gym_reason_check"
"""The name of the theorem that the proved one has the pinned statement."""
ALLOWED_AXIOMS = frozenset({"propext", "Classical.choice", "Quot.sound"})
"""What a proof may assume."""
MAX_SAID = 2000
"""Longest message of Lean that is passed on."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_']*")
_BEGIN = re.compile(r"\s*(?::=\s*)?by\b(?![.'!?])")
_AXIOMS = re.compile(
    rf"'(?:[\w.]+\.)?{CHECKED}' "
    r"(?:does not depend on any axioms|depends on axioms:\s*\[(?P<axioms>[^\[\]]*)\])"
)


class StatementError(ValueError):
    """Lean does not accept what stands before a proof; no proof is to blame."""


@dataclass(frozen=True, slots=True)
class Posed:
    """A theorem that Lean has read."""

    env: int
    """The environment with the pinned statement, where the theorem can be stated."""
    state: int
    """The proof state at its beginning."""
    goal: str
    """The first goal."""


def run_preamble(transport: Transport, theorem: Theorem, limit_s: float) -> int | None:
    """Return the environment after the preamble; None, a new one, where there is no preamble.

    Raises:
        StatementError: Lean does not accept it.
    """
    if not theorem.preamble.strip():
        return None
    return run_trusted(transport, theorem.preamble, None, limit_s, "the preamble").env


def pose(transport: Transport, theorem: Theorem, env: int | None, limit_s: float) -> Posed:
    """Pin the statement and state the theorem.

    Raises:
        StatementError: Lean does not accept it.
    """
    if not _NAME.fullmatch(theorem.name) or theorem.name in (PINNED, CHECKED):
        raise StatementError(f"the name {theorem.name!r:.60} is none for a theorem")
    pinning = f"def {PINNED} : Prop := (\n{_statement(theorem)}\n)"
    pinned = run_trusted(transport, pinning, env, limit_s, "the statement").env
    opening = f"theorem {theorem.name} : (\n{_statement(theorem)}\n) := by sorry"
    reply = run_trusted(transport, opening, pinned, limit_s, "the theorem")
    if len(reply.holes) != 1 or reply.holes[0].state is None:
        raise StatementError(f"Lean sees {len(reply.holes)} goals in the theorem, not one")
    return Posed(pinned, reply.holes[0].state, reply.holes[0].goal)


def write_proof(theorem: Theorem, proof: str) -> tuple[str, int]:
    """Return the theorem with a proof, and how many lines stand before the proof.

    The parentheses hold the proof together: nothing in it ends the theorem unless it closes them.
    """
    head = f"theorem {theorem.name} : (\n{_statement(theorem)}\n) := by\n  (\n"
    return f"{head}{indent(strip_proof(proof), '    ')}\n  )", head.count("\n")


def strip_proof(proof: str) -> str:
    """Return the tactics of a proof, without the `by` in front and the indentation of all."""
    text = proof.replace("\r\n", "\n").strip("\n")
    begun = _BEGIN.match(text)
    if begun:
        first, _, rest = text[begun.end() :].partition("\n")
        # A tactic behind `by` on its line sets the column for those below it, so it keeps its own.
        column = begun.end() - (text.rfind("\n", 0, begun.end()) + 1)
        text = f"{' ' * column}{first}\n{rest}" if first.strip() else rest
    return dedent(text).strip("\n")


def write_check(theorem: Theorem) -> str:
    """Return the theorem that the proved one has the pinned statement."""
    return f"theorem {CHECKED} : {PINNED} := @{theorem.name}"


def read_axioms(reply: CommandReply) -> frozenset[str]:
    """Return the axioms in the answer to `#print axioms`.

    Raises:
        StatementError: It has another form.
    """
    said = [message.text for message in reply.messages]
    found = _AXIOMS.fullmatch(said[0].strip()) if len(said) == 1 else None
    if found is None:
        raise StatementError(f"#print axioms answers {' '.join(said)!r:.300}")
    return frozenset(filter(None, map(str.strip, (found["axioms"] or "").split(","))))


def run_trusted(
    transport: Transport, text: str, env: int | None, limit_s: float, what: str
) -> CommandReply:
    """Run a command of ours.

    Raises:
        StatementError: Lean does not accept it.
    """
    reply = transport.ask(Command(text, env), limit_s)
    if isinstance(reply, Failure):
        raise StatementError(f"{what}: {reply.text}")
    if isinstance(reply, TacticReply):
        raise StatementError(f"{what}: the REPL answers as to a tactic")
    errors = find_errors(reply.messages)
    if errors:
        raise StatementError(f"{what}: {errors[0].text}")
    return reply


def find_errors(messages: tuple[Message, ...]) -> list[Message]:
    """Return the errors among messages."""
    return [message for message in messages if message.severity == "error"]


def cut(text: str) -> str:
    """Return what Lean says, or its beginning."""
    return text if len(text) <= MAX_SAID else f"{text[: MAX_SAID - 3]}..."


def usage_error(error: StatementError) -> UsageError:
    """Return the error of whoever brought the theorem."""
    return UsageError(f"Lean does not accept {error}", "a theorem that it can read")


def _statement(theorem: Theorem) -> str:
    return indent(dedent(theorem.statement).strip("\n"), "    ")
