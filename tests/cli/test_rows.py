"""How the rows of a user's file are read."""

import pytest

from gym_reason.cli.rows import as_text, read_fields, reference_column
from gym_reason.errors import UsageError


def test_fields_name_columns_and_nothing_else() -> None:
    fields = ("id", "reference")
    assert read_fields(["id=a", "reference=b=c"], fields, "id=x") == {"id": "a", "reference": "b=c"}
    for argument, message in [
        ("id", "NAME=COLUMN"),
        ("id=", "id=x"),
        ("di=x", "did you mean 'id'"),
    ]:
        with pytest.raises(UsageError, match=message):
            read_fields([argument], fields, "id=x")


def test_tests_stand_in_for_a_reference_that_is_not_there() -> None:
    assert reference_column({"tests": 1}, {}) == "tests"
    assert reference_column({"tests": 1, "reference": None}, {}) == "tests"
    assert reference_column({"tests": 1, "reference": ""}, {}) == "reference"
    assert reference_column({"tests": 1, "answer": None}, {"reference": "answer"}) == "answer"
    assert reference_column({}, {}) == "reference"


def test_what_is_no_text_stands_as_its_json() -> None:
    values: list[object] = [None, "a", 1, [1, "\u00e9"], {"a": None}]
    assert [as_text(value) for value in values] == [None, "a", "1", '[1, "\u00e9"]', '{"a": null}']
