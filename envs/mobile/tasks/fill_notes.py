"""The notes that are there anyway."""

from gym_reason.envs.mobile.apps.notes import FOLDER, NOTE, Folder, Note
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

ENDINGS = (".md", ".txt", "")
"""How the titles of notes end; those without an ending are titles of two words."""
LONGEST_AGO_S = 40 * 86_400
"""How long ago a note was changed at most."""


def draw_note_title(values: Values, ending: str | None = None) -> str:
    """Return the title of a note, with one of ENDINGS if none is given."""
    ending = values.pick(ENDINGS) if ending is None else ending
    return values.file_name(ending) if ending else values.title()


def draw_text(values: Values, least: int = 1, most: int = 3) -> str:
    """Return some lines of text."""
    return "\n".join(values.sentence() for _ in range(values.integer(least, most)))


def draw_note(values: Values, world: World, folder: str = "") -> Note:
    """Return a note that was changed some time ago."""
    moment = world.now - values.integer(3_600, LONGEST_AGO_S)
    return Note(0, draw_note_title(values), draw_text(values), folder, False, moment)


def add_note(world: World, note: Note) -> tuple[World, Note]:
    """Return the world with a note, and the note with its number."""
    world = world.insert(NOTE, note)
    return world, note._replace(id=world.last_id(NOTE))


def add_folder(world: World, values: Values) -> tuple[World, str]:
    """Return the world with one more folder of notes, and its name."""
    name = values.title()
    return world.insert(FOLDER, Folder(name)), name


def draw_subject(values: Values, world: World) -> tuple[World, Note]:
    """Return the world with a note that may lie in a folder, beside one with a similar title."""
    folder = ""
    if values.chance(0.5):
        world, folder = add_folder(world, values)
    world, note = add_note(world, draw_note(values, world, folder))
    stem, dot, ending = note.title.partition(".")
    similar = f"{stem}_old{dot}{ending}" if dot else f"{stem} again"
    other = draw_note(values, world, folder)._replace(title=similar)
    return add_note(world, other)[0], note


def fill_notes(world: World, values: Values) -> World:
    """Return the world with notes at the top and in folders, to-dos among them."""
    folders = [""]
    for _ in range(values.integer(2, 3)):
        world, name = add_folder(world, values)
        folders.append(name)
    for _ in range(values.integer(5, 8)):
        note = draw_note(values, world, values.pick(folders))
        world = world.insert(NOTE, note._replace(todo=values.chance(0.3)))
    return world
