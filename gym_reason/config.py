"""Recipes as typed values: TOML in, `key=value` on top, unknown keys refused with the nearest name.

A config is a frozen dataclass whose fields are numbers, strings, booleans, tuples, mappings or
further configs.
"""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gym_reason.errors import ConfigError
from gym_reason.registry import explain_unknown

C = TypeVar("C")


def read_toml(path: Path) -> dict[str, Any]:
    """Return the contents of a TOML file. Raises ConfigError with the line where it is broken."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no file {path}", "a recipe in TOML") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}", "a recipe in TOML") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def apply_overrides(values: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return `values` with each `a.b=value` set. The value is read as TOML, or as a bare string."""
    result = _copy_tables(values)
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not all(part.strip() for part in key.split(".")):
            raise ConfigError(f"the override {override!r}", "key=value", "for example rl.steps=50")
        *parents, leaf = key.strip().split(".")
        table = result
        for parent in parents:
            inner = table.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise ConfigError(
                    f"the override {override!r}", f"{parent!r} to be a table, and it is a value"
                )
            table = inner
        table[leaf] = _parse_value(text.strip())
    return result


def build(config_type: type[C], values: Mapping[str, Any], where: str = "") -> C:
    """Return a `config_type` made of `values`, checked field by field.

    Args:
        config_type: A dataclass.
        values: Field names and values, tables for nested configs.
        where: Dotted prefix for messages.

    Raises:
        ConfigError: For an unknown key, a missing one or a value of the wrong type.
    """
    hints = typing.get_type_hints(config_type)
    fields = {field.name: field for field in dataclasses.fields(config_type)}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            kind = f"key in [{where.rstrip('.')}]" if where else "key"
            raise ConfigError(*explain_unknown(kind, key, list(fields)))
    arguments: dict[str, Any] = {}
    for name, field in fields.items():
        if name in values:
            arguments[name] = _convert(hints[name], values[name], f"{where}{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{where}{name} is not set", "a value", f"add {where}{name}=...")
    try:
        return config_type(**arguments)
    except ValueError as error:
        raise ConfigError(f"{where.rstrip('.') or 'recipe'}: {error}") from None


def to_values(config: object) -> dict[str, Any]:
    """Return a config as nested dictionaries, without what is None: TOML has no word for it."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        value = getattr(config, field.name)
        if value is not None:
            values[field.name] = _plain(value)
    return values


def write_toml(values: Mapping[str, Any]) -> str:
    """Return nested dictionaries as TOML that `read_toml` reads back to the same values."""
    lines: list[str] = []
    _write_table(values, "", lines)
    return "\n".join(lines).strip() + "\n"


def _write_table(values: Mapping[str, Any], prefix: str, lines: list[str]) -> None:
    for key, value in values.items():
        if not isinstance(value, Mapping):
            lines.append(f"{_toml_key(key)} = {_toml_value(value)}")
    for key, value in values.items():
        if isinstance(value, Mapping):
            name = f"{prefix}{_toml_key(key)}"
            lines.extend(["", f"[{name}]"])
            _write_table(value, f"{name}.", lines)


def _toml_key(key: str) -> str:
    bare = key and all(char.isascii() and (char.isalnum() or char in "-_") for char in key)
    return key if bare else _toml_string(key)


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _toml_string(value)
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{_toml_key(key)} = {_toml_value(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, Sequence):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no form in TOML")


def _toml_string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"'
        + "".join(c if ord(c) >= 32 and ord(c) != 127 else f"\\u{ord(c):04x}" for c in escaped)
        + '"'
    )


def _copy_tables(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _copy_tables(item) if isinstance(item, Mapping) else item
        for key, item in values.items()
    }


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_values(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _convert(hint: Any, value: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, name)
    if origin is typing.Literal:
        if not any(type(value) is type(item) and value == item for item in arguments):
            raise ConfigError(
                *explain_unknown(f"value of {name}", str(value), [str(a) for a in arguments])
            )
        return value
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise _wrong_type(name, value, "a table")
        return build(typing.cast(type, hint), value, f"{name}.")
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _wrong_type(name, value, "a list")
        return tuple(_convert(arguments[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    if origin in (dict, Mapping) or hint in (dict, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong_type(name, value, "a table")
        return dict(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise _wrong_type(name, value, getattr(hint, "__name__", str(hint)))


def _convert_union(options: tuple[Any, ...], value: Any, name: str) -> Any:
    last_error: ConfigError | None = None
    for option in options:
        if option is type(None):
            continue
        try:
            return _convert(option, value, name)
        except ConfigError as error:
            last_error = error
    assert last_error is not None
    raise last_error


def _wrong_type(name: str, value: object, expected: str) -> ConfigError:
    return ConfigError(f"{name} = {value!r} is of type {type(value).__name__}", expected)
