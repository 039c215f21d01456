"""The bracketed part of the grammar: groups, tuples, intervals, sets, matrices, indices."""

from typing import TYPE_CHECKING

from gym_reason.verifiers.math.tree import (
    Function,
    Interval,
    Matrix,
    Node,
    Set,
    SetBuilder,
    Tuple,
    UnreadableError,
    is_expression,
)

if TYPE_CHECKING:
    from gym_reason.verifiers.math.parser import Reader

MAX_ITEMS = 200
"""Most parts of a set, a tuple or a list of answers."""
MAX_MATRIX_ENTRIES = 100
"""Most entries of a matrix."""

_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "smallmatrix", "array"})


def read_bracketed(reader: "Reader") -> Node:
    """Read a group, a tuple, an interval or a set from its opening bracket on."""
    opening = reader.take().text
    reader.open_bars.append(opening == "\\{")
    if opening == "\\{":
        node = _read_set(reader)
    elif opening == "{":
        items = _read_items(reader)
        reader.expect("close", "}")
        node = items[0] if len(items) == 1 else Set(tuple(items))
    else:
        items = _read_items(reader)
        if not reader.at("close"):
            reader.refuse()
        node = _make_bracketed(opening, reader.take().text, tuple(items))
    reader.open_bars.pop()
    return node


def read_arguments(reader: "Reader", several: bool) -> tuple[Node, ...]:
    """Read what a function is applied to, from its opening bracket on."""
    opening = reader.take().text
    reader.open_bars.append(False)
    items = tuple(_read_items(reader))
    closing = {"(": ")", "{": "}", "[": "]"}.get(opening)
    if closing is None or not reader.at("close", closing):
        reader.refuse()
    reader.take()
    reader.open_bars.pop()
    if len(items) > 1 and not several:
        raise UnreadableError("a function of several arguments")
    if not all(map(is_expression, items)):
        raise UnreadableError("a function of what is no value")
    return items


def read_absolute(reader: "Reader") -> Node:
    """Read an absolute value from its first bar on."""
    reader.take()
    reader.open_bars.append(True)
    node = reader.read_sum()
    reader.open_bars.pop()
    if not reader.at("bar"):
        reader.refuse()
    reader.take()
    if not is_expression(node):
        raise UnreadableError("the absolute value of what is no value")
    return Function("abs", (node,))


def read_index(reader: "Reader") -> str:
    """Read an index and return it as a name: two indices are alike where their tokens are."""
    if not reader.at("open", "{"):
        token = reader.take()
        if token.kind not in ("number", "symbol", "constant", "word"):
            raise UnreadableError("an index that is no name")
        return token.text
    reader.take()
    depth = 1
    names: list[str] = []
    while True:
        token = reader.take()
        if token.kind == "finish":
            raise UnreadableError("an index without an end")
        depth += (token.kind == "open") - (token.kind == "close")
        if not depth:
            return " ".join(names)
        names.append(token.text)


def read_matrix(reader: "Reader") -> Node:
    """Read a matrix from its `begin` on."""
    name = reader.take().text
    if name not in _MATRICES:
        raise UnreadableError(f"the environment {name} is not in the grammar")
    if name == "array" and reader.at("open", "{"):
        while not reader.at("close", "}"):
            if reader.take().kind == "finish":
                reader.refuse()
        reader.take()
    reader.open_bars.append(False)
    rows: list[tuple[Node, ...]] = []
    row: list[Node] = []
    entries = 0
    while not reader.at("end"):
        row.append(reader.read_sum())
        entries += 1
        if entries > MAX_MATRIX_ENTRIES:
            raise UnreadableError(f"a matrix of more than {MAX_MATRIX_ENTRIES} entries")
        if reader.at("cell"):
            reader.take()
        elif reader.at("row") or reader.at("end"):
            rows.append(tuple(row))
            row = []
            if reader.at("row"):
                reader.take()
        else:
            reader.refuse()
    reader.expect("end", name)
    reader.open_bars.pop()
    if row:
        reader.refuse()
    return _make_matrix(tuple(rows))


def _make_matrix(rows: tuple[tuple[Node, ...], ...]) -> Node:
    if not rows or len({len(row) for row in rows}) != 1:
        raise UnreadableError("a matrix with rows of different lengths")
    if not all(is_expression(entry) for row in rows for entry in row):
        raise UnreadableError("a matrix of what is no value")
    return Matrix(rows)


def _read_items(reader: "Reader") -> list[Node]:
    items = [reader.read_relation()]
    while reader.at("separator"):
        reader.take()
        items.append(reader.read_relation())
        if len(items) > MAX_ITEMS:
            raise UnreadableError(f"more than {MAX_ITEMS} parts")
    return items


def _read_set(reader: "Reader") -> Node:
    if reader.at("close", "\\}"):
        reader.take()
        return Set(())
    # Inside these braces a bar behind a value divides it from its condition.
    first = reader.read_relation()
    if reader.at("bar") or reader.at("mid"):
        reader.take()
        condition = reader.read_answer()
        reader.expect("close", "\\}")
        return SetBuilder(first, condition)
    items = [first]
    while reader.at("separator"):
        reader.take()
        items.append(reader.read_relation())
        if len(items) > MAX_ITEMS:
            raise UnreadableError(f"more than {MAX_ITEMS} parts")
    reader.expect("close", "\\}")
    return Set(tuple(items))


def _make_bracketed(opening: str, closing: str, items: tuple[Node, ...]) -> Node:
    if opening + closing == "<>":
        return Tuple(items, "<>") if len(items) > 1 else _refuse()
    if opening not in "([" or closing not in ")]":
        return _refuse()
    if len(items) == 1:
        if opening + closing not in ("()", "[]"):
            return _refuse()
        return _as_row_matrix(items) if opening == "[" else items[0]
    if opening == "(" and closing == ")":
        return Tuple(items, "()")
    if opening == "[" and closing == "]":
        rows = _as_rows(items)
        if rows is not None:
            return _make_matrix(rows)
        return Tuple(items, "[]") if len(items) > 2 else _interval(items, True, True)
    return _interval(items, opening == "[", closing == "]")


def _interval(items: tuple[Node, ...], low_closed: bool, high_closed: bool) -> Node:
    if len(items) != 2 or not all(map(is_expression, items)):
        return _refuse()
    return Interval(items[0], items[1], low_closed, high_closed)


def _as_row_matrix(items: tuple[Node, ...]) -> Node:
    rows = _as_rows(items)
    return items[0] if rows is None else _make_matrix(rows)


def _as_rows(items: tuple[Node, ...]) -> tuple[tuple[Node, ...], ...] | None:
    """Return `[[a, b], [c, d]]` as rows."""
    rows: list[tuple[Node, ...]] = []
    for item in items:
        if isinstance(item, Interval) and item.low_closed and item.high_closed:
            rows.append((item.low, item.high))
        elif isinstance(item, Tuple) and item.brackets == "[]":
            rows.append(item.items)
        else:
            return None
    return tuple(rows)


def _refuse() -> Node:
    raise UnreadableError("brackets that do not belong together")
