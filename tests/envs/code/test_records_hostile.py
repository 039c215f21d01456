"""Whatever a record holds, it becomes a task or one line that says why not."""

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.envs.code.records import FORMS, RecordFile, task_of
from gym_reason.errors import DataError
from gym_reason.verifiers.code.tests import read_tests
from tests.envs.code.test_records import ROWS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["input", "output", "inputs", "outputs", "fn_name", "language"])
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@st.composite
def rows(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Return a form, and a row of it with one or two values replaced, in a column or deep in it."""
    form, row = draw(st.sampled_from(ROWS))
    row = copy.deepcopy(row)
    for _ in range(draw(st.integers(1, 2))):
        column = draw(st.sampled_from(sorted(row)))
        value = row[column]
        if isinstance(value, str) and value[:1] in ("[", "{") and draw(st.booleans()):
            with contextlib.suppress(ValueError):  # spoilt before
                row[column] = json.dumps(_spoil(draw, json.loads(value)))
        else:
            row[column] = _spoil(draw, value)
    return form, row


def _spoil(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict | list) and value and draw(st.booleans()):
        keys = sorted(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        value[key] = _spoil(draw, value[key])
        return value
    if isinstance(value, str) and draw(st.booleans()):
        cut = draw(st.integers(0, len(value)))
        return value[:cut] + draw(st.text(max_size=3)) + value[cut + 1 :]
    return draw(JSON)


@settings(max_examples=300, deadline=None)
@given(rows())
def test_a_spoilt_record_is_read_or_refused(drawn: tuple[str, dict[str, Any]]) -> None:
    form, row = drawn
    try:
        task = task_of(FORMS[form](row, "python"), RecordFile(Path("x"), form))
    except DataError:
        return
    assert read_tests(task.reference, task.meta)
    assert task.prompt[0].content.strip()
    assert task.id


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_record_is_refused(form: str) -> None:
    with pytest.raises(DataError):
        FORMS[form]({}, "python")
