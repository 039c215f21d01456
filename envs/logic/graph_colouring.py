"""Graph colouring: neighbours must differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gym_reason.envs.base import check_integer
from gym_reason.envs.logic.assignment import STEP_SHARE, AssignmentEnv
from gym_reason.envs.logic.colouring import Neighbours, colour_in_order, find_colouring
from gym_reason.envs.logic.graphs import draw_graph, neighbours_of
from gym_reason.errors import UsageError
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.logic.colouring import (
    Graph,
    GraphColouringVerifier,
    read_graph,
    write_graph,
)

MIN_VERTICES, MAX_VERTICES = 3, 12
"""Fewest and most vertices of a graph."""
MIN_COLOURS, MAX_COLOURS = 2, 5
"""Fewest and most colours."""
MAX_LETTERS = 26
"""Most letters that vertices take their names from."""


@dataclass(frozen=True)
class GraphPuzzle:
    """A graph as a puzzle of values."""

    graph: Graph
    """The edges, and how many colours there are."""

    @property
    def values(self) -> str:
        """The colours."""
        return "123456789"[: self.graph.colours]

    @cached_property
    def neighbours(self) -> Neighbours:
        """The neighbours of each vertex, by their places."""
        return neighbours_of(self.graph)

    @cached_property
    def plan(self) -> Mapping[str, str] | None:
        """The solution of a perfect episode, the most constrained vertex next; None without one."""
        steps = colour_in_order(self.neighbours, self.graph.colours)
        if steps is None:
            return None
        names = self.graph.vertices
        return {names[vertex]: str(colour + 1) for vertex, colour in steps}

    @property
    def open_names(self) -> tuple[str, ...]:
        """The vertices, in the order of a perfect episode."""
        return tuple(self.plan or self.graph.vertices)

    def extend(self, fixed: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return a proper colouring with the colours in `fixed`; None without one."""
        if not fixed:
            return self.plan
        names = self.graph.vertices
        places = {names.index(name): int(colour) - 1 for name, colour in fixed.items()}
        found = find_colouring(self.neighbours, self.graph.colours, places)
        if found is None:
            return None
        return {name: str(colour + 1) for name, colour in zip(names, found, strict=True)}

    def write(self, values: Mapping[str, str]) -> str:
        """Return each vertex with its colour, in the order of their letters."""
        return " ".join(f"{name}={values[name]}" for name in sorted(values))

    def explain(self, solution: Mapping[str, str]) -> str:
        """Return each vertex with the colours that its neighbours have by then, and its own.

        `A=1,B!1=2` says that B has a neighbour of colour 1 and so is coloured 2.
        """
        names, done, steps = self.graph.vertices, set(), []
        for name in self.open_names:
            others = (names[place] for place in self.neighbours[names.index(name)])
            taken = "".join(sorted({solution[other] for other in others if other in done}))
            steps.append(f"{name}{'!' + taken if taken else ''}={solution[name]}")
            done.add(name)
        return ",".join(steps)


class GraphColouring(AssignmentEnv):
    """Colour a graph so that the two ends of each edge differ.

    Every graph can be coloured, and needs all the colours there are. Any proper colouring passes:
    `A=1 B=2 C=3`; with the mode `steps` each action colours one vertex, `B=2`.
    """

    def __init__(
        self,
        *,
        vertices: int = 5,
        colours: int = 3,
        density: float = 0.7,
        letters: int = MAX_LETTERS,
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
            vertices: How many vertices there are, from 3 to 12, and at least `colours`.
            colours: How many colours there are, and are needed, from 2 to 5.
            density: Share of the edges that one hidden colouring allows, above 0 and at most 1.
            letters: Vertices take their names from this many letters, from `vertices` to 26.
            mode: `answer` for all vertices in one action, `steps` for one vertex an action.
            reward: `sparse` or `dense`.
            prompt_style: `question` or `bare`.
            verifier: What scores an answer; None for `graph_colouring`.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for one answer, or twice
                the moves of a perfect episode.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.colours = check_integer("colours", colours, MIN_COLOURS, MAX_COLOURS)
        fewest = max(MIN_VERTICES, self.colours)
        self.vertices = check_integer("vertices", vertices, fewest, MAX_VERTICES)
        if not 0.0 < density <= 1.0:
            raise UsageError(f"density = {density}", "a share above 0 and at most 1")
        self.density = float(density)
        self.letters = check_integer("letters", letters, self.vertices, MAX_LETTERS)
        super().__init__(
            mode=mode,
            reward=reward,
            prompt_style=prompt_style,
            verifier=verifier or GraphColouringVerifier(STEP_SHARE if reward == "dense" else 0.0),
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng`."""
        graph = draw_graph(rng, self.vertices, self.colours, self.density, self.letters)
        reference = write_graph(graph)
        return Task(
            id=content_id("graph_colouring", reference),
            prompt=(Message("user", self._prompt(graph)),),
            reference=reference,
            difficulty=float(self.vertices + self.colours),
            meta={"vertices": self.vertices, "colours": self.colours},
        )

    def read_puzzle(self, reference: str) -> GraphPuzzle:
        """Return the puzzle of a task. Raises PuzzleError where the reference holds none."""
        return GraphPuzzle(read_graph(reference))

    def _prompt(self, graph: Graph) -> str:
        if self.prompt_style == "bare":
            return write_graph(graph)
        first, second = graph.vertices[:2]
        how = (
            "Reason between <think> and </think>, then write only the colour of each vertex, "
            f"as in {first}=1 {second}=2."
            if self.mode == "answer"
            else f"Write the colour of one vertex, as in {first}=1; then the next."
        )
        return (
            f"Colour the vertices {' '.join(graph.vertices)} with the colours 1 to "
            f"{graph.colours} so that the two ends of each edge differ. The edges: "
            f"{' '.join(graph.edges)}. {how}"
        )
