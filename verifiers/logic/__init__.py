"""Verifiers of logic puzzles: the rules of the puzzle are tried on the answer, whatever it is."""

from gym_reason.verifiers.logic.colouring import GraphColouringVerifier
from gym_reason.verifiers.logic.knights import KnightsAndKnavesVerifier
from gym_reason.verifiers.logic.rewriting import RewritingVerifier
from gym_reason.verifiers.logic.sudoku import SudokuVerifier

__all__ = [
    "GraphColouringVerifier",
    "KnightsAndKnavesVerifier",
    "RewritingVerifier",
    "SudokuVerifier",
]
