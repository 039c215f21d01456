"""Tables of plain text: aligned, whatever is in the cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.cli.columns import clean, measure, print_columns


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns([["name", "n"], ["日本", "10"], ["e\u0301", "7"]], indent="  ")
    assert capsys.readouterr().out == "  name   n\n  日本  10\n  e\u0301      7\n"


def test_a_cell_cannot_move_the_cursor_or_turn_the_writing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_columns([["a\x1b[2J\r\n\u202eb\ud800\x00", "1"]])
    assert capsys.readouterr().out == "a [2J   b    1\n"


@given(st.text())
def test_what_is_cleaned_is_one_line_that_can_be_printed(text: str) -> None:
    shown = clean(text)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    assert measure(shown) >= 0
