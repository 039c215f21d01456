"""The verifier `graph_colouring`: do the ends of every edge differ?"""

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

MAX_CHARACTERS = 400
"""Longest answer that is read."""

_REFERENCE = re.compile(r"([2-9]):((?: [A-Z]{2})+)")
_ANSWER = re.compile(r"[A-Z]=[1-9](?:(?:, ?|\s+)[A-Z]=[1-9])*")


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph without vertices that stand alone, and the number of colours."""

    colours: int
    """Colours are numbered from 1 to this."""
    edges: tuple[str, ...]
    """Two different letters for each edge."""

    @property
    def vertices(self) -> tuple[str, ...]:
        """The letters, in order."""
        return tuple(sorted(set("".join(self.edges))))


def read_graph(text: str) -> Graph:
    """Return the graph in a text such as `3: AB AC BC`. Raises PuzzleError for any other text."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise PuzzleError("it is not the number of colours and edges, as in '3: AB AC BC'")
    edges = tuple(match[2].split())
    for edge in edges:
        if edge[0] == edge[1]:
            raise PuzzleError(f"the edge {edge} joins a vertex with itself")
    return Graph(int(match[1]), edges)


def write_graph(graph: Graph) -> str:
    """Return the text that `read_graph` reads."""
    return f"{graph.colours}: {' '.join(graph.edges)}"


class GraphColouringVerifier:
    """Accepts every colouring in which the two ends of each edge differ.

    The reference is the puzzle, `3: AB AC BC`: the number of colours, then the edges. The answer is
    what follows the last `</think>`: each vertex once, in any order, `A=1 B=2 C=3`, with spaces or
    commas between them.
    """

    name = "graph_colouring"
    deterministic = True
    audit_family = ("answer", "thoughts")

    def __init__(self, partial_credit: float = 0.0) -> None:
        """Make a verifier.

        Args:
            partial_credit: Reward of a whole colouring that is wrong, times the share of edges
                whose ends differ, from 0 to 0.5.

        Raises:
            UsageError: For a value out of range.
        """
        self.partial_credit = check_partial_credit(partial_credit)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the colouring in `submission`."""
        try:
            graph = read_graph(task.reference)
        except PuzzleError as error:
            return unscorable(f"the reference cannot be read: {error}", "answer", "rules")
        answer = None
        try:
            answer = find_answer(submission, MAX_CHARACTERS)
            colours = read_colours(graph, answer)
        except PuzzleError as error:
            return unread_verdict(answer, str(error))
        wrong = [edge for edge in graph.edges if colours[edge[0]] == colours[edge[1]]]
        if not wrong:
            return pass_verdict()
        feedback = f"{wrong[0][0]} and {wrong[0][1]} have the same colour"
        share = 1.0 - len(wrong) / len(graph.edges)
        return fail_verdict(feedback, share, self.partial_credit)


def read_colours(graph: Graph, answer: str) -> dict[str, str]:
    """Return the colour of each vertex by an answer. Raises PuzzleError for any other text."""
    if not answer:
        raise PuzzleError("there is no answer")
    if not _ANSWER.fullmatch(answer):
        raise PuzzleError("the answer is not a colour for each vertex, as in 'A=1 B=2'")
    pairs = [(part[0], part[2]) for part in answer.replace(",", " ").split()]
    colours = dict(pairs)
    if len(pairs) > len(colours):
        raise PuzzleError("a vertex is coloured twice")
    if set(colours) != set(graph.vertices):
        odd = min(set(colours) ^ set(graph.vertices))
        raise PuzzleError(f"{odd} is {'no vertex' if odd in colours else 'not coloured'}")
    beyond = [colour for colour in colours.values() if int(colour) > graph.colours]
    if beyond:
        raise PuzzleError(f"there is no colour {beyond[0]}")
    return colours
