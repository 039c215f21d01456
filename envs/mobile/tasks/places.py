"""Tasks of places: favourites, markers and tracks are made."""

from gym_reason.envs.mobile.apps.places.tables import (
    FAVOURITE,
    MARKER,
    PLACE,
    TRACK,
    WAYPOINT,
    Favourite,
    Place,
)
from gym_reason.envs.mobile.tasks.fill_places import add_place, draw_degrees
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.places_queries import QUERY_VARIANTS
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Deleted, Expectation, Goal, Inserted, Want
from gym_reason.verifiers.state.world import Value, World

_ADD = (
    "Make {place} a favourite in the places app.",
    "Add {place} to my favourite places.",
    "I want to find {place} again: mark it as a favourite in the places app.",
)
_REMOVE = (
    "{place} should no longer be a favourite in the places app.",
    "Take {place} out of my favourite places.",
    "I do not go to {place} any more. Remove it from the favourites of the places app.",
)
_MARKER = (
    "Set a marker named {name} at latitude {north} and longitude {east} in the places app.",
    "Mark the point {north}, {east} (latitude, longitude) on the map, and call the marker {name}.",
    "I need a map marker called {name}. Its latitude is {north} and its longitude {east}.",
)
_TRACK = (
    "Save a track named {name} in the places app that goes to {places}, in this order.",
    "Make a track called {name} of {places}, one after the other.",
    "In the places app, create the track {name}. Its places are, in order: {places}.",
)


def draw_favourite(values: Values, world: World, twin: bool) -> Draft:
    """Draw a place to be made a favourite, or no longer one; in the twin it is not there."""
    world, place = add_place(world, values)
    adds = values.chance(0.5)
    sentences = _ADD if adds else _REMOVE
    params: dict[str, Value] = {"place": place.name}
    if twin:
        world = world.delete(PLACE, place.id)
        return Draft(world, Goal(feasible=False), sentences, params, lambda hand: None)
    wanted: Expectation = Inserted(FAVOURITE.name, {"id": Want(place.id)})
    if not adds:
        world = world.insert(FAVOURITE, Favourite(place.id))
        wanted = Deleted(FAVOURITE.name, (place.id,))

    def script(hand: Hand) -> None:
        hand.open("places")
        if not adds:
            hand.tap("Favourites")
        hand.tap(place.name, "item")
        hand.tap("Add to favourites" if adds else "Remove from favourites")

    return Draft(world, Goal((wanted,)), sentences, params, script)


def draw_marker(values: Values, world: World, twin: bool) -> Draft:
    """Draw a marker to set; in the twin there is no such latitude."""
    name = values.title()
    latitude, longitude = draw_degrees(values, 80), draw_degrees(values, 170)
    if twin:
        latitude += 90 if latitude > 0 else -90
        # A latitude near the equator becomes one just beyond a pole.
        latitude = round(latitude + (1 if latitude > 0 else -1), 4)
    north, east = f"{latitude:.4f}", f"{longitude:.4f}"
    params: dict[str, Value] = {"name": name, "north": north, "east": east}
    if twin:
        return Draft(world, Goal(feasible=False), _MARKER, params, lambda hand: None)

    def script(hand: Hand) -> None:
        hand.open("places")
        hand.tap("Markers")
        hand.tap("New marker")
        hand.type("Name", name)
        hand.type("Latitude", north)
        hand.type("Longitude", east)
        hand.tap("Save")

    wants = {
        "name": Want(name, "text"),
        "latitude": Want(latitude, "number"),
        "longitude": Want(longitude, "number"),
    }
    return Draft(world, Goal((Inserted(MARKER.name, wants),)), _MARKER, params, script)


def draw_track(values: Values, world: World, twin: bool) -> Draft:
    """Draw a track to save; in the twin one of its places is not there."""
    places: list[Place] = []
    for _ in range(values.integer(2, 4)):
        world, place = add_place(world, values)
        places.append(place)
    places = values.sample(places, len(places))
    name = values.title()
    joined = ", ".join(place.name for place in places)
    params: dict[str, Value] = {"name": name, "places": joined}
    if twin:
        world = world.delete(PLACE, values.pick(places).id)
        return Draft(world, Goal(feasible=False), _TRACK, params, lambda hand: None)
    points = (
        Inserted(
            WAYPOINT.name,
            {
                "track": Want(name, "text"),
                "position": Want(position),
                "place": Want(place.id),
            },
        )
        for position, place in enumerate(places, 1)
    )
    goal = Goal((Inserted(TRACK.name, {"id": Want(name, "text")}), *points))

    def script(hand: Hand) -> None:
        hand.open("places")
        hand.tap("Tracks")
        hand.tap("New track")
        hand.type("Name", name)
        hand.tap("Save")
        for place in places:
            hand.tap("Add a place")
            hand.tap(place.name, "item")

    return Draft(world, goal, _TRACK, params, script)


PLACES_TEMPLATES: tuple[Template, ...] = (
    Template(
        "places.save",
        ("places",),
        (
            Variant("favourite", draw_favourite, ("OsmAndFavorite",), True, 1),
            Variant("marker", draw_marker, ("OsmAndMarker",), True, 2),
            Variant("track", draw_track, ("OsmAndTrack",), True, 3),
        ),
    ),
    Template("places.activity_query", ("places",), QUERY_VARIANTS),
)
