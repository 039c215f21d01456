"""A folder that one process writes in at a time."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from gym_reason.errors import RunError
from gym_reason.records import explain_os_errors


class FolderLock:
    """Holds a folder for one process.

    The lock is the kernel's: it ends with the process, however that ends.
    """

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is made or locked until the `with` block."""
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        """Make the folder and lock it. Raises RunError where another process holds it."""
        name = self._path / ".lock"
        with explain_os_errors(self._path):
            self._path.mkdir(parents=True, exist_ok=True)
            self._file = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = name.read_text("utf-8").strip() or "another process"
            os.close(self._file)
            raise RunError(
                f"the run folder {self._path} is in use by {owner}",
                "a folder that no other process writes in",
                "wait for it, or choose another with --out DIR",
            ) from None
        try:
            with explain_os_errors(self._path):
                os.ftruncate(self._file, 0)
                os.write(self._file, f"process {os.getpid()}\n".encode())
        except RunError:
            os.close(self._file)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the lock."""
        assert self._file is not None
        os.close(self._file)
