"""Arguments that are given as text."""

from pathlib import Path
from typing import Any, Literal

import pytest

from gym_reason.errors import UsageError
from gym_reason.verifiers.arguments import bind_texts
from gym_reason.verifiers.builtin import make_verifier


def annotated(  # type: ignore[no-untyped-def]
    flag: bool = False,
    count: int = 0,
    share: float = 0.0,
    name: str = "",
    mode: Literal["a", "b", 4] = "a",
    either: int | None = None,
    mixed: str | int | float = "",
    path: Path | None = None,
    *rest: int,
    bare=None,
    **others: float,
) -> None:
    """Take everything."""


def read(**texts: str) -> dict[str, Any]:
    bound = bind_texts(annotated, [], texts, "it").arguments
    others = bound.pop("others", {})
    return {**bound, **others}


def test_a_text_becomes_what_the_annotation_names() -> None:
    texts = {
        "flag": "true", "count": "5", "share": "5", "name": "5", "mode": "4", "either": "5",
        "mixed": "1e3", "path": "folder", "bare": "true", "further": "2",
    }  # fmt: skip
    values = read(**texts)
    assert values == {
        "flag": True, "count": 5, "share": 5.0, "name": "5", "mode": 4, "either": 5,
        "mixed": 1000.0, "path": "folder", "bare": True, "further": 2.0,
    }  # fmt: skip
    assert [type(value) for value in (values["share"], values["mixed"])] == [float, float]
    assert read(mixed="x", bare="7", name="true") == {"mixed": "x", "bare": 7, "name": "true"}
    given = bind_texts(annotated, ["false", *["1"] * 2, "1", "a", "1", "1", "1", "8", 9], {}, "it")
    assert given.args[-2:] == (8, 9)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("flag", "no", "true or false"),
        ("flag", "yes", "true or false"),
        ("flag", "1", "true or false"),
        ("flag", "True", "true or false"),
        ("count", "5.0", "a whole number"),
        ("count", "true", "a whole number"),
        ("share", "x", "a number"),
        ("share", "nan", "a number"),
        ("mode", "c", "a, b or 4"),
        ("either", "x", "a whole number"),
        ("further", "x", "a number"),
    ],
)
def test_a_text_that_is_none_of_that_is_refused(name: str, text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(**{name: text})
    assert str(caught.value) == f"it: {name} = {text!r}; expected {expected}"


@pytest.mark.parametrize(
    "spec",
    [
        "math:strict,tolerance=x",
        "math:plain=yes",
        "repetition:4,limit=x",
        "language:latin,share=x",
        "length:cosine,target=5,correct_short=x",
        "length:overlong,target=5,factor=nan",
        "arithmetic_steps:decay=x",
        "json_schema:max_depth=x",
        "json_schema:alone=3",
        "overlong:100,factor=x",
        "no_think:allow_empty=no",
        "code:memory_mb=x",
        "code:every=1",
    ],
)
def test_wrong_values_in_a_spec_are_wrong_usage_in_one_line(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_verifier(spec)
    message = str(caught.value)
    assert len(message) < 150
    assert spec.rpartition("=")[0].rpartition(",")[2].rpartition(":")[2] in message
