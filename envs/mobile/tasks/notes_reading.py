"""Tasks in which notes are read, written down from pictures and videos, or sent."""

from gym_reason.envs.mobile.apps.files import File
from gym_reason.envs.mobile.apps.messages import MESSAGE
from gym_reason.envs.mobile.apps.notes import FOLDER, NOTE, Note
from gym_reason.envs.mobile.dates import day_at, shift_days
from gym_reason.envs.mobile.tasks.fill_files import add_row, draw_file
from gym_reason.envs.mobile.tasks.fill_notes import add_folder, add_note, draw_note, draw_note_title
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.notes_steps import (
    choose_in_menu,
    open_folder,
    open_note,
    want_note,
    write_note,
)
from gym_reason.envs.mobile.tasks.template import Draft, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Answer, Goal, Inserted, Logged, Want
from gym_reason.verifiers.state.world import Value, World

_RECEIPT = (
    "The picture {picture} in the gallery shows a receipt. Write a note named {title} with what "
    "was bought: first the line Date, Item, Amount and then a line for each purchase, its parts "
    "set apart by a comma and a space.",
    "Look at the receipt {picture} in the gallery and copy its purchases into a new note {title}. "
    "Begin with the line Date, Item, Amount; each purchase is one such line, with a comma and a "
    "space between the parts.",
    "I need the receipt {picture} from the gallery as text. Make a note called {title}: the header "
    "Date, Item, Amount, then one line a purchase in the same form.",
)
_VIDEO = (
    "Each frame of the video {picture} shows a word. Write the words in their order into a new "
    "note {title}, in one line, with a comma and a space between them.",
    "Watch {picture} in the gallery frame by frame and make a note named {title} that lists the "
    "words shown, in order, like this: one, two.",
    "Note down what the frames of the video {picture} say. The note is called {title} and holds "
    "one line: the words in order, set apart by a comma and a space.",
)


def draw_receipt(values: Values, world: World, twin: bool) -> Draft:
    """Draw a receipt to write down; in the twin there is no such picture."""
    file = draw_file(values, world, values.pick(("DCIM", "Pictures")), ".jpg")
    lines: list[tuple[str, str, str]] = []
    for _ in range(values.integer(2, 3)):
        day = shift_days(day_at(world.now), -values.integer(1, 20)).isoformat()
        item = values.title()
        lines.append((day, item, f"{values.integer(1, 90)}.{values.integer(10, 99)}"))
    content = "\n".join(" | ".join(parts) for parts in (("Date", "Item", "Amount"), *lines))
    body = content.replace(" | ", ", ")
    return _draft_transcript(values, world, twin, _RECEIPT, file._replace(content=content), body)


def draw_video(values: Values, world: World, twin: bool) -> Draft:
    """Draw a video whose words are to be written down; in the twin it is not there."""
    file = draw_file(values, world, values.pick(("Movies", "Download")), ".mp4")
    words = [values.word("noun") for _ in range(values.integer(3, 5))]
    file = file._replace(content="\n".join(words))
    return _draft_transcript(values, world, twin, _VIDEO, file, ", ".join(words))


def _draft_transcript(
    values: Values, world: World, twin: bool, sentences: tuple[str, ...], file: File, body: str
) -> Draft:
    title = draw_note_title(values)
    params: dict[str, Value] = {"picture": file.name, "title": title}
    if twin:
        return Draft(world, Goal(feasible=False), sentences, params, lambda hand: None)
    world, file = add_row(world, file)

    def script(hand: Hand) -> None:
        hand.open("media")
        hand.tap("Gallery")
        hand.tap(file.name, "item")
        if file.kind == "video":
            for _ in range(len(file.content.splitlines()) - 1):
                hand.tap("Next frame")
        hand.open("notes")
        write_note(hand, title, body)

    goal = Goal((Inserted(NOTE.name, want_note(title, body)),))
    return Draft(world, goal, sentences, params, script)


