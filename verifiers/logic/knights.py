"""The verifier `knights_and_knaves`: does who is what fit with what everybody says?"""

from gym_reason.types import Task, Verdict
from gym_reason.verifiers.logic.answers import (
    PuzzleError,
    check_partial_credit,
    fail_verdict,
    find_answer,
    pass_verdict,
    unread_verdict,
)
from gym_reason.verifiers.logic.statements import KNAVE, KNIGHT, Island, read_island, truth
from gym_reason.verifiers.verdicts import unscorable

MAX_CHARACTERS = 40
"""Longest answer that is read."""


class KnightsAndKnavesVerifier:
    """Accepts an answer that makes the statements of knights true and those of knaves false.

    The reference is the puzzle, `A:(~B&C) B:(A=C) C:(A|~B)`. The answer is what follows the last
    `</think>`: one letter for each person in order and nothing else, `KNK`.
    """

    name = "knights_and_knaves"
    deterministic = True
    audit_family = ("answer", "thoughts")

    def __init__(self, partial_credit: float = 0.0) -> None:
        """Make a verifier.

        Args:
            partial_credit: Reward of a wrong answer times the share of people whose statement it
                fits, from 0 to 0.5.

        Raises:
            UsageError: For a value out of range.
        """
        self.partial_credit = check_partial_credit(partial_credit)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the answer in `submission`."""
        try:
            island = read_island(task.reference)
        except PuzzleError as error:
            return unscorable(f"the reference cannot be read: {error}", "answer", "rules")
        answer = None
        try:
            answer = find_answer(submission, MAX_CHARACTERS)
            kinds = read_kinds(island, answer)
        except PuzzleError as error:
            return unread_verdict(answer, str(error))
        fitting = [
            truth(statement, kinds) == kinds[name] for name, statement in island.statements.items()
        ]
        if all(fitting):
            return pass_verdict()
        liar = island.people[fitting.index(False)]
        said = "a knight whose statement is false" if kinds[liar] else "a knave who tells the truth"
        share = sum(fitting) / len(fitting)
        return fail_verdict(f"{liar} would be {said}", share, self.partial_credit)


def read_kinds(island: Island, answer: str) -> dict[str, bool]:
    """Return who is a knight by an answer. Raises PuzzleError for any other text."""
    if not answer:
        raise PuzzleError("there is no answer")
    if len(answer) != len(island.people) or set(answer) - {KNIGHT, KNAVE}:
        raise PuzzleError(
            f"the answer is not {len(island.people)} letters, {KNIGHT} for a knight and {KNAVE} "
            "for a knave"
        )
    return {name: kind == KNIGHT for name, kind in zip(island.people, answer, strict=True)}
