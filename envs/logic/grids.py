"""Sudoku grids: drawn by a seed, dug out, solved by singles and exactly."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from gym_reason.envs.logic.colouring import Neighbours, find_colouring
from gym_reason.errors import EnvError
from gym_reason.verifiers.logic.sudoku import EMPTY, Grid, digits_of, groups_of

_TRIES = 200


@cache
def peers_of(size: int) -> Neighbours:
    """Return the cells that share a row, a column or a box with each cell."""
    peers: list[set[int]] = [set() for _ in range(size * size)]
    for _, group in groups_of(size):
        for cell in group:
            peers[cell].update(group)
    return tuple(tuple(sorted(found - {cell})) for cell, found in enumerate(peers))


def solve_grid(grid: Grid, fixed: Mapping[int, str] | None = None) -> str | None:
    """Return the cells of a solution of `grid` with the digits in `fixed`; None without one."""
    digits = digits_of(grid.size)
    known = {cell: digits.index(char) for cell, char in enumerate(grid.cells) if char != EMPTY}
    known.update({cell: digits.index(char) for cell, char in (fixed or {}).items()})
    found = find_colouring(peers_of(grid.size), grid.size, known)
    return None if found is None else "".join(digits[number] for number in found)


def has_one_solution(grid: Grid) -> bool:
    """Return whether exactly one grid solves `grid`."""
    solution = solve_grid(grid)
    return solution is not None and all(
        not _has_another(grid, cell, solution[cell])
        for cell, char in enumerate(grid.cells)
        if char == EMPTY
    )


def deduce(grid: Grid) -> list[tuple[int, str]]:
    """Return the cells that singles settle, in that order, with their digits.

    A single is the only digit that a cell can take, or the only cell of a row, a column or a box
    that can take a digit. The solution is unique where all cells are settled.
    """
    size, peers = grid.size, peers_of(grid.size)
    digits, groups = digits_of(size), groups_by_size(size)
    left = [(1 << size) - 1] * (size * size)
    is_open = [True] * (size * size)
    found: list[tuple[int, str]] = []

    def settle(cell: int, number: int) -> None:
        is_open[cell] = False
        left[cell] = 1 << number
        for other in peers[cell]:
            if is_open[other]:
                left[other] &= ~(1 << number)

    for cell, char in enumerate(grid.cells):
        if char != EMPTY:
            settle(cell, digits.index(char))
    while True:
        before = len(found)
        for cell in range(size * size):
            if is_open[cell] and left[cell].bit_count() == 1:
                number = left[cell].bit_length() - 1
                settle(cell, number)
                found.append((cell, digits[number]))
        if len(found) == before:
            hidden = _hidden_single(groups, left, is_open)
            if hidden is None:
                return found
            settle(*hidden)
            found.append((hidden[0], digits[hidden[1]]))


def draw_grid(rng: np.random.Generator, size: int, given: int, singles: bool) -> Grid:
    """Return a puzzle with exactly one solution.

    Args:
        rng: Where the digits come from.
        size: 4, 6 or 9.
        given: How many digits are given.
        singles: Whether singles settle every cell.

    Raises:
        EnvError: Where no draw can be dug out that far.
    """
    for _ in range(_TRIES):
        puzzle = _dig(rng, _draw_solution(rng, size), size, given, singles)
        if puzzle is not None:
            return Grid(size, puzzle)
    raise EnvError(f"no grid of size {size} has {given} digits given", "a larger given")


@cache
def groups_by_size(size: int) -> tuple[tuple[int, ...], ...]:
    """Return the cells of each row, column and box."""
    return tuple(cells for _, cells in groups_of(size))


def _hidden_single(
    groups: tuple[tuple[int, ...], ...], left: list[int], is_open: list[bool]
) -> tuple[int, int] | None:
    for group in groups:
        once, more = 0, 0
        for cell in group:
            if is_open[cell]:
                more |= once & left[cell]
                once |= left[cell]
        once &= ~more
        if once:
            number = once.bit_length() - 1
            return next(c for c in group if is_open[c] and left[c] >> number & 1), number
    return None


def _draw_solution(rng: np.random.Generator, size: int) -> str:
    """Return a full grid, found by a search that tries digits in a random order."""
    orders = rng.random((size * size, size)).argsort(axis=1).tolist()
    found = find_colouring(peers_of(size), size, {}, orders)
    assert found is not None
    return "".join(digits_of(size)[number] for number in found)


def _dig(
    rng: np.random.Generator, solution: str, size: int, given: int, singles: bool
) -> str | None:
    """Take digits out in a random order while the solution stays unique; None with too many."""
    order = list(range(size * size))
    _shuffle(rng, order)
    cells = list(solution)
    count = size * size
    for cell in order:
        if count == given:
            break
        digit, cells[cell] = cells[cell], EMPTY
        if _is_told(size, cells, cell, digit) or _stays_solvable(
            Grid(size, "".join(cells)), cell, digit, singles
        ):
            count -= 1
        else:
            cells[cell] = digit
    return "".join(cells) if count == given else None


def _is_told(size: int, cells: list[str], cell: int, digit: str) -> bool:
    """Return whether the digits that are left tell that of an empty cell at once."""
    peers = peers_of(size)
    if len({cells[other] for other in peers[cell]} - {EMPTY}) == size - 1:
        return True
    return any(
        all(
            other == cell
            or cells[other] != EMPTY
            or any(cells[peer] == digit for peer in peers[other])
            for other in group
        )
        for group in groups_by_size(size)
        if cell in group
    )


def _stays_solvable(grid: Grid, cell: int, digit: str, singles: bool) -> bool:
    """Return whether a grid from which a digit was taken still has one solution."""
    if len(deduce(grid)) == grid.cells.count(EMPTY):
        return True
    return not singles and not _has_another(grid, cell, digit)


def _has_another(grid: Grid, cell: int, digit: str) -> bool:
    """Return whether a solution has another digit than `digit` in a cell."""
    return any(
        solve_grid(grid, {cell: other}) is not None
        for other in digits_of(grid.size)
        if other != digit
    )


def _shuffle(rng: np.random.Generator, items: list) -> None:  # type: ignore[type-arg]
    for last in range(len(items) - 1, 0, -1):
        place = int(rng.random() * (last + 1))
        items[last], items[place] = items[place], items[last]
