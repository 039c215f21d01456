"""The verifier: references and submissions as JSON, ours and hostile ones."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import DataError
from gym_reason.types import Message, Outcome, Task
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.state import StateVerifier, write_reference, write_submission
from gym_reason.verifiers.state.goals import (
    Allowed,
    Answer,
    Deleted,
    Goal,
    Inserted,
    Updated,
    Want,
)
from gym_reason.verifiers.state.verifier import judge_safely, read_reference, read_submission
from tests.verifiers.state.desk import MEMO, Memo, end, make_desk

BEFORE = make_desk()
AFTER = BEFORE.insert(MEMO, Memo(0, "Milk"))
GOAL = Goal((Inserted(MEMO.name, {"title": Want("Milk", "text")}),), answer=Answer(("Tea",)))
VERIFIER = StateVerifier()


def make_task(goal: Goal = GOAL) -> Task:
    """Return the task of a goal."""
    return Task("desk", (Message("user", "Do it."),), write_reference(goal, BEFORE))


RIGHT = write_submission(end(BEFORE, AFTER, answer="Tea"))


def change(**parts: Any) -> str:
    """Return the right submission with other parts."""
    return json.dumps({**json.loads(RIGHT), **parts})


def test_it_is_registered_and_passes_the_right_end() -> None:
    verifier = make_verifier("state")
    verdict = verifier.verify(make_task(), RIGHT)
    assert (verdict.reward, verdict.outcome) == (1.0, Outcome.PASS)
    assert verdict.parts == {"met": 1.0, "damage": 0.0}


def test_an_ending_is_judged_like_its_text() -> None:
    for status in ("", "complete", "infeasible"):
        ending = end(BEFORE, AFTER, status, "Tea")
        text = VERIFIER.verify(make_task(), write_submission(ending))
        assert VERIFIER.verify_ending(make_task(), ending) == text


def test_no_reason_is_shown_to_the_agent() -> None:
    verdict = VERIFIER.verify(make_task(), change(answer="Rent"))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.feedback == ""
    assert "Tea" in verdict.detail


@pytest.mark.parametrize(
    "submission",
    [
        "",
        "null",
        "[]",
        RIGHT[:-1],
        RIGHT + RIGHT,
        RIGHT.replace("{", '{"status": "complete", ', 1),
        "[" * 200_000,
        "9" * 5_000,
        change(more=1),
        change(status="done"),
        change(status=None),
        change(status=["complete"]),
        change(answer=5),
        change(after=None),
        change(after={"tables": {}, "now": -1}),
        change(screen=[]),
        change(screen={"app": 1}),
        change(screen={"key": True}),
        change(screen={"key": 1.5}),
        change(screen={"more": 1}),
        change(screen={"fields": {"a": []}}),
        change(screen={"fields": None}),
        RIGHT.replace('"now": 1697000060', '"now": NaN'),
        RIGHT.replace('"done"', '"modified2"'),
    ],
)
def test_what_cannot_be_read_is_invalid(submission: str) -> None:
    verdict = VERIFIER.verify(make_task(), submission)
    assert (verdict.reward, verdict.outcome) == (0.0, Outcome.INVALID)


def test_fields_cannot_be_renamed_to_make_a_change_look_allowed() -> None:
    goal = Goal(GOAL.expectations, (Allowed(MEMO.name, ("modified",)),))
    after = AFTER.update(MEMO, 1, body="Other.")
    text = write_submission(end(BEFORE, after))
    for old, new in (("body", "other"), ("modified", "body"), ("other", "modified")):
        text = text.replace(f'"{old}"', f'"{new}"')
    assert VERIFIER.verify(make_task(goal), text).outcome is Outcome.INVALID


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "{}",
        '{"goal": {}, "before": {"tables": {}}}',
        '{"goal": {"feasible": false}, "before": {}}',
        '{"goal": {"feasible": false}}',
        '{"goal": {"expectations": [{"is": "bought"}]}, "before": {"tables": {}}}',
        '{"goal": {"answer": {"items": ["a"], "reading": "sound"}}, "before": {"tables": {}}}',
        write_reference(Goal(answer=Answer(("",))), BEFORE),
        write_reference(Goal(answer=Answer(("four",), "number")), BEFORE),
        write_reference(Goal((Deleted(MEMO.name, (1,), left=2),)), BEFORE),
        write_reference(Goal((Deleted(MEMO.name, (1, 1)),)), BEFORE),
        write_reference(Goal((Updated(MEMO.name, 1, {"title": Want(None, "text")}),)), BEFORE),
    ],
)
def test_a_reference_that_cannot_be_read_is_not_the_agents_fault(reference: str) -> None:
    task = Task("desk", (), reference)
    assert VERIFIER.verify(task, RIGHT).outcome is Outcome.UNSCORABLE
    assert VERIFIER.verify_ending(task, end(BEFORE, AFTER)).outcome is Outcome.UNSCORABLE


class Broken:
    """An expectation that no judge knows."""


def test_a_judge_that_fails_is_not_the_agents_fault() -> None:
    goal = Goal((Broken(),))  # type: ignore[arg-type]
    verdict = judge_safely(goal, end(BEFORE, AFTER))
    assert verdict.outcome is Outcome.UNSCORABLE
    assert verdict.reward == 0.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text() | JSON.map(json.dumps))
def test_nothing_raises(submission: str) -> None:
    verdict = VERIFIER.verify(make_task(), submission)
    assert verdict.outcome is Outcome.INVALID


@given(st.dictionaries(st.sampled_from(["after", "screen", "status", "answer"]), JSON))
def test_parts_of_another_form_never_raise_and_never_pass(parts: dict[str, Any]) -> None:
    verdict = VERIFIER.verify(make_task(), change(**parts))
    assert verdict.outcome is not Outcome.UNSCORABLE
    # The goal does not ask what is shown.
    right = json.loads(RIGHT)
    changed = any(right[name] != part for name, part in parts.items() if name != "screen")
    assert not (verdict.correct and changed)


def test_what_is_written_is_read() -> None:
    goal, before = read_reference(make_task().reference)
    assert goal == GOAL
    assert before.to_json() == BEFORE.to_json()
    ending = read_submission(RIGHT, before)
    assert ending.after.to_json() == AFTER.at(AFTER.now + 60).to_json()
    with pytest.raises(DataError):
        read_submission(RIGHT.replace("complete", "perhaps"), before)
