"""The reference of the recipes' keys, made from the classes that read a recipe."""

import ast
import dataclasses
import inspect
import json
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from command_page import escape

LEAD = """# Keys of a recipe

A recipe is a TOML file. On the command line a key is set by its whole name, as in
`rl.optimiser.lr=1e-4`. This page is made from the classes that read a recipe, and shows their
defaults; the recipes that ship with the package have values of their own, which
`gym-reason train NAME --dry-run` prints. [Training](training.md) tells how recipes are used.

## At the top
"""
WORDS: dict[object, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Any: "any value",
}
"""What the types of values are called."""


@dataclass(frozen=True)
class Key:
    """A field of a class that reads a table."""

    name: str
    """The key."""
    hint: Any
    """Its type."""
    told: str
    """The string under the field."""
    default: Any
    """Its value where a recipe says nothing; dataclasses.MISSING where it has to."""

    @property
    def table(self) -> type | None:
        """The class that reads it, where it is a table or a list of tables."""
        inner = typing.get_args(self.hint)[0] if self.is_list else self.hint
        return inner if dataclasses.is_dataclass(inner) else None  # type: ignore[return-value]

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return typing.get_origin(self.hint) is tuple


def write_recipe_page(recipe: type) -> str:
    """Return the page in Markdown: the keys at the top, then a section for each table."""
    lines: list[str] = [LEAD]
    seen: dict[type, str] = {}
    _write_table(recipe, "", dataclasses.MISSING, lines, seen)
    return "\n".join(lines) + "\n"


def read_keys(cls: type, table: object = dataclasses.MISSING) -> Iterator[Key]:
    """Yield the keys that a class reads, with the values of a default table where there is one."""
    hints, told = typing.get_type_hints(cls), read_field_docstrings(cls)
    for field in dataclasses.fields(cls):
        default: Any = field.default
        if table is not dataclasses.MISSING:
            default = getattr(table, field.name)
        elif field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        yield Key(field.name, hints[field.name], told[field.name], default)


def read_field_docstrings(cls: type) -> dict[str, str]:
    """Return the string under each field of a class. Raises KeyError where a field has none."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for line, below in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            told = getattr(getattr(below, "value", None), "value", None)
            if not isinstance(told, str):
                raise KeyError(f"{cls.__name__}.{line.target.id} has no string under it")
            found[line.target.id] = " ".join(told.split())
    return found


def _write_table(
    cls: type, path: str, table: object, lines: list[str], seen: dict[type, str]
) -> None:
    """Write the keys of a class, then the tables in it; one that was written before is named."""
    keys = list(read_keys(cls, table))
    if cls in seen:
        lines += [_refer(cls, keys, seen[cls]), ""]
        return
    seen[cls] = path
    for key in keys:
        if key.table is None:
            given = key.default is not dataclasses.MISSING
            has = f"; default `{write_value(key.default)}`" if given else ""
            lines += [
                f"`{path}{key.name}` {name_type(key.hint)}{has}",
                f":   {escape(key.told)}",
                "",
            ]
    for key in keys:
        if key.table is not None:
            name = f"{path}{key.name}"
            title = f"[[{name}]]" if key.is_list else f"[{name}]"
            lines += [f"## `{title}`", "", escape(key.told), ""]
            inner = dataclasses.MISSING if key.is_list else key.default
            _write_table(key.table, f"{name}.", inner, lines, seen)


def _refer(cls: type, keys: Sequence[Key], path: str) -> str:
    usual = {key.name: key.default for key in read_keys(cls)}
    other = [
        f"`{key.name} = {write_value(key.default)}`"
        for key in keys
        if key.default is not dataclasses.MISSING and key.default != usual[key.name]
    ]
    own = f", by default with {' and '.join(other)}" if other else ""
    return f"The keys of `[{path.rstrip('.')}]`{own}."


def name_type(hint: Any) -> str:
    """Return a type as a reader of TOML would call it."""
    if hint in WORDS:
        return WORDS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return "one of " + ", ".join(f"`{value or write_value(value)}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(name_type(one) for one in arguments if one is not type(None))
    if origin is tuple:
        return f"list of {name_type(arguments[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "table"
    raise TypeError(f"no word for the type {hint}")


def write_value(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "none"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {write_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(write_value, value)) + "]"
    return repr(value)
