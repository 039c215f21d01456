"""Files: folders and the files in them, with what is in each."""

from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps.browser_tables import load, write_local_address
from gym_reason.envs.mobile.dates import day_at, write_time
from gym_reason.envs.mobile.device_events import CLOSE, ask, copy, go, put
from gym_reason.envs.mobile.drawing import show_strokes
from gym_reason.envs.mobile.forms import confirm, search_field, search_icon
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    field,
    heading,
    icon,
    image,
    item,
    text,
)
from gym_reason.verifiers.state.world import Key, Table, World


class Folder(NamedTuple):
    """A folder that somebody made; STANDARD_FOLDERS are always there."""

    id: str
    """Its path: `Documents/Letters`."""


class File(NamedTuple):
    """A file."""

    id: int
    """Its number."""
    folder: str
    """The path of the folder that it lies in."""
    name: str
    """Its name with the extension."""
    size: int
    """Its size, in bytes."""
    kind: str
    """`text`, `html`, `image`, `drawing`, `video`, `audio` or `other`."""
    content: str
    """Its text; the text in a picture; a video's frames, one a line; a drawing's strokes."""
    modified: int
    """When it was last written, on the world's clock."""


STANDARD_FOLDERS = ("DCIM", "Documents", "Download", "Movies", "Music", "Pictures", "Recordings")
PICTURES_OF_KINDS = {"image": "photo", "drawing": "photo", "video": "video", "audio": "music"}
"""The picture beside a file, by kind; any other gets that of a file."""
PREVIEW_CHARACTERS = 2_000
"""Most characters of a text that are shown."""

FOLDER = Table("files.folder", Folder)
FILE = Table("files.file", File)
FILES = App("files", "Files", "folder", (FOLDER, FILE))


def list_folders(world: World, here: str) -> list[str]:
    """Return the paths of the folders that lie in a folder; empty for the top."""
    paths = [*STANDARD_FOLDERS, *map(str, world.rows(FOLDER))]
    return sorted(path for path in paths if path.rpartition("/")[0] == here)


def find_file(world: World, folder: str, name: str) -> File | None:
    """Return the file of a name in a folder; None where there is none."""
    rows = world.rows(FILE).values()
    return next((one for one in rows if (one.folder, one.name) == (folder, name)), None)


def free_name(world: World, folder: str, name: str) -> str:
    """Return a name that no file of a folder has: the given one, or one with a number."""
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if stem else (name, "")
    number, found = 0, name
    while find_file(world, folder, found):
        number += 1
        found = f"{stem} ({number}){ending}"
    return found


def add_file(
    world: World, folder: str, name: str, kind: str, content: str, size: int | None = None
) -> World:
    """Return the world with a new file, written now. Its size is that of its text if none is given.

    A name that is taken gets a number.
    """
    length = len(content.encode()) if size is None else size
    name = free_name(world, folder, name)
    return world.insert(FILE, File(0, folder, name, length, kind, content, world.now))


def write_size(size: int) -> str:
    """Return a size in bytes as it is shown: `12 KB`."""
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size} {unit}"
        size = round(size / 1000)
    return f"{size} GB"


def write_moment(seconds: int) -> str:
    """Return a moment as it is shown: `2026-05-04 14:30`."""
    return f"{day_at(seconds).isoformat()} {write_time(seconds)}"


@FILES.page("main")
def show_folder(world: World, route: Route, look: Look) -> Page:
    """Return the folders and files in a folder, by name; or the files that a search finds."""
    here = str(route.key or "")
    wanted = route.get("search").strip().casefold()
    lines = search_field(route, look)
    if not wanted:
        lines += [
            item(path.rpartition("/")[2], "", go("main", path), picture="folder")
            for path in list_folders(world, here)
        ]
    files = [
        one
        for one in world.rows(FILE).values()
        if (wanted in one.name.casefold() if wanted else one.folder == here)
    ]
    lines += [
        _line(one, one.folder if wanted else "") for one in sorted(files, key=lambda one: one.name)
    ]
    if not lines:
        lines = [text(look.say("This folder is empty"))]
    dialog = _show_dialog(world, route, look)
    if route.dialog == "folder":
        dialog = _ask_name(route, look, "New folder", "Create", Event("files.make_folder"))
    return Page(
        here.rpartition("/")[2] or look.say(FILES.label),
        tuple(lines),
        (search_icon(route, look),),
        root=not here,
        fab=icon("add", look.say("New folder"), Event("files.begin_folder")),
        dialog=dialog,
    )


