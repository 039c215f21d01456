"""The judge: expectations met by changes of their own, damage, claims, answers."""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.types import Outcome
from gym_reason.verifiers.state.goals import (
    Allowed,
    Answer,
    Deleted,
    Goal,
    Holds,
    Inserted,
    Logged,
    Shown,
    Updated,
    Want,
)
from gym_reason.verifiers.state.judge import FALSE_CLAIM, Screen, judge, measure_progress
from gym_reason.verifiers.state.world import World
from tests.verifiers.state.desk import FOLDER, INFEASIBLE, MEMO, Folder, Memo, end, make_desk

BEFORE = make_desk()
NEW = Goal((Inserted(MEMO.name, {"title": Want("Milk", "text")}),))


def add(world: World, title: str = "Milk", body: str = "") -> World:
    """Return a world with one more memo."""
    return world.insert(MEMO, Memo(0, title, body))


def test_what_was_asked_for_passes_only_with_the_claim() -> None:
    after = add(BEFORE)
    assert judge(NEW, end(BEFORE, after)).reward == 1.0
    silent = judge(NEW, end(BEFORE, after, status=""))
    assert (silent.reward, silent.outcome) == (0.0, Outcome.NO_ANSWER)
    false = judge(NEW, end(BEFORE, after, status="infeasible"))
    assert (false.reward, false.outcome) == (FALSE_CLAIM, Outcome.FAIL)


@pytest.mark.parametrize(
    "damage",
    [
        lambda world: add(world),
        lambda world: add(world, "Eggs"),
        lambda world: world.delete(MEMO, 2),
        lambda world: world.update(MEMO, 2, body="Other."),
        lambda world: world.update(MEMO, 2, done=True),
        lambda world: world.insert(FOLDER, Folder("Work")),
        lambda world: world.update(FOLDER, "Home", colour="red"),
        lambda world: world.record("desk.sent", to="Ada"),
        lambda world: world.delete(MEMO, 1).insert(MEMO, BEFORE.rows(MEMO)[1]._replace(id=0)),
    ],
)
def test_anything_besides_fails(damage: Callable[[World], World]) -> None:
    verdict = judge(NEW, end(BEFORE, damage(add(BEFORE))))
    assert verdict.reward == FALSE_CLAIM
    assert verdict.parts["damage"] >= 1


def test_what_is_allowed_is_no_damage_and_no_more_than_that() -> None:
    goal = Goal(NEW.expectations, (Allowed(MEMO.name, ("modified",), (2,)), Allowed("desk.seen")))
    after = add(BEFORE).update(MEMO, 2, modified=5).record("desk.seen")
    assert judge(goal, end(BEFORE, after)).correct
    assert not judge(goal, end(BEFORE, after.update(MEMO, 3, modified=5))).correct
    assert not judge(goal, end(BEFORE, after.update(MEMO, 2, modified=5, body="x"))).correct
    assert not judge(goal, end(BEFORE, after.delete(MEMO, 2))).correct
    assert not judge(goal, end(BEFORE, after.record("desk.sent"))).correct


def test_an_update_is_of_the_fields_named_and_no_other() -> None:
    goal = Goal((Updated(MEMO.name, 1, {"body": Want("New.", "text")}),))
    assert judge(goal, end(BEFORE, BEFORE.update(MEMO, 1, body="New."))).correct
    assert not judge(goal, end(BEFORE, BEFORE.update(MEMO, 2, body="New."))).correct
    assert not judge(goal, end(BEFORE, BEFORE.update(MEMO, 1, body="New.", done=True))).correct
    made = BEFORE.delete(MEMO, 1).insert(MEMO, Memo(0, "Tea", "New."))
    assert not judge(goal, end(BEFORE, made)).correct


def test_a_group_is_deleted_but_for_as_many_as_are_left() -> None:
    goal = Goal((Deleted(MEMO.name, (1, 2, 3), left=1),))
    for keys in itertools.combinations((1, 2, 3), 2):
        assert judge(goal, end(BEFORE, BEFORE.delete(MEMO, *keys))).correct
    assert not judge(goal, end(BEFORE, BEFORE.delete(MEMO, 1))).correct
    assert not judge(goal, end(BEFORE, BEFORE.delete(MEMO, 1, 2, 3))).correct


def test_two_groups_do_not_count_one_deletion_twice() -> None:
    goal = Goal((Deleted(MEMO.name, (1, 2), left=1), Deleted(MEMO.name, (1, 3), left=1)))
    assert not judge(goal, end(BEFORE, BEFORE.delete(MEMO, 1))).correct


