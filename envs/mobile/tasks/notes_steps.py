"""Steps in the notes app that several scripts take."""

from gym_reason.envs.mobile.apps.notes import Note
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.verifiers.state.goals import Want, Wants
from gym_reason.verifiers.state.world import Value


def want_note(title: str, body: str, **others: Value) -> Wants:
    """Return what a note must hold; other fields are compared exactly."""
    exact = {name: Want(value) for name, value in others.items()}
    return {"title": Want(title, "text"), "body": Want(body, "text"), **exact}


def open_folder(hand: Hand, folder: str) -> None:
    """Open the notes at a folder, or at the top for an empty name."""
    hand.open("notes")
    if folder:
        hand.tap(folder, "item")


def open_note(hand: Hand, note: Note) -> None:
    """Open a note, from the top of the notes app."""
    open_folder(hand, note.folder)
    hand.tap(note.title, "item")


def choose_in_menu(hand: Hand, label: str) -> None:
    """Choose something in the menu of the note that is open."""
    hand.tap("Menu")
    hand.tap(label, "item")


def write_note(hand: Hand, title: str, body: str, todo: bool = False) -> None:
    """Write a new note where the notes app is open."""
    hand.tap("Add")
    hand.tap("New note")
    hand.type("Title", title)
    hand.type("Text", body)
    if todo:
        hand.tap("This is a to-do", "check")
    hand.tap("Save")


def edit_note(hand: Hand, note: Note, title: str | None = None, body: str | None = None) -> None:
    """Change the title or the text of a note."""
    open_note(hand, note)
    hand.tap("Edit")
    if title is not None:
        hand.type("Title", title)
    if body is not None:
        hand.type("Text", body)
    hand.tap("Save")
