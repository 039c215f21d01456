"""The tables that belong to the device and to no app."""

from typing import Any, NamedTuple

from gym_reason.verifiers.state.world import Key, Table, World


class Clip(NamedTuple):
    """What was copied last."""

    id: str
    """Always `clip`."""
    text: str
    """The text."""


class Notice(NamedTuple):
    """A notification in the shade."""

    id: int
    """Its number."""
    app: str
    """Who sent it."""
    title: str
    """Its first line."""
    text: str
    """Its second line."""
    page: str
    """The app's page that a tap opens."""
    key: Key | None
    """What that page shows."""


class Grant(NamedTuple):
    """What was answered when an app asked for a permission."""

    id: str
    """The app and the permission: `media:camera`."""
    granted: bool
    """Whether it was allowed."""


class Setting(NamedTuple):
    """A setting of the device."""

    id: str
    """Its name: `wifi`, `brightness`."""
    value: str | int | bool
    """`True` for on, a level from 0 to 100, or a choice."""


class Due(NamedTuple):
    """Something that happens by itself when its time comes: a timer ends, a message comes."""

    id: int
    """Its number."""
    at: int
    """When, on the world's clock."""
    event: str
    """The event that is handled then; its app need not be open."""
    key: Key | None
    """What the event is about."""
    value: str
    """What else it needs."""


CLIP = Table("system.clip", Clip)
NOTICE = Table("system.notice", Notice)
GRANT = Table("system.grant", Grant)
SETTING = Table("system.setting", Setting)
DUE = Table("system.due", Due)

SYSTEM_TABLES: tuple[Table[Any], ...] = (CLIP, NOTICE, GRANT, SETTING, DUE)


def read_clip(world: World) -> str:
    """Return the text that was copied last; empty where there is none."""
    clip = world.find(CLIP, "clip")
    return clip.text if clip else ""


def write_clip(world: World, text: str) -> World:
    """Return the world with a text copied."""
    if world.find(CLIP, "clip") is None:
        return world.insert(CLIP, Clip("clip", text))
    return world.update(CLIP, "clip", text=text)


def notify(
    world: World, app: str, title: str, text: str, page: str = "main", key: Key | None = None
) -> World:
    """Return the world with one more notification."""
    return world.insert(NOTICE, Notice(0, app, title, text, page, key))
