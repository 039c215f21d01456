"""Verifiers that shape a reward by the length of a text, in characters or words.

Runs of white space count as one character, so that spaces make nothing longer. Lengths in tokens
are a trainer's matter: it alone knows how many were sampled.
"""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

from gym_reason.errors import UsageError
from gym_reason.types import Outcome, Task, Verdict, replace_verdict
from gym_reason.verifiers.arguments import bind_texts
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.capabilities import is_deterministic, needed_seconds, prepare
from gym_reason.verifiers.formats.regions import Region, check_region, select_region
from gym_reason.verifiers.inner import NO_VERIFIER, make_inner

Unit: TypeAlias = Literal["chars", "words"]
"""What a length is counted in; `words` are what white space separates."""


def cosine_reward(length: float, limit: float, at_zero: float, at_limit: float) -> float:
    """Return the value at `length` of half a cosine from `at_zero` to `at_limit`.

    Lengths beyond `limit` give `at_limit`. Source: CosFn in Yeo et al. 2025, "Demystifying Long
    Chain-of-Thought Reasoning in LLMs", arXiv 2502.03373, section 4.2.
    """
    if length >= limit:
        return at_limit
    return at_limit + 0.5 * (at_zero - at_limit) * (1.0 + math.cos(math.pi * length / limit))


def overlong_penalty(length: float, limit: float, cache: float, factor: float = 1.0) -> float:
    """Return a penalty in [-factor, 0] that grows over the last `cache` units before `limit`.

    0 up to `limit - cache`, then linear down to `-factor` at `limit`, and `-factor` beyond.
    Source: DAPO, arXiv 2503.14476, equation 13.
    """
    over = length - (limit - cache)
    return -factor * min(over / cache, 1.0) if over > 0 else 0.0


def measure_length(text: str, unit: Unit) -> int:
    """Return the length of `text`: its words, or its characters with one for each white space."""
    words = text.split()
    if unit == "words":
        return len(words)
    return sum(map(len, words)) + max(len(words) - 1, 0)


