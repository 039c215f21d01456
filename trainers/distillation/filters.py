"""Which answers may be imitated: what each test drops, and why."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

REFUSED = "the verifier refuses it"
UNSCORED = "no verdict"
INCOMPLETE = "incomplete"
REPETITIVE = "repeats itself"
ODD_UNICODE = "odd Unicode"
DUPLICATE = "duplicate"
PERPLEXITY = "perplexity"
REASONS = (REFUSED, UNSCORED, INCOMPLETE, REPETITIVE, ODD_UNICODE, PERPLEXITY, DUPLICATE)
"""Every reason, in the order in which the tests are made."""

NGRAM = 20
"""Words of the repeated pieces that are looked for."""
_ODD_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_PLAIN_CONTROLS = frozenset("\n\t\r")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer must keep to."""

    min_score: float = 0.9
    """Least score of the verifier."""
    max_repeats: int = 20
    """Most times that a 20-gram may occur."""
    max_odd_share: float = 0.05
    """Largest share of control, private and unassigned characters."""
    max_perplexity: float = 0.0
    """Largest perplexity under the student; 0 sets no limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the tests look at."""

    prompt: str
    """A name of what was asked, or its text."""
    text: str
    """What was answered."""
    score: float | None
    """What the verifier gave; None where it gave nothing."""
    finished: bool = True
    """Whether the answer came to its end."""
    perplexity: float | None = None
    """Under the student; None where it was not measured."""


def screen(answers: Sequence[Answer], limits: Limits) -> list[str]:
    """Return the reason why each answer is dropped, in order; empty where it is kept.

    Of answers that are the same to the same prompt, the first that passes all else is kept.
    """
    reasons: list[str] = []
    seen: set[bytes] = set()
    for answer in answers:
        reason = find_fault(answer, limits)
        if not reason:
            key = _digest(answer.prompt, answer.text)
            reason = DUPLICATE if key in seen else ""
            seen.add(key)
        reasons.append(reason)
    return reasons


def find_fault(answer: Answer, limits: Limits) -> str:
    """Return the first reason to drop an answer that does not depend on the others, or nothing."""
    if answer.score is None:
        return UNSCORED
    if answer.score < limits.min_score:
        return REFUSED
    if not answer.finished or not is_whole(answer.text):
        return INCOMPLETE
    if most_repeats(answer.text) > limits.max_repeats:
        return REPETITIVE
    if odd_share(answer.text) > limits.max_odd_share:
        return ODD_UNICODE
    measured = answer.perplexity if limits.max_perplexity > 0.0 else None
    if measured is not None and not measured <= limits.max_perplexity:
        return PERPLEXITY
    return ""


def is_whole(text: str) -> bool:
    """Return whether a text says something, and closes the thoughts that it opens."""
    return bool(text.strip()) and text.count("<think>") <= text.count("</think>")


def most_repeats(text: str, n: int = NGRAM) -> int:
    """Return how often the most frequent n-gram of words occurs; 0 in a text of fewer words.

    Where white space leaves a text in fewer than `n` words, its characters are counted instead.
    """
    words: Sequence[str] = text.split()
    if len(words) < n:
        words = "".join(words)
    counts = Counter(tuple(words[place : place + n]) for place in range(len(words) - n + 1))
    return max(counts.values(), default=0)


def odd_share(text: str) -> float:
    """Return the share of characters that no person writes; 0.0 of an empty text."""
    odd = sum(
        char == "\ufffd" or (unicodedata.category(char) in _ODD_CATEGORIES)
        for char in text
        if char not in _PLAIN_CONTROLS
    )
    return odd / len(text) if text else 0.0


def _digest(*parts: str) -> bytes:
    joined = b"\0".join(part.encode("utf-8", "surrogatepass") for part in parts)
    return hashlib.blake2b(joined, digest_size=16).digest()
