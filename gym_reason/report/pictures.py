"""The pictures of a page, each once."""

import base64
import hashlib
from pathlib import Path

from gym_reason.errors import DataError
from gym_reason.images import ImageStore, find_kind

MOST_BYTES = 6_000_000
"""Most bytes of pictures in a page; further ones are left out."""


class Album:
    """Numbers for pictures; the same picture has the same number."""

    def __init__(self, folder: Path = Path()) -> None:
        """Start empty; `folder` is where pictures lie that files hold the names of."""
        self._store = ImageStore(folder)
        self._numbers: dict[bytes, int] = {}
        self._bytes = 0
        self.pictures: list[tuple[str, str]] = []
        """MIME type and base64 of each."""
        self.left_out = 0
        """Pictures that were of no known kind, or for which there was no room."""

    def add(self, content: bytes) -> int | None:
        """Return the number of a picture; None where it is left out."""
        digest = hashlib.sha256(content).digest()
        if digest in self._numbers:
            return self._numbers[digest]
        kind = find_kind(content)
        if kind is None or self._bytes + len(content) > MOST_BYTES:
            self.left_out += 1
            return None
        self._bytes += len(content)
        number = self._numbers[digest] = len(self.pictures)
        self.pictures.append((f"image/{kind}", base64.b64encode(content).decode("ascii")))
        return number

    def add_named(self, name: object) -> int | None:
        """Return the number of a picture that a file names, or holds as hexadecimal text."""
        try:
            return self.add(self._store.read(name if isinstance(name, str) else ""))
        except (ValueError, DataError):
            self.left_out += 1
            return None
