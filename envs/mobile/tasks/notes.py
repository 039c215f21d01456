"""Tasks of notes: written, changed, moved and merged; and all templates of notes."""

from gym_reason.envs.mobile.apps.notes import FOLDER, NOTE, Note
from gym_reason.envs.mobile.system.tables import CLIP, write_clip
from gym_reason.envs.mobile.tasks.fill_notes import (
    add_folder,
    add_note,
    draw_note,
    draw_note_title,
    draw_subject,
    draw_text,
)
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.notes_deletion import DELETION_VARIANTS
from gym_reason.envs.mobile.tasks.notes_reading import (
    QUERY_VARIANTS,
    SHARE_VARIANTS,
    TRANSCRIBE_VARIANTS,
)
from gym_reason.envs.mobile.tasks.notes_steps import (
    choose_in_menu,
    edit_note,
    open_folder,
    open_note,
    want_note,
    write_note,
)
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Allowed, Goal, Holds, Inserted, Updated, Want
from gym_reason.verifiers.state.world import Value, World

_CREATE = (
    'Write a new {kind} named {title} with this text: "{text}"',
    'Make a {kind} in the notes app. Its title is {title} and its text is "{text}"',
    'In the notes app I need a {kind} called {title} that says "{text}"',
)
_CREATE_IN_FOLDER = (
    'Write a new {kind} named {title} into the folder {folder} of the notes app: "{text}"',
    'In the folder {folder} of my notes, make a {kind} called {title} with the text "{text}"',
    'Add a {kind} to the notes folder {folder}. Title: {title}. Text: "{text}"',
)
_CREATE_FROM_CLIP = (
    "Make a new note named {title} of what I copied last.",
    "Paste the text that is on the clipboard into a new note called {title} and save it.",
    "Save what is on the clipboard as a note with the title {title}.",
)
_HEADER = (
    "Add this text {where} of the note {title}, with one empty line between it and the rest: "
    '"{text}"',
    'In the note {title}, write "{text}" {where}, and leave a blank line between that and what was '
    "there before.",
    'The note {title} needs one more paragraph {where}, set off by an empty line: "{text}"',
)
_LINE = (
    'Add one more line {where} of the note {title}: "{text}"',
    'In the note {title}, put a new line {where} that says "{text}" and keep the rest as it is.',
    'Write "{text}" as a line of its own {where} of the note {title}.',
)
_REPLACE = (
    'Replace the whole text of the note {title} with "{text}"',
    'The note {title} shall say just this from now on: "{text}"',
    'Change what is in the note {title}: delete the old text and write "{text}"',
)
_RENAME = (
    "Give the note {title} the new title {new}.",
    "The note {title} should be called {new} from now on. Leave its text alone.",
    "Rename the note {title} to {new}.",
)
_WHERE = {"top": "at the top", "end": "at the end"}


def draw_creation(values: Values, world: World, twin: bool) -> Draft:
    """Draw a note or a to-do to write."""
    title, body, todo = draw_note_title(values), values.sentence(), values.chance(0.5)
    params: dict[str, Value] = {"title": title, "text": body, "kind": "to-do" if todo else "note"}
    goal = Goal((Inserted(NOTE.name, want_note(title, body, todo=todo)),))

    def script(hand: Hand) -> None:
        hand.open("notes")
        write_note(hand, title, body, todo)

    return Draft(world, goal, _CREATE, params, script)


def draw_creation_in_folder(values: Values, world: World, twin: bool) -> Draft:
    """Draw a note or a to-do to write in a folder."""
    world, folder = add_folder(world, values)
    title, body, todo = draw_note_title(values), values.sentence(), values.chance(0.5)
    kind = "to-do" if todo else "note"
    params: dict[str, Value] = {"title": title, "text": body, "kind": kind, "folder": folder}
    goal = Goal((Inserted(NOTE.name, want_note(title, body, todo=todo, folder=folder)),))

    def script(hand: Hand) -> None:
        open_folder(hand, folder)
        write_note(hand, title, body, todo)

    return Draft(world, goal, _CREATE_IN_FOLDER, params, script)


