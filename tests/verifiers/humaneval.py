"""HumanEval's rows as tests of the code verifier."""

import ast
import json
from collections.abc import Mapping

from gym_reason.envs.code.functions import read_humaneval


def reference_of(row: Mapping[str, str]) -> str:
    """Return the reference of a row: its tests, with what the prompt defines as their setup."""
    return json.dumps(read_humaneval(row, "python").tests)


def solution_of(row: Mapping[str, str]) -> str:
    """Return the reference solution as a whole program."""
    return read_humaneval(row, "python").solution


def broken_solution_of(row: Mapping[str, str]) -> str:
    """Return the reference solution with its function's last return replaced by `return None`."""
    tree = ast.parse(solution_of(row))
    function = next(
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == row["entry_point"]
    )
    returns = [node for node in ast.walk(function) if isinstance(node, ast.Return)]
    last = max(returns, key=lambda node: node.lineno)
    last.value = ast.Constant(None)
    return ast.unparse(tree)
