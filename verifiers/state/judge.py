"""Whether the end of an episode on a device meets a goal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.state.difference import Change, Difference, compare_worlds
from gym_reason.verifiers.state.goals import (
    Allowed,
    Answer,
    Deleted,
    Expectation,
    Goal,
    Holds,
    Inserted,
    Logged,
    Shown,
    Updated,
    Wants,
)
from gym_reason.verifiers.state.readings import READINGS, agrees
from gym_reason.verifiers.state.world import Key, LogEntry, Row, Value, World

FALSE_CLAIM = -0.5
"""Reward of saying that a task is done, or that it cannot be, when that is not so."""

NOTHING = "none"
"""The answer where there is nothing to name."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The page that is open: all that a goal may know of a screen."""

    app: str = ""
    """The app in the foreground; empty on the home screen."""
    page: str = ""
    """The page's name."""
    key: Key | None = None
    """The primary key of what it shows."""
    fields: Mapping[str, Value] = field(default_factory=dict)
    """What was entered and not saved, by field."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an episode ended."""

    before: World
    """The world at the start."""
    after: World
    """The world at the end."""
    screen: Screen
    """The page that is open."""
    status: str = ""
    """What the agent claims: `complete`, `infeasible`, or nothing."""
    answer: str | None = None
    """What the agent answered last; None where it did not."""


def judge(goal: Goal, ending: Ending) -> Verdict:
    """Return the verdict: reward 1 for success, FALSE_CLAIM for a false claim, 0 without a claim.

    Success takes a claim of `complete`, every expectation met by changes of its own, and no change
    that is neither expected nor allowed. An infeasible task takes the claim `infeasible` and a
    device as it was.
    """
    difference = compare_worlds(ending.before, ending.after)
    unmet, damage = _settle(goal, ending, difference)
    parts = {
        "met": 1.0 - len(unmet) / max(1, _count(goal)),
        "damage": float(len(damage)),
    }
    claim = "complete" if goal.feasible else "infeasible"
    correct = not unmet and not damage and ending.status == claim
    if correct:
        return Verdict(1.0, True, Outcome.PASS, parts)
    reasons = [*unmet, *damage]
    if ending.status != claim:
        reasons.append(f"the claim is {ending.status or 'none'!r}, not {claim!r}")
    outcome = Outcome.FAIL if ending.status else Outcome.NO_ANSWER
    reward = FALSE_CLAIM if ending.status else 0.0
    return Verdict(reward, False, outcome, parts, detail="; ".join(reasons))


def measure_progress(goal: Goal, ending: Ending) -> float:
    """Return how near the end is to the goal, from 0 to 1: a potential, for shaping.

    The share of the expectations that are met by changes of their own; 0 where anything else was
    changed, and where nothing is expected of the world. An answer plays no part.
    """
    if not goal.expectations:
        return 0.0
    difference = compare_worlds(ending.before, ending.after)
    matched, unmet = _match(goal.expectations, ending, difference)
    if _find_damage(goal.allowed, difference, matched):
        return 0.0
    return 1.0 - len(unmet) / _slots(goal.expectations)


def _count(goal: Goal) -> int:
    return _slots(goal.expectations) + (goal.answer is not None)


def _slots(expectations: Sequence[Expectation]) -> int:
    return sum(one.count if isinstance(one, Inserted | Logged) else 1 for one in expectations)


def _settle(goal: Goal, ending: Ending, difference: Difference) -> tuple[list[str], list[str]]:
    """Return what is not met, and what was changed besides."""
    matched, unmet = _match(goal.expectations, ending, difference)
    if goal.answer is not None and not _answers(goal.answer, ending.answer):
        unmet.append(f"the answer {ending.answer!r} is not {list(goal.answer.items)}")
    return unmet, _find_damage(goal.allowed, difference, matched)


def _match(
    expectations: Sequence[Expectation], ending: Ending, difference: Difference
) -> tuple[set[int], list[str]]:
    """Give each expectation changes of its own.

    Returns:
        The numbers of the changes that are taken, rows first and then the log; and for each
        expectation that is not met what it is.
    """
    evidence: list[Change | LogEntry] = [*difference.changes, *difference.log]
    wanted: list[tuple[Expectation, list[int]]] = []
    unmet: list[str] = []
    taken: set[int] = set()
    for one in expectations:
        if isinstance(one, Holds | Shown):
            if not _is_so(one, ending):
                unmet.append(f"not met: {one}")
            if isinstance(one, Holds):
                taken |= _used_by(one, evidence)
            continue
        if isinstance(one, Deleted):
            numbers = [number for number in _find_deleted(one, evidence) if number not in taken]
            wanted_count = len(one.keys) - one.left
            if len(numbers) != wanted_count:
                unmet.append(f"{len(numbers)} of {wanted_count} deleted: {one}")
            taken |= set(numbers)
            continue
        fits = [number for number, piece in enumerate(evidence) if _fits(one, piece)]
        count = 1 if isinstance(one, Updated) else one.count
        wanted += [(one, fits)] * count
    owners: dict[int, int] = {}
    for slot, (one, _) in enumerate(wanted):
        if not _assign(slot, wanted, owners, set()):
            unmet.append(f"not met: {one}")
    return taken | owners.keys(), unmet


