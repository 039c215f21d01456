"""The two writings of a proof: a list of labels, and the compressed form.

Source: N. Megill and D. Wheeler, Metamath: A Computer Language for Mathematical Proofs (2019),
section 4.2.6 and appendix B.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final, TypeAlias

from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.statements import Assertion, Statement

MAX_NUMBER = 10**9
"""Largest number that the letters of a compressed proof may write."""


class Mark(Enum):
    """What a proof may hold besides statements and repetitions."""

    SAVE = "Z"
    """The last result can be repeated from here on."""


SAVE: Final = Mark.SAVE

Step: TypeAlias = Statement | int | Mark
"""A statement that is applied, the number of a saved result that is repeated, or `SAVE`."""


class ProofError(ValueError):
    """A proof does not prove its theorem."""

    def __init__(self, reason: str, step: int = 0, label: str = "", readable: bool = True) -> None:
        """Keep what is wrong.

        Args:
            reason: What is wrong, in one sentence without a full stop.
            step: The step at fault, counted from 1; 0 where it is none of them.
            label: The label of the step.
            readable: False where the text is no proof at all.
        """
        self.reason, self.step, self.label, self.readable = reason, step, label, readable
        where = f"step {step}" + (f" ({label})" if label else "") + ": " if step else ""
        super().__init__(where + reason)


def read_proof(database: Database, theorem: Assertion, tokens: Sequence[str]) -> list[Step]:
    """Return the steps that the tokens of a proof stand for.

    Raises:
        ProofError: Where they name what is not there, are incomplete, or break the compressed form.
    """
    if not tokens:
        raise ProofError("the proof is empty", readable=False)
    if tokens[0] == "(":
        return _read_compressed(database, theorem, tokens)
    return [_find(database, theorem, token, place) for place, token in enumerate(tokens, 1)]


def _find(database: Database, theorem: Assertion, label: str, place: int) -> Statement:
    found = database.find(label, theorem)
    if found is not None:
        return found
    if label == "?":
        raise ProofError("the proof is not complete", place)
    present = database.statements.get(label)
    if present is None:
        reason = f"there is no statement {label:.60}"
    elif present is theorem:
        reason = "a theorem cannot prove itself"
    elif present.index > theorem.index:
        reason = "the statement comes after the theorem"
    else:
        reason = "the hypothesis belongs to another statement"
    raise ProofError(reason, place, "" if present is None else label)


def _read_compressed(database: Database, theorem: Assertion, tokens: Sequence[str]) -> list[Step]:
    try:
        close = tokens.index(")", 1)
    except ValueError:
        raise ProofError("'(' without ')'", readable=False) from None
    named: list[Statement] = list(theorem.hypotheses)
    for label in tokens[1:close]:
        found = _find_named(database, theorem, label)
        if found in theorem.hypotheses:
            raise ProofError(f"the mandatory hypothesis {label} stands in the parentheses")
        named.append(found)
    return _read_letters("".join(tokens[close + 1 :]), named)


def _read_letters(letters: str, named: Sequence[Statement]) -> list[Step]:
    steps: list[Step] = []
    saved, number, count, begun = 0, 0, 0, False
    for letter in letters:
        if "A" <= letter <= "T":
            count += 1
            number = 20 * number + ord(letter) - ord("A")
            if number >= len(named) + saved:
                raise ProofError(f"the letters name number {number + 1} of what is there", count)
            steps.append(named[number] if number < len(named) else number - len(named))
            number, begun = 0, False
        elif "U" <= letter <= "Y":
            number = 5 * number + ord(letter) - ord("T")
            begun = True
            if number > MAX_NUMBER:
                raise ProofError("the letters name a number that is too large", count + 1)
        elif letter == "Z" and not begun:
            if not steps or not isinstance(steps[-1], Assertion):
                raise ProofError("'Z' follows no step that applies an assertion", count)
            steps.append(SAVE)
            saved += 1
        elif letter == "?" and not begun:
            raise ProofError("the proof is not complete", count + 1)
        else:
            reason = f"{letter!a} among the letters of a compressed proof"
            raise ProofError(reason, count + 1, readable=letter in "Z?")
    if begun:
        raise ProofError("the letters end inside a number", count + 1)
    if not steps:
        raise ProofError("a compressed proof without letters", readable=False)
    return steps


def _find_named(database: Database, theorem: Assertion, label: str) -> Statement:
    try:
        return _find(database, theorem, label, 0)
    except ProofError as error:
        raise ProofError(f"{label:.60} in the parentheses: {error.reason}") from None


def write_normal(steps: Iterable[Step]) -> list[str]:
    """Return steps without repetitions as labels.

    Raises ValueError for steps that save or repeat a result.
    """
    labels = []
    for step in steps:
        if isinstance(step, int | Mark):
            raise ValueError(f"step {step} has no label; expected steps without repetitions")
        labels.append(step.label)
    return labels


def write_compressed(theorem: Assertion, steps: Sequence[Step]) -> list[str]:
    """Return steps in the compressed form: `(`, labels, `)` and one token of letters."""
    number: dict[Statement, int] = {one: i for i, one in enumerate(theorem.hypotheses)}
    labels: list[str] = []
    for step in steps:
        if not isinstance(step, int | Mark) and step not in number:
            number[step] = len(number)
            labels.append(step.label)
    letters: list[str] = []
    for step in steps:
        if isinstance(step, Mark):
            letters.append("Z")
        else:
            letters.append(
                _write_number(step + len(number) if isinstance(step, int) else number[step])
            )
    return ["(", *labels, ")", "".join(letters)]


def _write_number(number: int) -> str:
    number, last = divmod(number, 20)
    letters = chr(ord("A") + last)
    while number:
        number, digit = divmod(number - 1, 5)
        letters = chr(ord("U") + digit) + letters
    return letters
