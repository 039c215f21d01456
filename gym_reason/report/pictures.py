"""The pictures of a page, each once."""

import base64
import hashlib

MOST_BYTES = 6_000_000
"""Most bytes of pictures in a page; further ones are left out."""

_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


class Album:
    """Numbers for pictures; the same picture has the same number."""

    def __init__(self) -> None:
        """Start empty."""
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
        kind = next((kind for start, kind in _KINDS if content.startswith(start)), None)
        if kind is None or self._bytes + len(content) > MOST_BYTES:
            self.left_out += 1
            return None
        self._bytes += len(content)
        number = self._numbers[digest] = len(self.pictures)
        self.pictures.append((kind, base64.b64encode(content).decode("ascii")))
        return number

    def add_hex(self, content: object) -> int | None:
        """Return the number of a picture that a file holds as hexadecimal text."""
        try:
            return self.add(bytes.fromhex(content if isinstance(content, str) else ""))
        except ValueError:
            self.left_out += 1
            return None
