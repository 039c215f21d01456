"""Calls of tools in a text: what is one, what it asks, and what its author is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.calls import CallError, ToolCall, cut_answer, read_call


def test_a_call_is_read() -> None:
    call = read_call('{"name": "add", "arguments": {"left": 1}}', ["add"])
    assert call == ToolCall("add", {"left": 1})
    assert read_call('{"name": "add"}', {"add": None}).arguments == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the call is not JSON"),
        ("[" * 100_000, "the call is not JSON"),
        ("[]", "there is no tool None; there are add"),
        ('{"name": "sub"}', "there is no tool 'sub'"),
        ('{"name": ["add"]}', "there is no tool"),
        ('{"name": "add", "arguments": "x"}', "the arguments of add are no JSON object"),
    ],
)
def test_what_is_no_call_is_told(text: str, message: str) -> None:
    with pytest.raises(CallError, match=message):
        read_call(text, ["add"])


@given(st.text(st.characters(exclude_categories=())), st.integers(16, 40))
def test_an_answer_is_valid_text_within_its_limit(text: str, limit: int) -> None:
    cut = cut_answer(text, limit)
    cut.encode("utf-8")
    assert len(cut) <= limit
    assert (cut.endswith(" [cut]") and len(cut) == limit) or len(cut) == len(text)
