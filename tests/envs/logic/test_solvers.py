"""The solvers of puzzles, beside slower ones that try everything."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.envs.logic.colouring import colour_in_order, find_colouring
from gym_reason.envs.logic.derivations import (
    distances_to_goal,
    draw_system,
    find_derivation,
    search_levels,
    successors,
)
from gym_reason.envs.logic.graphs import draw_graph, neighbours_of
from gym_reason.envs.logic.grids import deduce, draw_grid, has_one_solution, solve_grid
from gym_reason.envs.logic.islands import draw_island, find_solutions
from gym_reason.errors import EnvError
from gym_reason.seeding import derive_rng
from gym_reason.verifiers.logic.rewriting import MAX_STRING, System, apply_step
from gym_reason.verifiers.logic.statements import truth
from gym_reason.verifiers.logic.sudoku import EMPTY, Grid, digits_of, groups_of, read_grid

PAIRS = list(itertools.combinations(range(5), 2))


def count_grids(grid: Grid, limit: int) -> int:
    """Return how many grids solve `grid`, up to a limit, cell after cell."""
    cell = grid.cells.find(EMPTY)
    if cell < 0:
        return 1
    found = 0
    seen = {
        grid.cells[other] for _, group in groups_of(grid.size) if cell in group for other in group
    }
    for digit in digits_of(grid.size):
        if digit not in seen and found < limit:
            cells = grid.cells[:cell] + digit + grid.cells[cell + 1 :]
            found += count_grids(Grid(grid.size, cells), limit - found)
    return found


@given(
    st.sets(st.sampled_from(PAIRS)),
    st.integers(1, 4),
    st.dictionaries(st.integers(0, 4), st.integers(0, 3), max_size=2),
)
def test_colourings_are_found_where_there_are_any(
    edges: set[tuple[int, int]], colours: int, fixed: dict[int, int]
) -> None:
    fixed = {vertex: colour for vertex, colour in fixed.items() if colour < colours}
    neighbours = [[b for b in range(5) if (a, b) in edges or (b, a) in edges] for a in range(5)]
    proper = [
        chosen
        for chosen in itertools.product(range(colours), repeat=5)
        if all(chosen[a] != chosen[b] for a, b in edges)
        and all(chosen[vertex] == colour for vertex, colour in fixed.items())
    ]
    found = find_colouring(neighbours, colours, fixed)
    assert (tuple(found) in proper) if found else not proper
    if not fixed:
        ordered = colour_in_order(neighbours, colours)
        assert (ordered is None) == (not proper)
        if ordered is not None:
            assert tuple(colour for _, colour in sorted(ordered)) in proper


@pytest.mark.parametrize(("vertices", "colours"), [(3, 2), (5, 3), (8, 4), (12, 3)])
def test_graphs_need_all_their_colours(vertices: int, colours: int) -> None:
    for index in range(20):
        graph = draw_graph(derive_rng(index, "graph"), vertices, colours, 0.7, 26)
        assert len(graph.vertices) == vertices
        assert find_colouring(neighbours_of(graph), colours, {}) is not None
        if vertices < 6:
            fewer = itertools.product(range(colours - 1), repeat=vertices)
            places = {name: place for place, name in enumerate(graph.vertices)}
            assert not any(
                all(one[places[e[0]]] != one[places[e[1]]] for e in graph.edges) for one in fewer
            )


def test_a_graph_that_cannot_be_is_refused() -> None:
    with pytest.raises(EnvError, match="a higher density"):
        draw_graph(np.random.default_rng(0), 5, 5, 0.05, 26)


@pytest.mark.parametrize("singles", [True, False])
@pytest.mark.parametrize(("size", "given"), [(4, 4), (4, 8), (6, 10), (6, 20), (9, 25), (9, 40)])
def test_grids_have_one_solution(size: int, given: int, singles: bool) -> None:
    for index in range(3):
        grid = draw_grid(derive_rng(index, "grid"), size, given, singles)
        assert size * size - grid.cells.count(EMPTY) == given
        assert has_one_solution(grid)
        if size < 9:
            assert count_grids(grid, 2) == 1
        solution = solve_grid(grid)
        assert solution is not None
        assert count_grids(Grid(size, solution), 2) == 1
        settled = deduce(grid)
        assert all(solution[cell] == digit for cell, digit in settled)
        if singles:
            assert len(settled) == grid.cells.count(EMPTY)


def test_a_grid_with_two_solutions_is_told_from_one_with_none() -> None:
    two = read_grid("12../34../..../....")
    assert count_grids(two, 3) > 1
    assert not has_one_solution(two)
    none = read_grid("12.3/...4/..../....")
    assert count_grids(none, 1) == 0
    assert solve_grid(none) is None
    assert not has_one_solution(none)


@pytest.mark.parametrize("people", [2, 4, 8])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_islands_have_one_solution(people: int, depth: int) -> None:
    for index in range(5):
        island = draw_island(derive_rng(index, "island"), people, depth)
        fitting = [
            kinds
            for values in itertools.product((True, False), repeat=people)
            for kinds in [dict(zip(island.people, values, strict=True))]
            if all(truth(said, kinds) == kinds[name] for name, said in island.statements.items())
        ]
        assert list(find_solutions(island, {})) == fitting
        assert len(fitting) == 1


def test_every_step_that_applies_is_a_successor() -> None:
    rules = (("ab", "ba"), ("aa", "b"), ("b", "aaa"))
    system = System(rules, "aaab", "b")
    assert dict(successors(rules, "aaab")) == {
        step: apply_step(system, "aaab", step) for step in ("1@3", "2@1", "2@2", "3@4")
    }
    assert list(successors([("a", "aaa")], "a" * (MAX_STRING - 1))) == []


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 3))
def test_no_derivation_is_shorter_than_the_least(seed: int, steps: int, rules: int) -> None:
    system = draw_system(np.random.default_rng(seed), rules, 2, 4, steps)
    reached = {system.start}
    for _ in range(steps - 1):
        reached = {result for string in reached for _, result in successors(system.rules, string)}
        assert system.goal not in reached
    derivation = find_derivation(system)
    assert derivation is not None
    assert len(derivation) == system.least == steps
    string = system.start
    distances = distances_to_goal(system, steps)
    for done, step in enumerate(derivation, 1):
        string = apply_step(system, string, step)
        assert distances[string] == steps - done
    assert string == system.goal
    assert system.start not in distances


def test_a_search_stops_at_its_limit() -> None:
    grows = [("a", "ab"), ("a", "ba"), ("b", "aa")]
    assert search_levels(grows, "ab", 8, limit=50) is None
    assert find_derivation(System((("a", "b"),), "a", "c")) is None


def test_a_goal_that_is_nowhere_is_refused() -> None:
    with pytest.raises(EnvError, match="8 steps away"):
        draw_system(np.random.default_rng(0), 1, 8, 1, 8)
