"""Scripts: tactics one a line, run against a statement."""

from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.registry import explain_unknown
from gym_reason.verifiers.proofs.natural import tactics_equality  # noqa: F401 (adds its tactics)
from gym_reason.verifiers.proofs.natural.goals import Goal, Proof, Step, TacticError
from gym_reason.verifiers.proofs.natural.kernel import CLASSICAL, Theorem
from gym_reason.verifiers.proofs.natural.parse import (
    Parser,
    Signature,
    parse_formula,
    signature_of,
    split_tokens,
)
from gym_reason.verifiers.proofs.natural.show import ASCII, Symbols
from gym_reason.verifiers.proofs.natural.syntax import Formula, LogicError
from gym_reason.verifiers.proofs.natural.tactics import TACTICS

MAX_LINES = 400
"""Most lines of a script."""
MAX_LINE_CHARACTERS = 500
"""Longest line of a script."""
MAX_SHOWN_GOALS = 5
"""Most goals that are shown."""

HEADER = "theorem"
"""What a line that repeats the statement begins with."""
COMMENT = "--"
"""What the rest of a line says nothing after."""
CLASSICAL_TACTICS = frozenset({"by_contradiction", "classical"})
"""Tactics that use the law of the excluded middle."""


def run_tactic(line: str, goal: Goal, signature: Signature) -> Step:
    """Return what the tactic on a line makes of a goal. Raises LogicError."""
    if len(line) > MAX_LINE_CHARACTERS:
        raise TacticError(f"the line is longer than {MAX_LINE_CHARACTERS} characters")
    tokens = split_tokens(line)
    if not tokens:
        raise TacticError("there is no tactic")
    entry = TACTICS.get(tokens[0])
    if entry is None:
        raise TacticError(_unknown_tactic(tokens[0]))
    parser = Parser(tokens, goal.variables, signature)
    parser.position = 1
    step = entry.run(parser, goal)
    parser.expect_end()
    for inner in step.goals:
        for name in inner.variables:
            if name in signature.functions:
                raise TacticError(f"the name {name} is that of a function")
    return step


def _unknown_tactic(name: str) -> str:
    found, _, remedy = explain_unknown("tactic", name[:40], sorted(TACTICS))
    return f"{found}; {remedy}" if remedy else found


class Session:
    """A statement and a proof of it, one tactic after the other."""

    def __init__(self, statement: Formula, axioms: frozenset[str]) -> None:
        """Start with the statement as the one goal.

        Args:
            statement: A formula without free variables.
            axioms: What the proof may use beyond intuitionistic logic.
        """
        self.statement = statement
        self.axioms = axioms
        self.signature = signature_of(statement)
        self.proof = Proof.of(statement)

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The open goals, the one to work on first."""
        return self.proof.goals

    def use(self, line: str) -> None:
        """Use the tactic on a line on the first open goal. Raises LogicError."""
        if CLASSICAL not in self.axioms and not {*split_tokens(line)[:1]}.isdisjoint(
            CLASSICAL_TACTICS
        ):
            raise TacticError("the proof is to be intuitionistic: there is no classical tactic")
        self.proof.use(lambda goal: run_tactic(line, goal, self.signature))

    def finish(self) -> Theorem:
        """Return the theorem of a finished proof, as the kernel made it.

        Raises LogicError unless it says what was to be shown and uses nothing else.
        """
        theorem = self.proof.theorem()
        if theorem.conclusion != self.statement or theorem.hypotheses:
            raise LogicError("the proof shows something else than the statement")
        if not theorem.axioms <= self.axioms:
            extra = ", ".join(sorted(theorem.axioms - self.axioms))
            raise TacticError(f"the proof uses what it may not: {extra}")
        return theorem


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How far a script came."""

    theorem: Theorem | None
    """What it proves; None where it does not prove the statement."""
    message: str = ""
    """What is wrong with it."""
    goals: tuple[Goal, ...] = ()
    """What was open at the end, or where it failed."""
    line: int = 0
    """Number of the line that failed, from 1; 0 where none did."""
    steps: int = 0
    """Tactics that were used."""


def run_script(
    text: str, statement: Formula, axioms: frozenset[str], require_header: bool = False
) -> ScriptResult:
    """Return how far a script comes with a statement; it may hold anything at all.

    Args:
        text: Tactics one a line. Empty lines and what follows `--` say nothing. The first line may
            be `theorem` and the statement.
        statement: What is to be shown.
        axioms: What the proof may use beyond intuitionistic logic.
        require_header: Whether the first line must repeat the statement.
    """
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        return ScriptResult(None, f"the script has more than {MAX_LINES} lines")
    session = Session(statement, axioms)
    first, steps = True, 0
    for number, raw in enumerate(lines, 1):
        line = raw.partition(COMMENT)[0].strip()
        if not line:
            continue
        try:
            if first and (require_header or line.split()[0].rstrip(":") == HEADER):
                check_header(line, statement)
            else:
                session.use(line)
                steps += 1
        except LogicError as error:
            return ScriptResult(None, str(error), session.goals, number, steps)
        first = False
    if not steps:
        return ScriptResult(None, "the script has no tactic", session.goals)
    if session.goals:
        return ScriptResult(None, "the proof is not complete", session.goals, 0, steps)
    try:
        return ScriptResult(session.finish(), steps=steps)
    except LogicError as error:
        return ScriptResult(None, str(error), (), 0, steps)


def check_header(line: str, statement: Formula) -> None:
    """Raise LogicError unless a line is `theorem` and the statement."""
    word, _, rest = line.partition(" ")
    if word.rstrip(":") != HEADER or len(word) > len(HEADER) + 1:
        raise TacticError("the first line is not 'theorem' and the statement")
    if parse_formula(rest.removeprefix(":")) != statement:
        raise TacticError("the script is for another statement")


def show_goals(goals: Sequence[Goal], symbols: Symbols = ASCII) -> str:
    """Return open goals as text, the first one whole and what is to be shown in the next ones."""
    if not goals:
        return "no goals"
    if len(goals) == 1:
        return goals[0].show(symbols)
    lines = [f"goal 1 of {len(goals)}", goals[0].show(symbols)]
    for number, goal in enumerate(goals[1:MAX_SHOWN_GOALS], 2):
        lines += [
            f"goal {number} of {len(goals)}",
            goal.aim(goal.target).show(symbols).split("\n")[-1],
        ]
    return "\n".join(lines)