class CosineLengthVerifier:
    """Replaces the reward of a verifier by one that depends on correctness and length.

    A right answer earns `correct_short` at length 0 and less the longer it is, down to
    `correct_long`; a wrong one earns `wrong_short` and more the longer it is, up to `wrong_long`,
    so that thinking on is worth it. From `target` on every answer earns `exceeded`. The paper has
    2, 1, -10, 0 and -10. A right answer must always earn more than a wrong one.

    The outcome is the inner verifier's. Parts: `answer`, its reward; `length`, ours, between the
    lowest and the highest of the five values.

    Source: Yeo et al. 2025, arXiv 2502.03373, section 4.2. Its authors saw models repeat
    themselves to lengthen wrong answers: add the verifier `repetition`.
    """

    name = "length"

    def __init__(
        self,
        target: int,
        inner: str | Verifier = "math",
        *,
        unit: Unit = "chars",
        region: Region = "whole",
        correct_short: float = 1.0,
        correct_long: float = 0.5,
        wrong_short: float = -1.0,
        wrong_long: float = 0.0,
        exceeded: float = -1.0,
    ) -> None:
        """Make a verifier.

        Args:
            target: Length from which a text is too long.
            inner: The verifier that says what is correct, or its spec.
            unit: What `target` counts.
            region: Which part of the text is measured.
            correct_short: Reward of a right answer of length 0.
            correct_long: Reward that a right answer falls to towards `target`.
            wrong_short: Reward of a wrong answer of length 0.
            wrong_long: Reward that a wrong answer rises to towards `target`.
            exceeded: Reward from `target` on, right or wrong.

        Raises:
            UsageError: A value is not finite, or a wrong or overlong answer could earn as much as
                a right one.
        """
        _check_length(target, unit, region)
        values = (correct_short, correct_long, wrong_short, wrong_long, exceeded)
        if not all(map(math.isfinite, values)):
            raise UsageError(f"the rewards {values}", "finite numbers")
        if max(wrong_short, wrong_long, exceeded) >= min(correct_short, correct_long):
            raise UsageError(
                "rewards of wrong or overlong answers that reach those of right ones",
                "wrong_short, wrong_long and exceeded below correct_short and correct_long",
            )
        self.inner = make_inner(inner)
        self.deterministic = is_deterministic(self.inner)
        self.needs_s = needed_seconds(self.inner)
        self.target = target
        self.unit: Unit = unit
        self.region: Region = region
        self.correct_rewards = (correct_short, correct_long)
        self.wrong_rewards = (wrong_short, wrong_long)
        self.exceeded = exceeded

    def prepare(self) -> None:
        """Prepare the inner verifier."""
        prepare(self.inner)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the inner verdict with the reward shaped; `unscorable` is passed on."""
        verdict = self.inner.verify(task, submission)
        length = measure_length(select_region(submission, self.region), self.unit)
        if verdict.outcome is Outcome.UNSCORABLE:
            return _reshape(verdict, 0.0, "length", 0.0, verdict.reward, "")
        if length >= self.target:
            reward = self.exceeded
        else:
            ends = self.correct_rewards if verdict.correct else self.wrong_rewards
            reward = cosine_reward(length, self.target, *ends)
        note = f"{length} of {self.target} {self.unit}"
        return _reshape(verdict, reward, "length", reward, verdict.reward, note)


class OverlongVerifier:
    """Adds DAPO's soft punishment of overlong texts to a verifier's reward.

    Parts: `answer`, the inner reward, and `overlong`, in [-factor, 0]. The outcome is the inner
    verifier's. Without one (`inner=none`) the reward is the penalty alone, and correct is what
    earns none; use that inside `weighted`.
    """

    name = "overlong"

    def __init__(
        self,
        target: int,
        cache: int = 0,
        inner: str | Verifier = NO_VERIFIER,
        *,
        factor: float = 1.0,
        unit: Unit = "chars",
        region: Region = "whole",
    ) -> None:
        """Make a verifier.

        Args:
            target: Length from which the penalty is full.
            cache: Length before `target` over which it grows; 0 takes a fifth of `target`, as the
                paper does (4,096 of 20,480).
            inner: The verifier whose reward it is added to, its spec, or `none`.
            factor: Full penalty.
            unit: What `target` and `cache` count.
            region: Which part of the text is measured.

        Raises:
            UsageError: The cache is negative or larger than the target, or the factor is not a
                finite number above 0.
        """
        _check_length(target, unit, region)
        if not 0 <= cache <= target:
            raise UsageError(f"cache = {cache}", f"a number from 0 to the target, {target}")
        if not (math.isfinite(factor) and factor > 0):
            raise UsageError(f"factor = {factor}", "a finite number above 0")
        self.inner = None if inner == NO_VERIFIER else make_inner(inner)
        self.deterministic = self.inner is None or is_deterministic(self.inner)
        self.needs_s = 0.0 if self.inner is None else needed_seconds(self.inner)
        self.target = target
        self.cache = cache or target / 5
        self.factor = factor
        self.unit: Unit = unit
        self.region: Region = region

    def prepare(self) -> None:
        """Prepare the inner verifier, if there is one."""
        if self.inner is not None:
            prepare(self.inner)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the inner verdict with the penalty added; `unscorable` is passed on."""
        length = measure_length(select_region(submission, self.region), self.unit)
        penalty = overlong_penalty(length, self.target, self.cache, self.factor)
        note = f"{length} of {self.target} {self.unit}"
        if self.inner is None:
            return Verdict(
                reward=penalty,
                correct=penalty == 0.0,
                outcome=Outcome.PASS if penalty == 0.0 else Outcome.FAIL,
                parts={"overlong": penalty},
                feedback="The text is too long." if penalty else "",
                detail=note,
            )
        verdict = self.inner.verify(task, submission)
        if verdict.outcome is Outcome.UNSCORABLE:
            return _reshape(verdict, 0.0, "overlong", 0.0, verdict.reward, "")
        return _reshape(
            verdict, verdict.reward + penalty, "overlong", penalty, verdict.reward, note
        )


_SCHEDULES: dict[str, Callable[..., Verifier]] = {
    "cosine": CosineLengthVerifier,
    "overlong": OverlongVerifier,
}


def make_length_verifier(
    schedule: str = "cosine", *arguments: object, **options: object
) -> Verifier:
    """Return a verifier that shapes rewards by length.

    Args:
        schedule: `cosine` (CosineLengthVerifier) or `overlong` (OverlongVerifier).
        arguments: Positional arguments of that class.
        options: Its other arguments.

    Raises:
        UsageError: There is no such schedule, or its class refuses the arguments.
    """
    factory = _SCHEDULES.get(schedule)
    if factory is None:
        raise UsageError(f"the length schedule {schedule!r}", " or ".join(_SCHEDULES))
    bound = bind_texts(factory, arguments, options, f"the verifier length:{schedule}")
    return factory(*bound.args, **bound.kwargs)


def _check_length(target: int, unit: str, region: str) -> None:
    if isinstance(target, str) or not (math.isfinite(target) and target >= 1):
        raise UsageError(f"target = {target}", "a number of characters or words, 1 or more")
    if unit not in get_args(Unit):
        raise UsageError(f"the unit {unit!r}", "chars or words")
    check_region(region)


def _reshape(
    verdict: Verdict, reward: float, part: str, value: float, answer: float, note: str
) -> Verdict:
    """Return `verdict` with another reward and what it is made of."""
    inner = verdict.parts if len(verdict.parts) > 1 else {}
    return replace_verdict(
        verdict,
        reward=reward,
        parts={
            "answer": answer,
            part: value,
            **{f"answer.{name}": part_reward for name, part_reward in inner.items()},
        },
        detail="; ".join(filter(None, (verdict.detail, note))),
    )
