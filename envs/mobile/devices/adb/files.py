"""The files of a phone's shared storage, as `files.file` and `files.folder` hold them.

A file's number is its inode, which a change of its name or folder keeps. What is hidden, and what
apps keep for themselves, is left out. The content is that of short text files alone.
"""

import re
import stat
from collections.abc import Mapping

from gym_reason.envs.mobile.apps.files import FILE, FOLDER, STANDARD_FOLDERS, File, Folder
from gym_reason.envs.mobile.devices.adb.source import Adapter, NotGiven, Reading, Source, by_key

ROOT = "/sdcard/"
MAX_FILES = 5_000
"""Most files that are listed."""
MAX_TEXT_BYTES = 16_384
"""Longest text that is read."""
MAX_TEXTS = 200
"""Most texts that are read."""

_END = "///\n"
_LINE = re.compile(r"([0-9]{1,20}) ([0-9]{1,19}) ([0-9]{1,19}) ([0-9a-f]{1,8}) (.+)", re.S | re.A)
_ENDINGS = {
    "text": ("txt", "md", "csv", "json", "log", "xml"),
    "html": ("html", "htm"),
    "image": ("jpg", "jpeg", "png", "webp", "gif", "bmp", "heic"),
    "video": ("mp4", "mkv", "webm", "3gp", "mov"),
    "audio": ("mp3", "m4a", "ogg", "wav", "flac", "aac", "opus"),
}
_KINDS: Mapping[str, str] = {ending: kind for kind, some in _ENDINGS.items() for ending in some}


def read_files(source: Source) -> Reading:
    """Return the files and folders. Raises NotGiven."""
    # No path that `find` writes ends in slashes, whatever a file is called.
    listing = source.phone.run_script(
        f"find {ROOT} -mindepth 1 -path {ROOT}Android -prune -o "
        "-exec stat -c '%i %s %Y %f %n///' {} + 2>/dev/null"
    )
    pieces = listing.text.split(_END)
    if listing.status and len(pieces) == 1:
        raise NotGiven("find and stat fail")
    files: list[File] = []
    folders: list[Folder] = []
    for piece in pieces:
        match = _LINE.fullmatch(piece)
        if match is None:
            continue
        path = match[5].removeprefix(ROOT).strip("/")
        if any(part.startswith(".") for part in path.split("/")):
            continue
        folder, _, name = path.rpartition("/")
        mode = int(match[4], 16)
        if stat.S_ISDIR(mode):
            folders.append(Folder(path))
        elif stat.S_ISREG(mode):
            moment = source.localise(int(match[3]))
            kind = _KINDS.get(name.rpartition(".")[2].lower(), "other")
            files.append(File(int(match[1]), folder, name, int(match[2]), kind, "", moment))
    if len(files) > MAX_FILES:
        raise NotGiven(f"{len(files)} files, more than {MAX_FILES}")
    made = [folder for folder in folders if folder.id not in STANDARD_FOLDERS]
    return Reading({FILE.name: by_key(_read_texts(source, files)), FOLDER.name: by_key([*made])})


def _read_texts(source: Source, files: list[File]) -> list[tuple[object, ...]]:
    """Return the files by their numbers, the short texts with their content."""
    rows: list[tuple[object, ...]] = []
    left = MAX_TEXTS
    for file in sorted(files):
        if file.kind in ("text", "html") and 0 < file.size <= MAX_TEXT_BYTES and left:
            left -= 1
            path = f"{ROOT}{file.folder}/{file.name}" if file.folder else f"{ROOT}{file.name}"
            answer = source.phone.run("cat", path)
            if not answer.status:
                file = file._replace(content=answer.text)
        rows.append(file)
    return rows


ADAPTER = Adapter((FILE.name, FOLDER.name), read_files)
