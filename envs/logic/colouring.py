"""An exact search for colourings; a Sudoku is one too."""

from collections.abc import Mapping, Sequence

Neighbours = Sequence[Sequence[int]]
"""The numbers of the vertices that share an edge with each vertex."""


def find_colouring(
    neighbours: Neighbours,
    colours: int,
    fixed: Mapping[int, int],
    tried: Sequence[Sequence[int]] | None = None,
) -> list[int] | None:
    """Return a colour from 0 for each vertex, such that neighbours differ; None without one.

    The vertex with the fewest colours left is coloured first, so that the result depends on the
    arguments alone.

    Args:
        neighbours: The graph.
        colours: How many colours there are.
        fixed: Colours that are set.
        tried: For each vertex, the order in which colours are tried; None for the least first.
    """
    left = [(1 << colours) - 1] * len(neighbours)
    chosen = [-1] * len(neighbours)
    for vertex, colour in fixed.items():
        if not left[vertex] >> colour & 1:
            return None
        _colour(neighbours, left, chosen, vertex, colour)
    order = [range(colours)] * len(neighbours) if tried is None else tried
    return chosen if _search(neighbours, left, chosen, order) else None


def colour_in_order(neighbours: Neighbours, colours: int) -> list[tuple[int, int]] | None:
    """Return the vertices with their colours, in the order in which a person would colour them.

    Next comes the vertex whose neighbours have the most different colours, of these the one with
    the most neighbours; it gets the least colour that leaves a solution. None without one.
    """
    done: dict[int, int] = {}
    while len(done) < len(neighbours):
        vertex = max(
            (vertex for vertex in range(len(neighbours)) if vertex not in done),
            key=lambda vertex: (
                len({done[other] for other in neighbours[vertex] if other in done}),
                len(neighbours[vertex]),
                -vertex,
            ),
        )
        fitting = (
            colour
            for colour in range(colours)
            if find_colouring(neighbours, colours, {**done, vertex: colour}) is not None
        )
        colour = next(fitting, None)
        if colour is None:
            return None
        done[vertex] = colour
    return list(done.items())


def _colour(
    neighbours: Neighbours, left: list[int], chosen: list[int], vertex: int, colour: int
) -> None:
    chosen[vertex] = colour
    for other in neighbours[vertex]:
        left[other] &= ~(1 << colour)


def _search(
    neighbours: Neighbours, left: list[int], chosen: list[int], tried: Sequence[Sequence[int]]
) -> bool:
    """Colour the rest; undo everything where that fails."""
    best, fewest = -1, 99
    for vertex, mask in enumerate(left):
        if chosen[vertex] < 0:
            count = mask.bit_count()
            if count < fewest:
                best, fewest = vertex, count
                if count < 2:
                    break
    if best < 0:
        return True
    if not fewest:
        return False
    before = left[:]
    for colour in tried[best]:
        if before[best] >> colour & 1:
            _colour(neighbours, left, chosen, best, colour)
            if _search(neighbours, left, chosen, tried):
                return True
            left[:] = before
            chosen[best] = -1
    return False
