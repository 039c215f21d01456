"""The verifier `sudoku`: does a grid keep what is given and hold each digit once everywhere?"""

import re
from dataclasses import dataclass

from gym_reason.types import Task, Verdict
from gym_reason.verifiers.logic.answers import (
    PuzzleError,
    check_partial_credit,
    fail_verdict,
    find_answer,
    pass_verdict,
    unread_verdict,
)
from gym_reason.verifiers.verdicts import unscorable

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3)}
"""Rows and columns of a box, by the size of the grid."""
EMPTY = "."
"""A cell that is not given."""
MAX_CHARACTERS = 400
"""Longest answer that is read."""

_GAPS = re.compile(r"[\s/]+")


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid, row by row."""

    size: int
    """Rows, columns and digits."""
    cells: str
    """A digit or EMPTY for each cell."""


def read_grid(text: str) -> Grid:
    """Return the grid in a text, rows separated by `/`. Raises PuzzleError for any other text."""
    rows = text.split("/")
    size = len(rows)
    if size not in BOXES or any(len(row) != size for row in rows):
        raise PuzzleError("the grid is not 4, 6 or 9 rows of as many cells")
    wrong = set(text) - {EMPTY, "/", *digits_of(size)}
    if wrong:
        raise PuzzleError(f"{min(wrong)!r} is no cell of a grid of size {size}")
    return Grid(size, "".join(rows))


def write_grid(grid: Grid) -> str:
    """Return the text that `read_grid` reads."""
    cells, size = grid.cells, grid.size
    return "/".join(cells[start : start + size] for start in range(0, size * size, size))


def digits_of(size: int) -> str:
    """Return the digits of a grid."""
    return "123456789"[:size]


def groups_of(size: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the cells of each row, column and box, with what to call it."""
    height, width = BOXES[size]
    rows = [tuple(range(row * size, (row + 1) * size)) for row in range(size)]
    columns = [tuple(range(column, size * size, size)) for column in range(size)]
    boxes: list[list[int]] = [[] for _ in range(size)]
    for cell in range(size * size):
        row, column = divmod(cell, size)
        boxes[row // height * (size // width) + column // width].append(cell)
    named = {"row": rows, "column": columns, "box": [tuple(box) for box in boxes]}
    return tuple(
        (f"{kind} {number}", cells)
        for kind, groups in named.items()
        for number, cells in enumerate(groups, 1)
    )


_GROUPS = {size: groups_of(size) for size in BOXES}


class SudokuVerifier:
    """Accepts every full grid that keeps the digits given and has each digit once in each group.

    The reference is the puzzle, `1..4/.3../..2./4..1`. The answer is what follows the last
    `</think>`: the digits of all cells row by row, with or without `/` or spaces between them.
    """

    name = "sudoku"
    deterministic = True
    audit_family = ("answer", "thoughts")

    def __init__(self, partial_credit: float = 0.0) -> None:
        """Make a verifier.

        Args:
            partial_credit: Reward of a full grid that keeps what is given and is wrong, times the
                share of rows, columns and boxes that are right, from 0 to 0.5.

        Raises:
            UsageError: For a value out of range.
        """
        self.partial_credit = check_partial_credit(partial_credit)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the grid in `submission`."""
        try:
            given = read_grid(task.reference)
        except PuzzleError as error:
            return unscorable(f"the reference cannot be read: {error}", "answer", "rules")
        answer = None
        try:
            answer = find_answer(submission, MAX_CHARACTERS)
            cells = read_cells(given.size, answer)
        except PuzzleError as error:
            return unread_verdict(answer, str(error))
        for place, (asked, found) in enumerate(zip(given.cells, cells, strict=True)):
            if asked not in (EMPTY, found):
                row, column = divmod(place, given.size)
                where = f"row {row + 1}, column {column + 1}"
                return fail_verdict(f"the digit given in {where} is changed", 0.0, 0.0)
        groups = _GROUPS[given.size]
        wrong = [
            name for name, group in groups if len({cells[place] for place in group}) < given.size
        ]
        if not wrong:
            return pass_verdict()
        share = 1.0 - len(wrong) / len(groups)
        return fail_verdict(f"{wrong[0]} has a digit twice", share, self.partial_credit)


def read_cells(size: int, answer: str) -> str:
    """Return the digits in an answer. Raises PuzzleError for any other text."""
    if not answer:
        raise PuzzleError("there is no answer")
    cells = _GAPS.sub("", answer)
    if len(cells) != size * size or set(cells) - set(digits_of(size)):
        raise PuzzleError(f"the answer is not {size * size} digits from 1 to {size}")
    return cells
