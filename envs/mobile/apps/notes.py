"""Notes: text files in folders, plain notes and to-dos."""

from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.dates import day_at, write_time
from gym_reason.envs.mobile.device_events import BACK, CLOSE, ask, copy, go, put
from gym_reason.envs.mobile.forms import delete_row, search_field, search_icon
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
    radio,
    text,
)
from gym_reason.verifiers.state.world import Table, World


class Folder(NamedTuple):
    """A folder of notes; notes without one lie at the top."""

    id: str
    """Its name."""


class Note(NamedTuple):
    """A note."""

    id: int
    """Its number."""
    title: str
    """Its name, with an extension where the user gave one."""
    body: str
    """Its text."""
    folder: str
    """The folder that it lies in; empty at the top."""
    todo: bool
    """Whether it is a to-do."""
    modified: int
    """When it was last saved, on the world's clock."""


FOLDER = Table("notes.folder", Folder)
NOTE = Table("notes.note", Note)
NOTES = App("notes", "Notes", "note", (FOLDER, NOTE))


@NOTES.page("main")
def show_notes(world: World, route: Route, look: Look) -> Page:
    """Return the folders and the notes of one folder, the newest first."""
    here = str(route.key or "")
    wanted = route.get("search").casefold()
    notes = [
        note
        for note in world.rows(NOTE).values()
        if (wanted in note.title.casefold() if wanted else note.folder == here)
    ]
    notes.sort(key=lambda note: (-note.modified, -note.id))
    folders = () if here or wanted else tuple(world.rows(FOLDER).values())
    lines = search_field(route, look)
    lines += [item(one.id, "", go("main", one.id), picture="folder") for one in folders]
    lines += [_line(note) for note in notes]
    if not lines:
        lines = [text(look.say("Nothing here yet"))]
    dialog = None
    if route.dialog == "new":
        dialog = Dialog(
            "",
            (
                item(look.say("New note"), "", Event("notes.begin", "note")),
                item(look.say("New folder"), "", Event("notes.begin", "folder")),
            ),
        )
    elif route.dialog == "folder":
        dialog = Dialog(
            look.say("New folder"),
            (field("name", look.say("Name"), route.get("name")),),
            (
                button(look.say("Cancel"), CLOSE),
                button(look.say("Create"), Event("notes.make_folder")),
            ),
        )
    return Page(
        here or look.say(NOTES.label),
        tuple(lines),
        (search_icon(route, look),),
        root=not here,
        fab=icon("add", look.say("Add"), ask("new")),
        dialog=dialog,
    )


def _line(note: Note) -> Widget:
    first = note.body.strip().partition("\n")[0][:40]
    picture = "task" if note.todo else "note"
    return item(note.title, first, go("note", note.id), picture=picture)


@NOTES.page("note")
def show_note(world: World, route: Route, look: Look) -> Page:
    """Return a note to read."""
    note = world.find(NOTE, route.key)
    if note is None:
        return Page("", (text(look.say("This note is gone")),))
    dialog = None
    if route.dialog == "menu":
        dialog = _show_menu(note, look)
    elif route.dialog == "move":
        places = ["", *world.rows(FOLDER)]
        dialog = Dialog(
            look.say("Move to"),
            tuple(
                radio(
                    str(place) or look.say("No folder"),
                    note.folder == place,
                    Event("notes.move", note.id, place),
                )
                for place in places
            ),
            (button(look.say("Cancel"), CLOSE),),
        )
    elif route.dialog == "delete":
        dialog = Dialog(
            look.say("Delete this note?"),
            (text(note.title),),
            (
                button(look.say("Cancel"), CLOSE),
                button(look.say("Delete"), Event("notes.delete", note.id)),
            ),
        )
    return Page(
        note.title,
        (heading(_describe(note, look)), text(note.body, hold=copy(note.body))),
        (
            icon("edit", look.say("Edit"), Event("notes.edit", note.id)),
            icon("menu", look.say("Menu"), ask("menu")),
        ),
        dialog=dialog,
    )


def _describe(note: Note, look: Look) -> str:
    """Return when a note was changed last, and what it is."""
    moment = f"{day_at(note.modified).isoformat()} {write_time(note.modified)}"
    return f"{moment} · {look.say('To-do' if note.todo else 'Plain note')}"


def _show_menu(note: Note, look: Look) -> Dialog:
    lines = (
        item(look.say("Share by message"), "", Event("notes.share", note.id)),
        item(look.say("Copy text"), "", copy(note.body)),
        item(look.say("Move to folder"), "", ask("move")),
        item(look.say("Delete"), "", ask("delete")),
    )
    return Dialog("", look.arrange(lines, "notes.menu"))


@NOTES.page("edit")
def show_editor(world: World, route: Route, look: Look) -> Page:
    """Return a note to write; a new one has the number 0."""
    return Page(
        look.say("Edit note") if route.key else look.say("New note"),
        (
            field("title", look.say("Title"), route.get("title")),
            field("body", look.say("Text"), route.get("body"), lines=10),
            check(
                look.say("This is a to-do"),
                route.value("todo") is True,
                put("todo", route.value("todo") is not True),
            ),
            button(look.say("Cancel"), BACK),
        ),
        (icon("save", look.say("Save"), Event("notes.save")),),
    )


@NOTES.on("begin")
def begin(phone: Phone, event: Event) -> Phone:
    """Open an empty note, or ask for the name of a folder."""
    route = phone.route
    if event.key == "folder":
        return phone.turn(route.put(name="").open_dialog("folder"))
    return phone.push("edit", 0, title="", body="", todo=False, folder=str(route.key or ""))


@NOTES.on("make_folder")
def make_folder(phone: Phone, event: Event) -> Phone:
    """Make a folder of the name that was entered."""
    name = phone.route.get("name").strip()
    if not name:
        return phone.say("A name is needed")
    if phone.world.find(FOLDER, name):
        return phone.say("There is one of this name")
    world = phone.world.insert(FOLDER, Folder(name))
    return phone.write(world).turn(phone.route.open_dialog("")).say("Saved")


@NOTES.on("edit")
def edit(phone: Phone, event: Event) -> Phone:
    """Open a note to be changed."""
    note = phone.world.find(NOTE, event.key)
    if note is None:
        return phone
    return phone.push(
        "edit", note.id, title=note.title, body=note.body, todo=note.todo, folder=note.folder
    )


@NOTES.on("save")
def save(phone: Phone, event: Event) -> Phone:
    """Write the note that is open, and go back."""
    route, world = phone.route, phone.world
    title, body = route.get("title").strip(), route.get("body")
    if not title:
        return phone.say("A title is needed")
    todo = route.value("todo") is True
    if route.key:
        world = world.update(NOTE, route.key, title=title, body=body, todo=todo, modified=world.now)
    else:
        note = Note(0, title, body, route.get("folder"), todo, world.now)
        world = world.insert(NOTE, note)
    return phone.write(world).pop().say("Saved")


@NOTES.on("move")
def move(phone: Phone, event: Event) -> Phone:
    """Put a note into a folder."""
    world = phone.world.update(NOTE, event.key or 0, folder=str(event.value or ""))
    return phone.write(world).turn(phone.route.open_dialog(""))


NOTES.on("delete")(delete_row(NOTE))


@NOTES.on("share")
def share(phone: Phone, event: Event) -> Phone:
    """Begin a message with the text of a note."""
    note = phone.world.find(NOTE, event.key)
    if note is None:
        return phone
    phone = phone.turn(phone.route.open_dialog(""))
    draft = (("text", note.body), ("to", ""))
    return phone.open("messages", Route("messages"), Route("messages", "new", None, draft))
