"""Small tasks on a device, to audit verifiers of its data without an environment."""

from collections.abc import Iterator
from typing import NamedTuple

from gym_reason.seeding import content_id, derive_rng
from gym_reason.types import Message, Task
from gym_reason.verifiers.audit.cases import Case
from gym_reason.verifiers.state.goals import (
    Answer,
    Deleted,
    Expectation,
    Goal,
    Holds,
    Inserted,
    Logged,
    Updated,
    Want,
)
from gym_reason.verifiers.state.judge import Ending, Screen
from gym_reason.verifiers.state.verifier import write_reference, write_submission
from gym_reason.verifiers.state.world import EMPTY_WORLD, Table, World


class Memo(NamedTuple):
    """A row."""

    id: int
    """Its number."""
    title: str
    """Its name."""
    body: str
    """Its text."""
    done: bool
    """Whether it is ticked."""


MEMO = Table("desk.memo", Memo)
_TITLES = ("Quiet harbour", "Plain garden", "Amber violin", "Brisk market", "Calm river")


def state_cases(seed: int) -> Iterator[Case]:
    """Yield tasks of six kinds with their right ends, drawn with a seed."""
    for number in range(10_000):
        rng = derive_rng(seed, "audit", "state", number)
        world = EMPTY_WORLD.at(1_697_000_000 + number)
        for place in rng.permutation(len(_TITLES)):
            title = f"{_TITLES[int(place)]} {number}"
            world = world.insert(MEMO, Memo(0, title, "I will come.", False))
        key = int(rng.integers(1, len(_TITLES) + 1))
        yield _make_case(number, world, key)


def _make_case(number: int, world: World, key: int) -> Case:
    memo = world.rows(MEMO)[key]
    later = world.at(world.now + 30)
    ended, asked, answer, status = later, "", None, "complete"
    expectations: tuple[Expectation, ...] = ()
    goal: Goal | None = None
    match number % 6:
        case 0:
            asked = f"Write a memo {memo.title} again."
            ended = later.insert(MEMO, Memo(0, memo.title, "", False))
            expectations = (Inserted(MEMO.name, {"title": Want(memo.title, "text")}),)
        case 1:
            asked = f"Delete {memo.title}."
            ended = later.delete(MEMO, key)
            expectations = (Deleted(MEMO.name, (key,)),)
        case 2:
            asked = f"Write into {memo.title} that you will not come."
            ended = later.update(MEMO, key, body="I will not come.")
            expectations = (Updated(MEMO.name, key, {"body": Want("I will not come.", "text")}),)
        case 3:
            asked = f"Send {memo.title}."
            ended = later.record("desk.sent", title=memo.title)
            expectations = (Logged("desk.sent", {"title": Want(memo.title, "text")}),)
        case 4:
            asked, answer = "Which memo is the last?", memo.title
            expectations = (Holds(MEMO.name, key, {"done": Want(False)}),)
            goal = Goal(expectations, answer=Answer((memo.title,)))
        case _:
            asked, status = "Delete the memo of yesterday.", "infeasible"
            goal = Goal(feasible=False)
    goal = Goal(expectations) if goal is None else goal
    reference = write_reference(goal, world)
    task = Task(content_id("audit", asked, reference), (Message("user", asked),), reference)
    return Case(task, (write_submission(Ending(world, ended, Screen(), status, answer)),))
