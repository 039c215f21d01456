"""Playlists: songs and videos in an order, to be changed and exported."""

from gym_reason.envs.mobile.apps.files import FILE, add_file, find_file
from gym_reason.envs.mobile.apps.media.music import describe_song
from gym_reason.envs.mobile.apps.media.tables import (
    ENTRY,
    MEDIA,
    PLAYLIST,
    SONG,
    Entry,
    Playlist,
    Song,
    add_entry,
    list_entries,
    remove_entry,
    write_length,
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
    check,
    field,
    heading,
    icon,
    item,
    text,
)
from gym_reason.verifiers.state.world import World

EXPORT_FOLDER = "Download"
"""Where playlists are exported to."""


def write_export(world: World, name: str) -> str:
    """Return the text of an exported playlist: a song or a video a line."""
    lines = []
    for one in list_entries(world, name):
        song, file = _find_item(world, one)
        lines.append(f"{song.artist} - {song.title}" if song else file)
    return "\n".join(lines)


@MEDIA.page("playlists")
def show_playlists(world: World, route: Route, look: Look) -> Page:
    """Return the playlists, with how much is in each."""
    lines = [
        item(str(name), _measure(world, str(name)), go("playlist", name), picture="list")
        for name in world.rows(PLAYLIST)
    ]
    nothing = (text(look.say("No playlists yet")),)
    dialog = None
    if route.dialog == "new":
        dialog = _ask_name(route, look, "New playlist", Event("media.make_playlist"))
    return Page(
        look.say("Playlists"),
        tuple(lines) or nothing,
        fab=icon("add", look.say("New playlist"), Event("media.begin_playlist")),
        dialog=dialog,
    )


def _measure(world: World, name: str) -> str:
    entries = list_entries(world, name)
    songs = [world.find(SONG, one.item) for one in entries if one.kind == "song"]
    return f"{len(entries)} · {write_length(sum(one.seconds for one in songs if one))}"


def _ask_name(route: Route, look: Look, title: str, event: Event) -> Dialog:
    return Dialog(
        look.say(title),
        (field("name", look.say("Name"), route.get("name")),),
        (button(look.say("Cancel"), CLOSE), button(look.say("Save"), event)),
    )


@MEDIA.page("playlist")
def show_playlist(world: World, route: Route, look: Look) -> Page:
    """Return what is in a playlist, in order."""
    name = str(route.key)
    if world.find(PLAYLIST, name) is None:
        return Page("", (text(look.say("This playlist is gone")),))
    lines = [_show_entry(world, one, look) for one in list_entries(world, name)]
    return Page(
        name,
        (
            heading(_measure(world, name)),
            button(look.say("Add songs or videos"), go("add", name)),
            *lines,
        ),
        (icon("menu", look.say("Menu"), ask("menu")),),
        dialog=_show_dialog(name, route, look),
    )


def _show_entry(world: World, one: Entry, look: Look) -> Widget:
    song, file = _find_item(world, one)
    title = f"{one.position}. {song.title if song else file}"
    up = icon("up", look.say("Move up"), Event("media.move_up", one.id), one.position > 1)
    remove = icon("close", look.say("Remove"), Event("media.remove_entry", one.id))
    detail = describe_song(song) if song else look.say("Video")
    picture = "music" if song else "video"
    return item(title, detail, None, None, up, remove, picture=picture)


def _find_item(world: World, one: Entry) -> tuple[Song | None, str]:
    """Return the song of an entry; or None, and the name of its video."""
    if one.kind == "song":
        return world.find(SONG, one.item), "?"
    file = world.find(FILE, one.item)
    return None, file.name if file else "?"


def _show_dialog(name: str, route: Route, look: Look) -> Dialog | None:
    if route.dialog == "rename":
        return _ask_name(route, look, "Rename", Event("media.rename_playlist", name))
    if route.dialog == "delete":
        event = Event("media.delete_playlist", name)
        return confirm("Delete this playlist?", name, "Delete", event, look)
    if route.dialog != "menu":
        return None
    lines = (
        item(look.say("Rename"), "", Event("media.begin_rename", name)),
        item(look.say("Export to Download"), "", Event("media.export", name)),
        item(look.say("Delete"), "", ask("delete")),
    )
    cancel = button(look.say("Cancel"), CLOSE)
    return Dialog("", look.arrange(lines, "media.playlist"), (cancel,))