def test_an_event_is_wanted_as_often_as_it_says_whatever_was_undone_since() -> None:
    goal = Goal((Logged("desk.sent", {"to": Want("Ada", "text")}),))
    sent = BEFORE.record("desk.sent", to="Ada")
    assert judge(goal, end(BEFORE, sent)).correct
    assert not judge(goal, end(BEFORE, sent.record("desk.sent", to="Ada"))).correct
    assert not judge(goal, end(BEFORE, sent.record("desk.sent", to="Ben"))).correct
    twice = Goal((Logged("desk.sent", {}, count=2),))
    assert judge(twice, end(BEFORE, sent.record("desk.sent", to="Ben"))).correct


def test_what_is_shown_counts_with_its_page_and_fields() -> None:
    goal = Goal((Shown("desk", "edit", 0, {"title": Want("Milk", "text")}),))
    right = Screen("desk", "edit", 0, {"title": "Milk", "body": ""})
    assert judge(goal, end(BEFORE, BEFORE, screen=right)).correct
    for wrong in (
        Screen(),
        Screen("desk", "main", 0, {"title": "Milk"}),
        Screen("desk", "edit", 1, {"title": "Milk"}),
        Screen("desk", "edit", 0, {}),
        Screen("other", "edit", 0, {"title": "Milk"}),
    ):
        assert not judge(goal, end(BEFORE, BEFORE, screen=wrong)).correct


def test_an_infeasible_task_takes_the_word_and_an_untouched_device() -> None:
    assert judge(INFEASIBLE, end(BEFORE, BEFORE, "infeasible")).correct
    assert judge(INFEASIBLE, end(BEFORE, BEFORE)).reward == FALSE_CLAIM
    assert not judge(INFEASIBLE, end(BEFORE, add(BEFORE), "infeasible")).correct


@given(st.permutations(["ab", "a", "b", "c"]), st.permutations([0, 1, 2, 3]))
def test_expectations_that_overlap_are_matched_whatever_their_order(
    titles: list[str], order: list[int]
) -> None:
    """One that takes any row must leave the only row that another can take."""
    wants = [{"title": Want("ab", "text")}, {"title": Want("a", "text")}, {}, {}]
    goal = Goal(tuple(Inserted(MEMO.name, wants[place]) for place in order))
    after = BEFORE
    for title in titles:
        after = add(after, title)
    assert judge(goal, end(BEFORE, after)).correct
    assert not judge(goal, end(BEFORE, add(after))).correct
    without = next(key for key, row in after.rows(MEMO).items() if row.title == "ab")
    assert not judge(goal, end(BEFORE, add(after.delete(MEMO, without)))).correct


@pytest.mark.parametrize(
    ("items", "answer", "right"),
    [
        (("Tea",), "tea.", True),
        (("Tea",), "Tea, Rent, Piano", False),
        (("Tea",), "Tea\nRent", False),
        (("Tea",), "Tea, Tea", False),
        (("Tea",), "", False),
        (("Tea",), ",", False),
        (("Tea",), None, False),
        (("Tea",), "It is Tea", False),
        (("Tea, with milk",), "tea, with milk", True),
        (("Tea", "Rent"), "Rent, Tea", True),
        (("Tea", "Rent"), "Tea\nRent\n", True),
        (("Tea", "Rent"), "Tea; Rent", True),
        (("Tea", "Rent"), "Tea", False),
        (("Tea", "Rent"), "Tea, Rent, Piano", False),
        (("Tea", "Rent"), "Tea, Rent, Tea", False),
        (("Tea", "Tea"), "Tea, Tea", True),
        (("Tea", "Tea"), "Tea", False),
        (("Tea, hot", "Rent"), "Rent\nTea, hot", True),
        (("Tea, hot", "Rent"), "Tea, hot; Rent", True),
        (("Tea, hot", "Rent"), "Tea, hot, Rent", False),
        ((), "None", True),
        ((), "", False),
        ((), None, False),
        ((), "none, Tea", False),
    ],
)
def test_answers(items: tuple[str, ...], answer: str | None, right: bool) -> None:
    goal = Goal(answer=Answer(items))
    assert judge(goal, end(BEFORE, BEFORE, answer=answer)).correct is right


def test_an_answer_does_not_excuse_damage() -> None:
    goal = Goal(answer=Answer(("Tea",)))
    assert not judge(goal, end(BEFORE, add(BEFORE), answer="Tea")).correct


def test_progress_is_the_share_that_is_met_and_nothing_with_damage() -> None:
    goal = Goal(
        (
            Inserted(MEMO.name, {"title": Want("Milk", "text")}, count=2),
            Deleted(MEMO.name, (1,)),
            Holds(MEMO.name, 2, {"done": Want(False)}),
        )
    )
    steps = [BEFORE, add(BEFORE), add(add(BEFORE)), add(add(BEFORE)).delete(MEMO, 1)]
    assert [measure_progress(goal, end(BEFORE, one)) for one in steps] == [0.25, 0.5, 0.75, 1.0]
    assert measure_progress(goal, end(BEFORE, add(BEFORE, "Eggs"))) == 0.0
    assert measure_progress(INFEASIBLE, end(BEFORE, BEFORE)) == 0.0
