"""The verifier of texts that repeat themselves."""

from gym_reason.errors import UsageError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.formats.regions import Region, check_region, select_region
from gym_reason.verifiers.formats.verdicts import empty_verdict

LONGEST_WORD = 24
"""A longer run without white space is read character by character."""
MAX_N = 64
"""Largest n."""


class RepetitionVerifier:
    """Rewards a text by the share of its n-grams that it does not repeat.

    Source: Yeo et al. 2025, arXiv 2502.03373, whose n-gram penalty is a negative weight times
    `1 - distinct / all`; our reward is `distinct / all`, which differs from it by a constant, and
    that a baseline removes. Reward and the only part, `distinct`, are in (0, 1] for a text and
    0.0 without one. A text shorter than n words repeats nothing.
    """

    name = "repetition"
    deterministic = True

    def __init__(self, n: int = 4, *, limit: float = 0.2, region: Region = "whole") -> None:
        """Make a verifier.

        Args:
            n: Words in an n-gram.
            limit: Largest share of repeated n-grams that is still correct.
            region: Which part of the text counts.

        Raises:
            UsageError: `n` is not in 1 to 64, or `limit` not in [0, 1).
        """
        if not (isinstance(n, int) and 1 <= n <= MAX_N):
            raise UsageError(f"n = {n}", f"a whole number from 1 to {MAX_N}")
        if not 0 <= limit < 1:
            raise UsageError(f"limit = {limit}", "a number from 0 up to, and without, 1")
        check_region(region)
        self.n = n
        self.limit = limit
        self.region: Region = region

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the form of `submission`; the reference is not read."""
        text = select_region(submission, self.region)
        if not text.strip():
            return empty_verdict("distinct", "found no text")
        share = repeated_share(text, self.n)
        correct = share <= self.limit
        return Verdict(
            reward=1.0 - share,
            correct=correct,
            outcome=Outcome.PASS if correct else Outcome.FAIL,
            parts={"distinct": 1.0 - share},
            feedback="" if correct else "The text repeats itself.",
            detail=f"{share:.3f} of the {self.n}-grams are repeated",
        )


def repeated_share(text: str, n: int) -> float:
    """Return `1 - distinct / all` of the n-grams of words of `text`, in [0, 1); 0.0 without any.

    Case does not matter. Where white space leaves a run of more than `LONGEST_WORD` characters,
    as in Chinese or in a single letter repeated, its characters are the words.
    """
    numbers: dict[str, int] = {}
    ids = [numbers.setdefault(word, len(numbers)) for word in _split_words(text)]
    total = len(ids) - n + 1
    if total < 1:
        return 0.0
    # An n-gram as one whole number: exact, and half the memory of a tuple.
    base = len(numbers)
    drop = base ** (n - 1)
    value = 0
    seen: set[int] = set()
    for place, word in enumerate(ids):
        value = value % drop * base + word
        if place >= n - 1:
            seen.add(value)
    return 1.0 - len(seen) / total


def _split_words(text: str) -> list[str]:
    words: list[str] = []
    for word in text.casefold().split():
        if len(word) > LONGEST_WORD:
            words.extend(word)
        else:
            words.append(word)
    return words