def draw_creation_from_clip(values: Values, world: World, twin: bool) -> Draft:
    """Draw a note to make of what was copied; in the twin nothing was."""
    title, body = draw_note_title(values), values.sentence()
    params: dict[str, Value] = {"title": title}
    if twin:
        world = world.delete(CLIP, "clip")
        return Draft(world, Goal(feasible=False), _CREATE_FROM_CLIP, params, lambda hand: None)
    world = write_clip(world, body)
    goal = Goal((Inserted(NOTE.name, want_note(title, body)),))

    def script(hand: Hand) -> None:
        hand.open("notes")
        hand.tap("Add")
        hand.tap("New note")
        hand.type("Title", title)
        hand.hold("Text", "field")
        hand.tap("Paste")
        hand.tap("Save")

    return Draft(world, goal, _CREATE_FROM_CLIP, params, script)


def _draft_edit(
    values: Values,
    world: World,
    twin: bool,
    sentences: tuple[str, ...],
    change: str,
) -> Draft:
    """Return the task to change the text of a note, as `change` says; twins name one not there."""
    world, note = draw_subject(values, world)
    words, at_top = values.sentence(), values.chance(0.5)
    params: dict[str, Value] = {
        "title": note.title,
        "text": words,
        "where": _WHERE["top" if at_top else "end"],
    }
    if twin:
        world = world.delete(NOTE, note.id)
        return Draft(world, Goal(feasible=False), sentences, params, lambda hand: None)
    body = words
    if change != "replace":
        gap = "\n\n" if change == "paragraph" else "\n"
        body = gap.join((words, note.body) if at_top else (note.body, words))
    goal = Goal(
        (Holds(NOTE.name, note.id, want_note(note.title, body)),),
        (Allowed(NOTE.name, ("body", "modified"), (note.id,)),),
    )
    return Draft(world, goal, sentences, params, lambda hand: edit_note(hand, note, body=body))


def draw_paragraph(values: Values, world: World, twin: bool) -> Draft:
    """Draw a paragraph to add to a note, at its top or its end."""
    return _draft_edit(values, world, twin, _HEADER, "paragraph")


def draw_line(values: Values, world: World, twin: bool) -> Draft:
    """Draw a line to add to a note, at its top or its end."""
    return _draft_edit(values, world, twin, _LINE, "line")


def draw_replacement(values: Values, world: World, twin: bool) -> Draft:
    """Draw another text for a note."""
    return _draft_edit(values, world, twin, _REPLACE, "replace")


def draw_new_title(values: Values, world: World, twin: bool) -> Draft:
    """Draw another title for a note; in the twin there is no such note."""
    world, note = draw_subject(values, world)
    new = draw_note_title(values)
    params: dict[str, Value] = {"title": note.title, "new": new}
    if twin:
        world = world.delete(NOTE, note.id)
        return Draft(world, Goal(feasible=False), _RENAME, params, lambda hand: None)
    goal = Goal(
        (Holds(NOTE.name, note.id, {"title": Want(new, "text")}),),
        (Allowed(NOTE.name, ("title", "modified"), (note.id,)),),
    )
    return Draft(world, goal, _RENAME, params, lambda hand: edit_note(hand, note, title=new))


_NEW_FOLDER = (
    "Make a folder named {folder} in the notes app.",
    "I need a new folder for notes. Call it {folder}.",
    "Add the folder {folder} to my notes.",
)
_MOVE = (
    "Move the note {title} from the folder {source} to the folder {folder}.",
    "The note {title} in the folder {source} belongs in {folder}. Put it there.",
    "In the notes app, take {title} out of the folder {source} and put it into {folder}.",
)


def draw_new_folder(values: Values, world: World, twin: bool) -> Draft:
    """Draw a folder to make."""
    name = values.title()

    def script(hand: Hand) -> None:
        hand.open("notes")
        hand.tap("Add")
        hand.tap("New folder")
        hand.type("Name", name)
        hand.tap("Create")

    goal = Goal((Inserted(FOLDER.name, {"id": Want(name, "text")}),))
    return Draft(world, goal, _NEW_FOLDER, {"folder": name}, script)


