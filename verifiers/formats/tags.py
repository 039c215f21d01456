"""Verifiers of the tags around thoughts and answers."""

import re

from gym_reason.text import THINK_CLOSE, THINK_OPEN, after_thinking
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.formats.verdicts import form_verdict

_ANSWER_OPEN = "<answer>"
_ANSWER_CLOSE = "</answer>"
# Other spellings too, so that a thought is not hidden behind one. The bounds keep it linear.
_ANY_THINK_TAG = re.compile(
    r"<[ /]{0,3}(?:think|thinking|thought|thoughts|reasoning)[ /]{0,3}>", re.IGNORECASE
)
_EMPTY_THOUGHT = re.compile(r"<think>\s*+</think>")


class ThinkTagsVerifier:
    """Passes a text of one `<think>...</think>` in front and an answer behind it."""

    name = "think_tags"
    deterministic = True

    def __init__(self, *, require_thought: bool = False, opened_by_prompt: bool = False) -> None:
        """Make a verifier.

        Args:
            require_thought: Whether the thought must hold more than spaces.
            opened_by_prompt: Whether the prompt ends in `<think>`, so that the text must not.
        """
        self.require_thought = require_thought
        self.opened_by_prompt = opened_by_prompt

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the form of `submission`; the reference is not read."""
        fault = self._find_fault(submission)
        return form_verdict(fault)

    def _find_fault(self, submission: str) -> str:
        text = (THINK_OPEN if self.opened_by_prompt else "") + submission.strip()
        if text.count(THINK_OPEN) != 1 or text.count(THINK_CLOSE) != 1:
            return f"expected exactly one {THINK_OPEN}...{THINK_CLOSE}"
        if not text.startswith(THINK_OPEN):
            return f"expected {THINK_OPEN} in front"
        thought, _, answer = text[len(THINK_OPEN) :].partition(THINK_CLOSE)
        if not answer.strip():
            return f"expected an answer after {THINK_CLOSE}"
        if self.require_thought and not thought.strip():
            return "expected a thought that is not empty"
        return ""


class NoThinkVerifier:
    """Passes an answer without any thought in tags, however the tags are spelled."""

    name = "no_think"
    deterministic = True

    def __init__(self, *, allow_empty: bool = True) -> None:
        """Make a verifier.

        Args:
            allow_empty: Whether a `<think></think>` of nothing but spaces may stand in front, as
                chat templates put it there for models that are told not to think.
        """
        self.allow_empty = allow_empty

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the form of `submission`; the reference is not read."""
        return form_verdict(self._find_fault(submission))

    def _find_fault(self, submission: str) -> str:
        text = submission.strip()
        if self.allow_empty:
            empty = _EMPTY_THOUGHT.match(text)
            text = text[empty.end() :] if empty else text
        if _ANY_THINK_TAG.search(text):
            return "expected no thought"
        return "" if text.strip() else "expected an answer"


class AnswerTagsVerifier:
    """Passes a text that ends in one `<answer>...</answer>` that is not empty, thoughts aside."""

    name = "answer_tags"
    deterministic = True

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the form of `submission`; the reference is not read."""
        return form_verdict(self._find_fault(submission))

    def _find_fault(self, submission: str) -> str:
        text = after_thinking(submission)
        if text is None:
            return f"expected {THINK_CLOSE}"
        text = text.strip()
        if text.count(_ANSWER_OPEN) != 1 or text.count(_ANSWER_CLOSE) != 1:
            return f"expected exactly one {_ANSWER_OPEN}...{_ANSWER_CLOSE}"
        _, _, tail = text.partition(_ANSWER_OPEN)
        answer, closing, after = tail.partition(_ANSWER_CLOSE)
        if not closing or after:
            return f"expected {_ANSWER_CLOSE} at the end"
        return "" if answer.strip() else "expected an answer that is not empty"
