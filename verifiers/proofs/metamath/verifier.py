"""The verifier `metamath`: does a text prove a theorem of a database?"""

import json
from dataclasses import dataclass

from gym_reason.errors import GymReasonError
from gym_reason.text import after_thinking, shorten
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.kernel import SUBMISSION_LIMITS, verify_proof
from gym_reason.verifiers.proofs.metamath.library import load_database
from gym_reason.verifiers.proofs.metamath.proofs import ProofError
from gym_reason.verifiers.proofs.metamath.reader import LABEL
from gym_reason.verifiers.proofs.metamath.statements import Assertion

MAX_CHARACTERS = 200_000
"""Longest submission that is read."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The theorem that a task asks to prove."""

    database: Database
    """Where it stands."""
    theorem: Assertion
    """The theorem; a proof may use what stands before it."""


def write_reference(database: str, theorem: str) -> str:
    """Return the reference of a task: the name or path of a database, and a theorem's label."""
    return json.dumps({"database": database, "theorem": theorem})


def read_reference(reference: str) -> Goal:
    """Return the theorem that a reference names.

    Raises:
        GymReasonError: Where the database cannot be read, or has no such theorem.
        ValueError: Where it is no such reference.
    """
    content = json.loads(reference)
    if not isinstance(content, dict):
        raise ValueError("the reference is no JSON object")
    path, label = content.get("database"), content.get("theorem")
    if not isinstance(path, str) or not isinstance(label, str):
        raise ValueError("the reference has no 'database' and 'theorem'")
    database = load_database(path)
    return Goal(database, database.theorem(label))


class MetamathVerifier:
    """Accepts a proof of a theorem, as labels or in the compressed form.

    The reference is `{"database": "propositional", "theorem": "id"}`; the database is one of those
    that come with the package, or a path. The proof is what follows the last `</think>`; `$=` and
    `$.` may stand around it. It may use what stands before the theorem in the database.
    """

    name = "metamath"
    deterministic = True
    audit_family = ("metamath", "thoughts")

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the proof in `submission`, with the step that fails."""
        try:
            goal = read_reference(task.reference)
        except (GymReasonError, ValueError, RecursionError) as error:
            detail = f"the reference {shorten(task.reference)}: {error}"
            return Verdict(0.0, False, Outcome.UNSCORABLE, detail=detail)
        if len(submission) > MAX_CHARACTERS:
            return _refuse(Outcome.INVALID, f"the text has more than {MAX_CHARACTERS} characters")
        tokens = find_proof(submission)
        if not tokens:
            return _refuse(Outcome.NO_ANSWER, "there is no proof")
        strange = find_strange(tokens)
        if strange is not None:
            return _refuse(Outcome.INVALID, f"{shorten(ascii(strange))} is no part of a proof")
        try:
            verify_proof(goal.database, goal.theorem, tokens, SUBMISSION_LIMITS)
        except ProofError as error:
            return _refuse(Outcome.FAIL if error.readable else Outcome.INVALID, str(error))
        return Verdict(1.0, True, Outcome.PASS, {"proof": 1.0})


def find_proof(submission: str) -> list[str]:
    """Return the tokens of the proof in a submission; none where there is no proof."""
    tokens = (after_thinking(submission) or "").split()
    if tokens[:1] == ["$="]:
        del tokens[0]
    if tokens[-1:] == ["$."]:
        tokens.pop()
    return tokens


def find_strange(tokens: list[str]) -> str | None:
    """Return the first token that no proof has, or None."""
    labels = tokens
    if tokens[0] == "(":
        close = tokens.index(")") if ")" in tokens else len(tokens)
        labels = tokens[1:close]
    return next((one for one in labels if one != "?" and not LABEL.fullmatch(one)), None)


def _refuse(outcome: Outcome, feedback: str) -> Verdict:
    return Verdict(0.0, False, outcome, {"proof": 0.0}, feedback)
