"""A little world to try goals on: memos in folders, and a log."""

from typing import NamedTuple

from gym_reason.verifiers.state.goals import Goal
from gym_reason.verifiers.state.judge import Ending, Screen
from gym_reason.verifiers.state.world import EMPTY_WORLD, Table, World


class Memo(NamedTuple):
    """A row with a number."""

    id: int
    title: str
    body: str = ""
    done: bool = False
    modified: int = 0


class Folder(NamedTuple):
    """A row with a name."""

    id: str
    colour: str = ""


MEMO = Table("desk.memo", Memo)
FOLDER = Table("desk.folder", Folder)
START = 1_697_000_000


def make_desk(*titles: str) -> World:
    """Return a world with a folder, and a memo of each title."""
    world = EMPTY_WORLD.at(START).insert(FOLDER, Folder("Home"))
    for title in titles or ("Tea", "Rent", "Piano"):
        world = world.insert(MEMO, Memo(0, title, f"About {title}."))
    return world


def end(
    before: World,
    after: World,
    status: str = "complete",
    answer: str | None = None,
    screen: Screen = Screen(),  # noqa: B008
) -> Ending:
    """Return the end of an episode that took a minute."""
    return Ending(before, after.at(START + 60), screen, status, answer)


INFEASIBLE = Goal(feasible=False)