def _line(one: File, folder: str) -> Widget:
    about = [folder, write_size(one.size), day_at(one.modified).isoformat()]
    picture = PICTURES_OF_KINDS.get(one.kind, "file")
    detail = " · ".join(filter(None, about))
    return item(one.name, detail, Event("files.open", one.id), ask("menu", one.id), picture=picture)


@FILES.page("file")
def show_file(world: World, route: Route, look: Look) -> Page:
    """Return what is in a file, as far as it can be shown."""
    one = world.find(FILE, route.key)
    if one is None:
        return Page("", (text(look.say("This file is gone")),))
    about = f"{one.folder} · {write_size(one.size)} · {write_moment(one.modified)}"
    shown: Widget
    if one.kind == "drawing":
        shown = show_strokes(one.name, one.content)
    elif one.kind == "image":
        shown = image("photo", one.name, 18, one.content)
    elif one.kind in ("text", "html"):
        words = one.content[:PREVIEW_CHARACTERS]
        shown = text(words, hold=copy(words))
    else:
        shown = text(look.say("There is no preview of this file"))
    return Page(
        one.name,
        (heading(about), shown),
        (icon("menu", look.say("Menu"), ask("menu", one.id)),),
        dialog=_show_dialog(world, route, look),
    )


def _show_dialog(world: World, route: Route, look: Look) -> Dialog | None:
    """Return the open dialog, where it is one about a file."""
    one = world.find(FILE, route.subject) if isinstance(route.subject, int) else None
    if one is None:
        return None
    if route.dialog == "menu":
        lines = (
            item(look.say("Rename"), "", Event("files.begin_rename", one.id)),
            item(look.say("Move to"), "", Event("files.pick", one.id, "move")),
            item(look.say("Copy to"), "", Event("files.pick", one.id, "copy")),
            item(look.say("Delete"), "", ask("delete", one.id)),
        )
        cancel = button(look.say("Cancel"), CLOSE)
        return Dialog(one.name, look.arrange(lines, "files.menu"), (cancel,))
    if route.dialog == "rename":
        return _ask_name(route, look, "Rename", "Save", Event("files.rename", one.id))
    if route.dialog == "delete":
        event = Event("files.delete", one.id)
        return confirm("Delete this file?", one.name, "Delete", event, look)
    if route.dialog == "open":
        ways = (
            item(look.say("Browser"), "", Event("files.browse", one.id), picture="globe"),
            item(look.say("Text"), "", Event("files.read", one.id), picture="file"),
        )
        cancel = button(look.say("Cancel"), CLOSE)
        return Dialog(look.say("Open with"), look.arrange(ways, "files.open"), (cancel,))
    return None


def _ask_name(route: Route, look: Look, title: str, label: str, event: Event) -> Dialog:
    return Dialog(
        look.say(title),
        (field("name", look.say("Name"), route.get("name")),),
        (button(look.say("Cancel"), CLOSE), button(look.say(label), event)),
    )


@FILES.page("pick")
def show_picker(world: World, route: Route, look: Look) -> Page:
    """Return the folders among which one is chosen for a file to be moved or copied to."""
    here, moves = route.get("here"), route.get("mode") == "move"
    lines: list[Widget] = []
    if here:
        up = here.rpartition("/")[0]
        lines.append(item(look.say("Up one folder"), "", put("here", up), picture="folder"))
    lines += [
        item(path.rpartition("/")[2], "", put("here", path), picture="folder")
        for path in list_folders(world, here)
    ]
    done = Event("files.place", route.key)
    label = look.say("Move here" if moves else "Copy here")
    return Page(
        here or look.say("Move to" if moves else "Copy to"),
        (button(label, done, enabled=bool(here)), *lines),
    )


