"""The places that are known, favourites among them, and markers that the user set."""

from gym_reason.envs.mobile.apps.places.tables import (
    FAVOURITE,
    MARKER,
    PLACE,
    PLACES,
    Favourite,
    Marker,
    Place,
    read_degrees,
    show_tabs,
    write_point,
)
from gym_reason.envs.mobile.device_events import BACK, ask, go
from gym_reason.envs.mobile.forms import confirm, search_field, search_icon
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Event,
    Page,
    Widget,
    button,
    field,
    icon,
    image,
    item,
    text,
)
from gym_reason.verifiers.state.world import World


@PLACES.page("main")
def show_map(world: World, route: Route, look: Look) -> Page:
    """Return the places by name, or those that a search finds."""
    wanted = route.get("search").strip().casefold()
    places = [one for one in world.rows(PLACE).values() if wanted in one.name.casefold()]
    lines: list[Widget] = [
        _line(one) for one in sorted(places, key=lambda one: (one.name, one.id))
    ] or [text(look.say("No places"))]
    lines = search_field(route, look) + lines
    return Page(
        look.say(PLACES.label),
        tuple(lines),
        (search_icon(route, look),),
        root=True,
        tabs=show_tabs("main", look),
    )


def _line(one: Place) -> Widget:
    detail = f"{one.kind} · {write_point(one.latitude, one.longitude)}"
    return item(one.name, detail, go("place", one.id), picture="pin")


@PLACES.page("favourites")
def show_favourites(world: World, route: Route, look: Look) -> Page:
    """Return the places that are favourites."""
    places = (world.find(PLACE, key) for key in world.rows(FAVOURITE))
    lines = tuple(_line(one) for one in places if one is not None)
    return Page(
        look.say("Favourites"),
        lines or (text(look.say("No favourites yet")),),
        root=True,
        tabs=show_tabs("favourites", look),
    )


@PLACES.page("place")
def show_place(world: World, route: Route, look: Look) -> Page:
    """Return a place, with a star that makes it a favourite."""
    one = world.find(PLACE, route.key)
    if one is None:
        return Page("", (text(look.say("This place is gone")),))
    kept = world.find(FAVOURITE, one.id) is not None
    star = icon(
        "star" if kept else "star_border",
        look.say("Remove from favourites" if kept else "Add to favourites"),
        Event("places.favourite", one.id),
    )
    point = write_point(one.latitude, one.longitude)
    return Page(
        one.name,
        (
            image("map", one.name, 12, point),
            text(one.kind),
            text(point),
            button(look.say("Set a marker here"), Event("places.mark_place", one.id)),
        ),
        (star,),
    )


@PLACES.page("markers")
def show_markers(world: World, route: Route, look: Look) -> Page:
    """Return the markers, the newest first."""
    lines = [
        item(
            one.name,
            write_point(one.latitude, one.longitude),
            None,
            None,
            icon("delete", look.say("Delete"), ask("delete", one.id)),
            picture="pin",
        )
        for one in list(world.rows(MARKER).values())[::-1]
    ]
    dialog = None
    doomed = world.find(MARKER, route.subject) if isinstance(route.subject, int) else None
    if doomed is not None and route.dialog == "delete":
        event = Event("places.delete_marker", doomed.id)
        dialog = confirm("Delete this marker?", doomed.name, "Delete", event, look)
    return Page(
        look.say("Markers"),
        tuple(lines) or (text(look.say("No markers yet")),),
        root=True,
        fab=icon("add", look.say("New marker"), go("marker", 0)),
        tabs=show_tabs("markers", look),
        dialog=dialog,
    )


@PLACES.page("marker")
def show_marker_form(world: World, route: Route, look: Look) -> Page:
    """Return the form of a new marker."""
    return Page(
        look.say("New marker"),
        (
            field("name", look.say("Name"), route.get("name")),
            field("latitude", look.say("Latitude"), route.get("latitude")),
            field("longitude", look.say("Longitude"), route.get("longitude")),
            button(look.say("Cancel"), BACK),
        ),
        (icon("save", look.say("Save"), Event("places.save_marker")),),
    )


@PLACES.on("favourite")
def toggle_favourite(phone: Phone, event: Event) -> Phone:
    """Make a place a favourite, or no longer one."""
    world, key = phone.world, int(event.key or 0)
    if world.find(FAVOURITE, key) is not None:
        return phone.write(world.delete(FAVOURITE, key)).say("Removed")
    return phone.write(world.insert(FAVOURITE, Favourite(key))).say("Added")


@PLACES.on("mark_place")
def mark_place(phone: Phone, event: Event) -> Phone:
    """Open the form of a new marker, with the name and the point of a place."""
    one = phone.world.find(PLACE, event.key)
    if one is None:
        return phone
    north, east = f"{one.latitude:.4f}", f"{one.longitude:.4f}"
    return phone.push("marker", 0, name=one.name, latitude=north, longitude=east)


@PLACES.on("save_marker")
def save_marker(phone: Phone, event: Event) -> Phone:
    """Set the marker that was entered."""
    route, world = phone.route, phone.world
    name = route.get("name").strip()
    latitude = read_degrees(route.get("latitude"), 90)
    longitude = read_degrees(route.get("longitude"), 180)
    if not name:
        return phone.say("A name is needed")
    if latitude is None or longitude is None:
        return phone.say("Two numbers of degrees are needed")
    return (
        phone.write(world.insert(MARKER, Marker(0, name, latitude, longitude))).pop().say("Saved")
    )


@PLACES.on("delete_marker")
def delete_marker(phone: Phone, event: Event) -> Phone:
    """Delete a marker."""
    phone = phone.write(phone.world.delete(MARKER, event.key or 0))
    return phone.turn(phone.route.open_dialog("")).say("Deleted")
