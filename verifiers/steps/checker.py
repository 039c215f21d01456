"""The verifier of the steps of a calculation."""

from dataclasses import dataclass

from gym_reason.errors import UsageError
from gym_reason.text import shorten
from gym_reason.types import Outcome, Task, Verdict, replace_verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.capabilities import needed_seconds, prepare
from gym_reason.verifiers.inner import NO_VERIFIER, make_inner
from gym_reason.verifiers.steps.equations import Equation, EquationFinder
from gym_reason.verifiers.steps.split import Boundary, Step, split_steps

MAX_CHARS = 200_000
"""A longer text is not checked, and earns nothing."""
MAX_EQUATIONS = 4_000
"""Nor is one with more signs of equality."""


class TooLongError(ValueError):
    """A text is longer, or has more equations, than is ever checked."""


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """A step and the equations in it."""

    step: Step
    """The step."""
    equations: tuple[Equation, ...]
    """Its equations, in order."""

    @property
    def status(self) -> str:
        """`wrong` where an equation is; else `right` where one is, trivial ones aside."""
        if any(equation.status == "wrong" for equation in self.equations):
            return "wrong"
        right = any(e.status == "right" and not e.trivial for e in self.equations)
        return "right" if right else "neutral"


def check_steps(text: str, by: Boundary = "auto") -> tuple[CheckedStep, ...]:
    """Return the steps of `text` with their equations judged.

    Raises:
        TooLongError: The text is over `MAX_CHARS` or `MAX_EQUATIONS`.
    """
    if len(text) > MAX_CHARS:
        raise TooLongError(f"{len(text)} characters, checked are up to {MAX_CHARS}")
    if text.count("=") > MAX_EQUATIONS:
        raise TooLongError(f"more than {MAX_EQUATIONS} equations")
    finder = EquationFinder()
    checked = []
    for step in split_steps(text, by):
        equations: list[Equation] = []
        for line in step.content.split("\n"):
            equations += finder.read_line(line)
        checked.append(CheckedStep(step, tuple(equations)))
    return tuple(checked)


class ArithmeticStepsVerifier:
    """Takes from an answer's reward for each false equation on the way to it.

    The reward is the inner verifier's, times `decay` for each different equation that is wrong.
    Correct is what the inner verifier takes and has no wrong equation. True equations earn
    nothing, so that padding with them, trivial or not, gains nothing; nor does repeating one,
    splitting steps or joining them. A text too long to check earns nothing. Leaving equations out
    is not punished either: where they are wanted, ask for them by a verifier of form.

    Parts, the first two being what the reward is made of: `answer`, the inner reward; `steps`, in
    [0, 1]; `right_share`, of the steps with an equation, in [0, 1], 0.0 where there is none;
    `first_wrong`, the place of the first wrong step from 0, or -1.0; `right_steps`;
    `wrong_equations`. `right_share` is for reports: as a reward, it could be padded.
    """

    name = "arithmetic_steps"

    def __init__(
        self, inner: str | Verifier = "math", *, decay: float = 0.5, by: Boundary = "auto"
    ) -> None:
        """Make a verifier.

        Args:
            inner: The verifier of the answer, its spec, or `none`: any text with something in it
                then has the answer's reward.
            decay: What each wrong equation multiplies the reward by, in [0, 1).
            by: What separates steps.

        Raises:
            UsageError: There is no such boundary, or `decay` is not in [0, 1).
        """
        if not 0 <= decay < 1:
            raise UsageError(f"decay = {decay}", "a number from 0 up to, and without, 1")
        split_steps("", by)
        self.inner = None if inner == NO_VERIFIER else make_inner(inner)
        self.needs_s = 0.0 if self.inner is None else needed_seconds(self.inner)
        self.decay = decay
        self.by: Boundary = by

    def prepare(self) -> None:
        """Prepare the inner verifier, if there is one."""
        if self.inner is not None:
            prepare(self.inner)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission`; an unscorable answer stays unscorable."""
        verdict = self._judge_answer(task, submission)
        try:
            checked = check_steps(submission, self.by)
        except TooLongError as error:
            return _refuse(verdict, str(error))
        wrong = {
            (equation.left, equation.right): place
            for place, step in reversed(list(enumerate(checked)))
            for equation in step.equations
            if equation.status == "wrong"
        }
        factor = self.decay ** len(wrong) if wrong else 1.0
        correct = verdict.correct and not wrong
        first = min(wrong.values(), default=-1)
        return replace_verdict(
            verdict,
            # A penalty stays one: less than nothing is not made better by mistakes.
            reward=verdict.reward * factor if verdict.reward > 0 else verdict.reward,
            correct=correct,
            outcome=Outcome.FAIL if verdict.correct and wrong else verdict.outcome,
            parts=_count_parts(verdict.reward, factor, checked, first, len(wrong)),
            feedback="\n".join(filter(None, (verdict.feedback, _advise(first, wrong)))),
            detail="; ".join(filter(None, (verdict.detail, _list_wrong(wrong)))),
        )

    def _judge_answer(self, task: Task, submission: str) -> Verdict:
        if self.inner is not None:
            return self.inner.verify(task, submission)
        if submission.strip():
            return Verdict(1.0, True, Outcome.PASS)
        return Verdict(0.0, False, Outcome.NO_ANSWER, feedback="No answer was found.")


def _refuse(verdict: Verdict, reason: str) -> Verdict:
    """Return the verdict on a text that is too long to check: what is hidden may be wrong."""
    return replace_verdict(
        verdict,
        reward=min(verdict.reward, 0.0),
        correct=False,
        outcome=Outcome.FAIL if verdict.correct else verdict.outcome,
        parts=_count_parts(verdict.reward, 0.0, (), -1, 0),
        feedback="The text is too long to check.",
        detail="; ".join(filter(None, (verdict.detail, reason))),
    )


def _count_parts(
    answer: float, factor: float, checked: tuple[CheckedStep, ...], first: int, wrong: int
) -> dict[str, float]:
    right_steps = sum(step.status == "right" for step in checked)
    wrong_steps = sum(step.status == "wrong" for step in checked)
    judged = right_steps + wrong_steps
    return {
        "answer": answer,
        "steps": factor,
        "right_share": right_steps / judged if judged else 0.0,
        "first_wrong": float(first),
        "right_steps": float(right_steps),
        "wrong_equations": float(wrong),
    }


def _advise(first: int, wrong: dict[tuple[str, str], int]) -> str:
    places = [equation for equation, place in wrong.items() if place == first]
    if not places:
        return ""
    left, right = places[-1]
    return f"Step {first + 1} is wrong: {shorten(left)} is not {shorten(right)}."


def _list_wrong(wrong: dict[tuple[str, str], int]) -> str:
    if not wrong:
        return ""
    listed = ", ".join(f"{left}={right}" for left, right in list(wrong)[::-1][:5])
    return f"{len(wrong)} wrong: {shorten(listed, 200)}"
