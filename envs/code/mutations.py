"""Bugs made on purpose: small changes of a program's syntax tree."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.FloorDiv: (ast.Mod,),
    ast.Mod: (ast.FloorDiv,),
    ast.Div: (ast.FloorDiv, ast.Mult),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitXor: (ast.BitOr,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
_NAMES = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "sorted": "list",
    "sum": "max",
    "upper": "lower",
    "lower": "upper",
    "startswith": "endswith",
    "endswith": "startswith",
    "append": "extend",
    "find": "rfind",
    "strip": "lstrip",
}

Change = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change of a program."""

    kind: str
    """What was changed, such as `comparison`."""
    line: int
    """Where, in the program as `ast.unparse` writes it."""
    program: str
    """The changed program."""


def write_normally(program: str) -> str:
    """Return a program as `ast.unparse` writes it, so that a bug does not show by its layout."""
    return ast.unparse(ast.parse(program)) + "\n"


def list_mutations(program: str) -> list[Mutation]:
    """Return every program that differs from `program` in one place, in order of the source.

    Raises SyntaxError where `program` is no Python.
    """
    tree = ast.parse(write_normally(program))
    known = ast.unparse(tree)
    found: dict[str, Mutation] = {}
    for place, node in enumerate(_nodes(tree)):
        for kind, change in _changes(node, tree):
            changed = copy.deepcopy(tree)
            change(_nodes(changed)[place])
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text != known:
                found.setdefault(text, Mutation(kind, getattr(node, "lineno", 0), text + "\n"))
    return list(found.values())


def draw_mutation(program: str, rng: np.random.Generator) -> Iterator[Mutation]:
    """Yield the mutations of a program in an order drawn with `rng`, each kind as often as others.

    Kinds with many places, such as numbers, would else be nearly all that is drawn.
    """
    by_kind: dict[str, list[Mutation]] = {}
    for mutation in list_mutations(program):
        by_kind.setdefault(mutation.kind, []).append(mutation)
    while by_kind:
        kinds = sorted(by_kind)
        kind = kinds[int(rng.random() * len(kinds))]
        mutations = by_kind[kind]
        yield mutations.pop(int(rng.random() * len(mutations)))
        if not mutations:
            del by_kind[kind]


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """Return the nodes that may be changed: no docstrings, annotations, imports or decorators."""
    found: list[ast.AST] = []
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        found.append(node)
        stack.extend(reversed(list(_children(node))))
    return found


def _children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return
    skipped = {"annotation", "returns", "decorator_list", "args"}
    if isinstance(node, ast.Call):
        skipped = {"decorator_list"}
    for name, value in ast.iter_fields(node):
        if name in skipped:
            continue
        for child in value if isinstance(value, list) else [value]:
            is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.AST) and not is_text:
                yield child


def _changes(node: ast.AST, tree: ast.Module) -> Iterator[tuple[str, Change]]:
    """Yield what may be changed at a node; each change is made on a copy of it."""
    if isinstance(node, ast.Compare):
        for other in _COMPARISONS.get(type(node.ops[0]), ()):
            yield "comparison", _setter("ops", [other(), *node.ops[1:]])
    elif isinstance(node, ast.BinOp | ast.AugAssign):
        for operator in _OPERATORS.get(type(node.op), ()):
            yield "operator", _setter("op", operator())
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.Mult):
            yield "order", _swap_sides
    elif isinstance(node, ast.BoolOp):
        yield "logic", _setter("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.Constant):
        yield from _constant_changes(node)
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield "condition", _negate
    elif isinstance(node, ast.Call):
        yield from _call_changes(node)
    yield from _statement_changes(node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for name in _other_names(node, tree):
            yield "variable", _setter("id", name)


def _constant_changes(node: ast.Constant) -> Iterator[tuple[str, Change]]:
    if isinstance(node.value, bool):
        yield "constant", _setter("value", not node.value)
    elif isinstance(node.value, int):
        yield "constant", _setter("value", node.value + 1)
        if node.value > 0:
            yield "constant", _setter("value", node.value - 1)


def _call_changes(node: ast.Call) -> Iterator[tuple[str, Change]]:
    if isinstance(node.func, ast.Name) and node.func.id in _NAMES:
        yield "call", _setter("func", ast.Name(_NAMES[node.func.id], ast.Load()))
    elif isinstance(node.func, ast.Attribute) and node.func.attr in _NAMES:
        changed = ast.Attribute(node.func.value, _NAMES[node.func.attr], ast.Load())
        yield "call", _setter("func", changed)
    if len(node.args) == 2 and not any(isinstance(one, ast.Starred) for one in node.args):
        yield "order", _setter("args", node.args[::-1])
    if isinstance(node.func, ast.Name) and node.func.id == "range" and len(node.args) < 3:
        last = ast.BinOp(node.args[-1], ast.Sub(), ast.Constant(1))
        yield "range", _setter("args", [*node.args[:-1], last])


def _statement_changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    for field in ("body", "orelse"):
        block = getattr(node, field, None)
        for place, statement in enumerate(block if isinstance(block, list) else []):
            is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            if isinstance(statement, ast.AugAssign | ast.Expr) and not is_text:
                yield "missing statement", _replace_statement(field, place, ast.Pass())
            elif isinstance(statement, ast.Break | ast.Continue):
                other = ast.Continue() if isinstance(statement, ast.Break) else ast.Break()
                yield "jump", _replace_statement(field, place, other)


def _replace_statement(field: str, place: int, statement: ast.stmt) -> Change:
    def change(node: ast.AST) -> None:
        getattr(node, field)[place] = copy.deepcopy(statement)

    return change


def _setter(field: str, value: object) -> Change:
    def change(node: ast.AST) -> None:
        setattr(node, field, copy.deepcopy(value))

    return change


def _swap_sides(node: ast.AST) -> None:
    assert isinstance(node, ast.BinOp)
    node.left, node.right = node.right, node.left


def _negate(node: ast.AST) -> None:
    assert isinstance(node, ast.If | ast.While | ast.IfExp)
    test = node.test
    is_not = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    node.test = test.operand if is_not else ast.UnaryOp(ast.Not(), test)  # type: ignore[attr-defined]


def _other_names(node: ast.Name, tree: ast.Module) -> list[str]:
    """Return the other variables of the function around a name that are assigned before it."""
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        if not function.lineno <= node.lineno <= (function.end_lineno or 0):
            continue
        names = {argument.arg for argument in function.args.args}
        for one in ast.walk(function):
            if isinstance(one, ast.Assign | ast.For) and one.lineno < node.lineno:
                targets = one.targets if isinstance(one, ast.Assign) else [one.target]
                parts = [part for target in targets for part in ast.walk(target)]
                stored = [part for part in parts if isinstance(part, ast.Name)]
                names |= {part.id for part in stored if isinstance(part.ctx, ast.Store)}
        return sorted(names - {node.id}) if node.id in names else []
    return []
