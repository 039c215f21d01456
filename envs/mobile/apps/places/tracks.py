"""Tracks: ways from place to place."""

from gym_reason.envs.mobile.apps.places.tables import (
    PLACE,
    PLACES,
    TRACK,
    WAYPOINT,
    Track,
    Waypoint,
    list_waypoints,
    show_tabs,
    write_point,
)
from gym_reason.envs.mobile.device_events import CLOSE, ask, go
from gym_reason.envs.mobile.forms import confirm
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    field,
    icon,
    item,
    text,
)
from gym_reason.verifiers.state.world import World


@PLACES.page("tracks")
def show_tracks(world: World, route: Route, look: Look) -> Page:
    """Return the tracks, with how many places are on each."""
    lines = [
        item(str(name), str(len(list_waypoints(world, name))), go("track", name), picture="route")
        for name in world.rows(TRACK)
    ]
    dialog = None
    if route.dialog == "new":
        dialog = Dialog(
            look.say("New track"),
            (field("name", look.say("Name"), route.get("name")),),
            (
                button(look.say("Cancel"), CLOSE),
                button(look.say("Save"), Event("places.make_track")),
            ),
        )
    return Page(
        look.say("Tracks"),
        tuple(lines) or (text(look.say("No tracks yet")),),
        root=True,
        fab=icon("add", look.say("New track"), Event("places.begin_track")),
        tabs=show_tabs("tracks", look),
        dialog=dialog,
    )


@PLACES.page("track")
def show_track(world: World, route: Route, look: Look) -> Page:
    """Return the places on a track, in order."""
    name = str(route.key)
    if world.find(TRACK, name) is None:
        return Page("", (text(look.say("This track is gone")),))
    dialog = None
    if route.dialog == "delete":
        event = Event("places.delete_track", name)
        dialog = confirm("Delete this track?", name, "Delete", event, look)
    lines = tuple(_line(world, one, look) for one in list_waypoints(world, name))
    return Page(
        name,
        (button(look.say("Add a place"), go("waypoint", name)), *lines),
        (icon("delete", look.say("Delete"), ask("delete")),),
        dialog=dialog,
    )


def _line(world: World, one: Waypoint, look: Look) -> Widget:
    place = world.find(PLACE, one.place)
    title = f"{one.position}. {place.name if place else '?'}"
    detail = write_point(place.latitude, place.longitude) if place else ""
    remove = icon("close", look.say("Remove"), Event("places.remove_waypoint", one.id))
    return item(title, detail, None, None, remove, picture="pin")


@PLACES.page("waypoint")
def show_choice(world: World, route: Route, look: Look) -> Page:
    """Return the places, of which one is chosen for the end of a track."""
    wanted = route.get("search").strip().casefold()
    places = [one for one in world.rows(PLACE).values() if wanted in one.name.casefold()]
    lines = (
        item(one.name, one.kind, Event("places.add_waypoint", one.id), picture="pin")
        for one in sorted(places, key=lambda one: (one.name, one.id))
    )
    search = field("search", look.say("Search"), route.get("search"))
    return Page(look.say("Add a place"), (search, *lines))


@PLACES.on("begin_track")
def begin_track(phone: Phone, event: Event) -> Phone:
    """Ask for the name of a new track."""
    return phone.turn(phone.route.put(name="").open_dialog("new"))


@PLACES.on("make_track")
def make_track(phone: Phone, event: Event) -> Phone:
    """Make an empty track of the name that was entered, and open it."""
    name = phone.route.get("name").strip()
    if not name:
        return phone.say("A name is needed")
    if phone.world.find(TRACK, name):
        return phone.say("There is one of this name")
    return phone.write(phone.world.insert(TRACK, Track(name))).push("track", name)


@PLACES.on("delete_track")
def delete_track(phone: Phone, event: Event) -> Phone:
    """Delete a track, and go back to the list."""
    points = [one.id for one in list_waypoints(phone.world, event.key)]
    world = phone.world.delete(TRACK, event.key or "").delete(WAYPOINT, *points)
    return phone.write(world).pop().say("Deleted")


@PLACES.on("add_waypoint")
def add_waypoint(phone: Phone, event: Event) -> Phone:
    """Add a place at the end of the open track."""
    world, track = phone.world, str(phone.route.key)
    position = 1 + len(list_waypoints(world, track))
    point = Waypoint(0, track, position, int(event.key or 0))
    return phone.write(world.insert(WAYPOINT, point)).pop().say("Added")


@PLACES.on("remove_waypoint")
def remove_waypoint(phone: Phone, event: Event) -> Phone:
    """Take a place off its track; those behind it move up."""
    world = phone.world
    gone = world.find(WAYPOINT, event.key)
    if gone is None:
        return phone
    world = world.delete(WAYPOINT, gone.id)
    for number, one in enumerate(list_waypoints(world, gone.track), 1):
        world = world.update(WAYPOINT, one.id, position=number)
    return phone.write(world)
