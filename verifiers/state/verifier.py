"""Judges the end of an episode on a device, given as JSON."""

import json
from functools import lru_cache
from typing import Any, NoReturn

from gym_reason.errors import DataError
from gym_reason.types import Json, Outcome, Task, Verdict
from gym_reason.verifiers.state.goal_json import read_goal, write_goal
from gym_reason.verifiers.state.goals import Deleted, Goal, Want
from gym_reason.verifiers.state.judge import Ending, Screen, judge
from gym_reason.verifiers.state.readings import READINGS
from gym_reason.verifiers.state.world import Table, World, read_world
from gym_reason.verifiers.verdicts import unscorable

MAX_SUBMISSION = 8_000_000
"""Most characters of a submission."""
STATUSES = ("", "complete", "infeasible")


class StateVerifier:
    """Judges by the difference between the device's data before and after.

    The reference is `{"goal": ..., "before": ...}`, of `write_goal` and `World.to_json`; the
    submission is `{"after": ..., "screen": ..., "status": ..., "answer": ...}`, as
    `write_submission` makes it. A reference that cannot be read is `unscorable`, a submission that
    cannot be read is `invalid`.
    """

    name = "state"
    audit_family = ("state",)
    deterministic = True

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the end of an episode, as JSON."""
        try:
            goal, before = read_reference(task.reference)
        except DataError as error:
            return unscorable(f"the reference: {error}")
        try:
            ending = read_submission(submission, before)
        except DataError as error:
            return Verdict(0.0, False, Outcome.INVALID, detail=str(error))
        return judge_safely(goal, ending)

    def verify_ending(self, task: Task, ending: Ending) -> Verdict:
        """Return the verdict on the end of an episode that needs not be written down first."""
        try:
            goal, _ = read_reference(task.reference)
        except DataError as error:
            return unscorable(f"the reference: {error}")
        return judge_safely(goal, ending)


def judge_safely(goal: Goal, ending: Ending) -> Verdict:
    """Return the verdict of `judge`, or `unscorable` where it fails: never a zero for our fault."""
    try:
        return judge(goal, ending)
    except Exception as error:  # Whatever it is, the agent is not to blame for it.
        return unscorable(f"the judge failed: {type(error).__name__}: {error}")


@lru_cache(maxsize=64)
def read_reference(reference: str) -> tuple[Goal, World]:
    """Return the goal and the world at the start. Raises DataError."""
    value = _read_json(reference, "reference")
    if not isinstance(value, dict):
        raise DataError("a reference that is no object", '{"goal": ..., "before": ...}')
    goal = read_goal(value.get("goal"))
    _check_goal(goal)
    return goal, read_world(value.get("before"))


def _check_goal(goal: Goal) -> None:
    """Raise DataError for a goal that nothing could meet."""
    if not goal.expectations and goal.answer is None and goal.feasible:
        raise DataError("a goal without an expectation or an answer", "something to be done")
    if goal.answer is not None:
        read = READINGS[goal.answer.reading]
        if any(read(item) is None for item in goal.answer.items):
            raise DataError(f"an answer that {goal.answer.reading!r} cannot read", "one it can")
    for one in goal.expectations:
        if isinstance(one, Deleted):
            if not 0 <= one.left <= len(set(one.keys)) or len(set(one.keys)) < len(one.keys):
                raise DataError(f"a group of {len(one.keys)} rows to delete", "different rows")
        elif not all(map(_is_readable, one.wants.values())):
            raise DataError(f"a value of {one} that its reading cannot read", "one it can")


def _is_readable(want: Want) -> bool:
    return want.reading == "exact" or READINGS[want.reading](want.value) is not None


def write_reference(goal: Goal, before: World) -> str:
    """Return what `read_reference` reads."""
    return json.dumps({"goal": write_goal(goal), "before": before.to_json()}, ensure_ascii=False)


def write_submission(ending: Ending) -> str:
    """Return the end of an episode as JSON. The world at its start stays in the reference."""
    screen = ending.screen
    shown: Json = {
        "app": screen.app,
        "page": screen.page,
        "key": screen.key,
        "fields": dict(screen.fields),
    }
    parts: Json = {
        "after": ending.after.to_json(),
        "screen": shown,
        "status": ending.status,
        "answer": ending.answer,
    }
    return json.dumps(parts, ensure_ascii=False)


def read_submission(submission: str, before: World) -> Ending:
    """Return the end of an episode of `write_submission`. Raises DataError.

    Tables that were there before must have the fields that they had.
    """
    if len(submission) > MAX_SUBMISSION:
        raise DataError(f"{len(submission)} characters", f"at most {MAX_SUBMISSION}")
    value = _read_json(submission, "submission")
    if not isinstance(value, dict) or value.keys() - {"after", "screen", "status", "answer"}:
        raise DataError("a submission of another form", "after, screen, status and answer")
    known = [
        Table(name, type(next(iter(rows.values())))) for name, rows in before.tables.items() if rows
    ]
    after = read_world(value.get("after"), known)
    if after.now < before.now:
        raise DataError("a clock that went back", "a time after the start")
    status, answer = value.get("status", ""), value.get("answer")
    if not isinstance(status, str) or status not in STATUSES:
        raise DataError(f"the status {str(status)[:40]!r}", "complete, infeasible or nothing")
    if answer is not None and not isinstance(answer, str):
        raise DataError(f"an answer of type {type(answer).__name__}", "a text")
    return Ending(before, after, _read_screen(value.get("screen", {})), status, answer)


def _read_screen(value: Any) -> Screen:
    if isinstance(value, dict) and not value.keys() - {"app", "page", "key", "fields"}:
        screen = Screen(**value)
        named = isinstance(screen.app, str) and isinstance(screen.page, str)
        keyed = screen.key is None or type(screen.key) in (int, str)
        if named and keyed and _are_plain(screen.fields):
            return screen
    raise DataError("a screen of another form", "app, page, key and fields")


def _are_plain(fields: object) -> bool:
    return isinstance(fields, dict) and all(
        value is None or isinstance(value, str | int | float) for value in fields.values()
    )


def _read_json(text: str, what: str) -> object:
    try:
        value: object = json.loads(
            text, object_pairs_hook=_read_pairs, parse_constant=_refuse_constant
        )
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataError(f"a {what} that is no JSON: {str(error)[:80]}", "JSON") from None
    return value


def _read_pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise DataError("an object that names a field twice", "each name once")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise DataError(f"the number {name}", "a finite one")
