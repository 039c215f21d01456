"""Write a program in several attempts, and see what is wrong after each."""

from typing import Unpack

from gym_reason.envs.base import Transition, prompt_text
from gym_reason.envs.code.base import CodeEnv, CodeOptions
from gym_reason.errors import UsageError
from gym_reason.text import after_thinking
from gym_reason.types import Outcome, Task, replace_verdict


class CodeDebug(CodeEnv):
    """Submit a program, see the public tests that fail or what was raised, and submit again.

    An action is a whole program. The hidden tests alone decide whether the episode is solved, and
    nothing but that is ever said of them. The observation is the whole state: the task, the last
    program and what was said of it.

    With `improvement`, that share of the reward is paid for public tests: for each share of them
    that passes for the first time, and the rest with the solution. Passing them again earns
    nothing, so no order of attempts earns more than another.
    """

    def __init__(
        self,
        *,
        max_turns: int = 4,
        turn_cost: float = 0.0,
        improvement: float = 0.0,
        **options: Unpack[CodeOptions],
    ) -> None:
        """Make the environment.

        Args:
            max_turns: Attempts after which an episode is truncated.
            turn_cost: What each attempt after the first costs, from 0 to 0.5.
            improvement: Share of the reward that public tests earn, from 0 to 0.5.
            options: The arguments of `CodeEnv`.

        Raises:
            UsageError: For a value out of range.
            DataError: For a file that cannot be read.
        """
        for name, value in (("turn_cost", turn_cost), ("improvement", improvement)):
            if not 0.0 <= value <= 0.5:
                raise UsageError(f"{name} = {value}", "a number from 0 to 0.5")
        super().__init__(**options, max_turns=max_turns)
        self.turn_cost = float(turn_cost)
        self.improvement = float(improvement)
        self._best_share = 0.0

    def begin(self, task: Task) -> str:
        """Start with no program."""
        self._best_share = 0.0
        return super().begin(task)

    def transition(self, action: str) -> Transition:
        """Judge the program by the hidden tests, and tell what the public ones say.

        Raises RunError where no sandbox works here.
        """
        verdict = self.verifier.verify(self.task, action)
        cost = self.turn_cost if self._turns else 0.0
        if verdict.correct:
            rest = verdict.reward * (1.0 - self.improvement)
            return Transition(rest + self._improve(1.0) - cost, True, verdict)
        if verdict.outcome is Outcome.UNSCORABLE:
            return Transition(0.0, True, verdict)
        if self._turns + 1 >= self.max_turns and not self.improvement:
            return Transition(-cost, False, verdict)  # nobody would read what is said
        share, said = self.public.judge(self.task, action)
        feedback = said or f"The public tests pass; hidden tests do not ({verdict.outcome})."
        shown = replace_verdict(verdict, feedback=feedback)
        state = self._state(action, feedback)
        return Transition(self._improve(share) - cost, False, shown, feedback, state)

    def _state(self, action: str, feedback: str) -> str:
        prompt, program = prompt_text(self.task), (after_thinking(action) or "").strip()
        room = max(0, self.max_length - len(prompt) - len(feedback) - 4)
        return "\n\n".join((prompt, program[:room], feedback))

    def _improve(self, share: float) -> float:
        gain = max(0.0, share - self._best_share)
        self._best_share += gain
        return self.improvement * gain
