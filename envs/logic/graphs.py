"""Graphs to colour: drawn by a seed, certain to need all their colours."""

import itertools
import string

import numpy as np

from gym_reason.envs.logic.colouring import Neighbours, find_colouring
from gym_reason.errors import EnvError
from gym_reason.verifiers.logic.colouring import Graph

_TRIES = 10_000


def draw_graph(
    rng: np.random.Generator, vertices: int, colours: int, density: float, letters: int
) -> Graph:
    """Return a graph that can be coloured with `colours` colours and with no fewer.

    Args:
        rng: Where the edges come from.
        vertices: How many vertices there are; none stands alone.
        colours: How many colours are needed.
        density: Share of the edges between vertices that a hidden colouring tells apart.
        letters: The vertices take their names from this many letters.

    Raises:
        EnvError: Where no draw is of that kind.
    """
    for _ in range(_TRIES):
        names = _draw_names(rng, vertices, letters)
        hidden = [place % colours for place in range(vertices)]
        # The names are in no order, so that a vertex's place does not tell its colour.
        pairs = itertools.combinations(range(vertices), 2)
        apart = [pair for pair in pairs if hidden[pair[0]] != hidden[pair[1]]]
        drawn = rng.random(len(apart)) < density
        edges = ("".join(sorted((names[a], names[b]))) for a, b in itertools.compress(apart, drawn))
        graph = Graph(colours, tuple(sorted(edges)))
        if len(graph.vertices) == vertices and _needs_all(graph):
            return graph
    raise EnvError(
        f"no graph of {vertices} vertices with density {density} needs {colours} colours",
        "a higher density",
    )


def neighbours_of(graph: Graph) -> Neighbours:
    """Return the neighbours of each vertex, by their places in `graph.vertices`."""
    places = {name: place for place, name in enumerate(graph.vertices)}
    found: list[set[int]] = [set() for _ in places]
    for edge in graph.edges:
        first, second = places[edge[0]], places[edge[1]]
        found[first].add(second)
        found[second].add(first)
    return tuple(tuple(sorted(others)) for others in found)


def _needs_all(graph: Graph) -> bool:
    return find_colouring(neighbours_of(graph), graph.colours - 1, {}) is None


def _draw_names(rng: np.random.Generator, count: int, letters: int) -> list[str]:
    names = list(string.ascii_uppercase[:letters])
    return [names.pop(int(rng.random() * len(names))) for _ in range(count)]
