"""Tasks in which notes are deleted."""

from gym_reason.envs.mobile.apps.notes import NOTE, Note
from gym_reason.envs.mobile.tasks.fill_notes import add_folder, add_note, draw_note, draw_subject
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.notes_steps import choose_in_menu, open_note
from gym_reason.envs.mobile.tasks.template import Draft, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Deleted, Goal
from gym_reason.verifiers.state.world import Value, World

_DELETE = (
    "Delete the note {title}.",
    "I do not need the note named {title} any more. Delete it.",
    "Remove {title} from my notes.",
)
_DELETE_BY_AGE = (
    "In the notes folder {folder}, delete the note that was changed {when}.",
    "Delete one note of the folder {folder}: the one whose last change was {when}.",
    "Of the notes in the folder {folder}, remove the one that was changed {when}.",
)
_DELETE_IN_FOLDER = (
    "Delete every note in the notes folder {folder}, and no other.",
    "Empty the folder {folder} of the notes app: all notes in it should go.",
    "I am done with the notes in the folder {folder}. Delete all of them, but keep the rest.",
)
_DELETE_ALL = (
    "Delete all my notes, those in folders too.",
    "Remove every single note from the notes app, wherever it lies.",
    "I want to start afresh: delete all notes, at the top and in the folders.",
)


def draw_deletion(values: Values, world: World, twin: bool) -> Draft:
    """Draw a note to delete; in the twin there is no such note."""
    world, note = draw_subject(values, world)
    params: dict[str, Value] = {"title": note.title}
    if twin:
        world = world.delete(NOTE, note.id)
        return Draft(world, Goal(feasible=False), _DELETE, params, lambda hand: None)
    goal = Goal((Deleted(NOTE.name, (note.id,)),))
    return Draft(world, goal, _DELETE, params, lambda hand: _delete_notes(hand, [note]))


def _delete_notes(hand: Hand, notes: list[Note]) -> None:
    for number, note in enumerate(notes):
        if number and notes[number - 1].folder:
            hand.press("back")
        open_note(hand, note)
        choose_in_menu(hand, "Delete")
        hand.tap("Delete", "button")


def draw_deletion_by_age(values: Values, world: World, twin: bool) -> Draft:
    """Draw the newest or the oldest note of a folder; in the twin there is no such folder."""
    newest = values.chance(0.5)
    when = "most recently" if newest else "the longest time ago"
    params: dict[str, Value] = {"folder": values.title(), "when": when}
    if twin:
        return Draft(world, Goal(feasible=False), _DELETE_BY_AGE, params, lambda hand: None)
    world, folder = add_folder(world, values)
    notes: list[Note] = []
    for number in range(values.integer(3, 4)):
        moment = world.now - 86_400 * (number + 1) - values.integer(0, 80_000)
        note = draw_note(values, world, folder)._replace(modified=moment)
        notes.append(note)
    # Which of them was entered first tells nothing.
    placed: dict[int, Note] = {}
    for index in values.sample(range(len(notes)), len(notes)):
        world, placed[index] = add_note(world, notes[index])
    chosen = placed[0 if newest else len(notes) - 1]
    goal = Goal((Deleted(NOTE.name, (chosen.id,)),))
    params["folder"] = folder
    return Draft(world, goal, _DELETE_BY_AGE, params, lambda hand: _delete_notes(hand, [chosen]))


def draw_deletion_of_all(values: Values, world: World, twin: bool) -> Draft:
    """Draw some notes that are all to go: those of a folder, or all that there are."""
    everywhere = values.chance(0.5)
    if everywhere:
        world = world.delete(NOTE, *world.rows(NOTE))
    world, folder = add_folder(world, values)
    notes: list[Note] = []
    for number in range(values.integer(2, 3)):
        inside = not everywhere or number == 0
        world, note = add_note(world, draw_note(values, world, folder if inside else ""))
        notes.append(note)
    goal = Goal((Deleted(NOTE.name, tuple(note.id for note in notes)),))
    sentences = _DELETE_ALL if everywhere else _DELETE_IN_FOLDER
    return Draft(
        world, goal, sentences, {"folder": folder}, lambda hand: _delete_notes(hand, notes)
    )


DELETION_VARIANTS = (
    Variant("named", draw_deletion, ("MarkorDeleteNote",), True, 2),
    Variant("by_age", draw_deletion_by_age, ("MarkorDeleteNewestNote",), True, 2),
    Variant("all", draw_deletion_of_all, ("MarkorDeleteAllNotes",), False, 3),
)
