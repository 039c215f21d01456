"""HumanEval's rows as tests of the code verifier."""

import ast
import json
from collections.abc import Mapping


def reference_of(row: Mapping[str, str]) -> str:
    """Return the reference of a row: its tests, with what the prompt defines as their setup."""
    return json.dumps(
        {
            "type": "assert",
            "entry": row["entry_point"],
            "setup": row["prompt"] + "    pass\n",
            "code": f"{row['test']}\ncheck({row['entry_point']})\n",
        }
    )


def solution_of(row: Mapping[str, str]) -> str:
    """Return the reference solution as a whole program."""
    return row["prompt"] + row["canonical_solution"]


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
