"""Sudoku of 4, 6 or 9 rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gym_reason.envs.base import check_choice, check_integer
from gym_reason.envs.logic.assignment import STEP_SHARE, AssignmentEnv
from gym_reason.envs.logic.grids import deduce, draw_grid, solve_grid
from gym_reason.errors import UsageError
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.logic.sudoku import (
    BOXES,
    EMPTY,
    Grid,
    SudokuVerifier,
    digits_of,
    read_grid,
    write_grid,
)

FEWEST_GIVEN = {4: 4, 6: 10, 9: 25}
"""Fewest digits that may be given, by the size of the grid; fewer are rarely found by digging."""
USUAL_GIVEN = {4: 8, 6: 20, 9: 40}
"""Digits given where nothing else is asked for."""
TECHNIQUES = ("singles", "any")
"""What it takes to solve a puzzle without guessing."""


@dataclass(frozen=True)
class GridPuzzle:
    """A grid as a puzzle of values. Cells are called by row and column, `A1` in the first row."""

    grid: Grid
    """What is given."""

    @property
    def values(self) -> str:
        """The digits."""
        return digits_of(self.grid.size)

    @property
    def open_names(self) -> tuple[str, ...]:
        """The open cells, in the order of a perfect episode."""
        return self.order

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The open cells: first those that singles settle, in that order."""
        singles = [cell for cell, _ in deduce(self.grid)]
        known = set(singles)
        rest = [
            cell for cell, char in enumerate(self.grid.cells) if char == EMPTY and cell not in known
        ]
        return tuple(self._name(cell) for cell in (*singles, *rest))

    def extend(self, fixed: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return a solution with the digits in `fixed`; None without one."""
        places = {self._cell(name): digit for name, digit in fixed.items()}
        found = solve_grid(self.grid, places)
        if found is None:
            return None
        return {name: found[self._cell(name)] for name in self.open_names}

    def write(self, values: Mapping[str, str]) -> str:
        """Return the rows with `/` between them."""
        cells = list(self.grid.cells)
        for name, digit in values.items():
            cells[self._cell(name)] = digit
        return write_grid(Grid(self.grid.size, "".join(cells)))

    def explain(self, solution: Mapping[str, str]) -> str:
        """Return the open cells with their digits, in the order in which they can be told."""
        return ",".join(f"{name}={solution[name]}" for name in self.open_names)

    def _name(self, cell: int) -> str:
        row, column = divmod(cell, self.grid.size)
        return f"{'ABCDEFGHI'[row]}{column + 1}"

    def _cell(self, name: str) -> int:
        return "ABCDEFGHI".index(name[0]) * self.grid.size + int(name[1]) - 1


class Sudoku(AssignmentEnv):
    """Fill a grid so that each row, column and box has each digit once.

    Every puzzle has exactly one solution. The answer is all rows with `/` between them; with the
    mode `steps` each action settles one cell, `A1=4` the first of the first row.
    """

    def __init__(
        self,
        *,
        size: int = 4,
        given: int | None = None,
        technique: str = "singles",
        mode: str = "answer",
        reward: str = "sparse",
        prompt_style: str = "question",
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            size: 4 (boxes of 2 by 2), 6 (2 by 3) or 9 (3 by 3).
            given: How many digits are given: at least 4, 10 or 25 by size; None for 8, 20 or 40.
            technique: `singles` for puzzles whose cells can be settled one by one without
                supposing anything, `any` for all that have one solution.
            mode: `answer` for the whole grid in one action, `steps` for one cell an action.
            reward: `sparse` or `dense`.
            prompt_style: `question` or `bare`.
            verifier: What scores an answer; None for `sudoku`.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for one answer, or twice
                the moves of a perfect episode.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.size = check_integer("size", size, min(BOXES), max(BOXES))
        if size not in BOXES:
            raise UsageError(f"size = {size}", "4, 6 or 9")
        asked = USUAL_GIVEN[size] if given is None else given
        self.given = check_integer("given", asked, FEWEST_GIVEN[size], size * size - 1)
        self.technique = check_choice("technique", technique, TECHNIQUES)
        super().__init__(
            mode=mode,
            reward=reward,
            prompt_style=prompt_style,
            verifier=verifier or SudokuVerifier(STEP_SHARE if reward == "dense" else 0.0),
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng`."""
        grid = draw_grid(rng, self.size, self.given, self.technique == "singles")
        reference = write_grid(grid)
        return Task(
            id=content_id("sudoku", reference),
            prompt=(Message("user", self._prompt(reference)),),
            reference=reference,
            difficulty=float(self.size * self.size - self.given),
            meta={"size": self.size, "given": self.given},
        )

    def read_puzzle(self, reference: str) -> GridPuzzle:
        """Return the puzzle of a task. Raises PuzzleError where the reference holds none."""
        return GridPuzzle(read_grid(reference))

    def _prompt(self, text: str) -> str:
        if self.prompt_style == "bare":
            return text
        height, width = BOXES[self.size]
        how = (
            "Reason between <think> and </think>, then write only the full grid, row by row, "
            "with / between the rows."
            if self.mode == "answer"
            else f"Write the digit of one cell, as A1={self.size} for the first cell of the first "
            "row or B1 for that below it; then the next."
        )
        return (
            f"Fill the grid so that each row, each column and each box of {height} rows and "
            f"{width} columns has each digit from 1 to {self.size} once:\n"
            + text.replace("/", "\n")
            + f"\n{how}"
        )
