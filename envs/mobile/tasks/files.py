"""Tasks of files: deleted, moved, copied."""

from gym_reason.envs.mobile.apps.files import FILE, File
from gym_reason.envs.mobile.tasks.fill_files import ENDINGS_OF_FOLDERS, add_row, draw_file
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Deleted, Goal, Inserted, Updated, Want
from gym_reason.verifiers.state.world import Value, World

_DELETE = (
    "Delete the file {name} in the folder {folder}.",
    "The folder {folder} holds a file named {name} that I do not need. Delete it.",
    "In the files app, remove {name} from {folder}.",
)
_MOVE = (
    "Move the file {name} from {folder} to {target}.",
    "The file {name} lies in {folder}, but it belongs in {target}. Put it there.",
    "In the files app, take {name} out of the folder {folder} and put it into {target}.",
)
_COPY = (
    "Copy {name} from {folder} to {target}, under the same name.",
    "I want a second copy of {name}, which lies in {folder}: put one into {target}, too.",
    "Leave the file {name} in {folder} and save a copy of it with the same name in {target}.",
)
_RENAME = (
    "Rename the file {name} in {folder} to {new}.",
    "The file {name} in the folder {folder} should be called {new} from now on.",
    "Give {name} in {folder} the new name {new}.",
)


def open_folder(hand: Hand, folder: str) -> None:
    """Open the files app at a folder."""
    hand.open("files")
    for part in folder.split("/"):
        hand.tap(part, "item")


def choose_for_file(hand: Hand, file: File, label: str) -> None:
    """Open the folder of a file, and choose something in the file's menu."""
    open_folder(hand, file.folder)
    hand.hold(file.name, "item")
    hand.tap(label, "item")


def place_file(hand: Hand, target: str, label: str) -> None:
    """Choose the folder that a file is moved or copied to."""
    for part in target.split("/"):
        hand.tap(part, "item")
    hand.tap(label)


def _draw_subject(values: Values, world: World, folder: str) -> tuple[World, File]:
    """Return the world with a file in a folder; another of its name may lie in another one."""
    world, file = add_row(world, draw_file(values, world, folder))
    stem, dot, ending = file.name.rpartition(".")
    similar = draw_file(values, world, folder)._replace(name=f"{stem}_2{dot}{ending}")
    world = add_row(world, similar._replace(kind=file.kind, content=""))[0]
    if values.chance(0.5):
        # Neither a folder that a file is moved to nor the one that it lies in.
        namesake = file._replace(id=0, folder="Recordings", size=file.size + 100)
        world = add_row(world, namesake)[0]
    return world, file


def _pick_folders(values: Values) -> tuple[str, str]:
    """Return a folder that a file lies in, and another that it may go to."""
    usual = [name for name in ENDINGS_OF_FOLDERS if name != "Recordings"]
    first, second = values.sample(usual, 2)
    return first, second


def draw_deletion(values: Values, world: World, twin: bool) -> Draft:
    """Draw a file to delete; in the twin it is not in that folder."""
    folder, _ = _pick_folders(values)
    world, file = _draw_subject(values, world, folder)
    params: dict[str, Value] = {"name": file.name, "folder": folder}
    if twin:
        world = world.delete(FILE, file.id)
        return Draft(world, Goal(feasible=False), _DELETE, params, lambda hand: None)

    def script(hand: Hand) -> None:
        choose_for_file(hand, file, "Delete")
        hand.tap("Delete", "button")

    return Draft(world, Goal((Deleted(FILE.name, (file.id,)),)), _DELETE, params, script)


def draw_move(values: Values, world: World, twin: bool) -> Draft:
    """Draw a file to move; in the twin it is not in that folder."""
    folder, target = _pick_folders(values)
    world, file = _draw_subject(values, world, folder)
    params: dict[str, Value] = {"name": file.name, "folder": folder, "target": target}
    if twin:
        world = world.delete(FILE, file.id)
        return Draft(world, Goal(feasible=False), _MOVE, params, lambda hand: None)

    def script(hand: Hand) -> None:
        choose_for_file(hand, file, "Move to")
        place_file(hand, target, "Move here")

    goal = Goal((Updated(FILE.name, file.id, {"folder": Want(target)}),))
    return Draft(world, goal, _MOVE, params, script)


def draw_copy(values: Values, world: World, twin: bool) -> Draft:
    """Draw a file to copy; in the twin it is not in that folder."""
    folder, target = ("DCIM", "Download") if values.chance(0.5) else _pick_folders(values)
    world, file = _draw_subject(values, world, folder)
    params: dict[str, Value] = {"name": file.name, "folder": folder, "target": target}
    if twin:
        world = world.delete(FILE, file.id)
        return Draft(world, Goal(feasible=False), _COPY, params, lambda hand: None)

    def script(hand: Hand) -> None:
        choose_for_file(hand, file, "Copy to")
        place_file(hand, target, "Copy here")

    wants = {
        "folder": Want(target),
        "name": Want(file.name),
        "kind": Want(file.kind),
        "content": Want(file.content),
        "size": Want(file.size),
    }
    return Draft(world, Goal((Inserted(FILE.name, wants),)), _COPY, params, script)


def draw_new_name(values: Values, world: World, twin: bool) -> Draft:
    """Draw another name for a file; in the twin there is no such file."""
    folder, _ = _pick_folders(values)
    world, file = _draw_subject(values, world, folder)
    new = values.file_name(f".{file.name.rpartition('.')[2]}")
    params: dict[str, Value] = {"name": file.name, "folder": folder, "new": new}
    if twin:
        world = world.delete(FILE, file.id)
        return Draft(world, Goal(feasible=False), _RENAME, params, lambda hand: None)

    def script(hand: Hand) -> None:
        choose_for_file(hand, file, "Rename")
        hand.type("Name", new)
        hand.tap("Save")

    goal = Goal((Updated(FILE.name, file.id, {"name": Want(new)}),))
    return Draft(world, goal, _RENAME, params, script)


FILES_TEMPLATES: tuple[Template, ...] = (
    Template(
        "files.delete",
        ("files",),
        (Variant("named", draw_deletion, ("FilesDeleteFile",), True, 1),),
    ),
    Template(
        "files.move_or_copy",
        ("files",),
        (
            Variant("move", draw_move, ("FilesMoveFile",), True, 2),
            Variant("copy", draw_copy, ("SaveCopyOfReceiptTaskEval",), True, 2),
            Variant("rename", draw_new_name, (), True, 2),
        ),
    ),
)