_IS_TODO = (
    "Is the note {title} marked as a to-do? Answer True or False.",
    "Tell me whether {title} in the notes app is a to-do. Answer just True or False.",
    "Did I mark the note named {title} as a to-do? Say True if so and False if not.",
)
_ATTENDEES = (
    "How many people attended the meeting in the note {title}? Answer with a number.",
    "Count those who attended the meeting that the note {title} is about, and answer with the "
    "number alone.",
    "The note {title} is about a meeting. How many people were there? Answer just with a number.",
)
_INGREDIENT = (
    "How much {ingredient} does the recipe in the note {title} take? Answer like `200 grams`.",
    "I want to cook what is in the note {title}. What quantity of {ingredient} do I need? Answer "
    "with the number and the unit, as in `200 grams`.",
    "Look up the quantity of {ingredient} in the recipe of the note {title}, and answer with the "
    "number and the unit, such as `200 grams`.",
)
_COUNT = (
    "How many to-dos are in the notes folder {folder}? Answer with a number.",
    "Count the to-dos in the folder {folder} of the notes app, and answer with the number alone.",
    "How many notes in the folder {folder} are marked as a to-do? Answer just with a number.",
)
UNITS = ("grams", "cups", "spoons", "ounces")
"""What ingredients are measured in."""
INGREDIENTS = {
    "train": ("flour", "sugar", "rice", "butter", "lentils", "oats"),
    "test": ("barley", "honey", "cheese", "cream", "spinach"),
}
"""What goes into a recipe, by split."""


def _draft_question(
    world: World,
    sentences: tuple[str, ...],
    params: dict[str, Value],
    note: Note | None,
    answer: Answer,
) -> Draft:
    """Return the question whose answer is in a note; None for a twin."""
    if note is None:
        return Draft(world, Goal(feasible=False), sentences, params, lambda hand: None)

    def script(hand: Hand) -> None:
        open_note(hand, note)
        hand.answer(answer.items[0])

    return Draft(world, Goal(answer=answer), sentences, params, script)


