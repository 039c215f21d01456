"""The screen: scores, faults, test data; the split off before; the sample in proportion."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import UsageError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import Example
from gym_reason.trainers.data.overlap import OverlapIndex, SimilarIndex
from gym_reason.trainers.data.screen import (
    ScreenSettings,
    read_least,
    sample_in_proportion,
    screen,
    share_out,
    split_off,
)
from gym_reason.trainers.data.text_filters import make_filters
from gym_reason.types import Message


def example(prompt: str, response: str = "answer", **row: Any) -> Example:
    return Example(prompt, row, (Message("user", prompt),), response)


def test_each_rule_drops_what_it_names() -> None:
    settings = ScreenSettings(
        {"score": 0.9},
        make_filters(["code"]),
        OverlapIndex(["what is the capital of france"], words=4),
        SimilarIndex(["how many legs has a spider"], 0.8),
    )
    examples = [
        example("kept", score=0.9),
        example("kept", " answer ", score=1),
        example("low", score=0.89),
        example("none"),
        example("text", score="1"),
        example("code", "```", score=1),
        example("What is the capital of Spain?", score=1),
        example("how many legs has the spider", score=1),
    ]
    log = DropLog()
    assert screen(examples, settings, log) == examples[:1]
    assert [drop.reason for drop in log.drops] == [
        "the same as another example",
        "'score' below 0.9",
        "no number in 'score'",
        "no number in 'score'",
        "a block of code",
        "shares words with the test file",
        "like a prompt of the test file",
    ]


def test_least_values_are_read() -> None:
    assert read_least(["score=0.5", "a b=-1"]) == {"score": 0.5, "a b": -1.0}
    for argument in ("score", "score=x", "=1"):
        with pytest.raises(UsageError, match="COLUMN=NUMBER"):
            read_least([argument])


def test_a_prompt_keeps_its_side_with_all_its_responses() -> None:
    examples = [example(f"prompt {n}", str(r)) for n in range(200) for r in range(2)]
    train, held_out = split_off(examples, 0.25, seed=0)
    assert len(train) + len(held_out) == 400
    assert 60 < len(held_out) < 140
    assert not {e.prompt_text for e in train} & {e.prompt_text for e in held_out}
    assert split_off(examples[:50], 0.25, 0)[1] == [e for e in held_out if e in examples[:50]]
    assert split_off(examples, 0.25, 1)[1] != held_out


def test_shares_by_hand() -> None:
    assert share_out({"a": 60, "b": 30, "c": 10}, 10, None) == {"a": 6, "b": 3, "c": 1}
    assert share_out({"a": 1000, "b": 30, "c": 10}, 8, 30) == {"a": 4, "b": 3, "c": 1}
    assert share_out({"a": 1000, "b": 1}, 100, 1) == {"a": 99, "b": 1}


@given(
    st.dictionaries(st.text(max_size=3), st.integers(1, 50), min_size=1, max_size=6),
    st.integers(0, 120),
    st.one_of(st.none(), st.integers(1, 60)),
)
def test_shares_sum_up_and_never_pass_a_source(
    sizes: dict[str, int], count: int, cap: int | None
) -> None:
    count = min(count, sum(sizes.values()))
    drawn = share_out(sizes, count, cap)
    assert sum(drawn.values()) == count
    assert all(0 <= drawn[name] <= sizes[name] for name in sizes)


def test_a_sample_keeps_the_order_and_depends_on_the_seed() -> None:
    examples = [example(f"p{n}", task="a" if n % 4 else "b") for n in range(40)]
    log = DropLog()
    chosen = sample_in_proportion(examples, 8, "task", None, 0, log)
    assert [e.row["task"] for e in chosen].count("b") == 2
    assert [examples.index(e) for e in chosen] == sorted(examples.index(e) for e in chosen)
    assert log.counts == {"not drawn": 32}
    assert chosen == sample_in_proportion(examples, 8, "task", None, 0, DropLog())
    assert chosen != sample_in_proportion(examples, 8, "task", None, 1, DropLog())
    assert sample_in_proportion(examples, 99, "", None, 0, DropLog()) == examples
