"""Where the results of a sub-command go, and what shows that it is at work."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from gym_reason.errors import UsageError
from gym_reason.records import explain_os_errors, open_atomic

_PROGRESS_AFTER_S = 2.0
_PROGRESS_EVERY_S = 0.2


def check_target(name: str) -> Path:
    """Return the path that `--out` names. Raises UsageError where that is a folder."""
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"--out {name} is a folder", "a file")
    return path


@contextlib.contextmanager
def open_target(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears only once the block has ended well, or a device. Raises RunError."""
    if path.exists() and not path.is_file():
        # A device or a pipe is written to, never replaced by a file.
        with explain_os_errors(path), path.open("wb") as file:
            yield file
    else:
        # Through a link to the file that it names: the link itself stays.
        with open_atomic(path.resolve()) as file:
            yield file


@contextlib.contextmanager
def show_bar(label: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on standard error, where that is a terminal; yield what counts one more."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    shown = console.is_terminal
    bar = RichProgress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown
    )
    with bar:
        # A label is somebody's name for a policy: brackets in it are no markup.
        task = bar.add_task(escape(label), total=total)
        yield lambda: bar.advance(task)


class Progress:
    """Something on standard error once a run takes long, where that is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        """Begin to count the time; nothing is ever shown where it should be `quiet`."""
        self._enabled = not quiet and sys.stderr.isatty()
        self.start = self._last = time.monotonic()
        """When the run began, by the monotonic clock."""
        self.stack = contextlib.ExitStack()
        """What is closed at the end of the run."""

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take away what is shown."""
        self.stack.close()

    @property
    def due(self) -> bool:
        """Whether it is time to show something, or something new."""
        now = time.monotonic()
        if (
            not self._enabled
            or now - self.start < _PROGRESS_AFTER_S
            or now - self._last < _PROGRESS_EVERY_S
        ):
            return False
        self._last = now
        return True
