"""Arguments that are given as text, read as the signature of what they are for says."""

import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence

from gym_reason.errors import UsageError

_EXPECTED: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
}
_GUESSES = (bool, int, float, str)
"""What a text is tried as where the annotation does not say."""


def split_spec(spec: str) -> tuple[str, list[str], dict[str, str]]:
    """Return the name, the arguments by place and those by name of `name:first,key=value`."""
    name, _, arguments = spec.partition(":")
    positional: list[str] = []
    keywords: dict[str, str] = {}
    for argument in filter(None, (part.strip() for part in arguments.split(","))):
        key, equals, value = argument.partition("=")
        if equals:
            keywords[key.strip()] = value.strip()
        else:
            positional.append(argument)
    return name, positional, keywords


def with_setting(spec: str, name: str, value: object) -> str:
    """Return `spec` with one of its arguments by name set, in place of the one that it has."""
    own, positional, keywords = split_spec(spec)
    named = (f"{key}={item}" for key, item in (keywords | {name: str(value)}).items())
    return f"{own}:{','.join((*positional, *named))}"


def bind_texts(
    factory: Callable[..., object],
    positional: Sequence[object],
    keywords: Mapping[str, object],
    where: str,
) -> inspect.BoundArguments:
    """Return the arguments of a call of `factory`, with those that are texts read.

    A text becomes what the parameter's annotation names: a bool, an int, a float, a str, or one of
    a `Literal`. Where there is no annotation, or another one, what looks like a bool or a number
    becomes one. Arguments that are no texts stay as they are.

    Args:
        factory: A class or a function.
        positional: Arguments by place.
        keywords: Arguments by name.
        where: What messages call it.

    Raises:
        UsageError: Where it does not take such arguments, or a text cannot be read.
    """
    signature = _signature_of(factory)
    try:
        bound = signature.bind(*positional, **keywords)
    except TypeError as error:
        raise UsageError(f"{where}: {error}", f"arguments {_show(signature)}") from None
    for name, value in bound.arguments.items():
        hint, kind = signature.parameters[name].annotation, signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            bound.arguments[name] = tuple(_read(item, hint, name, where) for item in value)
        elif kind is inspect.Parameter.VAR_KEYWORD:
            bound.arguments[name] = {key: _read(value[key], hint, key, where) for key in value}
        else:
            bound.arguments[name] = _read(value, hint, name, where)
    return bound


def _show(signature: inspect.Signature) -> str:
    return str(signature.replace(return_annotation=inspect.Signature.empty))


def _signature_of(factory: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(factory, eval_str=True)
    except (NameError, TypeError, AttributeError):  # Names that only a type checker imports.
        return inspect.signature(factory)


def _read(value: object, hint: object, name: str, where: str) -> object:
    if not isinstance(value, str):
        return value
    options = [option for option in _options_of(hint) if _is_known(option)] or _GUESSES
    # A text is what all else is before it is read.
    for option in sorted(options, key=lambda option: option is str):
        try:
            return _convert(value, option)
        except ValueError:
            continue
    expected = " or ".join(map(_describe, options))
    raise UsageError(f"{where}: {name} = {value!r}", expected)


def _options_of(hint: object) -> Sequence[object]:
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def _is_known(hint: object) -> bool:
    return hint in _EXPECTED or typing.get_origin(hint) is typing.Literal


def _convert(text: str, hint: object) -> object:
    """Return what `text` is for a parameter annotated with `hint`. Raises ValueError."""
    if hint is int:
        return int(text)
    if hint is float:
        number = float(text)
        if math.isnan(number):  # Every comparison with it would fail in silence.
            raise ValueError
        return number
    if hint is str:
        return text
    named = {"true": True, "false": False}
    if hint is not bool:
        named = {str(option): option for option in typing.get_args(hint)}
    if text not in named:
        raise ValueError
    return named[text]


def _describe(hint: object) -> str:
    if hint in _EXPECTED:
        return _EXPECTED[hint]
    *others, last = map(str, typing.get_args(hint))
    return f"{', '.join(others)} or {last}" if others else last
