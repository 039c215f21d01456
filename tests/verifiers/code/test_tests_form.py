"""References that hold tests, in both forms, and what is said about broken ones."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import DataError
from gym_reason.types import Json
from gym_reason.verifiers.code import AssertTests, Case, StdioTests, read_tests

CASE = {"in": "1", "out": "2"}


def read(value: object, meta: Mapping[str, Json] | None = None) -> AssertTests | StdioTests:
    return read_tests(value if isinstance(value, str) else json.dumps(value), meta or {})


def test_asserts() -> None:
    tests = read({"type": "assert", "entry": "f", "code": "assert f()"})
    assert tests == AssertTests(("f",), "assert f()")
    tests = read(
        {"type": "assert", "entry": ["f", "g"], "code": "assert f()", "setup": "import os"}
    )
    assert tests == AssertTests(("f", "g"), "assert f()", "import os")


def test_bare_code_with_the_entry_in_meta() -> None:
    assert read("assert f() == 1", {"entry": "f"}) == AssertTests(("f",), "assert f() == 1")
    assert read("assert f(g)", {"entry": ["f", "g"]}) == AssertTests(("f", "g"), "assert f(g)")


def test_stdio() -> None:
    assert read({"type": "stdio", "cases": [CASE]}) == StdioTests((Case("1", "2"),))
    tests = read({"type": "stdio", "cases": [{"out": "2"}, CASE], "compare": "float:0.1"})
    assert tests == StdioTests((Case("", "2"), Case("1", "2")), "float:0.1")
    tests = read({"type": "stdio", "cases": [CASE], "compare": "checker", "checker": "def check"})
    assert tests == StdioTests((Case("1", "2"),), "checker", "def check")


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ({"type": "unit"}, "tests of type 'unit'; expected assert or stdio"),
        ({}, "tests of type None"),
        ({"type": ["assert"]}, r"tests of type \['assert'\]"),
        (
            {"type": "assert", "code": "assert f()"},
            "the entry None; expected the name of a function",
        ),
        ({"type": "assert", "entry": "", "code": "assert 1"}, "the entry ''"),
        ({"type": "assert", "entry": "a b", "code": "assert 1"}, "the entry 'a b'"),
        ({"type": "assert", "entry": [], "code": "assert 1"}, r"the entry \[\]"),
        ({"type": "assert", "entry": ["f", 5], "code": "assert 1"}, "the entry"),
        ({"type": "assert", "entry": {"f": 1}, "code": "assert 1"}, "the entry"),
        ({"type": "assert", "entry": "f"}, "'code' of type NoneType; expected text"),
        ({"type": "assert", "entry": "f", "code": " \n"}, "without code"),
        ({"type": "assert", "entry": "f", "code": ["assert 1"]}, "'code' of type list"),
        ({"type": "assert", "entry": "f", "code": "assert 1", "setup": 5}, "'setup' of type int"),
        ({"type": "stdio"}, "without cases; expected a list of 1 to"),
        ({"type": "stdio", "cases": []}, "without cases"),
        ({"type": "stdio", "cases": {"in": "1"}}, "without cases"),
        ({"type": "stdio", "cases": [CASE] * 10_001}, "a list of 1 to 10000 cases"),
        ({"type": "stdio", "cases": ["1"]}, "a case of type str"),
        ({"type": "stdio", "cases": [{"in": "1"}]}, "'out' of type NoneType"),
        ({"type": "stdio", "cases": [{"in": 1, "out": "2"}]}, "'in' of type int"),
        ({"type": "stdio", "cases": [CASE], "compare": "equal"}, "the comparison 'equal'"),
        ({"type": "stdio", "cases": [CASE], "compare": None}, "'compare' of type NoneType"),
        ({"type": "stdio", "cases": [CASE], "compare": "checker"}, "code in `checker`"),
        ({"type": "stdio", "cases": [CASE], "checker": "x"}, "code in `checker`"),
        ("", "the entry None"),
        ("[1]", "the entry None"),
        ("[" * 100_000, "the entry None"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_broken_tests_are_named_in_one_line(reference: object, problem: str) -> None:
    with pytest.raises(DataError, match=problem) as caught:
        read(reference)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "entry", "code", "setup", "cases", "in", "out", "compare"]),
            inner | st.sampled_from(["assert", "stdio", "f", "checker"]),
        )
    ),
    max_leaves=20,
)


@given(JSON | st.text(), st.none() | st.text(max_size=3) | st.lists(st.text(max_size=3)))
def test_any_reference_is_read_or_refused(value: object, entry: str | list[str] | None) -> None:
    try:
        tests = read(value, {"entry": entry})
    except DataError:
        return
    assert isinstance(tests, (AssertTests, StdioTests))
