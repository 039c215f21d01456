"""Puzzles that ask for a value of everything that is open: all at once, or one an action."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Protocol

from gym_reason.envs.base import ReasoningEnv, Transition, check_choice, prompt_text
from gym_reason.errors import UsageError
from gym_reason.text import after_thinking, shorten
from gym_reason.types import Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.logic.answers import PuzzleError, fail_verdict

MODES = ("answer", "steps")
"""What an action is: the whole answer, or the value of one thing."""
REWARDS = ("sparse", "dense")
"""When the reward is paid."""
PROMPT_STYLES = ("question", "bare")
"""Whether the prompt tells the rules, or is the puzzle alone."""

STEP_SHARE = 0.5
"""Share of the whole reward that the moves earn together, with the dense reward."""

_MOVE = re.compile(r"([A-Z][1-9]?)=([A-Z1-9])")


class Puzzle(Protocol):
    """A puzzle with things that are open and values that they may have."""

    @property
    def open_names(self) -> tuple[str, ...]:
        """What is open, in the order of a perfect episode."""
        ...

    @property
    def values(self) -> str:
        """One letter or digit for each value."""
        ...

    def extend(self, fixed: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return a value of everything that is open, in a solution with the values in `fixed`.

        Returns None where no solution has them.
        """
        ...

    def write(self, values: Mapping[str, str]) -> str:
        """Return the answer with the value of everything that is open."""
        ...

    def explain(self, solution: Mapping[str, str]) -> str:
        """Return short reasoning that ends in a solution."""
        ...


class AssignmentEnv(ReasoningEnv, ABC):
    """An MDP over a puzzle of values.

    With the mode `answer`, the one action is the whole answer. With the mode `steps`, an action is
    a move such as `A=2`, thoughts in front of it aside, and the observation is the puzzle, the
    moves that stand and a word on the last one. A move is final. One that leaves no solution ends
    the episode; one that cannot be read, or is about something settled, changes nothing and costs
    a turn.

    The dense reward pays each move that leaves a solution once, half of the total together, and
    the finished puzzle the other half. In the mode `answer` it pays a wrong answer half the share
    of the rules that it keeps. The sparse reward pays for a right answer alone.
    """

    def __init__(
        self,
        *,
        mode: str,
        reward: str,
        prompt_style: str,
        verifier: Verifier | str,
        split: str,
        max_turns: int | None,
        gamma: float,
        render_mode: str | None,
    ) -> None:
        """Make the environment; the arguments are those of the puzzles derived from it."""
        self.mode = check_choice("mode", mode, MODES)
        self.reward = check_choice("reward", reward, REWARDS)
        self.prompt_style = check_choice("prompt_style", prompt_style, PROMPT_STYLES)
        self._turns_by_task = max_turns is None and mode == "steps"
        self._puzzle: Puzzle | None = None
        self._settled: dict[str, str] = {}
        super().__init__(
            verifier=verifier,
            split=split,
            max_turns=1 if max_turns is None else max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    @abstractmethod
    def read_puzzle(self, reference: str) -> Puzzle:
        """Return the puzzle of a task. Raises PuzzleError where the reference holds none."""

    def puzzle_of(self, task: Task) -> Puzzle:
        """Return the puzzle of a task. Raises UsageError for tasks of other kinds."""
        try:
            return self.read_puzzle(task.reference)
        except PuzzleError as error:
            raise UsageError(
                f"task {task.id} holds no such puzzle: {error}", "a puzzle as its reference"
            ) from None

    @property
    def settled(self) -> Mapping[str, str]:
        """What the moves of the current episode have settled."""
        return dict(self._settled)

    def begin(self, task: Task) -> str:
        """Start with nothing settled."""
        self._settled = {}
        if self.mode == "steps":
            self._puzzle = self.puzzle_of(task)
            if self._turns_by_task:
                self.max_turns = 2 * len(self._puzzle.open_names)
        return prompt_text(task)

    def transition(self, action: str) -> Transition:
        """Judge an answer, or make a move."""
        if self.mode == "answer":
            return super().transition(action)
        puzzle = self._puzzle
        assert puzzle is not None
        try:
            name, value = self._read_move(puzzle, action)
        except PuzzleError as error:
            return Transition(0.0, False, None, str(error), self._state(str(error)))
        moved = {**self._settled, name: value}
        if puzzle.extend(moved) is None:
            feedback = f"no solution has {name}={value}"
            verdict = fail_verdict(feedback, len(self._settled) / len(puzzle.open_names), 0.0)
            return Transition(0.0, True, verdict, feedback, self._state(feedback))
        self._settled = moved
        dense = self.reward == "dense"
        earned = STEP_SHARE / len(puzzle.open_names) if dense else 0.0
        if len(moved) < len(puzzle.open_names):
            return Transition(earned, False, None, "ok", self._state("ok"))
        verdict = self.verifier.verify(self.task, puzzle.write(moved))
        earned += verdict.reward * (1.0 - STEP_SHARE if dense else 1.0)
        feedback = verdict.feedback or "ok"
        return Transition(earned, True, verdict, feedback, self._state(feedback))

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the answer after short reasoning or empty thoughts, or the moves of a solution."""
        puzzle = self.puzzle_of(task)
        solution = self._solution(task, puzzle)
        if self.mode == "steps":
            return tuple(f"{name}={solution[name]}" for name in puzzle.open_names)
        thoughts = puzzle.explain(solution) if thinking else ""
        return (f"<think>{thoughts}</think>{puzzle.write(solution)}",)

    def submissions(self, task: Task) -> tuple[str, ...]:
        """Return the whole answer with thoughts and without, whatever an action is."""
        puzzle = self.puzzle_of(task)
        solution = self._solution(task, puzzle)
        answer = puzzle.write(solution)
        return f"<think>{puzzle.explain(solution)}</think>{answer}", f"<think></think>{answer}"

    def wrong_action(self, task: Task) -> str:
        """Return an answer or a move that belongs to no solution; no move where each has one."""
        puzzle = self.puzzle_of(task)
        solution = self._solution(task, puzzle)
        for name in puzzle.open_names:
            for value in puzzle.values:
                fixed = {name: value} if self.mode == "steps" else {**solution, name: value}
                if puzzle.extend(fixed) is None:
                    write = puzzle.write(fixed) if self.mode == "answer" else ""
                    return f"<think></think>{write}" if write else f"{name}={value}"
        return "?"

    def _solution(self, task: Task, puzzle: Puzzle) -> Mapping[str, str]:
        solution = puzzle.extend({})
        if solution is None:
            raise UsageError(f"the puzzle of task {task.id} has no solution", "one that has")
        return solution

    def _read_move(self, puzzle: Puzzle, action: str) -> tuple[str, str]:
        text = (after_thinking(action) or "").strip()
        match = _MOVE.fullmatch(text)
        if match is None:
            raise PuzzleError(f"a move is written as {puzzle.open_names[0]}={puzzle.values[0]}")
        name, value = match[1], match[2]
        if name in self._settled:
            raise PuzzleError(f"{name} is settled already")
        if name not in puzzle.open_names:
            raise PuzzleError(f"{name} is not open")
        if value not in puzzle.values:
            raise PuzzleError(f"{shorten(value)} is not one of {', '.join(puzzle.values)}")
        return name, value

    def _state(self, feedback: str) -> str:
        moves = [f"{name}={value}" for name, value in self._settled.items()]
        return "\n".join((prompt_text(self.task), *([" ".join(moves)] if moves else []), feedback))
