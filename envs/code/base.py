"""What all environments about programs share: where their tasks come from, and what judges."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypedDict

import numpy as np

from gym_reason.envs.base import ReasoningEnv, check_choice, check_integer, prompt_text
from gym_reason.envs.code.generator import (
    MAX_DEPTH,
    TOPICS,
    Problem,
    draw_problem,
    write_asserts,
)
from gym_reason.envs.code.public import PublicTests, public_task
from gym_reason.envs.code.records import FORMS, RecordFile, load_records
from gym_reason.envs.code.tree import ENTRY, write_call, write_program
from gym_reason.envs.splits import in_split
from gym_reason.errors import EnvError, UsageError
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.code import CodeVerifier

PROMPT_STYLES = ("bare", "question")
"""How a generated problem is put: the header and a sentence, or a full request with examples."""

FAILING_PROGRAM = "raise SystemExit(1)"
"""A program that fails every test."""


class CodeOptions(TypedDict, total=False):
    """The arguments that every environment here takes; see `CodeEnv`."""

    topic: str
    depth: int
    examples: int
    tests: int
    prompt_style: str
    path: str | Path | None
    form: str
    language: str
    limit: int | None
    sandbox: str
    timeout: float
    memory_mb: int
    verifier: Verifier | str | None
    split: str | None
    gamma: float
    render_mode: str | None


class CodeEnv(ReasoningEnv):
    """An environment about programs, generated ones or those of a file.

    Its subclasses take its arguments as `**options`; their signatures list them.
    """

    heavy: ClassVar[bool] = True
    closing: ClassVar[str] = "Answer with the whole program in {language}."
    """The end of every full prompt."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the signature show the arguments behind `**options`, for the command and for help."""
        super().__init_subclass__(**kwargs)
        own = inspect.signature(cls.__init__).parameters
        if "options" in own:
            shared = inspect.signature(CodeEnv.__init__).parameters
            shown = {**own, **{name: one for name, one in shared.items() if name not in own}}
            hidden = ("self", "options", "max_turns", "every")
            kept = [one for name, one in shown.items() if name not in hidden or name in own]
            kept = [one for one in kept if one.name not in ("self", "options")]
            cls.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]

    def __init__(
        self,
        *,
        topic: str = "mixed",
        depth: int = 2,
        examples: int = 2,
        tests: int = 8,
        prompt_style: str = "question",
        path: str | Path | None = None,
        form: str = "humaneval",
        language: str = "python",
        limit: int | None = None,
        sandbox: str = "auto",
        timeout: float = 4.0,
        memory_mb: int = 256,
        verifier: Verifier | str | None = None,
        split: str | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
        max_turns: int = 1,
        every: bool = False,
    ) -> None:
        """Make the environment. No sandbox is started before a program is judged.

        Args:
            topic: Of generated problems: `lists`, `strings`, `formulas`, `arithmetic`, `recursion`
                or `mixed`.
            depth: Their operations, from 1 to 6.
            examples: Their public tests, from 1 to 5.
            tests: Their hidden tests, from 4 to 20; more where near misses need them.
            prompt_style: `bare` or `question`.
            path: A file of problems instead of generated ones.
            form: The form of its records: `humaneval`, `mbpp`, `leetcode`, `livecodebench`, `apps`
                or `codecontests`.
            language: The language of its programs; other than Python for stdio tests alone.
            limit: How many of its records are read; None for all.
            sandbox: `auto`, or a backend's name.
            timeout: Seconds for all tests of one program.
            memory_mb: Memory of a program, in MiB.
            verifier: What judges a program; None for the verifier `code` with the three above.
            split: `train`, `test` or `all`; None for `train` where problems are generated and for
                `all` where they come from a file.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.
            max_turns: Actions after which an episode is truncated.
            every: Whether all tests of a program are run after one has failed.

        Raises:
            UsageError: For a value out of range.
            DataError: For a file that cannot be read, naming the line or row.
        """
        self.topic = check_choice("topic", topic, list(TOPICS))
        self.depth = check_integer("depth", depth, 1, MAX_DEPTH)
        self.examples = check_integer("examples", examples, 1, 5)
        self.tests = check_integer("tests", tests, 4, 20)
        self.prompt_style = check_choice("prompt_style", prompt_style, PROMPT_STYLES)
        self.loaded: tuple[Task, ...] | None = None
        """The problems of the file; None where they are generated."""
        self._by_split: dict[str, tuple[Task, ...]] = {}
        if path is not None:
            if limit is not None:
                check_integer("limit", limit, 1, 10**12)
            check_choice("form", form, list(FORMS))
            self.loaded = load_records(RecordFile(Path(path), form, language, limit))
            self.max_length = max(self.max_length, *map(_longest_text, self.loaded))
        self.judge = CodeVerifier(sandbox, timeout, memory_mb, feedback="none", every=every)
        self.public = PublicTests(self.judge)
        super().__init__(
            verifier=verifier or self.judge,
            split=split or ("train" if path is None else "all"),
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def all_tasks(self) -> Sequence[Task] | None:
        """Return the tasks of the file; None where problems are generated."""
        return None if self.loaded is None else tuple(map(self.close_prompt, self.loaded))

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng` alone, from any split."""
        return self.draw_from(rng, "all")

    def draw_task(self, rng: np.random.Generator) -> Task:
        """Return a task of `self.split` drawn with `rng`. Raises EnvError where there is none."""
        return self.draw_from(rng, self.split)

    def draw_from(self, rng: np.random.Generator, split: str) -> Task:
        """Return a task of a split. Raises EnvError where there is none."""
        return self.close_prompt(self.draw_base(rng, split))

    def draw_base(self, rng: np.random.Generator, split: str) -> Task:
        """Return a problem of a split, whose prompt does not say yet what an answer is."""
        if self.loaded is None:
            return self.make_task(self.draw_problem(rng, split))
        if split not in self._by_split:
            kept = tuple(task for task in self.loaded if in_split(task.id, split))
            self._by_split[split] = kept
        tasks = self._by_split[split]
        if not tasks:
            raise EnvError(f"{self._name} has no task in split {split!r}", "at least one")
        return tasks[int(rng.random() * len(tasks))]

    def close_prompt(self, task: Task) -> Task:
        """Return the task with the end of its prompt, which says what an answer is."""
        if self.prompt_style == "bare" or not self.closing:
            return task
        language = str(task.meta.get("language")).capitalize()
        return extend_prompt(task, self.closing.format(language=language))

    def draw_problem(self, rng: np.random.Generator, split: str) -> Problem:
        """Return a generated problem of a split. Raises EnvError."""
        return draw_problem(
            rng,
            self.topic,
            self.depth,
            self.examples,
            self.tests,
            lambda name: in_split(name, split),
        )

    def make_task(self, problem: Problem) -> Task:
        """Return a generated problem as a task."""
        header = problem.header.removesuffix(":")
        if self.prompt_style == "bare":
            text = f"{header}: {problem.description}"
        else:
            shown = "\n".join(
                f"{write_call(case.arguments)} == {case.result!r}" for case in problem.examples
            )
            text = (
                f"Write this function in Python:\n\n{header}\n\n{problem.description}\n\n"
                f"For example:\n\n{shown}"
            )
        return Task(
            id=problem.id,
            prompt=(Message("user", text),),
            reference=write_asserts(problem.tests),
            difficulty=float(self.depth),
            meta={
                "language": "python",
                "entry": ENTRY,
                "solution": problem.solution,
                "commented": write_program(problem.program, comments=True),
                "near_miss": write_program(problem.wrong),
                "public": write_asserts(problem.examples),
            },
        )

    def make_tools(self, task: Task) -> Mapping[str, Callable[[str], str]]:
        """Return `tests`, which runs a program on the public tests; nothing where all pass."""
        if public_task(task) is None:
            return {}
        return {"tests": lambda program: self.public.judge(task, program)[1]}

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the known solution; with thinking, each step after a comment on what it is to do.

        Only generated solutions have comments.
        """
        commented = task.meta.get("commented")
        return (str(commented) if commented and thinking else solution_of(task),)

    def submissions(self, task: Task) -> tuple[str, ...]:
        """Return texts that the verifier has to pass: programs, whatever an action is."""
        return (solution_of(task),)

    def wrong_action(self, task: Task) -> str:
        """Return a program that is almost right, where one is known, or one that ends at once."""
        near_miss = task.meta.get("near_miss")
        return near_miss if isinstance(near_miss, str) else FAILING_PROGRAM


def solution_of(task: Task) -> str:
    """Return the known solution of a task. Raises UsageError where there is none."""
    solution = task.meta.get("solution")
    if not isinstance(solution, str) or not solution:
        raise UsageError(f"task {task.id} holds no solution", "one in its meta")
    return solution


def extend_prompt(task: Task, text: str) -> Task:
    """Return a task with a text after the last message of its prompt."""
    *before, last = task.prompt
    last = dataclasses.replace(last, content=f"{last.content}\n\n{text}")
    return dataclasses.replace(task, prompt=(*before, last))


def _longest_text(task: Task) -> int:
    """Return room for the prompt, a program as long as the solution, and what is said of it."""
    return len(prompt_text(task)) + 2 * len(str(task.meta.get("solution", ""))) + 4_096