def _assign(
    slot: int,
    wanted: Sequence[tuple[Expectation, list[int]]],
    owners: dict[int, int],
    tried: set[int],
) -> bool:
    """Find a change for one slot, moving others if that helps (Kuhn's augmenting paths)."""
    for number in wanted[slot][1]:
        if number in tried:
            continue
        tried.add(number)
        if number not in owners or _assign(owners[number], wanted, owners, tried):
            owners[number] = slot
            return True
    return False


def _fits(one: Inserted | Updated | Logged, piece: Change | LogEntry) -> bool:
    if isinstance(one, Logged):
        return (
            isinstance(piece, LogEntry)
            and piece.kind == one.kind
            and _holds(one.wants, dict(piece.values))
        )
    if not isinstance(piece, Change) or piece.table != one.table or piece.after is None:
        return False
    if isinstance(one, Inserted):
        return piece.before is None and _holds(one.wants, _by_name(piece.after))
    changed = {_names(piece.after)[index] for index in piece.fields()}
    return (
        piece.before is not None
        and piece.key == one.key
        and changed <= one.wants.keys()
        and _holds(one.wants, _by_name(piece.after))
    )


def _find_deleted(one: Deleted, evidence: Sequence[Change | LogEntry]) -> list[int]:
    return [
        number
        for number, piece in enumerate(evidence)
        if isinstance(piece, Change)
        and piece.table == one.table
        and piece.after is None
        and piece.key in one.keys
    ]


def _is_so(one: Holds | Shown, ending: Ending) -> bool:
    if isinstance(one, Holds):
        row = ending.after.tables.get(one.table, {}).get(one.key)
        return row is not None and _holds(one.wants, _by_name(row))
    screen = ending.screen
    return (
        screen.app == one.app
        and one.page in ("", screen.page)
        and one.key in (None, screen.key)
        and _holds(one.wants, screen.fields)
    )


def _used_by(one: Holds, evidence: Sequence[Change | LogEntry]) -> set[int]:
    """Return the change of the row that must hold something, where it changed in that alone."""
    return {
        number
        for number, piece in enumerate(evidence)
        if isinstance(piece, Change)
        and (piece.table, piece.key) == (one.table, one.key)
        and piece.before is not None
        and piece.after is not None
        and {_names(piece.after)[index] for index in piece.fields()} <= one.wants.keys()
    }


def _find_damage(
    allowed: Sequence[Allowed], difference: Difference, matched: set[int]
) -> list[str]:
    damage = ["the log was rewritten"] if difference.broken_log else []
    evidence: list[Change | LogEntry] = [*difference.changes, *difference.log]
    for number, piece in enumerate(evidence):
        if number not in matched and not any(_tolerates(one, piece) for one in allowed):
            damage.append(f"changed besides: {piece}")
    return damage


def _tolerates(one: Allowed, piece: Change | LogEntry) -> bool:
    if isinstance(piece, LogEntry):
        return one.table == piece.kind
    if piece.table != one.table or (one.keys and piece.key not in one.keys):
        return False
    if not one.fields:
        return True
    row = piece.after
    if row is None or piece.before is None:
        return False
    return all(_names(row)[index] in one.fields for index in piece.fields())


def _answers(wanted: Answer, answer: str | None) -> bool:
    if answer is None:
        return False
    read = READINGS[wanted.reading]
    if not wanted.items:
        return READINGS["title"](answer) == NOTHING
    # A single thing may hold a comma or a line of its own.
    if len(wanted.items) == 1 and agrees(wanted.reading, wanted.items[0], answer):
        return True
    asked = Counter(read(item) for item in wanted.items)
    if None in asked:
        return False
    # Several are told apart by lines, by semicolons, or by commas; each way takes the whole answer,
    # so that nothing can be named besides.
    lines = answer.split("\n")
    ways = (
        lines,
        answer.replace("\n", ";").split(";"),
        [part for line in lines for part in line.split(",")],
    )
    return any(Counter(read(part) for part in way if part.strip()) == asked for way in ways)


def _holds(wants: Wants, values: Mapping[str, Value]) -> bool:
    return all(
        name in values and agrees(want.reading, want.value, values[name])
        for name, want in wants.items()
    )


def _by_name(row: Row) -> Mapping[str, Value]:
    return dict(zip(_names(row), row, strict=True))


def _names(row: Row) -> tuple[str, ...]:
    return row._fields  # type: ignore[attr-defined, no-any-return]
