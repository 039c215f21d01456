"""Steps and their places in the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.verifiers.steps import Boundary, split_steps

_SIGNS = (
    "Step 1: |2) |1. |\n|\n\n|a.| b? |3.5|<think>|</think>|```|$$|\u3002| |e.g. |\ud800|\0|word "
)
PIECES = st.lists(st.sampled_from(_SIGNS.split("|")) | st.text(max_size=4), max_size=30).map(
    "".join
)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("Step 1: add\nso 5\n\nStep 2: stop", ["Step 1: add\nso 5", "Step 2: stop"]),
        (
            "Let us see.\n**Step 1.** a\n**Step 2.** b",
            ["Let us see.", "**Step 1.** a", "**Step 2.** b"],
        ),
        ("1. a\n2. b", ["1. a", "2. b"]),
        ("(1) a\n(2) b", ["(1) a", "(2) b"]),
        (
            "\u7b2c\u4e00\u6b65 a\n\u7b2c\u4e8c\u6b65 b",
            ["\u7b2c\u4e00\u6b65 a", "\u7b2c\u4e8c\u6b65 b"],
        ),
        ("a\nb\n\nc\n \nd", ["a\nb", "c", "d"]),
        ("a\r\n\r\nb", ["a", "b"]),
        ("a\nb\n", ["a", "b"]),
        (
            "We get 3.5 apples. Then 4, e.g. these. Done!",
            ["We get 3.5 apples.", "Then 4, e.g. these.", "Done!"],
        ),
        ("So it is x. Then y.", ["So it is x.", "Then y."]),
        ("\u4eca\u5929\u3002\u660e\u5929\uff01", ["\u4eca\u5929\u3002", "\u660e\u5929\uff01"]),
        ("```\na\n\nb\n```\n\nc", ["```\na\n\nb\n```", "c"]),
        ("$$\na\n\nb\n$$\n\nc", ["$$\na\n\nb\n$$", "c"]),
        ("<think>a\n\nb</think>c", ["a", "b", "c"]),
        ("<think>a. b</think>", ["a.", "b"]),
        ("one", ["one"]),
        ("2024. A year", ["2024. A year"]),
        ("", []),
        (" \n<think> </think>", []),
    ],
)
def test_auto(text: str, steps: list[str]) -> None:
    assert [step.content for step in split_steps(text)] == steps


@pytest.mark.parametrize(
    ("by", "count"),
    [("markers", 2), ("paragraphs", 2), ("lines", 3), ("sentences", 4), ("clauses", 3)],
)
def test_every_boundary_can_be_asked_for(by: Boundary, count: int) -> None:
    assert len(split_steps("1. a\nb. c\n\n2. d", by)) == count


def test_an_unknown_boundary_is_refused() -> None:
    with pytest.raises(UsageError, match="words"):
        split_steps("a", "words")  # type: ignore[arg-type]


@given(PIECES, st.sampled_from(["auto", "markers", "paragraphs", "lines", "sentences", "clauses"]))
def test_steps_map_back_and_cover_the_text(text: str, by: Boundary) -> None:
    place = 0
    left_out = ""
    for step in split_steps(text, by):
        assert text[step.start : step.end] == step.content == step.content.strip() != ""
        assert step.start >= place
        left_out += text[place : step.start]
        place = step.end
    left_out += text[place:]
    assert not left_out.replace("<think>", "").replace("</think>", "").strip()


def test_clauses_keep_the_signs_that_end_them() -> None:
    text = "<think>7+5+0=12,4+8+1=13</think>132;\n so 132."
    steps = split_steps(text, "clauses")
    assert [step.content for step in steps] == ["7+5+0=12,", "4+8+1=13", "132;", "so 132."]
    assert [step.content for step in split_steps(",,;x,", "clauses")] == [",,;x,"]
    assert [step.content for step in split_steps(",,", "clauses")] == [",,"]
