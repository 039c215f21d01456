"""A headless Chromium that is spoken to over a pipe: one process, with a profile of its own.

It speaks the Chrome DevTools Protocol, in JSON messages that end with a zero byte; no port is open
and no other package is needed. As root the browser runs without its own sandbox, which it refuses
to start with; it shows only pages that this package writes, and has no network.
"""

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from gym_reason.errors import RunError
from gym_reason.types import Json

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Names that the browser goes by."""
LIMIT_S = 30.0
"""Longest wait for any single answer of the browser."""

_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--password-store=basic",
)
_NO_CRASH_HANDLER = "--disable-crashpad-for-testing"
_LAUNCH = (
    "import os, sys\n"
    "os.dup2(int(sys.argv[1]), 3)\n"
    "os.dup2(int(sys.argv[2]), 4)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)
"""Puts the pipe where the browser looks for it, and becomes the browser."""
_LOWEST_PIPE = 10
"""Above the numbers that the browser looks at, so that neither end is overwritten."""


class Notice(NamedTuple):
    """Something that the browser says by itself."""

    method: str
    """What happened."""
    params: Mapping[str, Any]
    """What it was about."""


class Browser:
    """A running browser. It may be shared by devices of one thread."""

    def __init__(
        self, command: str = "", limit_s: float = LIMIT_S, *, opens_files: bool = False
    ) -> None:
        """Start a browser.

        Args:
            command: Its program; empty for the first of COMMANDS that is installed.
            limit_s: Longest wait for any single answer.
            opens_files: Whether it may go to a file: that takes a process that does not start
                without the handler of crashes, which is left out otherwise.

        Raises:
            RunError: Where there is none, or it does not start.
        """
        program = find_chromium(command)
        self._limit_s = limit_s
        self._next_id = 0
        self._buffer = bytearray()
        self._notices: dict[str, deque[Notice]] = {}
        self._folder = tempfile.mkdtemp(prefix="gym-reason-chromium-")
        inward, self._write_fd = _make_pipe()
        self._read_fd, outward = _make_pipe()
        os.set_blocking(self._write_fd, False)
        os.set_blocking(self._read_fd, False)
        flags = _FLAGS if opens_files else (*_FLAGS, _NO_CRASH_HANDLER)
        self._process = _launch(program, flags, self._folder, inward, outward)
        os.close(inward)
        os.close(outward)
        self.close = weakref.finalize(
            self,
            _clean_up,
            self._process,
            self._folder,
            (self._write_fd, self._read_fd),
            os.getpid(),
        )
        """Ends the browser and deletes its profile; also done when nobody uses it any more."""
        try:
            self.version = str(self.call("Browser.getVersion")["product"])
        except RunError:
            said = self._last_words()
            self.close()
            raise RunError(
                f"{program} did not start{said}", "a headless Chromium", _REMEDY
            ) from None

    @property
    def process_id(self) -> int:
        """The number of the browser's process."""
        return self._process.pid

    @property
    def folder(self) -> str:
        """The folder of its profile."""
        return self._folder

    def call(
        self, method: str, params: Mapping[str, Json] | None = None, session: str = ""
    ) -> Mapping[str, Any]:
        """Ask the browser for something and return its answer.

        Args:
            method: A command of the protocol.
            params: What it needs.
            session: The page that it is for; empty for the browser itself.

        Raises:
            RunError: Where the browser has ended, does not answer in time, or refuses.
        """
        return self.call_all([(method, params or {})], session)[0]

    def call_all(
        self, commands: Sequence[tuple[str, Mapping[str, Json]]], session: str = ""
    ) -> list[Mapping[str, Any]]:
        """Ask for several things at once and return the answers, in order. Raises as `call`."""
        deadline = time.monotonic() + self._limit_s
        first = self._next_id + 1
        for method, params in commands:
            self._next_id += 1
            message: dict[str, Json] = {"id": self._next_id, "method": method}
            message["params"] = dict(params)
            if session:
                message["sessionId"] = session
            self._send(json.dumps(message).encode() + b"\0", method, deadline)
        answers: dict[int, Mapping[str, Any]] = {}
        while len(answers) < len(commands):
            answer = self._receive(commands[len(answers)][0], deadline)
            if "method" in answer:
                notices = self._notices.setdefault(str(answer.get("sessionId", "")), deque())
                notices.append(Notice(str(answer["method"]), answer.get("params", {})))
            elif int(answer.get("id", 0)) >= first:
                answers[int(answer["id"])] = answer
        results: list[Mapping[str, Any]] = []
        for number, (method, _) in enumerate(commands, first):
            if "error" in answers[number]:
                said = answers[number]["error"].get("message")
                raise RunError(f"the browser refused {method}: {said}")
            results.append(answers[number].get("result", {}))
        return results

    def take_notices(self, session: str) -> list[Notice]:
        """Return what was said about a page since the last time, oldest first."""
        return list(self._notices.pop(session, ()))

    def _send(self, message: bytes, method: str, deadline: float) -> None:
        view = memoryview(message)
        while view:
            self._wait(self._write_fd, select.POLLOUT, method, deadline)
            try:
                view = view[os.write(self._write_fd, view) :]
            except BlockingIOError:
                continue
            except OSError:
                raise self._ended() from None

    def _receive(self, method: str, deadline: float) -> dict[str, Any]:
        """Return the next message."""
        while (end := self._buffer.find(b"\0")) < 0:
            self._wait(self._read_fd, select.POLLIN, method, deadline)
            try:
                found = os.read(self._read_fd, 1 << 16)
            except BlockingIOError:
                continue
            if not found:
                raise self._ended()
            self._buffer += found
        message: dict[str, Any] = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        return message

    def _wait(self, fd: int, event: int, method: str, deadline: float) -> None:
        if not self.close.alive:
            raise RunError("a browser that was closed", "an open one", "make a new device")
        poll = select.poll()
        poll.register(fd, event)
        while not poll.poll(max(0, int((deadline - time.monotonic()) * 1000))):
            if time.monotonic() >= deadline:
                raise RunError(
                    f"no answer to {method} within {self._limit_s:g} s",
                    "a browser that works",
                    "make a new device",
                )

    def _ended(self) -> RunError:
        return RunError(
            f"the browser has ended{self._last_words()}", "a running one", "make a new device"
        )

    def _last_words(self) -> str:
        """Return the last line of what the browser wrote about itself."""
        with suppress(OSError):
            lines = Path(self._folder, "stderr").read_text(errors="replace").split("\n")
            said = [line for line in lines if line.strip()]
            return f": {said[-1][:200]}" if said else ""
        return ""


