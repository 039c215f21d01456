"""What the places app keeps, and what its pages share."""

import re
from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import Event, Widget, icon
from gym_reason.verifiers.state.world import Key, Table, World


class Place(NamedTuple):
    """A place on the map."""

    id: int
    """Its number."""
    name: str
    """Its name."""
    kind: str
    """What it is: `park`, `museum`."""
    latitude: float
    """Degrees north of the equator, with four decimals."""
    longitude: float
    """Degrees east of Greenwich, with four decimals."""


class Favourite(NamedTuple):
    """A place that is marked as a favourite."""

    id: int
    """The number of the place."""


class Marker(NamedTuple):
    """A point on the map that somebody marked."""

    id: int
    """Its number."""
    name: str
    """Its name."""
    latitude: float
    """Degrees north of the equator, with four decimals."""
    longitude: float
    """Degrees east of Greenwich, with four decimals."""


class Track(NamedTuple):
    """A way from place to place."""

    id: str
    """Its name."""


class Waypoint(NamedTuple):
    """A place on a track."""

    id: int
    """Its number."""
    track: str
    """The name of the track."""
    position: int
    """Its place on it, from 1 on, without gaps."""
    place: int
    """The number of the place."""


class Activity(NamedTuple):
    """A sport that was done."""

    id: int
    """Its number."""
    name: str
    """What it was called."""
    category: str
    """Its sport, in small letters: `cycling`."""
    start: int
    """When it began, on the world's clock."""
    minutes: int
    """How long it was."""
    metres: int
    """How far it went."""
    climb: int
    """How many metres it went up."""


PLACE = Table("places.place", Place)
FAVOURITE = Table("places.favourite", Favourite)
MARKER = Table("places.marker", Marker)
TRACK = Table("places.track", Track)
WAYPOINT = Table("places.waypoint", Waypoint)
ACTIVITY = Table("places.activity", Activity)
PLACES = App("places", "Places", "map", (PLACE, FAVOURITE, MARKER, TRACK, WAYPOINT, ACTIVITY))

TABS = (
    ("Map", "main", "map"),
    ("Favourites", "favourites", "star"),
    ("Markers", "markers", "pin"),
    ("Tracks", "tracks", "route"),
    ("Activities", "activities", "run"),
)
"""The parts of the app: label, name and picture."""


def write_point(latitude: float, longitude: float) -> str:
    """Return a point as it is shown: `47.1660, 9.5554`."""
    return f"{latitude:.4f}, {longitude:.4f}"


def read_degrees(words: str, limit: int) -> float | None:
    """Return an angle with four decimals; None for what is none within the limit."""
    if not re.fullmatch(r"\s*[+-]?[0-9]{1,3}(\.[0-9]{1,12})?\s*", words, re.A):
        return None
    degrees = round(float(words), 4) + 0.0
    return degrees if abs(degrees) <= limit else None


def list_waypoints(world: World, track: Key | None) -> list[Waypoint]:
    """Return the places on a track, in order."""
    rows = [one for one in world.rows(WAYPOINT).values() if one.track == track]
    return sorted(rows, key=lambda one: one.position)


def show_tabs(page: str, look: Look) -> tuple[Widget, ...]:
    """Return the ways to the parts of the app, of which one is open."""
    return tuple(
        icon(picture, look.say(label), Event("places.tab", name))._replace(value=name == page)
        for label, name, picture in TABS
    )


@PLACES.on("tab")
def open_tab(phone: Phone, event: Event) -> Phone:
    """Open a part of the app."""
    return phone._replace(stack=(Route(PLACES.name, str(event.key)),))
