"""Rows that teach a reward model: what they say, what is refused, and how they are sampled."""

from typing import Any

import pytest

from gym_reason.trainers.reward_model.data import BUILDERS, distinct
from gym_reason.trainers.reward_model.rows import READERS, TextExample
from gym_reason.trainers.reward_model.settings import RewardModelSettings
from gym_reason.types import (
    Group,
    Json,
    Message,
    Outcome,
    StopReason,
    Task,
    Trajectory,
    Turn,
    Verdict,
)

ASKED = {"prompt": "1+1="}


def read(loss: str, row: dict[str, Any]) -> TextExample:
    """Return the example of a row with a prompt."""
    return READERS[loss]({**ASKED, **row}, 3, 0.25)


def test_pairs() -> None:
    pair = read("bradley_terry", {"chosen": "2", "rejected": "3"})
    assert pair == TextExample((Message("user", "1+1="),), ("2", "3"), ((1.0,), (0.0,)), 0.25)
    soft = {"chosen": "2", "rejected": "3", "preference": 0.75, "margin": 1}
    assert read("bradley_terry", soft).targets == ((0.75,), (0.25,))
    assert read("bradley_terry", soft).margin == 1.0
    listed = read("bradley_terry", {"responses": ["2", "3"], "preference": 0.25})
    assert (listed.texts, listed.targets) == (("2", "3"), ((0.25,), (0.75,)))


def test_the_other_rows() -> None:
    ranked = read("ranked", {"responses": ["2", "3", "4"], "scores": [2, 1.5, 1]})
    assert ranked.targets == ((2.0,), (1.5,), (1.0,))
    assert read("regression", {"response": "2", "score": -3}).targets == ((-3.0,),)
    assert read("outcome", {"response": "2", "label": True}).targets == ((1.0,),)
    assert read("classification", {"response": "2", "label": 2}).targets == ((0.0, 0.0, 1.0),)
    soft = read("classification", {"response": "2", "label": [0.5, 0.25, 0.25]})
    assert soft.targets == ((0.5, 0.25, 0.25),)
    steps = read("process", {"steps": ["1+1=2", "so", "2"], "labels": [1, None, 0.5]})
    assert steps.targets == ((1.0,), None, (0.5,))


@pytest.mark.parametrize(
    ("loss", "row", "message"),
    [
        ("bradley_terry", {"chosen": "2"}, "rejected is no text"),
        ("bradley_terry", {"chosen": "2", "rejected": " "}, "rejected is empty"),
        (
            "bradley_terry",
            {"chosen": "2", "rejected": "2"},
            "both answers of the pair are the same",
        ),
        ("bradley_terry", {"responses": ["2", "3"]}, "preference is None, no number"),
        ("bradley_terry", {"responses": ["2"], "preference": 1}, "holds 1 texts, not 2"),
        ("bradley_terry", {"chosen": "2", "rejected": "3", "preference": 2}, "not from 0 to 1"),
        ("bradley_terry", {"chosen": "2", "rejected": "\ud800"}, "not valid Unicode"),
        ("ranked", {"responses": ["2", "3"], "scores": [1]}, "1 scores for 2 responses"),
        ("ranked", {"responses": ["2", "3"], "scores": [1, 1]}, "nothing to rank"),
        ("regression", {"response": "2", "score": True}, "score is True, no number"),
        ("regression", {"response": "2", "score": float("nan")}, "score is nan, no number"),
        ("outcome", {"response": "2", "label": "good"}, "a label is 'good', no number"),
        ("classification", {"response": "2", "label": 3}, "no number from 0 to 2"),
        ("classification", {"response": "2", "label": [0.5, 0.5]}, "no distribution over 3 labels"),
        ("process", {"steps": ["a", "b"], "labels": [1]}, "labels is no list of 2"),
        ("process", {"steps": ["a"], "labels": [None]}, "no step has a label"),
        ("process", {"labels": []}, "steps is no list of texts"),
    ],
)
def test_a_row_that_cannot_be_read_says_why(loss: str, row: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(loss, row)


def test_a_row_without_a_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no prompt"):
        READERS["outcome"]({"response": "2", "label": 1}, 2, 0.0)


def group(*answers: tuple[str, bool | None]) -> Group:
    """Return answers to 7+5=, each right, wrong or, with None, not scorable."""
    task = Task("t", (Message("user", "17+15="),), "32")
    trajectories = []
    for text, correct in answers:
        outcome = Outcome.PASS if correct else Outcome.FAIL
        outcome = Outcome.UNSCORABLE if correct is None else outcome
        verdict = Verdict(float(bool(correct)), bool(correct), outcome)
        turn = Turn("", text, None, verdict.reward, verdict, True, False)
        trajectories.append(
            Trajectory(task, (turn,), (), verdict.reward, StopReason.ANSWERED, seed=0)
        )
    return Group(task, tuple(trajectories))


def build(loss: str, given: Group, **changes: Any) -> list[dict[str, Json]]:
    """Return the rows that are made of a group, without its prompt."""
    settings = RewardModelSettings(loss=loss, **changes)
    rows = BUILDERS[loss](given, distinct(given), settings)
    assert all(row["prompt"] == [{"role": "user", "content": "17+15="}] for row in rows)
    for row in rows:
        READERS[loss](row, 2, 0.0)
    return [{key: row[key] for key in row if key != "prompt"} for row in rows]


ANSWERS = group(
    ("<think>7+5+0=12,1+1+1=3</think>32", True),
    ("<think>7+5+0=13,so,1+1+1=3</think>33", False),
    ("32", True),
    ("32", True),
    ("31", False),
    ("30", None),
    ("29", False),
)


def test_sampled_pairs_are_right_and_wrong_answers_each_used_once() -> None:
    pairs = build("bradley_terry", ANSWERS)
    assert pairs == [
        {
            "chosen": "<think>7+5+0=12,1+1+1=3</think>32",
            "rejected": "<think>7+5+0=13,so,1+1+1=3</think>33",
        },
        {"chosen": "32", "rejected": "31"},
    ]
    assert build("bradley_terry", ANSWERS, pairs_per_problem=1) == pairs[:1]
    assert build("bradley_terry", group(("1", False), ("2", False))) == []


def test_sampled_lists_scores_and_labels() -> None:
    [ranked] = build("ranked", ANSWERS)
    assert ranked["scores"] == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert build("ranked", group(("1", False), ("2", False))) == []
    assert [row["score"] for row in build("regression", ANSWERS)] == ranked["scores"]
    assert [row["label"] for row in build("outcome", ANSWERS)] == [1, 0, 1, 0, 0]
    assert build("classification", ANSWERS) == build("outcome", ANSWERS)


def test_sampled_steps_are_judged_by_their_equations_and_the_last_by_the_verifier() -> None:
    rows = build("process", ANSWERS, boundary="clauses")
    assert rows[:3] == [
        {"steps": ["7+5+0=12,", "1+1+1=3", "32"], "labels": [1, 1, 1]},
        {"steps": ["7+5+0=13,", "so,", "1+1+1=3", "33"], "labels": [0, None, 1, 0]},
        {"steps": ["32"], "labels": [1]},
    ]