def find_chromium(command: str = "") -> str:
    """Return the program of the browser. Raises RunError where none is installed."""
    for name in (command,) if command else COMMANDS:
        found = shutil.which(name)
        if found:
            return found
    raise RunError(f"no browser {command or COMMANDS[0]!r}", "Chromium on the PATH", _REMEDY)


_REMEDY = "run scripts/install-system-deps, or use the device `sim`"


def _make_pipe() -> tuple[int, int]:
    """Return the ends of a pipe, for reading and for writing."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _LOWEST_PIPE) for end in ends)
    for end in ends:
        os.close(end)
    return moved[0], moved[1]


def _launch(
    program: str, flags: Sequence[str], folder: str, inward: int, outward: int
) -> "subprocess.Popen[bytes]":
    flags = [*flags, f"--user-data-dir={folder}"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    environment = {**os.environ, "XDG_CACHE_HOME": folder, "XDG_CONFIG_HOME": folder}
    with open(Path(folder, "stderr"), "wb") as said:
        return subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(inward), str(outward)),
                *(program, *flags, "about:blank"),
            ],
            pass_fds=(inward, outward),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment,
            start_new_session=True,  # its parts end with it
        )


def _clean_up(
    process: "subprocess.Popen[bytes]", folder: str, pipe: tuple[int, int], owner: int
) -> None:
    """End the browser and all of its parts, and delete its profile."""
    for end in pipe:
        os.close(end)
    if os.getpid() != owner:
        return  # a fork of the process that the browser belongs to
    # Some parts are in groups of their own, and one that hangs does not see that the rest ended.
    for part in _find_parts(process.pid):
        with suppress(ProcessLookupError):
            os.kill(part, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    # A part that is about to end may write a last file.
    for _ in range(100):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.02)


def _find_parts(process_id: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            # The name, in brackets, may hold anything; the state and the parent follow it.
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [process_id]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]