@FILES.on("open")
def open_file(phone: Phone, event: Event) -> Phone:
    """Show a file, or ask what to open it with."""
    one = phone.world.find(FILE, event.key)
    if one is None:
        return phone
    if one.kind == "html":
        return phone.turn(phone.route.open_dialog("open", one.id))
    return phone.push("file", one.id)


@FILES.on("read")
def read(phone: Phone, event: Event) -> Phone:
    """Show a file as text."""
    return phone.push("file", event.key)


@FILES.on("browse")
def browse(phone: Phone, event: Event) -> Phone:
    """Open a page from a file in the browser."""
    one = phone.world.find(FILE, event.key)
    if one is None:
        return phone
    phone = phone.turn(phone.route.open_dialog(""))
    return load(phone.open("browser", Route("browser")), write_local_address(one.folder, one.name))


@FILES.on("begin_folder")
def begin_folder(phone: Phone, event: Event) -> Phone:
    """Ask for the name of a new folder."""
    return phone.turn(phone.route.put(name="").open_dialog("folder"))


@FILES.on("make_folder")
def make_folder(phone: Phone, event: Event) -> Phone:
    """Make a folder of the name that was entered, in the one that is open."""
    route, world = phone.route, phone.world
    name, here = route.get("name").strip(), str(route.key or "")
    fault = _find_fault(name)
    if fault:
        return phone.say(fault)
    path = f"{here}/{name}" if here else name
    if path in list_folders(world, here):
        return phone.say("There is one of this name")
    return phone.write(world.insert(FOLDER, Folder(path))).turn(route.open_dialog("")).say("Saved")


@FILES.on("begin_rename")
def begin_rename(phone: Phone, event: Event) -> Phone:
    """Ask for another name of a file."""
    one = phone.world.find(FILE, event.key)
    if one is None:
        return phone
    return phone.turn(phone.route.put(name=one.name).open_dialog("rename", one.id))


@FILES.on("rename")
def rename(phone: Phone, event: Event) -> Phone:
    """Give a file the name that was entered."""
    one, name = phone.world.find(FILE, event.key), phone.route.get("name").strip()
    if one is None:
        return phone
    fault = _find_fault(name)
    if fault:
        return phone.say(fault)
    if name != one.name and find_file(phone.world, one.folder, name):
        return phone.say("There is one of this name")
    world = phone.world.update(FILE, one.id, name=name)
    return phone.write(world).turn(phone.route.open_dialog("")).say("Saved")


@FILES.on("pick")
def pick(phone: Phone, event: Event) -> Phone:
    """Choose a folder for a file, to move it or to copy it as the event says."""
    return phone.push("pick", event.key, mode=event.value, here="")


@FILES.on("place")
def place(phone: Phone, event: Event) -> Phone:
    """Move or copy a file into the folder that was chosen."""
    route, world = phone.route, phone.world
    one, here = world.find(FILE, event.key), route.get("here")
    if one is None or not here:
        return phone
    if route.get("mode") == "copy":
        world = add_file(world, here, one.name, one.kind, one.content, one.size)
        return phone.write(world).pop().say("Copied")
    if here != one.folder and find_file(world, here, one.name):
        return phone.say("There is one of this name")
    return phone.write(world.update(FILE, one.id, folder=here)).pop().say("Moved")


@FILES.on("delete")
def delete(phone: Phone, event: Event) -> Phone:
    """Delete a file, and close its page."""
    phone = phone.write(phone.world.delete(FILE, event.key or 0))
    phone = phone.turn(phone.route.open_dialog(""))
    return (phone.pop() if phone.route.page == "file" else phone).say("Deleted")


def open_picker(phone: Phone, key: Key | None, mode: str) -> Phone:
    """Return the device where this app asks for a folder to move or copy a file to."""
    fields = (("here", ""), ("mode", mode))
    return phone.open("files", Route("files"), Route("files", "pick", key, fields))


def _find_fault(name: str) -> str:
    """Return what is wrong with the name of a file or folder; empty where nothing is."""
    if not name:
        return "A name is needed"
    return "A name has no slash" if "/" in name else ""
