"""The dialects by name: how each is read, and written where it is."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gym_reason.envs.mobile.actions import androidworld, brief, native
from gym_reason.envs.mobile.actions.aitw import parse_aitw
from gym_reason.envs.mobile.actions.android_control import parse_android_control
from gym_reason.envs.mobile.actions.mobilegym import parse_mobilegym
from gym_reason.envs.mobile.actions.reading import Shown
from gym_reason.envs.mobile.actions.types import Action
from gym_reason.envs.mobile.actions.ui_tars import parse_ui_tars


class Dialect(NamedTuple):
    """A way to write actions."""

    parse: Callable[[str, Shown], Action]
    """Reads an action. Raises ActionError."""
    rules: str
    """What a policy is told of it."""
    write: Callable[[Action, Shown], str] | None = None
    """Writes an action; None where only models write the dialect. Raises ActionError."""


def _foreign(name: str) -> str:
    return f"Write each action as {name} does; points refer to the screenshot."


DIALECTS: Mapping[str, Dialect] = {
    "native": Dialect(native.parse_native, native.RULES, native.write_native),
    "brief": Dialect(brief.parse_brief, brief.RULES, brief.write_brief),
    "androidworld": Dialect(
        androidworld.parse_androidworld, androidworld.RULES, androidworld.write_androidworld
    ),
    "android_control": Dialect(parse_android_control, _foreign("AndroidControl")),
    "aitw": Dialect(parse_aitw, _foreign("Android in the Wild")),
    "mobilegym": Dialect(parse_mobilegym, _foreign("MobileGym")),
    "ui_tars": Dialect(parse_ui_tars, _foreign("UI-TARS")),
}
"""Every dialect, by name."""
