"""The verifier of answers that are numbers or short words."""

import functools
import math
import re
import time
from dataclasses import dataclass
from fractions import Fraction

from gym_reason.errors import UsageError
from gym_reason.text import shorten
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.math.extract import Profile, extract, extract_reference
from gym_reason.verifiers.math.numbers import Number, OverLimitError, parse_tidy, tidy

_ASSIGNMENT = re.compile(r"\\?[A-Za-z]{1,8} ?= ?")
_PLAIN = re.compile(r"[+-]?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?")
_LOOSE_SPACE = re.compile(r" ?([^\w\s\\]) ?")
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mbox)\{([^{}]*)\}")
_FEEDBACK = {
    Outcome.FAIL: "The answer is wrong.",
    Outcome.NO_ANSWER: "No answer was found. Put the final answer in \\boxed{}.",
}


class MathVerifier:
    """Compares the answer in a text with the reference, exactly.

    The answer is looked for as `gym_reason.verifiers.math.extract` says. A ladder compares it; the
    first rung that decides ends it:

    1. Both are the same string, spacing and case aside.
    2. Both are numbers: they are equal where their exact values are (within `tolerance`) and their
       units agree. A currency or a degree sign may be missing on one side; a unit in words
       may in the lenient profile only. A different unit is never equal.
    3. One is `x = 5` and the other `5`, in the lenient profile.

    Anything else fails: a list or a choice of several answers is no number and so equals no number.
    A reference that is empty is `unscorable`; one over the caps on numbers is compared as a string.
    """

    name = "math"

    def __init__(
        self, profile: Profile = "lenient", tolerance: float = 0.0, *, plain: bool = False
    ) -> None:
        """Make a verifier.

        Args:
            profile: `strict` takes marked answers only and wants the reference's units.
            tolerance: Largest difference that counts as equal, as a share of the reference.
            plain: Takes an answer in digits alone, for problems whose own rewriting (`47/0.04` for
                47 * 25) would otherwise be a right answer.
        """
        if profile not in ("strict", "lenient"):
            raise UsageError(f"the math profile {profile!r}", "strict or lenient")
        if not (math.isfinite(tolerance) and tolerance >= 0):
            raise UsageError(f"tolerance = {tolerance}", "a finite number, 0 or more")
        self.profile: Profile = profile
        self.tolerance = Fraction(tolerance)
        self.plain = plain

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission`; the detail may hold the reference."""
        start = time.perf_counter()
        outcome, detail = self._judge(task.reference, submission)
        correct = outcome is Outcome.PASS
        reward = 1.0 if correct else 0.0
        return Verdict(
            reward=reward,
            correct=correct,
            outcome=outcome,
            parts={"answer": reward},
            feedback=_FEEDBACK.get(outcome, ""),
            detail=detail,
            seconds=time.perf_counter() - start,
        )

    def _judge(self, reference: str, submission: str) -> tuple[Outcome, str]:
        expected = _Form.read(extract_reference(reference))
        if not expected.text:
            return Outcome.UNSCORABLE, "the reference is empty"
        is_number = expected.number is not None
        answer = extract(submission, self.profile, number_expected=is_number)
        if answer is None:
            return Outcome.NO_ANSWER, f"found no answer, expected {shorten(expected.text)}"
        found = _Form.read(answer.text)
        if not found.text:
            return Outcome.NO_ANSWER, f"found an empty answer, expected {shorten(expected.text)}"
        if self.plain and _PLAIN.fullmatch(found.text) is None:
            return Outcome.FAIL, f"found {shorten(found.text)}, expected digits alone"
        if self._equal(found, expected):
            return Outcome.PASS, f"found {shorten(found.text)}"
        reason = f" ({found.refusal})" if found.refusal else ""
        return (
            Outcome.FAIL,
            f"found {shorten(found.text)}{reason}, expected {shorten(expected.text)}",
        )

    def _equal(self, found: "_Form", expected: "_Form") -> bool:
        if found.text == expected.text:
            return True
        if found.number is None and expected.number is None and found.words == expected.words:
            return True
        if self.profile == "lenient" and ("=" in found.text) != ("=" in expected.text):
            found, expected = found.without_assignment(), expected.without_assignment()
            if found.number is None and expected.number is None:
                return found.words == expected.words
        if found.number is None or expected.number is None:
            return False
        return self._numbers_equal(found.number, expected.number)

    def _numbers_equal(self, found: Number, expected: Number) -> bool:
        if abs(found.value - expected.value) > self.tolerance * abs(expected.value):
            return False
        if found.symbol and expected.symbol and found.symbol != expected.symbol:
            return False
        if found.unit == expected.unit:
            return True
        if (found.symbol and expected.unit) or (found.unit and expected.symbol):
            return False
        return self.profile == "lenient" and not (found.unit and expected.unit)


@dataclass(frozen=True, slots=True)
class _Form:
    """One side of the comparison."""

    text: str
    """The answer without delimiters and spare spacing."""
    number: Number | None
    """The number that it is, if it is one within the caps."""
    words: str
    """The string that other answers are compared by."""
    refusal: str
    """Why it was not read as a number although it may be one."""

    @staticmethod
    @functools.lru_cache(maxsize=1024)  # the samples of a group share a reference, often an answer
    def read(answer: str) -> "_Form":
        text = tidy(answer)
        number, refusal = None, ""
        try:
            number = parse_tidy(text)
        except OverLimitError as error:
            refusal = str(error)
        return _Form(text, number, _normalise_words(text), refusal)

    def without_assignment(self) -> "_Form":
        prefix = _ASSIGNMENT.match(self.text)
        return _Form.read(self.text[prefix.end() :]) if prefix else self


def _normalise_words(text: str) -> str:
    """Return `text` in lower case, without the spacing and the braces that never matter."""
    words = _LOOSE_SPACE.sub(r"\1", _TEXT_COMMAND.sub(r"\1", text)).strip().casefold()
    # `(B)` and `B` name the same choice.
    return words[1:-1] if len(words) == 3 and words[0] == "(" and words[2] == ")" else words
