"""Write a program in one attempt."""

from typing import Unpack

from gym_reason.envs.base import Transition
from gym_reason.envs.code.base import CodeEnv, CodeOptions
from gym_reason.errors import UsageError
from gym_reason.types import replace_verdict


class Code(CodeEnv):
    """Write a program that passes tests which are not shown."""

    def __init__(self, *, partial_credit: float = 0.0, **options: Unpack[CodeOptions]) -> None:
        """Make the environment.

        Args:
            partial_credit: Reward of a program that passes some of the tests, times their share,
                from 0 to 0.5.
            options: The arguments of `CodeEnv`.

        Raises:
            UsageError: For a value out of range.
            DataError: For a file that cannot be read.
        """
        if not 0.0 <= partial_credit <= 0.5:
            raise UsageError(f"partial_credit = {partial_credit}", "a reward from 0 to 0.5")
        self.partial_credit = float(partial_credit)
        super().__init__(**options, every=partial_credit > 0)

    def transition(self, action: str) -> Transition:
        """Judge the program. Raises RunError where no sandbox works here."""
        verdict = self.verifier.verify(self.task, action)
        if not verdict.correct and self.partial_credit:
            share = self.partial_credit * verdict.parts.get("tests", 0.0)
            verdict = replace_verdict(verdict, reward=max(verdict.reward, share))
        return Transition(verdict.reward, True, verdict, verdict.feedback)
