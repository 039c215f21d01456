"""Plain data on its way: what is sent arrives with exact types, and nothing else ever does."""

import collections
import contextlib
import enum
import json
import math
import socket
import struct
import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.code.inside import plain

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.builds(range, st.integers(), st.integers(), st.integers().filter(bool))
)
HASHABLE = st.recursive(
    SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
    ),
    max_leaves=15,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.dictionaries(st.sampled_from("ifdstzbcrqm"), inner, min_size=1, max_size=1)
    ),
    max_leaves=25,
)


def identical(one: Any, other: Any) -> bool:
    """Say whether two values are equal with the same exact types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, dict):
        return identical(list(one.items()), list(other.items()))
    if isinstance(one, (set, frozenset)):
        return len(one) == len(other) and all(any(identical(a, b) for b in other) for a in one)
    if isinstance(one, complex):
        return identical(one.real, other.real) and identical(one.imag, other.imag)
    if isinstance(one, (float, Decimal)):
        return repr(one) == repr(other)
    return bool(one == other)


def pass_on(value: object) -> Any:
    return plain.decode(json.loads(json.dumps(plain.encode(value))))


@given(VALUES)
def test_what_is_sent_arrives(value: object) -> None:
    assert identical(pass_on(value), value)


@pytest.mark.parametrize(
    "value",
    [
        -0.0, math.nan, math.inf, -math.inf, 1e308, 5e-324, 2**53, -(2**53), 2**53 - 1, 10**5000,
        complex(-0.0, math.nan), "\ud800", "\x00", b"\x00\xff", range(5, 0, -2), (), [], {}, set(),
        frozenset(), {1: "a", "1": "b"}, {(1, 2): [3]}, {(): {}}, [True, 1, 1.0], Decimal("1.50"),
        Decimal("-0"), Decimal("NaN"), Decimal("Infinity"), Decimal("1e999999"), Fraction(-1, 3),
    ],
    ids=lambda value: repr(value) if not isinstance(value, int) or abs(value) < 2**60 else "huge",
)  # fmt: skip
def test_edges_arrive(value: object) -> None:
    assert identical(pass_on(value), value)


@given(JSON)
def test_anything_else_is_refused_in_one_way(message: object) -> None:
    try:
        value = plain.decode(message)
    except plain.NotPlainError:
        return
    # What was read is plain: it can be sent again, unless that makes it too deep.
    assert identical(pass_on(value), value)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_an_error(content: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack(">I", len(content)) + content)
        theirs.close()
        with contextlib.suppress(plain.NotPlainError):
            json.dumps(plain.receive(ours))
        with pytest.raises(plain.ClosedError):
            plain.receive(ours)


class Color(enum.IntEnum):
    RED = 1


class Sly(int):
    def __add__(self, other: object) -> Any:
        return Sly(999)

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class SlyText(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "expected"


class SlyList(list[int]):
    def __iter__(self) -> Any:
        return iter([7])

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None


class SlyFloat(float):
    def __add__(self, other: object) -> Any:
        return self

    def __pos__(self) -> Any:
        return self

    def __repr__(self) -> str:
        return "3.0"


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (Color.RED, 1),
        (Sly(5), 5),
        (SlyText("mine"), "mine"),
        (SlyList([1, 2]), [1, 2]),
        (SlyFloat(2.5), 2.5),
        (SlyFloat("nan"), math.nan),
        (Point(1, 2), (1, 2)),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (collections.defaultdict(list, a=[1]), {"a": [1]}),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_derived_classes_arrive_as_the_built_in_ones(value: object, arrives: object) -> None:
    assert identical(pass_on(value), arrives)


@pytest.mark.parametrize(
    "value",
    [object(), print, iter([1]), (n for n in [1]), memoryview(b"x"), Ellipsis, NotImplemented, int,
     [1, object()], {"a": {1: [object()]}}, {object()}, ValueError("x"), map(str, [])],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(plain.NotPlainError, match="a value of type"):
        plain.encode(value)


def nest(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_depth_is_limited_on_both_sides() -> None:
    deepest = nest(plain.MAX_DEPTH)
    assert identical(pass_on(deepest), deepest)
    for depth in (plain.MAX_DEPTH + 5, 50_000):
        with pytest.raises(plain.NotPlainError, match="containers within each other"):
            plain.encode(nest(depth))
        with pytest.raises(plain.NotPlainError, match="containers within each other"):
            plain.decode(nest(depth))
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(plain.NotPlainError):
        plain.encode(loop)


@pytest.mark.parametrize(
    "message",
    [
        {}, {"x": 1}, {"i": 5}, {"i": "zz"}, {"i": None}, {"f": "1"}, {"f": []}, {"f": {}},
        {"t": 5},
        {"t": {"t": []}}, {"d": [[1]]}, {"d": [[1, 2, 3]]}, {"d": [[[], 1]]}, {"d": 5}, {"d": "ab"},
        {"s": [[]]}, {"s": [{"d": []}]}, {"z": [{"s": []}]}, {"b": "0"}, {"b": 5}, {"b": "é"},
        {"c": [1]}, {"c": ["1", "2"]}, {"c": [{"c": [1, 2]}, "x"]}, {"r": []}, {"r": [1, 2, 0]},
        {"r": [1.5]}, {"r": [1, 2, 3, 4]}, {"q": [1, 0]}, {"q": ["1", "2"]}, {"q": [1.5, 2]},
        {"m": "x"}, {"m": ["1"]}, {"m": [0, [1], {}]}, {"i": "1", "f": "nan"},
        {"c": [{"i": "0x" + "f" * 400}, 0]}, [{"t": [{"x": []}]}],
    ],
    ids=json.dumps,
)  # fmt: skip
def test_broken_messages_are_refused(message: object) -> None:
    with pytest.raises(plain.NotPlainError):
        plain.decode(message)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"NaN", b"[Infinity]", b"\xff", b"[" * 100_000, b"1" * 5_000, b'{"a":1} x'],
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack(">I", len(content)) + content)
        with pytest.raises(plain.NotPlainError, match="a broken message"):
            plain.receive(ours)


def test_the_size_of_a_message_is_limited_on_both_sides() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(plain.NotPlainError, match="bytes of data; at most"):
            plain.send(ours, "x" * plain.MAX_FRAME_BYTES)
        theirs.sendall(struct.pack(">I", plain.MAX_FRAME_BYTES + 1))
        with pytest.raises(plain.NotPlainError, match="bytes of data; at most"):
            plain.receive(ours)


def test_a_large_message_arrives_whole() -> None:
    message = ["x" * 1000] * 3000
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sender = threading.Thread(target=plain.send, args=[theirs, message])
        sender.start()
        assert plain.receive(ours) == message
        sender.join()


def test_the_other_side_may_go_at_any_time() -> None:
    for sent in (b"", b"\x00\x00", struct.pack(">I", 10) + b"123"):
        ours, theirs = socket.socketpair()
        with ours:
            theirs.sendall(sent)
            theirs.close()
            with pytest.raises(plain.ClosedError):
                plain.receive(ours)
            with contextlib.suppress(plain.ClosedError):
                plain.send(ours, "x")
            with pytest.raises(plain.ClosedError):
                plain.send(ours, "x")
