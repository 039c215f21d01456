"""Encoded images: of which kind they are, how servers are sent them, and where they are kept."""

import base64
import hashlib
import os
import re
from pathlib import Path

from gym_reason.errors import DataError, UsageError
from gym_reason.records import explain_os_errors

FOLDER = "images"
"""Where images are kept, beside the files of the trajectories that hold their names."""
KINDS = ("png", "jpeg", "gif", "webp")
"""What can be shown and sent. Each is also what follows `image/` in its MIME type."""
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")
_NAME = re.compile(r"[0-9a-f]{32}\.(?:png|jpeg|gif|webp)")


def find_kind(content: bytes) -> str | None:
    """Return which of KINDS an image is, by its first bytes; None for another or for none."""
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "webp"
    return next((kind for kind, start in zip(KINDS, _STARTS, strict=False)
                 if content.startswith(start)), None)  # fmt: skip


def check_kind(content: bytes) -> str:
    """Return which of KINDS an image is. Raises UsageError for another or for none."""
    kind = find_kind(content)
    if kind is None:
        raise UsageError(
            f"an image of an unknown kind in a message: it begins with {content[:8]!r}",
            f"one of {', '.join(KINDS)}",
        )
    return kind


def write_data_uri(content: bytes) -> str:
    """Return an image as a `data:` URI. Raises UsageError for an unknown kind."""
    kind = check_kind(content)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


class ImageStore:
    """Images as files of a folder, each once: a name is the hash of the content."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it is made with the first image."""
        self._folder = folder
        self._kept: set[str] = set()

    def keep(self, content: bytes) -> str:
        """Write an image, unless it is there, and return its name.

        What is of no known kind comes back as hexadecimal text, which `read` takes too.
        Raises RunError where it cannot be written.
        """
        kind = find_kind(content)
        if kind is None:
            return content.hex()
        name = f"{_digest(content)}.{kind}"
        if name not in self._kept:
            self._write(name, content)
            self._kept.add(name)
        return name

    def read(self, name: str) -> bytes:
        """Return the image of a name. Raises DataError where it is not there, or not as it was."""
        if "." not in name:
            return bytes.fromhex(name)
        path = self._folder / name
        if not _NAME.fullmatch(name):
            raise DataError(f"the image {name[:60]!r}", "a hash and the kind")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}", "an image") from None
        if _digest(content) != name.partition(".")[0]:
            raise DataError(f"{path} is not what it was", "an image with the hash in its name")
        return content

    def _write(self, name: str, content: bytes) -> None:
        path = self._folder / name
        with explain_os_errors(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size == len(content):
                return
            # Another process may write the same image at the same time.
            partial = path.with_name(f".{name}.{os.getpid()}")
            partial.write_bytes(content)
            partial.replace(path)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
