"""Mend a program that is wrong."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Unpack

import numpy as np

from gym_reason.envs.base import check_integer
from gym_reason.envs.code.base import CodeEnv, CodeOptions, extend_prompt, solution_of
from gym_reason.envs.code.mutations import draw_mutation, write_normally
from gym_reason.errors import EnvError, UsageError
from gym_reason.seeding import content_id
from gym_reason.types import Outcome, Task

MAX_BUGS = 3
"""Most changes of one program."""

_TRIES = 50
_MUTATIONS = 20


class CodeRepair(CodeEnv):
    """Mend a program whose bugs were made by small changes of a right one.

    Each bug is checked in the sandbox when the task is drawn: with it the program fails a hidden
    test. The programs of a file have to be Python.
    """

    closing = "Answer with the whole program, mended."

    def __init__(self, *, bugs: int = 1, **options: Unpack[CodeOptions]) -> None:
        """Make the environment.

        Args:
            bugs: How many changes were made, from 1 to 3.
            options: The arguments of `CodeEnv`.

        Raises:
            UsageError: For a value out of range.
            DataError: For a file that cannot be read.
        """
        self.bugs = check_integer("bugs", bugs, 1, MAX_BUGS)
        if options.get("language", "python") != "python":
            raise UsageError(
                f"language = {options.get('language')!r}", "python: its syntax is known"
            )
        super().__init__(**options)
        if self.loaded is not None:
            self.loaded = tuple(task for task in self.loaded if _is_known(task))

    def all_tasks(self) -> Sequence[Task] | None:
        """Return None: each program has many bugs, which are drawn."""
        return None

    def draw_from(self, rng: np.random.Generator, split: str) -> Task:
        """Return the task of mending a program of a split.

        Raises:
            EnvError: Where none is found.
            RunError: Where no sandbox works here.
        """
        for _ in range(_TRIES):
            task = self.draw_base(rng, split)
            buggy = self._break(task, rng)
            if buggy is not None:
                return self._make_repair(task, buggy)
        raise EnvError(f"no change of {_TRIES} programs makes them fail", "other programs")

    def wrong_action(self, task: Task) -> str:
        """Return the program as it is."""
        return buggy_program(task)

    def show_bug(self, task: Task, program: str) -> Task:
        """Return the task with the wrong program in its prompt."""
        if self.prompt_style == "bare":
            return extend_prompt(task, program)
        text = f"This program is meant to do it, and is wrong:\n\n```python\n{program}```"
        return extend_prompt(task, text)

    def _break(self, task: Task, rng: np.random.Generator) -> str | None:
        """Return a program that fails the task's tests; None where no bug was found for it."""
        program = write_normally(solution_of(task))
        for _ in range(self.bugs):
            mutations = draw_mutation(program, rng)
            for _, mutation in zip(range(_MUTATIONS), mutations, strict=False):
                verdict = self.verifier.verify(task, mutation.program)
                # What runs into a limit may do so on one machine and not on another.
                if verdict.outcome is Outcome.FAIL:
                    program = mutation.program
                    break
            else:
                return None
        return program

    def _make_repair(self, task: Task, buggy: str) -> Task:
        meta = {**task.meta, "buggy": buggy, "solution": write_normally(solution_of(task))}
        meta.pop("commented", None)  # it is the wrong program that is to be mended
        repair = dataclasses.replace(
            task,
            id=f"{task.id}-{content_id(buggy)[:8]}",
            difficulty=task.difficulty + self.bugs,
            meta=meta,
        )
        return self.close_prompt(self.show_bug(repair, buggy))


def buggy_program(task: Task) -> str:
    """Return the program to mend. Raises UsageError where the task holds none."""
    buggy = task.meta.get("buggy")
    if not isinstance(buggy, str):
        raise UsageError(f"task {task.id} holds no program to mend", "buggy in its meta")
    return buggy


def _is_known(task: Task) -> bool:
    solution = task.meta.get("solution")
    return isinstance(solution, str) and bool(solution) and _is_python(solution)


@functools.lru_cache(maxsize=1 << 16)  # every environment of a pool asks for the same programs
def _is_python(program: str) -> bool:
    try:
        write_normally(program)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True
