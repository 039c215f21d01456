"""Write or mend a program step by step: an action is one line, or one edit."""

import difflib
import re
from typing import Unpack

import numpy as np

from gym_reason.envs.base import Transition, check_choice, prompt_text
from gym_reason.envs.code.base import CodeOptions, extend_prompt, solution_of
from gym_reason.envs.code.mutations import write_normally
from gym_reason.envs.code.repair import CodeRepair, buggy_program
from gym_reason.text import after_thinking
from gym_reason.types import Task

GRANULARITIES = ("edit", "line")
"""What an action is."""

SUBMIT, RUN = "submit", "run"
"""The actions that end the episode, and that run the public tests."""

_EDIT = re.compile(r"([0-9]{1,5})(\+?\||-)([^\n]*)")
_RULES = {
    "edit": (
        "Mend the program by one edit an action: `3|text` makes line 3 that text, `3+|text` adds a "
        "line behind line 3, `3-` removes it. `run` runs the public tests, `submit` hands the "
        "program in."
    ),
    "line": (
        "Write the program one line an action. `run` runs the public tests, `submit` hands the "
        "program in."
    ),
}


class CodeEdit(CodeRepair):
    """Mend a program by edits, or write one line by line; then hand it in.

    The observation is the whole state: the task, the program with its lines numbered, and what was
    said of the last action. The hidden tests are run once, when the program is handed in.
    """

    def __init__(
        self,
        *,
        granularity: str = "edit",
        bugs: int = 1,
        max_turns: int | None = None,
        **options: Unpack[CodeOptions],
    ) -> None:
        """Make the environment.

        Args:
            granularity: `edit`: a wrong program is mended, one edit an action; `line`: a program is
                written, one line an action.
            bugs: How many bugs the wrong program has, from 1 to 3.
            max_turns: Actions after which an episode is truncated; None for twice those of a
                perfect episode and four more.
            options: The arguments of `CodeEnv`.

        Raises:
            UsageError: For a value out of range.
            DataError: For a file that cannot be read.
        """
        self.granularity = check_choice("granularity", granularity, GRANULARITIES)
        super().__init__(bugs=bugs, **options)
        self._given_turns = max_turns
        self.lines: list[str] = []
        """The program of the current episode."""

    def draw_from(self, rng: np.random.Generator, split: str) -> Task:
        """Return a program to mend, or one to write."""
        if self.granularity == "edit":
            return super().draw_from(rng, split)
        return self.close_prompt(self.draw_base(rng, split))

    def close_prompt(self, task: Task) -> Task:
        """Return the task with the rules at the end of its prompt."""
        if self.prompt_style == "bare":
            return task
        return extend_prompt(task, _RULES[self.granularity])

    def show_bug(self, task: Task, program: str) -> Task:
        """Return the task with the wrong program, its lines numbered, in its prompt."""
        return extend_prompt(task, number_lines(_split_lines(program)))

    def begin(self, task: Task) -> str:
        """Start with the wrong program, or with an empty one."""
        self.lines = [] if self.granularity == "line" else _split_lines(buggy_program(task))
        if self._given_turns is None:
            known = bool(task.meta.get("solution"))
            self.max_turns = 2 * len(self.demonstrate(task)) + 4 if known else 200
        else:
            self.max_turns = self._given_turns
        return super().begin(task)

    def transition(self, action: str) -> Transition:
        """Make an edit, run the public tests, or judge the program."""
        action = (after_thinking(action) or "").strip("\r\n")
        command = action.strip()
        if command == SUBMIT:
            verdict = self.verifier.verify(self.task, self._program())
            return Transition(verdict.reward, True, verdict, verdict.feedback, self._state("over"))
        if command == RUN:
            _, said = self.public.judge(self.task, self._program())
            said = said or "The public tests pass."
        elif self.granularity == "line":
            said = self._add_line(action)
        else:
            said = self._edit(action)
        shown = said if self.granularity == "line" else f"{said}\n{number_lines(self.lines)}"
        return Transition(0.0, False, None, shown, self._state(said))

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return every line or edit that leads to the solution, and `submit`."""
        del thinking
        wanted = _split_lines(write_normally(solution_of(task)))
        if self.granularity == "line":
            return (*wanted, SUBMIT)
        return (*list_edits(_split_lines(buggy_program(task)), wanted), SUBMIT)

    def wrong_action(self, task: Task) -> str:
        """Return `submit`, before anything was done."""
        return SUBMIT

    def _program(self) -> str:
        return "\n".join(self.lines) + "\n" if self.lines else ""

    def _state(self, said: str) -> str:
        return "\n\n".join(filter(None, (prompt_text(self.task), number_lines(self.lines), said)))

    def _add_line(self, action: str) -> str:
        if "\n" in action:
            return "An action is one line."
        self.lines.append(action)
        return "ok"

    def _edit(self, action: str) -> str:
        edit = _EDIT.fullmatch(action)
        if edit is None:
            return "That is no edit."
        number, kind, text = int(edit[1]), edit[2], edit[3]
        if kind == "+|" and number <= len(self.lines):
            self.lines.insert(number, text)
            return "ok"
        if not 1 <= number <= len(self.lines) or (kind == "-" and text.strip()):
            return f"There is no line {number}." if kind != "-" or not text else "That is no edit."
        self.lines[number - 1 : number] = [] if kind == "-" else [text]
        return "ok"


def list_edits(lines: list[str], wanted: list[str]) -> list[str]:
    """Return the edits that make `wanted` of `lines`, the last line first."""
    edits = []
    matcher = difflib.SequenceMatcher(None, lines, wanted, autojunk=False)
    for kind, start, end, from_, to in reversed(matcher.get_opcodes()):
        if kind == "equal":
            continue
        old, new = end - start, wanted[from_:to]
        # Added lines go behind the last old one, each at the same place, so the last one first.
        edits += [f"{end}+|{line}" for line in reversed(new[old:])]
        edits += [f"{end - skip}-" for skip in range(old - len(new))]
        common = list(enumerate(new[:old], start + 1))
        edits += [f"{number}|{line}" for number, line in reversed(common)]
    return edits


def number_lines(lines: list[str]) -> str:
    """Return lines with their numbers in front, as edits name them."""
    return "\n".join(f"{number}|{line}" for number, line in enumerate(lines, 1))


def _split_lines(program: str) -> list[str]:
    return program.rstrip("\n").split("\n")
