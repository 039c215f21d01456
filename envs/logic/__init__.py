"""Logic and planning: puzzles made by a seed, with exact solvers of our own."""

from gym_reason.envs.logic.graph_colouring import GraphColouring
from gym_reason.envs.logic.knights_and_knaves import KnightsAndKnaves
from gym_reason.envs.logic.rewriting import Rewriting
from gym_reason.envs.logic.sudoku import Sudoku

__all__ = ["GraphColouring", "KnightsAndKnaves", "Rewriting", "Sudoku"]
