"""The state of an object as bytes, the same in every process and in every run."""

import copyreg
import types
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

Definition: TypeAlias = type | types.FunctionType
"""What a source file defines."""

_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def describe_state(value: object) -> tuple[bytes, set[Definition]]:
    """Return what tells `value` from others, and the classes and functions that it is made of.

    The state is what `pickle` would keep: plain attributes and what they hold, in turn. An object
    with a method `cache_identity` is described by what that returns instead; it is for what is too
    large to describe, or lies in a file that is read only while judging.

    Raises:
        TypeError: Something in it cannot be told from others like it: a lock, a lambda.
    """
    description = _Description()
    return description.describe(value), description.definitions


class _Description:
    """One walk through an object."""

    def __init__(self) -> None:
        self.definitions: set[Definition] = set()
        self._path: list[int] = []

    def describe(self, value: object) -> bytes:
        """Return the bytes for `value`; each part says where it ends."""
        if isinstance(value, _PLAIN) and type(value) in _PLAIN:
            return _join(type(value).__name__, repr(value).encode("utf-8", "surrogatepass"))
        if isinstance(value, types.FunctionType | type):
            return self._describe_definition(value)
        if id(value) in self._path:  # It holds itself: how far up it is says which one is meant.
            return _join("above", b"%d" % (len(self._path) - self._path.index(id(value))))
        self._path.append(id(value))
        try:
            return self._describe_parts(value)
        finally:
            self._path.pop()

    def _describe_definition(self, value: Definition) -> bytes:
        if "<" in value.__qualname__:  # What it has taken from where it was made is hidden.
            raise TypeError(f"{value.__qualname__} is defined in a function")
        self.definitions.update(value.__mro__ if isinstance(value, type) else (value,))
        return _join("defined", f"{value.__module__}.{value.__qualname__}".encode())

    def _describe_parts(self, value: object) -> bytes:
        if type(value) in (list, tuple):
            assert isinstance(value, list | tuple)
            return _join(type(value).__name__, *map(self.describe, value))
        if type(value) in (set, frozenset):
            assert isinstance(value, set | frozenset)
            return _join(type(value).__name__, *sorted(map(self.describe, value)))
        if type(value) in (dict, types.MappingProxyType):
            assert isinstance(value, Mapping)
            items = (self.describe(key) + self.describe(item) for key, item in value.items())
            return _join("mapping", *sorted(items))
        kind = self.describe(type(value))
        identity: Callable[[], object] | None = getattr(value, "cache_identity", None)
        if identity is not None:
            return _join("object", kind, self.describe(identity()))
        reducer = copyreg.dispatch_table.get(type(value))
        reduced = value.__reduce_ex__(4) if reducer is None else reducer(value)
        if isinstance(reduced, str):
            return _join("object", kind, reduced.encode())
        # Those that come after the state are iterators over the items of a list or a mapping.
        made_by, arguments, *state = reduced
        parts = [list(part) if isinstance(part, Iterator) else part for part in state]
        return _join("object", kind, *map(self.describe, (made_by, arguments, *parts)))


def _join(kind: str, *parts: bytes) -> bytes:
    return b"%s(%s)" % (kind.encode(), b"".join(b"%d:%s" % (len(part), part) for part in parts))
