"""One worker process as the pool sees it."""

import contextlib
import socket
import time
from collections import deque
from collections.abc import Sequence

from gym_reason.verifiers.pool.rows import Row

_READ_BYTES = 1 << 18


class WorkerGoneError(Exception):
    """The worker has closed its end, or says what no worker says."""


class WorkerProcess:
    """A process that verifies rows, and the socket to it."""

    def __init__(self, pid: int, connection: socket.socket, greeting: bytes) -> None:
        """Take the process's id and socket, and send it `greeting`, the pickled verifier."""
        self.pid = pid
        """Its process id."""
        self.socket = connection
        """Never waited on: a worker that does not read must not stop the others."""
        self.socket.setblocking(False)
        self.ready = False
        """Whether it has made its verifier."""
        self.rows: deque[Row] = deque()
        """What it was given and has not answered, in order: it works on the first."""
        self.since = time.monotonic()
        """When it was last heard of, or last given rows while it had none."""
        self.chunk_rows = 1
        """How many rows it is given at once."""
        self._chunk_start = self.since
        self._unsent = b""
        self._unread: list[bytes] = []
        self._write(greeting)

    @property
    def busy(self) -> bool:
        """Whether something is expected of it."""
        return bool(self.rows) or not self.ready

    @property
    def has_unsent(self) -> bool:
        """Whether `flush` has something to do."""
        return bool(self._unsent)

    def send(self, rows: Sequence[Row]) -> None:
        """Give an idle process its next rows."""
        self.rows.extend(rows)
        self.since = self._chunk_start = time.monotonic()
        self._write(b"".join([row.content for row in rows]))

    def flush(self) -> None:
        """Send on what the socket did not take at once."""
        content, self._unsent = self._unsent, b""
        self._write(content)

    def receive(self) -> list[bytes]:
        """Return the lines that have come. Raises WorkerGoneError."""
        try:
            content = self.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            raise WorkerGoneError from error
        if not content:
            raise WorkerGoneError
        if b"\n" not in content:
            self._unread.append(content)
            return []
        *lines, rest = b"".join([*self._unread, content]).split(b"\n")
        self._unread = [rest] if rest else []
        return lines

    def pace(self, fast_s: float, most_rows: int) -> None:
        """Choose the size of the next chunk: larger while a chunk takes less than `fast_s`."""
        if time.monotonic() - self._chunk_start < fast_s:
            self.chunk_rows = min(most_rows, 2 * self.chunk_rows)
        else:
            self.chunk_rows = max(1, self.chunk_rows // 2)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def _write(self, content: bytes) -> None:
        sent = 0
        # Where it has died the next read says so, and the rows go to another.
        with contextlib.suppress(OSError):
            sent = self.socket.send(content)
        self._unsent = content[sent:]
