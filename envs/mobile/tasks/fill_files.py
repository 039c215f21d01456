"""The files that are there anyway."""

from collections.abc import Mapping

from gym_reason.envs.mobile.apps.files import FILE, FOLDER, File, Folder
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

KINDS_OF_ENDINGS: Mapping[str, str] = {
    ".txt": "text",
    ".md": "text",
    ".pdf": "other",
    ".zip": "other",
    ".jpg": "image",
    ".png": "image",
    ".mp4": "video",
    ".m4a": "audio",
    ".mp3": "audio",
}
"""The kind of a file by how its name ends."""
ENDINGS_OF_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "DCIM": (".jpg", ".mp4"),
    "Documents": (".txt", ".md", ".pdf"),
    "Download": (".pdf", ".zip", ".txt"),
    "Movies": (".mp4",),
    "Music": (".mp3",),
    "Pictures": (".png", ".jpg"),
    "Recordings": (".m4a",),
}
"""What usually lies where."""
LONGEST_AGO_S = 90 * 86_400
"""How long ago a file was written at most."""


def draw_file(values: Values, world: World, folder: str, ending: str | None = None) -> File:
    """Return a file for a folder, of the kinds that usually lie there if no ending is given."""
    if ending is None:
        ending = values.pick(ENDINGS_OF_FOLDERS[folder.partition("/")[0]])
    kind = KINDS_OF_ENDINGS[ending]
    content, size = "", values.integer(20_000, 9_000_000)
    if kind == "text":
        content = "\n".join(values.sentence() for _ in range(values.integer(1, 4)))
        size = len(content)
    elif kind == "image":
        content = values.sentence() if values.chance(0.6) else ""
    elif kind == "video":
        content = "\n".join(values.word("noun") for _ in range(values.integer(1, 3)))
    moment = world.now - values.integer(3_600, LONGEST_AGO_S)
    return File(0, folder, values.file_name(ending), size, kind, content, moment)


def add_row(world: World, file: File) -> tuple[World, File]:
    """Return the world with a file, and the file with its number."""
    world = world.insert(FILE, file)
    return world, file._replace(id=world.last_id(FILE))


def fill_files(world: World, values: Values) -> World:
    """Return the world with a file or two in each of the usual folders, and one folder more."""
    for folder in ENDINGS_OF_FOLDERS:
        for _ in range(values.integer(1, 2)):
            world = world.insert(FILE, draw_file(values, world, folder))
    path = f"Documents/{values.title()}"
    world = world.insert(FOLDER, Folder(path))
    return world.insert(FILE, draw_file(values, world, path))
