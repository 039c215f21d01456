"""The places, markers, tracks and activities that are there anyway."""

from gym_reason.envs.mobile.apps.places.log import CATEGORIES
from gym_reason.envs.mobile.apps.places.tables import (
    ACTIVITY,
    FAVOURITE,
    MARKER,
    PLACE,
    TRACK,
    WAYPOINT,
    Activity,
    Favourite,
    Marker,
    Place,
    Track,
    Waypoint,
)
from gym_reason.envs.mobile.dates import DAY_S, day_at, start_of
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

KINDS = {
    "train": ("park", "museum", "station", "library", "tower", "school"),
    "test": ("bridge", "theatre", "harbour", "square", "lighthouse"),
}
"""What a place is, by split."""


def draw_degrees(values: Values, limit: int) -> float:
    """Return an angle with four decimals."""
    return values.integer(-limit * 10_000, limit * 10_000) / 10_000


def draw_place(values: Values) -> Place:
    """Return a place."""
    kind = values.pick_from(KINDS)
    name = values.new(lambda: f"{values.word('adjective')} {values.word('noun')} {kind}".title())
    return Place(0, name, kind, draw_degrees(values, 80), draw_degrees(values, 170))


def add_place(world: World, values: Values) -> tuple[World, Place]:
    """Return the world with one more place, and the place with its number."""
    place = draw_place(values)
    world = world.insert(PLACE, place)
    return world, place._replace(id=world.last_id(PLACE))


def draw_activity(values: Values, world: World, days_ago: int, category: str = "") -> Activity:
    """Return an activity of a day before today; of any sport if none is given."""
    day = start_of(day_at(world.now)) - days_ago * DAY_S
    return Activity(
        0,
        values.title(),
        category or values.pick(CATEGORIES),
        day + 60 * values.integer(6 * 60, 20 * 60),
        values.integer(12, 150),
        100 * values.integer(12, 240),
        values.integer(0, 900),
    )


def fill_places(world: World, values: Values) -> World:
    """Return the world with places, favourites, markers, a track, and activities of a month."""
    places = []
    for _ in range(values.integer(7, 9)):
        world, place = add_place(world, values)
        places.append(place)
    for place in values.sample(places, 2):
        world = world.insert(FAVOURITE, Favourite(place.id))
    for _ in range(2):
        marker = Marker(0, values.title(), draw_degrees(values, 80), draw_degrees(values, 170))
        world = world.insert(MARKER, marker)
    track = values.title()
    world = world.insert(TRACK, Track(track))
    for number, place in enumerate(values.sample(places, 3), 1):
        world = world.insert(WAYPOINT, Waypoint(0, track, number, place.id))
    for days_ago in sorted(values.sample(range(2, 30), values.integer(6, 8)), reverse=True):
        world = world.insert(ACTIVITY, draw_activity(values, world, days_ago))
    return world