def draw_move(values: Values, world: World, twin: bool) -> Draft:
    """Draw a note to move, with one of its title elsewhere; in the twin it is not in its folder."""
    world, source = add_folder(world, values)
    world, target = add_folder(world, values)
    world, note = add_note(world, draw_note(values, world, source))
    world = add_note(world, draw_note(values, world, source))[0]
    params: dict[str, Value] = {"title": note.title, "source": source, "folder": target}
    if twin:
        world = world.delete(NOTE, note.id)
        return Draft(world, Goal(feasible=False), _MOVE, params, lambda hand: None)
    if values.chance(0.5):
        namesake = draw_note(values, world)._replace(title=note.title)
        world = add_note(world, namesake)[0]

    def script(hand: Hand) -> None:
        open_note(hand, note)
        choose_in_menu(hand, "Move to folder")
        hand.tap(target, "radio")

    goal = Goal((Updated(NOTE.name, note.id, {"folder": Want(target)}),))
    return Draft(world, goal, _MOVE, params, script)


_MERGE = (
    "Merge the notes {first}, {second} and {third}, in this order, into a new note named {title}, "
    "with one empty line between the texts. Keep the three notes.",
    "Make a note called {title} that holds the texts of {first}, {second} and {third} one after "
    "the other, with a blank line between them. Change nothing about those notes.",
    "Write a new note {title}: first the text of {first}, then that of {second}, then that of "
    "{third}, each set off from the next by an empty line. The old notes stay.",
)


def draw_merger(values: Values, world: World, twin: bool) -> Draft:
    """Draw three notes to merge; in the twin one of them is not there."""
    notes: list[Note] = []
    for _ in range(3):
        world, note = add_note(world, draw_note(values, world)._replace(body=draw_text(values)))
        notes.append(note)
    notes = values.sample(notes, 3)
    first, second, third = notes
    title = draw_note_title(values)
    params: dict[str, Value] = {
        "first": first.title,
        "second": second.title,
        "third": third.title,
        "title": title,
    }
    if twin:
        world = world.delete(NOTE, values.pick(notes).id)
        return Draft(world, Goal(feasible=False), _MERGE, params, lambda hand: None)
    body = "\n\n".join(note.body for note in notes)

    def script(hand: Hand) -> None:
        for note in notes:
            open_note(hand, note)
            hand.press("back")
        write_note(hand, title, body)

    goal = Goal((Inserted(NOTE.name, want_note(title, body)),), (Allowed(CLIP.name),))
    return Draft(world, goal, _MERGE, params, script)


NOTES_TEMPLATES: tuple[Template, ...] = (
    Template(
        "notes.create",
        ("notes",),
        (
            Variant("plain", draw_creation, ("MarkorCreateNote",), level=2),
            Variant("in_folder", draw_creation_in_folder, level=2),
            Variant(
                "from_clipboard",
                draw_creation_from_clip,
                ("MarkorCreateNoteFromClipboard",),
                has_twin=True,
                level=2,
            ),
        ),
    ),
    Template(
        "notes.edit",
        ("notes",),
        (
            Variant("paragraph", draw_paragraph, ("MarkorAddNoteHeader",), True, 2),
            Variant("line", draw_line, ("MarkorEditNote",), True, 2),
            Variant("replace", draw_replacement, ("MarkorChangeNoteContent",), True, 2),
            Variant("rename", draw_new_title, (), True, 2),
        ),
    ),
    Template(
        "notes.delete",
        ("notes",),
        DELETION_VARIANTS,
    ),
    Template(
        "notes.folder_or_move",
        ("notes",),
        (
            Variant("new_folder", draw_new_folder, ("MarkorCreateFolder",), False, 1),
            Variant("move", draw_move, ("MarkorMoveNote",), True, 2),
        ),
    ),
    Template(
        "notes.merge",
        ("notes",),
        (Variant("three", draw_merger, ("MarkorMergeNotes",), True, 3),),
    ),
    Template("notes.share", ("notes", "messages"), SHARE_VARIANTS),
    Template("notes.transcribe", ("notes", "media"), TRANSCRIBE_VARIANTS),
    Template("notes.query", ("notes",), QUERY_VARIANTS),
)
