"""What tasks in the settings have in common: what is expected of them, and how they are reached."""

from gym_reason.envs.mobile.apps.settings import LINES, SECTIONS, Level
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.verifiers.state.goals import Holds, Updated, Want

TABLE = "system.setting"
SECTION_OF = {line.id: name for name, one in SECTIONS.items() for line in one.lines}
"""The page that a setting is on."""


def is_now(name: str, value: Level) -> Updated:
    """Return the expectation that a setting was changed to a value."""
    return Updated(TABLE, name, {"value": Want(value)})


def holds(name: str, value: Level) -> Holds:
    """Return the expectation that a setting is at a value in the end."""
    return Holds(TABLE, name, {"value": Want(value)})


def open_section(hand: Hand, name: str) -> None:
    """Open the page that a setting is on, in settings that were not open yet."""
    hand.open("settings")
    hand.tap(SECTIONS[SECTION_OF[name]].label, "item")


def turn(hand: Hand, name: str) -> None:
    """Touch a switch on the open page."""
    hand.tap(LINES[name].label, "switch")


def say_state(on: bool) -> str:
    """Return `on` or `off`."""
    return "on" if on else "off"
