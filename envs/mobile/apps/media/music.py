"""The music library and the playing queue."""

from gym_reason.envs.mobile.apps.media.tables import (
    MEDIA,
    PLAYLIST,
    QUEUED,
    SONG,
    Song,
    add_entry,
    enqueue,
    list_entries,
    list_queue,
    remove_queued,
    write_length,
)
from gym_reason.envs.mobile.device_events import CLOSE, ask, go
from gym_reason.envs.mobile.forms import search_field, search_icon
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    icon,
    item,
    text,
)
from gym_reason.verifiers.state.world import World


def describe_song(song: Song) -> str:
    """Return who plays a song, and how long it is."""
    return f"{song.artist} · {write_length(song.seconds)}"


@MEDIA.page("songs")
def show_songs(world: World, route: Route, look: Look) -> Page:
    """Return the songs by title, or those that a search finds."""
    wanted = route.get("search").strip().casefold()
    songs = [
        one for one in world.rows(SONG).values() if wanted in f"{one.title} {one.artist}".casefold()
    ]
    lines: list[Widget] = [
        item(
            one.title,
            describe_song(one),
            go("song", one.id),
            ask("menu", one.id),
            picture="music",
        )
        for one in sorted(songs, key=lambda one: (one.title, one.id))
    ] or [text(look.say("No songs"))]
    lines = search_field(route, look) + lines
    dialog = None
    one = world.find(SONG, route.subject) if isinstance(route.subject, int) else None
    if one is not None and route.dialog == "menu":
        choices = (
            item(look.say("Add to playing queue"), "", Event("media.enqueue", one.id)),
            item(look.say("Add to playlist"), "", go("choose", one.id)),
        )
        cancel = button(look.say("Cancel"), CLOSE)
        dialog = Dialog(one.title, look.arrange(choices, "media.song"), (cancel,))
    return Page(
        look.say("Songs"),
        tuple(lines),
        (search_icon(route, look),),
        dialog=dialog,
    )


@MEDIA.page("song")
def show_song(world: World, route: Route, look: Look) -> Page:
    """Return a song, and where it can be added."""
    one = world.find(SONG, route.key)
    if one is None:
        return Page("", (text(look.say("This song is gone")),))
    return Page(
        one.title,
        (
            text(describe_song(one)),
            button(look.say("Add to playing queue"), Event("media.enqueue", one.id)),
            button(look.say("Add to playlist"), go("choose", one.id)),
        ),
    )


@MEDIA.page("choose")
def show_choice(world: World, route: Route, look: Look) -> Page:
    """Return the playlists, of which one is chosen for a song."""
    lines = [
        item(str(name), "", Event("media.add_song", route.key, str(name)), picture="list")
        for name in world.rows(PLAYLIST)
    ]
    nothing = (text(look.say("No playlists yet")),)
    return Page(look.say("Add to playlist"), tuple(lines) or nothing)


@MEDIA.page("queue")
def show_queue(world: World, route: Route, look: Look) -> Page:
    """Return the songs that are going to be played, in order."""
    lines: list[Widget] = []
    for one in list_queue(world):
        song = world.find(SONG, one.song)
        if song is not None:
            remove = icon("close", look.say("Remove"), Event("media.unqueue", one.id))
            title = f"{one.position}. {song.title}"
            lines.append(item(title, describe_song(song), None, None, remove, picture="music"))
    clear = icon("delete", look.say("Clear queue"), Event("media.clear_queue"), bool(lines))
    nothing = (text(look.say("The queue is empty")),)
    return Page(look.say("Playing queue"), tuple(lines) or nothing, (clear,))


@MEDIA.on("enqueue")
def put_in_queue(phone: Phone, event: Event) -> Phone:
    """Add a song at the end of the queue."""
    song = phone.world.find(SONG, event.key)
    if song is None:
        return phone
    phone = phone.write(enqueue(phone.world, song.id))
    return phone.turn(phone.route.open_dialog("")).say("Added")


@MEDIA.on("unqueue")
def take_from_queue(phone: Phone, event: Event) -> Phone:
    """Take a song out of the queue."""
    return phone.write(remove_queued(phone.world, int(event.key or 0)))


@MEDIA.on("clear_queue")
def clear_queue(phone: Phone, event: Event) -> Phone:
    """Take every song out of the queue."""
    return phone.write(phone.world.delete(QUEUED, *phone.world.rows(QUEUED)))


@MEDIA.on("add_song")
def add_song(phone: Phone, event: Event) -> Phone:
    """Add a song at the end of the playlist that was chosen."""
    world, name = phone.world, str(event.value)
    song = world.find(SONG, event.key)
    if song is None:
        return phone
    entries = list_entries(world, name)
    if any((one.kind, one.item) == ("song", song.id) for one in entries):
        return phone.say("It is in this playlist already")
    return phone.write(add_entry(world, name, "song", song.id)).pop().say("Added")