@MEDIA.page("add")
def show_choices(world: World, route: Route, look: Look) -> Page:
    """Return all songs and videos, those in the playlist ticked."""
    held = {(one.kind, one.item) for one in list_entries(world, route.key)}
    songs = sorted(world.rows(SONG).values(), key=lambda one: (one.title, one.id))
    videos = [one for one in world.rows(FILE).values() if one.kind == "video"]
    lines: list[Widget] = [heading(look.say("Songs"))]
    lines += [
        check(
            one.title,
            ("song", one.id) in held,
            Event("media.toggle", one.id, "song"),
            describe_song(one),
        )
        for one in songs
    ]
    lines.append(heading(look.say("Videos")))
    lines += [
        check(
            one.name,
            ("video", one.id) in held,
            Event("media.toggle", one.id, "video"),
            one.folder,
        )
        for one in sorted(videos, key=lambda one: (one.name, one.id))
    ]
    return Page(str(route.key), tuple(lines))


@MEDIA.on("begin_playlist")
def begin_playlist(phone: Phone, event: Event) -> Phone:
    """Ask for the name of a new playlist."""
    return phone.turn(phone.route.put(name="").open_dialog("new"))


@MEDIA.on("make_playlist")
def make_playlist(phone: Phone, event: Event) -> Phone:
    """Make an empty playlist of the name that was entered, and open it."""
    name = phone.route.get("name").strip()
    fault = _find_fault(phone.world, name)
    if fault:
        return phone.say(fault)
    return phone.write(phone.world.insert(PLAYLIST, Playlist(name))).push("playlist", name)


@MEDIA.on("begin_rename")
def begin_rename(phone: Phone, event: Event) -> Phone:
    """Ask for another name of a playlist."""
    return phone.turn(phone.route.put(name=str(event.key)).open_dialog("rename"))


@MEDIA.on("rename_playlist")
def rename_playlist(phone: Phone, event: Event) -> Phone:
    """Give a playlist the name that was entered."""
    old, name, world = str(event.key), phone.route.get("name").strip(), phone.world
    if name != old:
        fault = _find_fault(world, name)
        if fault:
            return phone.say(fault)
        entries = list_entries(world, old)
        world = world.insert(PLAYLIST, Playlist(name)).delete(PLAYLIST, old)
        for one in entries:
            world = world.update(ENTRY, one.id, playlist=name)
    route = phone.route._replace(key=name).open_dialog("")
    return phone.write(world).turn(route).say("Saved")


@MEDIA.on("delete_playlist")
def delete_playlist(phone: Phone, event: Event) -> Phone:
    """Delete a playlist, and go back to the list."""
    entries = [one.id for one in list_entries(phone.world, event.key)]
    world = phone.world.delete(PLAYLIST, event.key or "").delete(ENTRY, *entries)
    return phone.write(world).pop().say("Deleted")


@MEDIA.on("export")
def export(phone: Phone, event: Event) -> Phone:
    """Write a playlist into a file, in place of an earlier export of the same name."""
    world, name = phone.world, str(event.key)
    content, file_name = write_export(world, name), f"{name}.m3u"
    old = find_file(world, EXPORT_FOLDER, file_name)
    if old is None:
        world = add_file(world, EXPORT_FOLDER, file_name, "text", content)
    else:
        size = len(content.encode())
        world = world.update(FILE, old.id, content=content, size=size, modified=world.now)
    return phone.write(world).turn(phone.route.open_dialog("")).say("Exported")


@MEDIA.on("toggle")
def toggle(phone: Phone, event: Event) -> Phone:
    """Add a song or a video at the end of the open playlist, or take it out again."""
    world, name, item_key = phone.world, str(phone.route.key), int(event.key or 0)
    held = [
        one.id
        for one in list_entries(world, name)
        if (one.kind, one.item) == (event.value, item_key)
    ]
    if held:
        return phone.write(remove_entry(world, held[0]))
    return phone.write(add_entry(world, name, str(event.value), item_key))


@MEDIA.on("remove_entry")
def take_out(phone: Phone, event: Event) -> Phone:
    """Take a song or a video out of a playlist."""
    return phone.write(remove_entry(phone.world, int(event.key or 0)))


@MEDIA.on("move_up")
def move_up(phone: Phone, event: Event) -> Phone:
    """Let an entry of a playlist change places with the one before it."""
    world = phone.world
    one = world.find(ENTRY, event.key)
    if one is None or one.position < 2:
        return phone
    above = list_entries(world, one.playlist)[one.position - 2]
    world = world.update(ENTRY, above.id, position=one.position)
    return phone.write(world.update(ENTRY, one.id, position=above.position))


def _find_fault(world: World, name: str) -> str:
    """Return what is wrong with the name of a new playlist; empty where nothing is."""
    if not name:
        return "A name is needed"
    if "/" in name:
        return "A name has no slash"
    return "There is one of this name" if world.find(PLAYLIST, name) else ""
