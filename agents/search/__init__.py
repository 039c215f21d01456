"""Searches: agents that draw many answers, or many steps, and keep the best by some value."""

from gym_reason.agents.search import beam, best_of_n, mcts, tree, vote
from gym_reason.agents.search.branches import Branch
from gym_reason.agents.search.tree import TreeNode, grow_tree, sibling_groups

__all__ = [
    "Branch",
    "TreeNode",
    "beam",
    "best_of_n",
    "grow_tree",
    "mcts",
    "sibling_groups",
    "tree",
    "vote",
]
