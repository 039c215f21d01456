"""Arithmetic one step at a time: each action is a line of the derivation, the last the answer."""

from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.base import Transition, check_choice, prompt_text
from gym_reason.envs.problems import problem_of
from gym_reason.types import Task
from gym_reason.verifiers.base import Verifier

REWARDS = ("sparse", "dense")
"""When the reward is paid."""

STEP_SHARE = 0.5
"""Share of the whole reward that the steps earn together, with the dense reward."""


class Steps(Arithmetic):
    """Derive a sum, a difference or a product step by step.

    An action with an equals sign is a step, such as `7+5+0=12`; it is accepted if it is the next
    one of the column derivation. An action without one is the answer and ends the episode. The
    observation is the whole state: the problem, the accepted steps and, on the last line, what was
    said of the last action: `ok`, `repeated` or `wrong`.

    The dense reward pays for progress alone: each step of the derivation once, half of the total
    together, and the answer the other half. Repeating a true equation earns nothing. The sparse
    reward pays for the answer alone.
    """

    def __init__(
        self,
        *,
        reward: str = "sparse",
        operation: str = "add",
        digits: int = 3,
        prompt_style: str = "bare",
        verifier: Verifier | str = "math:strict,plain=true",
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            reward: `sparse` or `dense`.
            operation: `add`, `subtract`, `multiply` or `mixed`.
            digits: Digits of each operand, from 1 to 9.
            prompt_style: `bare` or `question`.
            verifier: What scores the answer.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for twice those of a
                perfect episode.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.reward = check_choice("reward", reward, REWARDS)
        self._turns_by_task = max_turns is None
        self._derivation: tuple[str, ...] = ()
        self._accepted = 0
        super().__init__(
            operation=operation,
            digits=digits,
            prompt_style=prompt_style,
            verifier=verifier,
            split=split,
            max_turns=1 if max_turns is None else max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    @property
    def accepted_steps(self) -> tuple[str, ...]:
        """The steps of the current episode that stand."""
        return self._derivation[: self._accepted]

    def begin(self, task: Task) -> str:
        """Start with no step taken."""
        self._derivation = problem_of(task).steps()
        self._accepted = 0
        if self._turns_by_task:
            self.max_turns = 2 * (len(self._derivation) + 1)
        return super().begin(task)

    def transition(self, action: str) -> Transition:
        """Accept or refuse a step, or judge the answer."""
        if "=" not in action:
            verdict = self.verifier.verify(self.task, action)
            share = 1.0 - STEP_SHARE if self.reward == "dense" else 1.0
            return Transition(
                verdict.reward * share,
                True,
                verdict,
                verdict.feedback,
                self._state(verdict.feedback),
            )
        step = "".join(action.split())
        reward = 0.0
        if self._accepted < len(self._derivation) and step == self._derivation[self._accepted]:
            self._accepted += 1
            feedback = "ok"
            if self.reward == "dense":
                reward = STEP_SHARE / len(self._derivation)
        else:
            feedback = "repeated" if step in self.accepted_steps else "wrong"
        return Transition(reward, False, None, feedback, self._state(feedback))

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return every step and the answer: steps are actions here, with `thinking` or without."""
        del thinking
        problem = problem_of(task)
        return (*problem.steps(), problem.answer)

    def wrong_action(self, task: Task) -> str:
        """Return a number that is off by one."""
        return str(problem_of(task).value + 1)

    def _state(self, feedback: str) -> str:
        return "\n".join((prompt_text(self.task), *self.accepted_steps, feedback))
