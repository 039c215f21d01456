"""Step-level granularity: an action is one line."""

import re

from gym_reason.envs.wrappers.base import StepResult, TextEnv
from gym_reason.envs.wrappers.partial import PartialActions
from gym_reason.errors import UsageError
from gym_reason.types import Message, Outcome, Verdict

_SEVERAL_LINES = "the action has more than one line"


class LineActions(PartialActions):
    """Makes an action one line; the text goes on to the environment after its last line.

    A line break at the end of an action is dropped. An action with one inside is the policy's
    failure: it ends the episode with the outcome `invalid`.
    """

    separator = "\n"

    def __init__(self, env: TextEnv, *, last: str = r"^\s*$", max_lines: int = 256) -> None:
        r"""Wrap `env`.

        Args:
            env: The environment.
            last: A regular expression that is found in a last line and in no other: by default in
                an empty one. `r"\\boxed\{"` ends a text with its answer.
            max_lines: Lines after which a text goes on without a last line.

        Raises:
            UsageError: For what is no regular expression.
        """
        super().__init__(env, max_lines, last=last, max_lines=max_lines)
        try:
            self._last = re.compile(last)
        except re.error as error:
            raise UsageError(f"last = {last!r} ({error})", "a regular expression") from None
        self._lines: list[str] = []

    def act(self, action: str) -> StepResult:
        """Add a line, or refuse what is more than one."""
        line = action.removesuffix("\n")
        if "\n" not in line:
            return super().act(line)
        verdict = Verdict(0.0, False, Outcome.INVALID, feedback=_SEVERAL_LINES)
        info = {**self.no_verdict(Message("user", _SEVERAL_LINES)), "verdict": verdict}
        return _SEVERAL_LINES, 0.0, True, False, info

    def add_part(self, action: str) -> bool:
        """Add a line."""
        last = self._last.search(action) is not None
        if action.strip() or not last:
            self._lines.append(action)
        return last

    def clear_text(self) -> None:
        """Forget the lines."""
        self._lines.clear()

    def text(self) -> str:
        """Return the lines as one text."""
        return "\n".join(self._lines)
