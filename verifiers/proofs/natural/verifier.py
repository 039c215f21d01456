"""The verifier `natural_deduction`: does a script of tactics prove the statement?"""

import json
import re
from dataclasses import dataclass

from gym_reason.text import after_thinking
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL, PEANO
from gym_reason.verifiers.proofs.natural.parse import parse_formula
from gym_reason.verifiers.proofs.natural.script import ScriptResult, run_script, show_goals
from gym_reason.verifiers.proofs.natural.syntax import Formula, LogicError

MAX_CHARACTERS = 20_000
"""Longest script that is read."""
MAX_FEEDBACK = 2000
"""Longest feedback."""

_FENCE = re.compile(r"\s*```[A-Za-z_]*[ \t]*\n(.*?)\n?```\s*", re.DOTALL)
_AXIOMS = (CLASSICAL, PEANO)


@dataclass(frozen=True, slots=True)
class Statement:
    """What is to be proved, and with what."""

    formula: Formula
    """The statement, without free variables."""
    axioms: frozenset[str] = frozenset({PEANO})
    """`classical` and `arithmetic`, where the proof may use them."""


def read_statement(reference: str) -> Statement:
    """Return the statement in a reference.

    That is a formula, or JSON such as `{"statement": "P | ~P", "axioms": ["classical"]}`. Without
    `axioms`, a proof may use arithmetic and is intuitionistic.

    Raises:
        LogicError: For anything else.
    """
    if not reference.lstrip().startswith("{"):
        return Statement(parse_formula(reference))
    try:
        row = json.loads(reference)
    except (ValueError, RecursionError):
        raise LogicError("the reference is no JSON") from None
    text, axioms = row.get("statement"), row.get("axioms", [PEANO])
    if not isinstance(text, str) or row.keys() - {"statement", "axioms"}:
        raise LogicError("the reference does not hold 'statement' and 'axioms'")
    if not isinstance(axioms, list) or any(axiom not in _AXIOMS for axiom in axioms):
        raise LogicError(f"the axioms of the reference are not among {', '.join(_AXIOMS)}")
    return Statement(parse_formula(text), frozenset(axioms))


def write_reference(statement: str, axioms: frozenset[str]) -> str:
    """Return the reference for a statement."""
    return json.dumps({"statement": statement, "axioms": sorted(axioms)}, ensure_ascii=False)


class NaturalDeductionVerifier:
    """Accepts a script whose theorem, made by the kernel, is the statement and nothing else.

    The reference is what `read_statement` reads. The script is what follows the last `</think>`,
    all of it, or all of the one fenced block that it is in.
    """

    name = "natural_deduction"
    deterministic = True

    def __init__(self, header: bool = False) -> None:
        """Make a verifier.

        Args:
            header: Whether the first line must be `theorem` and the statement.
        """
        self.header = header
        # Without the statement in front, a script may well prove another task's statement too.
        self.audit_family = ("answer", "thoughts") if header else ("format",)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the script in `submission`."""
        try:
            statement = read_statement(task.reference)
        except LogicError as error:
            detail = f"the reference cannot be read: {error}"
            return Verdict(0.0, False, Outcome.UNSCORABLE, detail=detail)
        script = find_script(submission)
        if not script.strip():
            return _fail(Outcome.NO_ANSWER, "there is no script")
        if len(script) > MAX_CHARACTERS:
            return _fail(Outcome.INVALID, f"the script is longer than {MAX_CHARACTERS} characters")
        result = run_script(script, statement.formula, statement.axioms, self.header)
        if result.theorem is None:
            return _fail(Outcome.FAIL, explain(result))
        return Verdict(1.0, True, Outcome.PASS, {"proof": 1.0})


def find_script(submission: str) -> str:
    """Return the part of a submission that should be the script, or an empty text."""
    answer = after_thinking(submission) or ""
    # A pattern is only tried where it can fit: it would look through the whole of a long text.
    fenced = _FENCE.fullmatch(answer) if answer.count("```") == 2 else None
    return fenced[1] if fenced else answer


def explain(result: ScriptResult) -> str:
    """Return what is wrong with a script, for whoever wrote it."""
    where = f"line {result.line}: " if result.line else ""
    text = f"{where}{result.message}"
    if result.goals:
        text = f"{text}\n{show_goals(result.goals)}"
    return text if len(text) <= MAX_FEEDBACK else f"{text[: MAX_FEEDBACK - 3]}..."


def _fail(outcome: Outcome, feedback: str) -> Verdict:
    return Verdict(0.0, False, outcome, {"proof": 0.0}, feedback)
