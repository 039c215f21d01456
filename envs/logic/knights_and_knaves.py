"""Knights and knaves: who always tells the truth, and who always lies?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gym_reason.envs.base import check_integer
from gym_reason.envs.logic.assignment import STEP_SHARE, AssignmentEnv
from gym_reason.envs.logic.islands import draw_island, find_solutions, search, write_kinds
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.logic.knights import KnightsAndKnavesVerifier
from gym_reason.verifiers.logic.statements import (
    KNAVE,
    KNIGHT,
    Island,
    describe,
    read_island,
    write_island,
)

MIN_PEOPLE, MAX_PEOPLE = 2, 8
"""Fewest and most people of a puzzle."""
MAX_DEPTH = 3
"""Deepest nesting of a statement."""


@dataclass(frozen=True, slots=True)
class IslandPuzzle:
    """An island as a puzzle of values."""

    island: Island
    """Who says what."""
    values: str = KNIGHT + KNAVE
    """Knight or knave."""

    @property
    def open_names(self) -> tuple[str, ...]:
        """Everybody."""
        return self.island.people

    def extend(self, fixed: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return a solution with the kinds in `fixed`; None without one."""
        known = {name: kind == KNIGHT for name, kind in fixed.items()}
        found = next(find_solutions(self.island, known), None)
        if found is None:
            return None
        return dict(zip(self.island.people, write_kinds(self.island, found), strict=True))

    def write(self, values: Mapping[str, str]) -> str:
        """Return a letter for each person."""
        return "".join(values[name] for name in self.island.people)

    def explain(self, solution: Mapping[str, str]) -> str:
        """Return the suppositions that fail, each with who is contradicted, then the solution.

        `KK!B,KNK!A` says that if A and B are knights, what B says cannot be, and so on.
        """
        steps = []
        for kinds, contradicted in search(self.island, {}):
            steps.append(write_kinds(self.island, kinds) + (contradicted and f"!{contradicted}"))
            if not contradicted:
                break
        return ",".join(steps)


class KnightsAndKnaves(AssignmentEnv):
    """Tell knights, who always tell the truth, from knaves, who always lie, by what they say.

    Every puzzle has exactly one solution. The answer is a letter for each person, `KNK`; with the
    mode `steps` each action settles one, `B=N`.
    """

    def __init__(
        self,
        *,
        people: int = 3,
        depth: int = 1,
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
            people: How many people there are, from 2 to 8.
            depth: How deep statements are nested, from 1 (`B is a knave and C is a knight`) to 3.
            mode: `answer` for the whole answer in one action, `steps` for one person an action.
            reward: `sparse` or `dense`.
            prompt_style: `question` or `bare`.
            verifier: What scores an answer; None for `knights_and_knaves`.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for one answer, or twice
                the moves of a perfect episode.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.people = check_integer("people", people, MIN_PEOPLE, MAX_PEOPLE)
        self.depth = check_integer("depth", depth, 1, MAX_DEPTH)
        super().__init__(
            mode=mode,
            reward=reward,
            prompt_style=prompt_style,
            verifier=verifier or KnightsAndKnavesVerifier(STEP_SHARE if reward == "dense" else 0.0),
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task drawn with `rng`."""
        island = draw_island(rng, self.people, self.depth)
        reference = write_island(island)
        return Task(
            id=content_id("knights_and_knaves", reference),
            prompt=(Message("user", self._prompt(island)),),
            reference=reference,
            difficulty=float(self.people * self.depth),
            meta={"people": self.people, "depth": self.depth},
        )

    def read_puzzle(self, reference: str) -> IslandPuzzle:
        """Return the puzzle of a task. Raises PuzzleError where the reference holds none."""
        return IslandPuzzle(read_island(reference))

    def _prompt(self, island: Island) -> str:
        if self.prompt_style == "bare":
            return write_island(island)
        said = "\n".join(f"{name}: {describe(what)}." for name, what in island.statements.items())
        how = (
            f"Reason between <think> and </think>, then write only one letter for each person in "
            f"order, {KNIGHT} for a knight and {KNAVE} for a knave."
            if self.mode == "answer"
            else f"Write who one person is, as A={KNIGHT} for a knight or A={KNAVE} for a knave; "
            "then the next."
        )
        return (
            "Everybody here is a knight or a knave. What a knight says is true, what a knave says "
            f"is false.\n{said}\nWho is what? {how}"
        )
