"""The verifier `rewriting`: do the rules, applied one after another, lead from start to goal?"""

import re
from dataclasses import dataclass

from gym_reason.types import Task, Verdict
from gym_reason.verifiers.logic.answers import (
    PuzzleError,
    fail_verdict,
    find_answer,
    pass_verdict,
    unread_verdict,
)
from gym_reason.verifiers.verdicts import unscorable

MAX_STEPS = 200
"""Longest derivation that is read."""
MAX_CHARACTERS = 8 * MAX_STEPS
"""Longest answer that is read."""
MAX_STRING = 24
"""Longest string that a rule may lead to."""

_REFERENCE = re.compile(
    r"([a-z]{1,24}>[a-z]{1,24}(?: [a-z]{1,24}>[a-z]{1,24})*): "
    r"([a-z]{1,24}) -> ([a-z]{1,24})(?: in ([0-9]{1,3}))?"
)
_STEP = re.compile(r"([1-9][0-9]?)@([1-9][0-9]?)")
_ANSWER = re.compile(r"[0-9]+@[0-9]+(?:(?:, ?|\s+)[0-9]+@[0-9]+)*")


@dataclass(frozen=True, slots=True)
class System:
    """Rules, where to start, and where to go."""

    rules: tuple[tuple[str, str], ...]
    """What is replaced, and by what; the first rule has number 1."""
    start: str
    """The first string."""
    goal: str
    """The last string."""
    least: int | None = None
    """The fewest steps that lead there, where it is known."""


def read_system(text: str) -> System:
    """Return the system in a text such as `ab>ba b>aa: abab -> bbaa in 3`; `in 3` may be missing.

    Raises:
        PuzzleError: For any other text.
    """
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise PuzzleError("it is not rules, start and goal, as in 'ab>ba b>a: aab -> aba'")
    rules = tuple((left, right) for left, _, right in (r.partition(">") for r in match[1].split()))
    if len(rules) > 99:
        raise PuzzleError("there are more than 99 rules")
    return System(rules, match[2], match[3], int(match[4]) if match[4] else None)


def write_system(system: System) -> str:
    """Return the text that `read_system` reads."""
    rules = " ".join(f"{left}>{right}" for left, right in system.rules)
    least = "" if system.least is None else f" in {system.least}"
    return f"{rules}: {system.start} -> {system.goal}{least}"


def apply_step(system: System, string: str, step: str) -> str:
    """Return what a step such as `2@3`, rule 2 at the third letter, makes of a string.

    Raises:
        PuzzleError: Where it is no step or does not apply.
    """
    match = _STEP.fullmatch(step)
    if match is None:
        raise PuzzleError("a step is the number of a rule and a place, as in 2@3")
    number, place = int(match[1]), int(match[2]) - 1
    if number > len(system.rules):
        raise PuzzleError(f"there is no rule {number}")
    left, right = system.rules[number - 1]
    if not string.startswith(left, place):
        raise PuzzleError(f"rule {number} does not apply at {place + 1}")
    result = string[:place] + right + string[place + len(left) :]
    if len(result) > MAX_STRING:
        raise PuzzleError(f"the string would be longer than {MAX_STRING} letters")
    return result


class RewritingVerifier:
    """Accepts every derivation of the goal from the start.

    The reference is the system, `ab>ba b>aa: abab -> bbaa in 3`. The answer is what follows the
    last `</think>`: steps such as `2@3`, rule 2 at the third letter, in order, with spaces, commas
    or new lines between them. The string after the last step must be the goal.
    """

    name = "rewriting"
    deterministic = True
    audit_family = ("answer", "thoughts")

    def __init__(self, shortest: bool = False) -> None:
        """Make a verifier.

        Args:
            shortest: Whether only derivations of the least length pass; the reference must name it.
        """
        self.shortest = shortest

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the derivation in `submission`."""
        try:
            system = read_system(task.reference)
            if self.shortest and system.least is None:
                raise PuzzleError("it does not say how many steps are enough")
        except PuzzleError as error:
            return unscorable(f"the reference cannot be read: {error}", "answer", "rules")
        answer = None
        try:
            answer = find_answer(submission, MAX_CHARACTERS)
            steps = read_steps(answer)
        except PuzzleError as error:
            return unread_verdict(answer, str(error))
        string = system.start
        for number, step in enumerate(steps, 1):
            try:
                string = apply_step(system, string, step)
            except PuzzleError as error:
                return fail_verdict(f"step {number}: {error}", 0.0, 0.0)
        if string != system.goal:
            return fail_verdict(f"the last string is {string}, not {system.goal}", 0.0, 0.0)
        if self.shortest and system.least is not None and len(steps) > system.least:
            feedback = f"{len(steps)} steps are taken and {system.least} are enough"
            return fail_verdict(feedback, 1.0, 0.0)
        return pass_verdict()


def read_steps(answer: str) -> tuple[str, ...]:
    """Return the steps in an answer. Raises PuzzleError for any other text."""
    if not answer:
        raise PuzzleError("there is no answer")
    if not _ANSWER.fullmatch(answer):
        raise PuzzleError("the answer is not a list of steps, as in '2@3 1@1'")
    steps = tuple(answer.replace(",", " ").split())
    if len(steps) > MAX_STEPS:
        raise PuzzleError(f"there are more than {MAX_STEPS} steps")
    return steps
