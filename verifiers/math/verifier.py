"""The verifier of answers to problems in mathematics."""

import functools
import math
import re
import time
from dataclasses import dataclass
from fractions import Fraction

from gym_reason.errors import UsageError
from gym_reason.text import shorten
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.math.budget import Budget
from gym_reason.verifiers.math.extract import Profile, extract, extract_reference
from gym_reason.verifiers.math.judgement import Judgement, Obstacle
from gym_reason.verifiers.math.numbers import Number, OverLimitError, parse_tidy, tidy

_ASSIGNMENT = re.compile(r"\\?[A-Za-z]{1,8} ?= ?")
_PLAIN = re.compile(r"[+-]?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{1,100},[0-9]{1,100}")
_LETTER_UNIT = re.compile(r"(.*[0-9}]) ([mgl])")
_LOOSE_SPACE = re.compile(r" ?([^\w\s\\]) ?")
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mbox)\{([^{}]*)\}")
_WORDS = re.compile(
    r"[A-Ha-h]|no|No|NO|(?:[^\W\d_]{1,2}[ '.,-]+)*[^\W\d_]{3,}(?:[ '.,-]+[^\W\d_]+)*[.!]?"
)
_FEEDBACK = {
    Outcome.FAIL: "The answer is wrong.",
    Outcome.NO_ANSWER: "No answer was found. Put the final answer in \\boxed{}.",
}


class MathVerifier:
    """Compares the answer in a text with the reference.

    The answer is looked for as `gym_reason.verifiers.math.extract` says. A ladder compares it; the
    first rung that decides ends it:

    1. Both are the same string, spacing aside; words whatever their capitals.
    2. Both are numbers: they are equal where their exact values are (within `tolerance`) and their
       units agree. A currency or a degree sign may be missing on one side; a unit in words
       may in the lenient profile only. A different unit is never equal.
    3. Both are read by the grammar of `gym_reason.verifiers.math.parser` and compared part by part
       (`compare.py`), and value by value (`values.py`): exactly, by identity in prime fields, by
       refutation in floating point, and at last by sympy in a child process under hard limits.

    A reference that is a number wants an answer that is one: `2 + 2` is not an answer to 4. What is
    not decided fails, with the reason in `detail`; the detail begins with `undecided` where more
    time might decide it. A list or a choice of several answers equals no single reference. A
    reference that is empty is `unscorable`, and so is an answer where sympy is asked for and is
    missing or dies. No text is ever evaluated.
    """

    name = "math"
    deterministic = True

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
        judgement = self._compare(found, expected)
        if judgement.equal:
            return Outcome.PASS, f"found {shorten(found.text)}"
        reason = found.refusal or judgement.reason
        reason = f" ({reason})" if reason else ""
        detail = f"found {shorten(found.text)}{reason}, expected {shorten(expected.text)}"
        if judgement.obstacle is Obstacle.FAILURE:
            return Outcome.UNSCORABLE, f"{judgement.obstacle.value}: {detail}"
        if judgement.obstacle is Obstacle.TIME:
            # The cache of verdicts remembers none that begins like this.
            return Outcome.FAIL, f"undecided: {judgement.obstacle.value}; {detail}"
        return Outcome.FAIL, detail

    def compare(self, answer: str, reference: str, budget: Budget | None = None) -> Judgement:
        """Compare an answer, already taken out of its text, with a reference.

        Args:
            answer: What may be equal.
            reference: What it is compared with.
            budget: The time for it, where several comparisons share one.
        """
        return self._compare(_Form.read(answer), _Form.read(reference), budget)

    def _compare(
        self, found: "_Form", expected: "_Form", budget: Budget | None = None
    ) -> Judgement:
        if found.text == expected.text:
            return Judgement(True)
        if found.number is not None and expected.number is not None:
            return Judgement(self._numbers_equal(found.number, expected.number))
        if found.number is None and expected.number is None and found.words == expected.words:
            return Judgement(True)
        if (found.number is None) != (expected.number is None):
            one, other = found.with_letter_unit(), expected.with_letter_unit()
            if one.number and other.number and one.number.unit == other.number.unit:
                return Judgement(self._numbers_equal(one.number, other.number))
        if self.plain:
            return Judgement(False)
        if self.profile == "lenient" and ("=" in found.text) != ("=" in expected.text):
            one, other = found.without_assignment(), expected.without_assignment()
            if one.number is not None and other.number is not None:
                return Judgement(self._numbers_equal(one.number, other.number))
            if one.number is None and other.number is None and one.words == other.words:
                return Judgement(True)
        if found.refusal and expected.refusal:
            return Judgement(False)
        comma = self._compare_comma(found, expected) if self.profile == "lenient" else None
        if comma is not None:
            return Judgement(comma)
        # Only here: plain numbers never need the grammar, and it takes a while to import.
        from gym_reason.verifiers.math.compare import compare_answers

        return compare_answers(
            found.source,
            expected.source,
            lenient=self.profile == "lenient",
            tolerance=self.tolerance,
            budget=budget,
        )

    def _compare_comma(self, found: "_Form", expected: "_Form") -> bool | None:
        """Compare `2,5` with 2.5: as two numbers it would equal no single one."""
        number = expected.number
        if number is None or number.value.denominator == 1:
            return None
        if not _DECIMAL_COMMA.fullmatch(found.text):
            return None
        return self._numbers_equal(Number(Fraction(found.text.replace(",", "."))), number)

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

    source: str
    """The answer as written."""
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
        return _Form(answer, text, number, _normalise_words(text), refusal)

    def without_assignment(self) -> "_Form":
        prefix = _ASSIGNMENT.match(self.text)
        return _Form.read(self.text[prefix.end() :]) if prefix else self

    def with_letter_unit(self) -> "_Form":
        """Return `5 m` as five meters, where another answer says what the letter means."""
        match = _LETTER_UNIT.fullmatch(self.text)
        return _Form.read(f"{match[1]} \\text{{{match[2]}}}") if match else self


def _normalise_words(text: str) -> str:
    """Return `text` without the spacing, braces and capitals that never matter."""
    words = _LOOSE_SPACE.sub(r"\1", _TEXT_COMMAND.sub(r"\1", text)).strip()
    # `(B)` and `B` name the same choice.
    if len(words) == 3 and words[0] == "(" and words[2] == ")":
        words = words[1:-1]
    # In a formula capitals matter.
    return words.casefold() if _WORDS.fullmatch(words) else words