def draw_is_todo(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question whether a note is a to-do; in the twin there is no such note."""
    todo = values.chance(0.5)
    note = draw_note(values, world)._replace(todo=todo)
    params: dict[str, Value] = {"title": note.title}
    answer = Answer(("True" if todo else "False",), "truth")
    if twin:
        return _draft_question(world, _IS_TODO, params, None, answer)
    world, note = add_note(world, note)
    return _draft_question(world, _IS_TODO, params, note, answer)


def draw_attendees(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question how many came to a meeting; in the twin there is no note about it."""
    names = [" ".join(values.person()) for _ in range(values.integer(3, 9))]
    count = values.integer(2, len(names))
    lines = [f"Attended: {', '.join(names[:count])}", values.sentence()]
    if names[count:]:
        lines.insert(values.integer(0, 1), f"Absent: {', '.join(names[count:])}")
    note = draw_note(values, world)._replace(body="\n".join(lines))
    params: dict[str, Value] = {"title": note.title}
    answer = Answer((str(count),), "number")
    if twin:
        return _draft_question(world, _ATTENDEES, params, None, answer)
    world, note = add_note(world, note)
    return _draft_question(world, _ATTENDEES, params, note, answer)


def draw_ingredient(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question how much of an ingredient a recipe takes; in the twin it takes none."""
    contents: list[str] = []
    while len(contents) < 4:
        found = values.pick_from(INGREDIENTS)
        if found not in contents:
            contents.append(found)
    amounts = [f"{values.integer(2, 60)} {values.pick(UNITS)}" for _ in contents]
    chosen = values.integer(0, 2)
    # The last one is in no recipe.
    lines = [f"{amounts[number]} of {contents[number]}" for number in range(3)]
    note = draw_note(values, world)._replace(body="\n".join((*lines, values.sentence())))
    world, note = add_note(world, note)
    params: dict[str, Value] = {
        "title": note.title,
        "ingredient": contents[3] if twin else contents[chosen],
    }
    answer = Answer((amounts[chosen],), "title")
    return _draft_question(world, _INGREDIENT, params, None if twin else note, answer)


def draw_todo_count(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question how many to-dos a folder holds; in the twin there is no such folder."""
    world, folder = add_folder(world, values)
    for _ in range(values.integer(3, 5)):
        todo = values.chance(0.6)
        world = world.insert(NOTE, draw_note(values, world, folder)._replace(todo=todo))
    inside = [note for note in world.rows(NOTE).values() if note.folder == folder]
    if not any(note.todo for note in inside):
        world = world.update(NOTE, inside[0].id, todo=True)
        inside[0] = inside[0]._replace(todo=True)
    count = sum(note.todo for note in inside)
    params: dict[str, Value] = {"folder": folder}
    if twin:
        world = world.delete(NOTE, *(note.id for note in inside)).delete(FOLDER, folder)
        return Draft(world, Goal(feasible=False), _COUNT, params, lambda hand: None)

    def script(hand: Hand) -> None:
        open_folder(hand, folder)
        hand.answer(str(count))

    return Draft(world, Goal(answer=Answer((str(count),), "number")), _COUNT, params, script)


_SHARE_NEW = (
    'Write a new note named {title} with the text "{text}" and send this text as a message to '
    "{number}.",
    'Make a note called {title} that says "{text}" Then share it by message with {number}.',
    'I need a note {title} with this text: "{text}" Send the same text to {number}, too.',
)
_SHARE_OLD = (
    "Share the text of the note {title} by message with {number}.",
    "Send what is in the note {title} to {number} as a message.",
    "Text the whole content of the note named {title} to the number {number}.",
)


def _share(hand: Hand, number: str) -> None:
    choose_in_menu(hand, "Share by message")
    hand.type("To", number)
    hand.tap("Send")


def _want_message(number: str, words: str) -> tuple[Inserted, Logged]:
    row = {"number": Want(number), "text": Want(words, "text"), "incoming": Want(False)}
    sent = {"to": Want(number), "text": Want(words, "text")}
    return Inserted(MESSAGE.name, row), Logged("messages.sent", sent)


def draw_new_share(values: Values, world: World, twin: bool) -> Draft:
    """Draw a note to write and to send."""
    title, body, number = draw_note_title(values), values.sentence(), values.phone()
    params: dict[str, Value] = {"title": title, "text": body, "number": number}

    def script(hand: Hand) -> None:
        hand.open("notes")
        write_note(hand, title, body)
        hand.tap(title, "item")
        _share(hand, number)

    wanted = Inserted(NOTE.name, want_note(title, body))
    goal = Goal((wanted, *_want_message(number, body)))
    return Draft(world, goal, _SHARE_NEW, params, script)


def draw_old_share(values: Values, world: World, twin: bool) -> Draft:
    """Draw a note to send; in the twin there is no such note."""
    note, number = draw_note(values, world), values.phone()
    params: dict[str, Value] = {"title": note.title, "number": number}
    if twin:
        return Draft(world, Goal(feasible=False), _SHARE_OLD, params, lambda hand: None)
    world, note = add_note(world, note)

    def script(hand: Hand) -> None:
        open_note(hand, note)
        _share(hand, number)

    return Draft(world, Goal(_want_message(number, note.body)), _SHARE_OLD, params, script)


TRANSCRIBE_VARIANTS = (
    Variant("receipt", draw_receipt, ("MarkorTranscribeReceipt",), True, 2),
    Variant("video", draw_video, ("MarkorTranscribeVideo",), True, 3),
)
QUERY_VARIANTS = (
    Variant("is_todo", draw_is_todo, ("NotesIsTodo",), True, 1),
    Variant("attendees", draw_attendees, ("NotesMeetingAttendeeCount",), True, 1),
    Variant("ingredient", draw_ingredient, ("NotesRecipeIngredientCount",), True, 1),
    Variant("todo_count", draw_todo_count, ("NotesTodoItemCount",), True, 1),
)
SHARE_VARIANTS = (
    Variant("new", draw_new_share, ("MarkorCreateNoteAndSms",), False, 2),
    Variant("old", draw_old_share, (), True, 2),
)
