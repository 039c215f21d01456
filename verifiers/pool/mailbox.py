"""How other threads reach the thread that owns the workers."""

import contextlib
import socket
from collections import deque
from collections.abc import Callable
from typing import Any


class Mailbox:
    """Calls that one thread makes for others, and the bell that wakes it for them.

    No lock: a deque's ends are safe to share, also with a finaliser that the collector runs in the
    middle of the owner's work, where a lock would never come free.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._calls: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()
        self._asleep = False
        self._ended = False
        self.bell, self._rope = socket.socketpair()
        self.bell.setblocking(False)
        self._rope.setblocking(False)

    def post(self, method: Callable[..., None], *arguments: object) -> None:
        """Have the owner call `method`; called by any thread."""
        self._calls.append((method, arguments))
        # The owner does these two in the opposite order, here and below: no call is overlooked.
        if self._ended:
            self.read()
        elif self._asleep:
            with contextlib.suppress(OSError):
                self._rope.send(b"!")

    def read(self) -> None:
        """Make the calls that have come."""
        while self._calls:
            try:
                method, arguments = self._calls.popleft()
            except IndexError:  # After the end several threads may read.
                return
            method(*arguments)

    def fall_asleep(self) -> bool:
        """Let `bell` ring from now on; return whether there are calls already."""
        self._asleep = True
        return bool(self._calls)

    def wake_up(self) -> None:
        """Let `bell` be: the owner is about to read."""
        self._asleep = False

    def still_bell(self) -> None:
        """Take the bell's rings away."""
        with contextlib.suppress(OSError):
            self.bell.recv(4_096)

    def end(self) -> None:
        """From now on whoever posts a call makes it."""
        self._ended = True
        self.read()
        self.close()

    def close(self) -> None:
        """Close the bell."""
        self.bell.close()
        self._rope.close()
